"""Judges of fidelity: what they learn from real pairs, and intervals of their figures; likeness of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zaohua.metrics.error_rates import word_errors
from zaohua.metrics.intervals import Interval
from zaohua.metrics.judges import training
from zaohua.metrics.judges.answers import TagJudge
from zaohua.metrics.judges.recogniser import Recogniser
from zaohua.metrics.judges.statistics import difference, estimate
from zaohua.metrics.judges.views import view_of
from zaohua.metrics.restored import psnr, ssim

WORDS = "one two three".split()


def spoken(seed: int, n: int) -> tuple[np.ndarray, list[str]]:
    """Spectrograms of 8 bands and 48 frames, in which each word is a tone of its own, and what is said in them."""
    rng = np.random.default_rng(seed)
    x, texts = rng.integers(0, 40, (n, 8, 48)).astype(np.uint8), []
    for picture in x:
        said = rng.integers(0, 3, rng.integers(1, 4))
        for at, word in enumerate(said):
            start = 16 * at + rng.integers(0, 5)
            picture[2 + 2 * word, start : start + 8] = 220
        texts.append(" ".join(WORDS[word] for word in said))
    return x, texts


def test_words_are_recognised_and_the_judge_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "STEPS", (100, 100))
    monkeypatch.setattr(training, "BATCH", 24)
    x, texts = spoken(0, 200)
    judge = Recogniser(view_of(x), texts, folder=tmp_path)
    test, said = spoken(1, 60)
    counts = judge.count(view_of(test), said)["word_errors"]
    heard = judge.recognise(view_of(test))
    found, right = estimate("word_errors", counts), word_errors(heard, said)
    assert found.value == pytest.approx(right.rate.value) and found.value < 0.1
    assert counts.sum(0).tolist() == [right.substitutions, right.deletions, right.insertions, right.length]
    shuffled = judge.count(view_of(test), said[::-1])["word_errors"]
    assert estimate("word_errors", shuffled).low > 0.4

    monkeypatch.setattr(training, "_train", lambda *_: pytest.fail("it was trained already"))
    assert Recogniser(view_of(x), texts, folder=tmp_path).recognise(view_of(test)) == heard
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"damaged")
    monkeypatch.setattr(training, "_train", lambda *_: None)
    Recogniser(view_of(x), texts, folder=tmp_path)
    assert path.stat().st_size > 1000


def test_sets_of_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "STEPS", (100, 100))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    tags = [{name for name, value in zip("abc", row, strict=True) if value > 0} for row in x]
    judge = TagJudge(view_of(x[:300]), tags[:300])
    assert estimate("tags_f1", judge.count(view_of(x[300:]), tags[300:])["tags_f1"]).value > 0.9
    none = judge.count(view_of(x[300:301]), [{"unknown"}])["tags_f1"]
    assert none[0, 0] == 0 and estimate("tags_f1", none).value == 0


def terms(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.stack([np.ones(len(x)), x, y, x * x, y * y, x * y], 1)


def test_correlations_and_their_intervals() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(60):
        x = rng.normal(size=80)
        y = 0.6 * x + 0.8 * rng.normal(size=80)
        found = estimate("correlation", terms(x, y))
        assert found.value == pytest.approx(np.corrcoef(x, y)[0, 1])
        covered += found.low <= 0.6 <= found.high
    assert covered >= 50  # of 60; 57 are expected
    assert estimate("correlation", terms(np.full(80, 0.3), y)) == Interval(0, 0, 0)


def test_differences_of_the_same_items_are_paired() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(300) < 0.5
    a, b = (np.stack([~hard | (rng.random(300) < p), np.ones(300)], 1).astype(float) for p in (0.3, 0.1))
    found = difference("accuracy", a, b)
    assert found.value == pytest.approx(a[:, 0].mean() - b[:, 0].mean()) and found.low > 0
    alone = [estimate("accuracy", one) for one in (a, b)]
    assert found.high - found.low < (alone[0].high - alone[0].low) + (alone[1].high - alone[1].low)
    assert difference("accuracy", a, a) == Interval(0, 0, 0)


def test_likeness_of_pictures() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (3, 16, 20, 3)).astype(np.uint8)
    assert np.allclose(psnr(x, x), 100) and np.allclose(ssim(x, x), 1)
    assert np.allclose(psnr(x.astype(float) + 5, x), 20 * np.log10(255 / 5))
    flat = np.full((1, 16, 16), 100.0)
    c = (0.01 * 255) ** 2
    assert ssim(flat, flat + 50)[0] == pytest.approx((2 * 100 * 150 + c) / (100**2 + 150**2 + c))
    small, large = (ssim(np.clip(x + rng.normal(0, s, x.shape), 0, 255), x).mean() for s in (5, 60))
    assert 1 > small > large > 0 and ssim(flat[:, :6, :6], flat[:, :6, :6])[0] == 1
