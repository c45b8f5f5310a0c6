"""What the documents show is run: README, CONTRIBUTING, known issues, tutorials, how-to guides and the notebooks."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import zaohua as zh
from tests.interop.test_published import made
from zaohua.cli import main
from zaohua.modalities import registry
from zaohua.storage import legacy

ROOT = Path(__file__).parents[1]


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.S)


GUIDES = [
    "docs/index.md",
    *(
        path.relative_to(ROOT).as_posix()
        for folder in ("tutorials", "howto")
        for path in sorted((ROOT / "docs" / folder).glob("*.md"))
    ),
]
"""The pages of the site that show how something is done."""


@pytest.fixture(autouse=True)
def registered_kinds() -> Iterator[None]:
    """A snippet may register a kind of data, which later ones shall not know."""
    ours = {kind.name for kind in registry.known()}
    yield
    for kind in registry.known():
        if kind.name not in ours:
            registry.unregister(kind.name)


@pytest.mark.parametrize("page, number", [(page, i) for page in GUIDES for i in range(len(blocks(page)))])
def test_snippets_of_guides_run(page: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if page == "docs/howto/published.md":
        made(tmp_path / "SmolLM2-135M-Instruct")  # a tiny one of that name
    exec(compile(blocks(page)[number], f"{page} snippet {number}", "exec"), {})


def commands() -> list[tuple[str, str]]:
    """Every `zaohua` command that a document shows, with the document."""
    return [
        (page, line.split("  #")[0].strip())
        for page in ("README.md", *GUIDES)
        for block in re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), re.S)
        for line in block.splitlines()
        if line.startswith("zaohua ")
    ]


@functools.cache
def help_of(command: str, model: str) -> str:
    """What a command says of its options."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main([command, *([model, "digits"] if model else []), "--help"])
    return said.getvalue()


@pytest.mark.parametrize("page, line", commands())
def test_commands_have_the_options_that_are_shown(page: str, line: str) -> None:
    """All flags of a command are in its help; those of sampling are its model's, so they are in that of `train`."""
    _, command, *rest = shlex.split(line)
    text = help_of(command, rest[0] if command == "train" else "")
    assert "usage" in text
    if command in ("sample", "score", "impute", "fill", "resume", "export"):
        text += help_of("train", "gpt") + help_of("train", "flow") + help_of("train", "chorale-rnn")
    for flag in rest:
        if flag.startswith("-"):
            assert re.search(rf"(?<![\w-]){re.escape(flag.split('=')[0])}(?![\w-])", text), f"{page}: {line}: no {flag}"


def test_every_page_is_in_the_navigation() -> None:
    """Those under docs/, as `mkdocs build --strict` wants it; pages of `api` are made while building."""
    named = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
    there = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert {page for page in named if not page.startswith("api/")} == there


def test_the_changelog_lists_the_fields_that_were_renamed() -> None:
    """Those by which runs of format 1 are read."""
    table = (ROOT / "CHANGELOG.md").read_text().split("### Changed: names")[1].split("In Python:")[0]
    assert dict(re.findall(r"^\| `(\w+)`.*? \| `(\w+)` \|$", table, re.M)) == legacy.PARAMETERS


def test_the_citation_is_of_this_version() -> None:
    assert f"\nversion: {zh.__version__}\n" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.parametrize("number", range(len(blocks("README.md"))))
def test_readme_snippets_run(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("README.md")[number], f"README.md snippet {number}", "exec"), {})


@pytest.mark.parametrize("number", range(len(blocks("docs/known-issues.md"))))
def test_known_issues_are_shown_by_code_that_runs(number: int) -> None:
    exec(compile(blocks("docs/known-issues.md")[number], f"known-issues.md snippet {number}", "exec"), {})


PAGES_ON_THE_CODE = (
    "docs/architecture.md",
    *sorted(f"docs/internals/{p.name}" for p in (ROOT / "docs/internals").glob("*.md")),
)
"""The pages that say what stands where in the package."""


@pytest.mark.parametrize("page", PAGES_ON_THE_CODE)
def test_files_that_pages_name_are_there(page: str) -> None:
    named = re.findall(r"`([\w./]+/(?:[\w.]+\.(?:py|json))?)`", (ROOT / page).read_text())
    for name in named:
        assert any((root / name).exists() for root in (ROOT, ROOT / "src/zaohua")), f"{page}: no {name}"


