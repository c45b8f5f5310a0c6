from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from tests.sounds import folder


def test_explain_writes_a_page_and_figures(zaohua, vae: Path, tmp_path: Path) -> None:
    said = zaohua("explain", vae, "--item", 2, "--no-neighbours", "--out", tmp_path / "page.html", "--json")
    assert said.code == 0, said.err
    figures = json.loads(said.out)
    assert figures["item"] == "held-out item 2" and "neighbours" not in figures["panels"]
    assert figures["panels"]["surprisal"]["kind"] == "bound"
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "zaohua explain" in page and 'id="neighbours"' not in page and len(page) < 3e6


def test_explain_takes_files_and_tells_what_is_missing(zaohua, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.5, 2.5, 3.5, 4.25] * 15, "b": ["x", "y", "x", "z"] * 15})
    frame.to_csv("rows.csv", index=False)
    frame[:1].to_csv("one.csv", index=False)
    assert zaohua("train", "product-mixture", "rows.csv", "--out", "run").code == 0
    said = zaohua("explain", "run", "--item", "one.csv")
    assert said.code == 0 and "left out walks:" in said.out and Path("run/explain.html").exists()
    assert zaohua("explain", "run", "--item", "nothing.csv").code == 2
    assert zaohua("explain", "run", "--out", "page.txt").err.startswith("zaohua: error: page.txt: a page is written")


def test_explain_reads_the_sounds_of_a_folder(zaohua, tmp_path: Path) -> None:
    for split in ("train", "test"):
        folder(tmp_path / "tones" / split, each=4)
    trained = zaohua("train", "vae", "tones", "--max-steps", 2, "--channels", 2, "--latent-dim", 2, "--out", "run")
    assert trained.code == 0, trained.err
    said = zaohua("explain", "run", "--json")
    assert said.code == 0, said.err
    assert {"neighbours", "oddness"} <= set(json.loads(said.out)["panels"])
