"""What people wait for imports nothing heavy, and threads that wait don't take the core that they wait for."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

import zaohua

SOURCE = Path(zaohua.__file__).parents[1]
HEAVY = ("torch", "sklearn", "scipy", "numpy", "pandas", "PIL", "accelerate")


def run(code: str) -> list[str]:
    """The heavy modules there are after running some code in a fresh Python."""
    report = f"import sys; {code}; print('HEAVY', *[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", report],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(SOURCE), "PATH": ""},
    )
    return done.stdout.split("HEAVY")[-1].split()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["models"], ["models", "--json"], ["train"], ["train", "flow", "--help"]]
)
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    assert run(f"from zaohua.cli import main; main({arguments!r})") == []


def test_importing_the_package_is_light_and_its_names_are_there() -> None:
    assert run("import zaohua; dir(zaohua); zaohua.registry.entries()") == []
    assert run("import zaohua; zaohua.ZaohuaError") == []


@pytest.mark.parametrize("arguments", [["--help"], ["models"]])
def test_starts_within_a_fifth_of_a_second(arguments: list[str]) -> None:
    """CPU time, which other programs on the machine don't change; the best of three."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "zaohua", *arguments],
            capture_output=True,
            check=True,
            env={"PYTHONPATH": str(SOURCE), "PATH": ""},
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.2


def test_waiting_threads_sleep_unless_someone_decided_otherwise() -> None:
    code = "import os, zaohua; print(os.environ.get('GOMP_SPINCOUNT'))"
    for given, expected in (({}, "1000"), ({"GOMP_SPINCOUNT": "5"}, "5"), ({"OMP_WAIT_POLICY": "active"}, "None")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": str(SOURCE), **given},
        )
        assert done.stdout.strip() == expected
