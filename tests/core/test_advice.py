"""Options in messages: written as they are typed in the interface in use, everywhere."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import zaohua as zh
from zaohua.cli.flags import from_fields, parse
from zaohua.core import registry
from zaohua.core.advice import command_line, either, option
from zaohua.core.params import fields_of
from zaohua.modalities.registry import codec_classes

SOURCE = Path(zh.__file__).parent
PYTHON_ONLY = {
    "estimator/columns.py": ["y"],
    "estimator/encoding.py": ["y"],  # as above
    "families/univariate/newton.py": ["keep_path"],  # no option of fit-distribution
    "modalities/__init__.py": ["codec"],  # the command line makes codecs of options
    "modalities/reading.py": ["modality", "split"],  # of zh.write, and of data in memory
}
"""Arguments that are named literally, because no command leads to the message."""
WRITERS = ("option", "either", "Flag", "_command")
"""Calls whose texts are chosen for an interface, or describe the command line."""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 32),
        ("size", (32, 48)),
        ("kinds", {"Order ID": "identifier", "x": "real"}),
        ("constraints", ("a < b", "total = net + tax")),
        ("leave_out", ("id",)),
        ("flip", True),
        ("learning_rate", 0.0003),
        ("tokenizer", "bpe"),
        ("prompt", "-x"),
    ],
)
def test_advice_can_be_typed_as_it_stands(name: str, value: object) -> None:
    codecs = [fields_of(zh.ImageCodec), fields_of(zh.TableCodec), fields_of(zh.TextCodec), fields_of(zh.GPT)]
    flags = from_fields({key: field for fields in codecs for key, field in fields.items() if "codec" not in key})
    with command_line():
        typed = option(name, value)
    assert parse("zaohua train", "Train.", flags, shlex.split(typed))[name] == value
    assert eval(f"dict({option(name, value)})") == {name: value}


def test_options_of_codecs_name_the_kind_of_data_where_networks_have_the_name() -> None:
    assert zh.ImageCodec.option("channels", "grey") == "channels='grey'"
    with command_line():
        assert zh.ImageCodec.option("channels", "grey") == "--image-channels grey"
        assert zh.ImageCodec.option("size", 32) == "--size 32" and option("labels", False) == "--no-labels"
        assert either("load('run')", "zaohua info run") == "`zaohua info run`"


OWN_COMMANDS = ("cli/", "interop/networks/standalone/")
"""Modules that have a command line themselves."""


def test_no_message_names_an_option_of_another_interface() -> None:
    """Literal `size=` in a message is wrong on the command line, and `--size` in Python."""
    known = {name for entry in registry.entries() for name in fields_of(registry.model_class(entry.name))}
    known |= {name for codec in codec_classes().values() for name in fields_of(codec)}
    known |= {"split", "modality", "data", "train", "samples", "seeds", "target", "column", "out", "y"}
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        for text in texts(ast.parse(path.read_text("utf-8"))):
            names = set(re.findall(r"(?<![\w.{-])([a-z][a-z_]*)=(?!=)", text)) & known
            found += [f"{name}: {each}= in {text!r}" for each in names if each not in PYTHON_ONLY.get(name, [])]
            if not name.startswith(OWN_COMMANDS) and " " in text.strip():
                flags = {flag.replace("-", "_") for flag in re.findall(r"(?<![\w`-])--([a-z][a-z-]*)", text)}
                found += [f"{name}: --{each} in {text!r}" for each in flags & known]
    assert not found


def texts(tree: ast.Module) -> Iterator[str]:
    """Yield all texts that are no documentation, and aren't chosen for an interface."""
    apart = set[int]()
    for node in ast.walk(tree):
        called = isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in WRITERS
        documents = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        writes = isinstance(node, ast.FunctionDef) and node.name in WRITERS
        if called or documents or writes:
            apart |= {id(part) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in apart:
            yield node.value


def test_the_list_of_exceptions_is_not_longer_than_needed() -> None:
    for name, arguments in PYTHON_ONLY.items():
        found = "\n".join(texts(ast.parse((SOURCE / name).read_text("utf-8"))))
        assert all(f"{argument}=" in found for argument in arguments), name
