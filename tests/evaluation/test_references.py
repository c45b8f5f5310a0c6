"""Measures that can't tell the references of their own table apart name no winner and aren't praise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.pages import page_of

import zaohua as zh
from zaohua.evaluation.comparison import compared
from zaohua.evaluation.references import doubtful
from zaohua.evaluation.results import APART, FLOOR, NAIVE, Cost, Evaluation, Figure
from zaohua.evaluation.splits import Pictures, Splits
from zaohua.evaluation.summaries import summary_lines, verdict
from zaohua.modalities.images.evaluation import ImageProtocol
from zaohua.modalities.tables.evaluation import TableProtocol
from zaohua.tasks.evaluation import compare, evaluate, page
from zaohua.tasks.evaluation.history import Evaluator
from zaohua.tasks.evaluation.protocols import splits_of

Draw = Callable[[np.random.Generator, int], np.ndarray]


def blobs(rng: np.random.Generator, n: int) -> np.ndarray:
    """Pictures of a bright spot anywhere, 8 x 8."""
    y, x = np.mgrid[:8, :8]
    at = rng.uniform(1, 7, (2, n, 1, 1))
    return (255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 4)).astype(np.uint8)


def noise(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, 256, (n, 8, 8)).astype(np.uint8)


def protocol(n: int, seed: int, labelled: bool = False) -> ImageProtocol:
    """A protocol of n spots, of two labels or without any."""
    rng = np.random.default_rng(seed)

    def items() -> Pictures:
        x = blobs(rng, n)
        labels: Any = ["left" if one[:, :4].sum() > one[:, 4:].sum() else "right" for one in x] if labelled else None
        return Pictures(torch.from_numpy(x), labels, lambda codes: codes.numpy())

    return ImageProtocol(Splits("spots", "test", items(), items(), "images", "pictures"), n)


def row(run: str, of: ImageProtocol, samples: np.ndarray) -> Evaluation:
    """The evaluation of a model with these samples."""
    figures = of.measure(samples)
    return Evaluation(
        run=run,
        model="VAE",
        modality="images",
        noun="pictures",
        lead="frechet",
        data="spots",
        split="test",
        n=of.n,
        seeds=(0,),
        extractor=of.name,
        figures=figures,
        cost=Cost(None, 1, 1, 1.0, None, "cpu"),
        references=of.references,
        doubtful=of.doubtful,
        arrays={"samples": samples},
    )


@pytest.mark.parametrize("seed", range(20))
def test_twenty_items_name_no_winner(seed: int) -> None:
    """20 sets of 20 items: their references overlap or have no covariance, so not even noise loses."""
    of, rng = protocol(20, seed), np.random.default_rng(100 + seed)
    found = compared([row("spots", of, blobs(rng, 20)), row("noise", of, noise(rng, 20))], of)
    assert "frechet" in of.doubtful and found.winner is None
    assert "No winner by FD[" in verdict(found)[0] and "tells little here" in verdict(found)[0]


def test_many_items_name_the_winner() -> None:
    of, rng = protocol(300, 0), np.random.default_rng(7)
    found = compared([row("noise", of, noise(rng, 300)), row("spots", of, blobs(rng, 300))], of)
    assert not {"frechet", "precision", "coverage"} & set(of.doubtful) and found.winner == "spots"
    assert not any("tell little" in note or "tells little" in note for note in found.notes)


def test_what_tells_little_is_said_everywhere_and_is_no_praise(tmp_path: Path) -> None:
    of, rng = protocol(24, 3), np.random.default_rng(8)
    rows = [row("a", of, blobs(rng, 24)), row("b", of, noise(rng, 24))]
    found = compared(rows, of)
    lines = summary_lines(rows[0])
    assert "precision: n/a, tells little here" in lines and "recall: n/a, tells little here" in lines
    (distance,) = [line for line in lines if line.startswith("FD[") and " of " not in line]
    assert distance.endswith("tells little here")
    assert any(line.startswith("note: ") and "24 pictures are too few" in line for line in lines)
    assert any("tell little here: real training items have" in note for note in found.notes)  # precision
    stored = json.loads(json.dumps(found.to_json()))
    assert stored["winner"] is None and "precision" in stored["rows"][0]["doubtful"]
    assert Evaluation.from_json(stored["rows"][0]).doubtful == rows[0].doubtful
    text = page_of(page.write(found, tmp_path / "page.html").read_text("utf-8")).text
    assert "No winner by" in text and "n/a" in text and "tells little here" in text


def test_the_rule_is_disjoint_intervals() -> None:
    def judged(real: Figure, naive: Figure, name: str = "frechet", other: str = NAIVE) -> set[str]:
        return set(doubtful({FLOOR: {name: real}, other: {name: naive}}))

    assert judged(Figure(1, 0.5, 2), Figure(3, 1.9, 5)) == {
        "frechet",
        "frechet_corrected",
        "kernel",
        "sliced_wasserstein",
    }
    assert judged(Figure(1, 0.5, 2), Figure(3, 2.1, 5)) == set()
    assert judged(Figure(3, 2.1, 5), Figure(1, 0.5, 2)) != set()  # apart, but the wrong way round
    assert judged(Figure(1.0, n=40), Figure(0.95, n=40), "precision") == {"precision", "recall", "density"}
    assert judged(Figure(1.0, n=400), Figure(0.5, n=400), "precision") == set()
    assert "trend" in judged(Figure(0.9, 0.8, 1), Figure(0.85, 0.7, 0.95), "tree_score", APART)
    assert doubtful({"real texts": {"copied": Figure(0.1)}}) == {} == doubtful({})


def test_noise_of_a_run_isnt_praised_in_its_card_or_history(tmp_path: Path) -> None:
    """40 pictures held out of a folder: precision and density of noise were near 1 without a word."""
    (tmp_path / "data").mkdir()
    for i, pixels in enumerate(blobs(np.random.default_rng(0), 100)):
        Image.fromarray(pixels).save(tmp_path / "data" / f"{i:03d}.png")
    model = zh.Flow(**{**zh.Flow.tiny, "max_steps": 2, "validation_fraction": 0.3, "random_state": 0})
    model.fit(tmp_path / "data", out=tmp_path / "run", callbacks=[Evaluator(1)])
    records = [record for record in model.history_ if "precision" in record]
    assert records and all(record["precision"] is None and record["recall"] is None for record in records)
    found = evaluate(zh.load(tmp_path / "run"))
    assert {"frechet", "precision", "density"} <= set(found.doubtful)


def test_tables_of_few_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def rows(n: int) -> np.ndarray:
        x = rng.normal(size=(n, 3))
        return np.c_[x, x[:, :1] + 0.1 * x[:, 1:2]]

    for n, little in ((45, True), (600, False)):
        model = zh.GaussianCopula(random_state=0).fit(rows(n))
        of = TableProtocol(splits_of(model, rows(n), train=rows(n)))
        assert ("tree_score" in of.doubtful) == little, n


def test_a_comparison_of_runs_says_it(tmp_path: Path) -> None:
    for split in ("train", "test"):
        folder = tmp_path / "data" / split
        folder.mkdir(parents=True)
        for i, pixels in enumerate(blobs(np.random.default_rng(len(split)), 25)):
            Image.fromarray(pixels).save(folder / f"{i:03d}.png")
    zh.Gaussian(random_state=0).fit(tmp_path / "data", out=tmp_path / "a")
    zh.GMM(n_components=2, random_state=0).fit(tmp_path / "data", out=tmp_path / "b")
    found = compare([tmp_path / "a", tmp_path / "b"])
    assert found.winner is None and found.doubt.startswith("it tells little here: ")
