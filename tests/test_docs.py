"""What the documents show is run: README, CONTRIBUTING and the notebooks."""

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


def test_readme_links_lead_somewhere() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "docs/architecture.md"):
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
    code = ("import zaohua as zh\nx, y = zh.read('digits', y=True)\n"
            "m = zh.HingeGAN(**zh.HingeGAN.tiny).fit(x[:64], y[:64], out='run')\n"
            "print(zh.load('run').sample(2, y=3).shape, zh.registry.find('hinge-gan').name)")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path), "PATH": ""},
                          capture_output=True, text=True)
    assert done.stdout.split("\n")[0] == "(2, 8, 8) HingeGAN", done.stderr


def test_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cells of the example, on the small digits and for a few steps."""
    cells = json.loads((ROOT / "examples" / "dcgan_digits.ipynb").read_text())["cells"]
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert sum(bool(line.strip()) for line in code.splitlines()) < 24, "the example is to stay short"
    code = code.replace('"mnist"', '"digits"')
    code = code.replace("max_minutes=10, preview_every=300", "max_steps=4, preview_every=2")
    code = code.split("import matplotlib")[0].replace("from IPython.display import display", "display = shown.append")
    monkeypatch.chdir(tmp_path)
    shown: list[object] = []
    exec(compile(code, "dcgan_digits.ipynb", "exec"), {"shown": shown, "zh": zh})
    assert len(shown) == 2
