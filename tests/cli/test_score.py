"""The command that scores data, on one item and on items that the model was trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zaohua as zh


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of 30 pictures, copies of them under other names, and one new picture."""
    for name, seed, n, ending in (("data", 0, 30, "png"), ("copies", 0, 30, "bmp"), ("new", 1, 1, "png")):
        (tmp_path / name).mkdir()
        for i, pixels in enumerate(np.random.default_rng(seed).integers(0, 256, (n, 8, 8), np.uint8)):
            Image.fromarray(pixels).save(tmp_path / name / f"{name}-{i}.{ending}")
    zh.Gaussian(random_state=0).fit(tmp_path / "data", out=tmp_path / "run")
    return tmp_path / "run"


def test_scores_of_training_items_are_marked(zaohua, run: Path) -> None:
    copies, new = run.parent / "copies", run.parent / "new"
    found = json.loads(zaohua("score", run, copies, "--json").out)
    assert found["trained_on"] == 1 and found["items"] == 30
    assert "trained on      100% of these data" in zaohua("score", run, copies).out
    assert "trained on" not in zaohua("score", run, new).out


def test_the_standard_error_of_one_item_is_unknown(zaohua, run: Path) -> None:
    found = json.loads(zaohua("score", run, run.parent / "new", "--json").out)
    assert found["items"] == 1 and found["standard_error"] is None and np.isfinite(found["nats_per_item"])
    assert "standard error  unknown, of one item" in zaohua("score", run, run.parent / "new").out


def test_the_standard_error_of_some(zaohua, run: Path) -> None:
    found = json.loads(zaohua("score", run, run.parent / "data", "--json").out)
    nats = zh.load(run).score_samples(run.parent / "data")
    assert found["standard_error"] == pytest.approx(nats.std(ddof=1) / 30**0.5)
