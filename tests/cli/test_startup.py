"""What people call first answers at once: no heavy library is imported for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"torch", "sklearn", "numpy", "scipy", "pandas", "PIL"}
CODE = """
import sys
from zaohua.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as stop:  # --help
    code = stop.code
print("imported:", *sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""


def imported(*arguments: str) -> set[str]:
    said = subprocess.run([sys.executable, "-c", CODE, *arguments], capture_output=True, text=True)
    return set(said.stderr.splitlines()[-1].removeprefix("imported: ").split())


@pytest.mark.parametrize(
    "arguments", [(), ("--help",), ("--version",), ("models",), ("models", "--json"), ("train", "--help"), ("train",)]
)
def test_what_needs_no_model_imports_no_heavy_library(arguments: tuple[str, ...]):
    assert not imported(*arguments) & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        ("trian",),
        ("train", "vea", "digits"),
        ("sample", "nowhere"),
        ("info", "nowhere"),
        ("inpaint", "--help"),
        ("denoise", "nowhere", "a.png"),
    ],
)
def test_a_mistake_is_told_before_torch_is_imported(arguments: tuple[str, ...]):
    assert "torch" not in imported(*arguments)
