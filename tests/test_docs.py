"""What the documents show is run: README, CONTRIBUTING, known issues and the notebooks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import zaohua as zh

ROOT = Path(__file__).parents[1]


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.S)


@pytest.mark.parametrize("number", range(len(blocks("README.md"))))
def test_readme_snippets_run(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("README.md")[number], f"README.md snippet {number}", "exec"), {})


@pytest.mark.parametrize("number", range(len(blocks("docs/known-issues.md"))))
def test_known_issues_are_shown_by_code_that_runs(number: int) -> None:
    exec(compile(blocks("docs/known-issues.md")[number], f"known-issues.md snippet {number}", "exec"), {})


@pytest.mark.parametrize("number", range(len(blocks("docs/tensors.md"))))
def test_the_tensor_layer_is_shown_by_code_that_runs(number: int) -> None:
    exec(compile(blocks("docs/tensors.md")[number], f"tensors.md snippet {number}", "exec"), {})


def test_readme_links_lead_somewhere() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/known-issues.md", "docs/tensors.md"):
        prose = re.sub(r"```.*?```", "", (ROOT / name).read_text(), flags=re.S)
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", prose):
            assert (ROOT / name).parent.joinpath(target).exists(), f"{name} links to {target}"


def test_readme_tree_names_what_is_there() -> None:
    tree = (ROOT / "README.md").read_text().split("## The tree")[1].split("```")[1]
    for name in re.findall(r"^  (\w+(?:\.py|/))", tree, re.M):
        assert (ROOT / "src/zaohua" / name).exists(), name


def test_contributings_model_is_one_file(tmp_path: Path) -> None:
    """The example of CONTRIBUTING, put into models/ of a copy of the package, is a model like any other."""
    import shutil

    shutil.copytree(ROOT / "src" / "zaohua", tmp_path / "zaohua", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "zaohua" / "models" / "hinge_gan.py").write_text(blocks("CONTRIBUTING.md")[0])
    code = (
        "import zaohua as zh\nx, y = zh.read('digits', y=True)\n"
        "m = zh.HingeGAN(**zh.HingeGAN.tiny).fit(x[:64], y[:64], out='run')\n"
        "print(zh.load('run').sample(2, y=3).shape, zh.registry.find('hinge-gan').name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split("\n")[0] == "(2, 8, 8) HingeGAN", done.stderr


NOTEBOOKS = {
    "dcgan_digits": {'"mnist"': '"digits"', "max_minutes=10, preview_every=300": "max_steps=4, preview_every=2"},
    "sound_tones": {"max_minutes=1": "max_steps=2"},
}
"""What is done less of when a notebook is tested."""


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cells of an example, on small data and for a few steps."""
    cells = [
        cell
        for cell in json.loads((ROOT / "examples" / f"{name}.ipynb").read_text())["cells"]
        if cell["cell_type"] == "code"
    ]
    assert not any(cell["outputs"] for cell in cells), "outputs are to be stripped"
    code = "\n\n".join("".join(cell["source"]) for cell in cells)
    assert sum(bool(line.strip()) for line in code.splitlines()) < 24, "the example is to stay short"
    for slow, quick in NOTEBOOKS[name].items():
        assert slow in code
        code = code.replace(slow, quick)
    code = code.split("import matplotlib")[0].replace("from IPython.display import display", "display = shown.append")
    monkeypatch.chdir(tmp_path)
    shown: list[object] = []
    exec(compile(code, f"{name}.ipynb", "exec"), {"shown": shown, "zh": zh})
    assert len(shown) == code.count("display(") * 2
    assert all((tmp_path / run).is_dir() for run in re.findall(r'out="(.*?)"', code))