def test_architecture_lists_every_folder() -> None:
    table = (ROOT / "docs/architecture.md").read_text().split("## The folders")[1].split("## ")[0]
    package = ROOT / "src" / "zaohua"
    folders = {path.name for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert set(re.findall(r"`(\w+)/`", "\n".join(re.findall(r"^\| (.*?) \|", table, re.M)))) == folders


@pytest.mark.parametrize("number", range(len(blocks("docs/tensors.md"))))
def test_the_tensor_layer_is_shown_by_code_that_runs(number: int) -> None:
    exec(compile(blocks("docs/tensors.md")[number], f"tensors.md snippet {number}", "exec"), {})


def test_links_lead_somewhere() -> None:
    pages = [path.relative_to(ROOT).as_posix() for folder in (ROOT, ROOT / "docs") for path in folder.glob("*.md")]
    for name in [*pages, *PAGES_ON_THE_CODE, *GUIDES]:
        prose = re.sub(r"```.*?```", "", (ROOT / name).read_text(), flags=re.S)
        for target in re.findall(r"\]\((?!http|(?:\.\./)?api/)([^)#]+)\)", prose):  # those are made while building
            assert (ROOT / name).parent.joinpath(target).exists(), f"{name} links to {target}"


def test_readme_tree_names_what_is_there() -> None:
    tree = (ROOT / "README.md").read_text().split("## The tree")[1].split("```")[1]
    source = ROOT / "src" / "zaohua"
    folders = {f"{path.name}/" for path in source.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert set(re.findall(r"^  (\w+(?:\.py|/))", tree, re.M)) == folders
    assert all((ROOT / name).is_dir() for name in re.findall(r"^(\S+/)", tree, re.M))


def test_contributings_model_is_one_file(tmp_path: Path) -> None:
    """The example of CONTRIBUTING, put into models/ of a copy of the package, is one like any other when renewed."""
    import shutil

    shutil.copytree(ROOT / "src" / "zaohua", tmp_path / "zaohua", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "zaohua" / "models" / "hinge_gan.py").write_text(blocks("CONTRIBUTING.md")[0])
    command = re.search(r"bin/python (-m zaohua\.\w+)", (ROOT / "CONTRIBUTING.md").read_text())
    assert command is not None
    subprocess.run(
        [sys.executable, *command[1].split()],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
    )
    assert "import HingeGAN as HingeGAN" in (tmp_path / "zaohua" / "__init__.pyi").read_text()
    code = (
        "import json\nimport zaohua as zh\nx, y = zh.read('digits', y=True)\n"
        "m = zh.HingeGAN(**zh.HingeGAN.tiny).fit(x[:64], y[:64], out='run')\n"
        "print(zh.load('run').sample(2, y=3).shape, zh.registry.find('hinge-gan').name)\n"
        "print(json.loads(open('run/model.json').read())['model'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split("\n")[:2] == ["(2, 8, 8) HingeGAN", "HingeGAN"], done.stderr


NOTEBOOKS = {
    "dcgan_digits": {
        '"mnist"': '"digits"',
        "max_minutes=10, preview_every=300": "max_steps=4, preview_every=2",
        "max_minutes=20": "max_steps=6",
    },
    "music_thirds": {"max_minutes=0.5": "max_steps=2"},
    "sound_tones": {"max_minutes=1": "max_steps=2"},
    "table_wine": {},
    "text_manual": {"max_minutes=1": "max_steps=2"},
}
"""What is done less of when a notebook is tested quickly."""


def code_of(name: str) -> str:
    """The code cells of a notebook, as one program without plots and IPython."""
    cells = json.loads((ROOT / "examples" / f"{name}.ipynb").read_text())["cells"]
    cells = [cell for cell in cells if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] for cell in cells), "outputs are to be stripped"
    code = "\n\n".join("".join(cell["source"]) for cell in cells).split("import matplotlib")[0]
    return code.replace("from IPython.display import display", "display = shown.append")


def test_every_notebook_is_run() -> None:
    assert {path.stem for path in (ROOT / "examples").glob("*.ipynb")} == set(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cells of an example, on small data and for a few steps."""
    code = code_of(name)
    assert sum(bool(line.strip()) for line in code.splitlines()) < 32, "the example is to stay short"
    for slow, quick in NOTEBOOKS[name].items():
        assert slow in code
        code = code.replace(slow, quick)
    monkeypatch.chdir(tmp_path)
    shown: list[object] = []
    exec(compile(code, f"{name}.ipynb", "exec"), {"shown": shown, "zh": zh})
    assert len(shown) == code.count("display(") * 2
    assert all((tmp_path / run).is_dir() for run in re.findall(r'out="(.*?)"', code))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, pattern, low, high",
    [
        ("music_thirds", r"(\d+)% of the time steps", 90, 100),
        ("table_wine", r"(\d+)% of the test wines", 85, 100),
        ("text_manual", r"([\d.]+) bits per byte", 1.5, 3),
    ],
)
def test_notebook_shows_what_it_says(
    name: str,
    pattern: str,
    low: float,
    high: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As a reader runs it, an example comes to the result that its text speaks of."""
    monkeypatch.chdir(tmp_path)
    exec(compile(code_of(name), f"{name}.ipynb", "exec"), {})
    found = re.search(pattern, capsys.readouterr().out)
    assert found is not None and low <= float(found[1]) <= high
