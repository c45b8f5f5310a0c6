"""The command that compares runs, on two that were trained for no time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.pages import page_of

MISTAKES = [
    ([], "at least two runs come first: zaohua compare RUN RUN ..."),
    (["one"], "at least two runs come first"),
    (["--samples", "20", "one", "two"], "at least two runs come first"),
    (["one", "two"], "no run at one"),
    (["one", "two", "--sample", "3"], "did you mean '--samples'"),
    (["one", "two", "--samples", "many"], "--samples must be a whole number, not 'many'"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(a) or "nothing" for a, _ in MISTAKES])
def test_a_mistake_is_one_line(zaohua, arguments: list[str], message: str):
    said = zaohua("compare", *arguments)
    assert said.code == 2 and said.out == "" and message in said.err
    assert said.err.startswith("zaohua: error: ") and said.err.count("\n") == 1


def test_two_runs_as_table_page_and_json(zaohua, gmm: Path, vae: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for run, name in ((gmm, "first/run"), (vae, "second/run")):
        shutil.copytree(run, name)
    assert (
        "is a folder, but one file is to be written"
        in zaohua("compare", "first/run", "second/run", "--out", "first").err
    )
    said = zaohua("compare", "first/run", "second/run", "--samples", "200", "--out", "pages/a.html")
    assert said.code == 0 and "open pages/a.html in a browser" in said.err and "measuring" in said.err
    table = [line.split()[0] for line in said.out.splitlines() if line]
    assert table[:7] == ["model", "real", "Gaussian", "real", "shuffled", "first/run", "second/run"]
    page = page_of(Path("pages/a.html").read_text("utf-8"))
    assert len(page.all("tbody")) >= 6 and len(page.all("svg")) >= 2
    assert page.one("pre").text == "zaohua compare first/run second/run --samples 200 --out pages/a.html"

    again = zaohua("compare", "second/run", "first/run", "--samples", "200", "--json", "--out", "b.html")
    assert again.err == "" and Path("b.html").exists()  # what was measured is not measured again
    found = json.loads(again.out)
    assert [row["run"] for row in found["rows"]] == ["first/run", "second/run"]
    assert list(found["behind"]) == ["second/run"]
    assert found["page"] == "b.html" and len(found["verdict"]) == 2 and found["verdict"][0] in said.out
    assert found["likeliest"] == "second/run"  # the other has densities only
    assert "arrays" not in found["rows"][0]
    assert "Quality: measured on digits" in Path("first/run/README.md").read_text()
