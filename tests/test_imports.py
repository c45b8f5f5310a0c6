"""Imports run one way, and those that people wait for are light."""

from __future__ import annotations

import ast
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import zaohua

SOURCE = Path(zaohua.__file__).parent
LAYERS = (
    {"errors"},
    {"spec", "fields", "noise", "capabilities", "registry", "hardware", "progress", "folders", "card"},
    {"nn", "data", "checkpoint"},
    {"codecs"},
    {"border", "estimator", "tabular", "training", "stepper", "engine", "batches", "optimizers", "watch"},
    {"families"},
    {"models"},
    {"tasks", "metrics"},
    {"cli", "serve"},
    {"__init__", "__main__"},
)
"""A part imports from its own layer and from those above it in this list, which is the order of the design."""
NEVER = {
    "nn": {"data", "checkpoint", "noise", "registry"},  # plain torch modules
    "codecs": {"checkpoint", "registry"},
    "families": {"codecs", "data", "checkpoint", "registry"},  # tensors only
    "models": {"codecs", "data", "checkpoint", "registry"},
    "metrics": {"nn", "data", "codecs", "checkpoint", "estimator", "training", "engine", "families", "models", "tasks"},
    "border": {"estimator", "training", "engine"},
    "estimator": {"training", "engine"},
}
"""What a part must not import although its layer would allow it."""


def part(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """Parts of zaohua that a file imports, in functions too, but not only for its type hints."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "zaohua":
            names = (node.module or "").split(".")[1:2] or {alias.name for alias in node.names} - {"__version__"}
            for name in names:
                yield name if (SOURCE / name).is_dir() or (SOURCE / f"{name}.py").exists() else "__init__"
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("zaohua."))
        yield from imports(node)


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_one_way(path: Path):
    rank = {name: i for i, layer in enumerate(LAYERS) for name in layer}
    here = part(path)
    assert here in rank, f"{here} has no layer: give it one in LAYERS"
    for other in sorted(set(imports(ast.parse(path.read_text("utf-8")))) - {here}):
        assert rank[other] <= rank[here], f"{path.relative_to(SOURCE)} imports {other}, which is built on {here}"
        assert other not in NEVER.get(here, set()), f"{path.relative_to(SOURCE)} imports {other}: {here} must not"


HEAVY = ("torch", "sklearn", "scipy", "numpy", "tyro", "PIL", "accelerate")


def run(code: str) -> list[str]:
    """The heavy modules there are after running some code in a fresh Python."""
    report = f"import sys; {code}; print('HEAVY', *[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True,
                          env={"PYTHONPATH": str(SOURCE.parent), "PATH": ""})
    return done.stdout.split("HEAVY")[-1].split()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["models"], ["models", "--json"], ["train"]])
def test_light_commands_import_nothing_heavy(arguments: list[str]):
    assert run(f"from zaohua.cli import main; main({arguments!r})") == []


def test_importing_the_package_is_light_and_its_names_are_there():
    assert run("import zaohua; dir(zaohua); zaohua.registry.entries()") == []
    assert run("import zaohua; zaohua.ZaohuaError") == []


@pytest.mark.parametrize("arguments", [["--help"], ["models"]])
def test_starts_within_half_a_second(arguments: list[str]):
    """CPU time, which other programs on the machine don't change; the best of three."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "zaohua", *arguments], capture_output=True, check=True,
                       env={"PYTHONPATH": str(SOURCE.parent), "PATH": ""})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.5


def test_waiting_threads_sleep_unless_someone_decided_otherwise():
    code = "import os, zaohua; print(os.environ.get('GOMP_SPINCOUNT'))"
    for given, expected in (({}, "1000"), ({"GOMP_SPINCOUNT": "5"}, "5"), ({"OMP_WAIT_POLICY": "active"}, "None")):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                              env={"PYTHONPATH": str(SOURCE.parent), **given})
        assert done.stdout.strip() == expected
