"""A name that begins with an underscore is its file's own: nothing else in the package reaches for it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import zaohua

ROOT = Path(zaohua.__file__).parent
FOREIGN = {
    "os._exit": "documented: the only way to end at once",
    "torch._int_mm": "no public product of int8 matrices",
    "torch._foreach_lerp": "no public operation on many tensors at once",
    "torch._foreach_lerp_": "no public operation on many tensors at once",
    "torch._foreach_mul_": "no public operation on many tensors at once",
    "torch._foreach_add_": "no public operation on many tensors at once",
    "torch.cpu._is_avx512_bf16_supported": "before torch 2.10 there is no public question",
    "torch.cpu._is_amx_tile_supported": "before torch 2.10 there is no public question",
    "AcceleratorState._reset_state": "accelerate's own tests reset its state so",
}
"""Private names of other packages that are used for want of public ones, and why."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def own_names(tree: ast.Module) -> set[str]:
    """Private names that a file defines: functions, classes, variables, and attributes of self."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
            names.add(node.attr)
    return {name for name in names if is_private(name)}


def is_self(node: ast.expr) -> bool:
    """Whether an expression is the object or the class that a method is of."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def trespasses(source: str) -> list[str]:
    """Where a file uses a private name that is neither its own nor its class's."""
    tree = ast.parse(source)
    own, found = own_names(tree), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            if not is_self(node.value) and node.attr not in own and ast.unparse(node) not in FOREIGN:
                found.append(f"{node.lineno}: {ast.unparse(node)}")
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.lineno}: import {name.name}" for name in node.names if is_private(name.name)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("getattr", "setattr", "hasattr") and len(node.args) > 1:
                target, name = node.args[:2]
                if isinstance(name, ast.Constant) and is_private(str(name.value)) and not is_self(target):
                    found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


def test_nothing_outside_a_class_uses_its_underscored_names() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{where}"
        for path in sorted(ROOT.rglob("*.py"))
        for where in trespasses(path.read_text())
    ]
    assert not found, "make these names public, or don't use them:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "model._device()",
        "self.model._device()",
        "from zaohua.x import _secret",
        "getattr(model, '_state')",
        "def f(x):\n    x._state = 1",
        "torch._other()",
    ],
)
def test_trespasses_are_seen(source: str) -> None:
    assert len(trespasses(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "class A:\n    def f(self):\n        return self._x + super()._x",
        "class A:\n    def f(self):\n        self._x = 1\n    def g(self, other):\n        return other._x",
        "x.__class__",
        "import os\nos._exit(1)",
        "_ = x.y",
    ],
)
def test_what_is_ones_own_is_left_alone(source: str) -> None:
    assert not trespasses(source)
