"""Evaluations of texts and music against known probabilities, planted copies and given conditions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_rel
from tests.pages import EVIL, page_of
from tests.sequences import GPT, compare, piece, played, texts, unigram

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import DataNote
from zaohua.estimator.base import GenerativeModel
from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.results import Evaluation, load
from zaohua.evaluation.summaries import verdict
from zaohua.tasks.evaluation import compare as compare_runs
from zaohua.tasks.evaluation import evaluate, page


@pytest.fixture(scope="module")
def model() -> Any:
    return zh.GPT(**GPT, codec=zh.TextCodec(tokenizer="bytes")).fit(texts(0))


def test_bits_per_byte_of_known_probabilities(model: Any) -> None:
    one, p = unigram(model, "one", 1)
    test = texts(1, 16)
    found = evaluate(one, data=test, samples=100).figures["bits_per_byte"]
    bits = [-np.log2(p[np.frombuffer(text.encode(), np.uint8)]).sum() - np.log2(p[one.codec_.end_]) for text in test]
    assert found.value == pytest.approx(sum(bits) / (16 * 64), rel=1e-5) and found.n == 16 * 64


def test_intervals_of_differences_are_students(model: Any) -> None:
    """All texts are of one length and parts by themselves, so that the ratio of means is a mean."""
    (one, p), (two, q) = unigram(model, "one", 1), unigram(model, "two", 2)
    test = texts(1, 16)
    found = compare(one, two, data=test)
    best, other = (p, q) if found.rows[0].run == "one" else (q, p)
    bits = [[-np.log2(each[[*text.encode(), one.codec_.end_]]).sum() / 64 for text in test] for each in (best, other)]
    want = ttest_rel(bits[1], bits[0]).confidence_interval(0.95)
    gap = found.behind[found.rows[1].run]
    assert (gap.low, gap.high) == pytest.approx((want.low, want.high), rel=1e-4)
    assert (found.winner is not None) == (gap.low > 0)


def test_equal_models_have_no_winner(model: Any) -> None:
    found = compare(unigram(model, "one", 1)[0], unigram(model, "two", 1)[0], data=texts(1, 16))
    assert found.winner is None and verdict(found)[0].startswith("No winner by bits per byte")


class Mute(zh.GPT):
    """One without likelihoods."""

    def cannot(self, primitive: str) -> str | None:
        return "it is mute" if primitive == "log_prob" else super().cannot(primitive)


def test_a_model_without_likelihoods_says_so() -> None:
    mute = Mute(**GPT).fit(texts(0))
    with pytest.raises(ZaohuaError, match="Mute: models of texts are measured by how well they predict .* it is mute"):
        evaluate(mute, data=texts(1))


class Whole:
    """A model that knows the likelihood of whole texts only."""

    def __init__(self, model: Any):
        self.model = model

    def __getattr__(self, name: str) -> Any:
        if name == "nats":
            raise AttributeError(name)
        return getattr(self.model, name)


def test_a_model_of_whole_texts_is_compared_by_these(model: Any) -> None:
    one, two = unigram(model, "one", 1)[0], unigram(model, "two", 2)[0]
    long = [" ".join(texts(i, 20)) for i in range(6)]
    fine, coarse = (compare(a, two, data=long) for a in (one, Whole(one)))
    assert fine.rows[0].run == coarse.rows[0].run
    for a, b in zip(fine.rows, coarse.rows, strict=True):
        assert a.figures["bits_per_byte"].value == pytest.approx(b.figures["bits_per_byte"].value, rel=1e-5)
    (gap,), (other,) = fine.behind.values(), coarse.behind.values()
    assert gap.value == pytest.approx(other.value, rel=1e-4) and gap.low != pytest.approx(other.low, rel=1e-4)


def test_the_baseline_is_a_bigram(model: Any) -> None:
    found = evaluate(model, data=texts(1), train=texts(0), samples=100)
    rows = [[256, *text.encode(), 256] for text in texts(0)]
    counts = np.zeros((257, 257))
    for row in rows:
        np.add.at(counts, (row[:-1], row[1:]), 1)
    single = (counts.sum(0) + 1) / (counts.sum() + 257)
    p = (counts + single) / (counts.sum(1, keepdims=True) + 1)
    nats = sum(
        -math.log(p[a, b])
        for text in texts(1)
        for a, b in zip([256, *text.encode()], [*text.encode(), 256], strict=True)
    )
    assert found.references["bigram of bytes"]["bits_per_byte"].value == pytest.approx(nats / math.log(2) / (40 * 64))


def test_planted_copies_of_texts_are_found(model: Any) -> None:
    one, two = unigram(model, "one", 1)[0], unigram(model, "two", 2)[0]
    for each in (one, two):
        each.sample = lambda n, *, y=None, random_state=None: texts(0, n)
    found = compare(one, two, data=texts(1), train=texts(0))
    assert all(row.figures["copied"].value == 1 for row in found.rows)
    assert "But it copies: 100.0% of its samples stands in training texts in long passages" in verdict(found)[0]
    fresh = evaluate(unigram(model, "one", 1)[0], data=texts(1), train=texts(0), samples=400)
    assert fresh.figures["copied"].value == 0


def test_planted_copies_of_music_are_found_in_any_key() -> None:
    train, test = [piece(seed) for seed in range(20)], [piece(seed) for seed in range(50, 60)]
    model = played(range(20))
    higher = [zh.Piece(one.notes + np.array([7, 0, 3, 0])) for one in train]
    for samples, share in ((higher, 1), ([piece(seed) for seed in range(70, 75)], 0)):
        model.sample = lambda n, *, y=None, random_state=None, samples=samples: samples[:n]
        found = evaluate(model, data=test, train=train, samples=400)
        assert found.figures["copied_notes"].value == pytest.approx(share)
        assert found.references["real pieces"]["copied_notes"].value == 0
        assert {"nats_per_note", "nats_per_piece"} == set(found.references["bigram"])


def test_nats_a_piece_and_their_baseline() -> None:
    """The bigram of rolls counts each voice by itself, that of events tells apart all events."""
    train, test = [piece(seed) for seed in range(12)], [piece(seed) for seed in range(50, 56)]
    rolls = zh.ChoraleRNN(**{**zh.ChoraleRNN.tiny, "max_steps": 2}, random_state=0).fit(train)
    for model in (rolls, played(range(12))):
        found = evaluate(model, data=test, train=train, samples=100)
        nats = -model.score_samples(test)
        assert found.figures["nats_per_piece"].value == pytest.approx(nats.mean(), rel=1e-5)
        notes = found.figures["nats_per_note"].n or 0
        bigram = found.references["bigram"]
        assert bigram["nats_per_piece"].value * 6 == pytest.approx(bigram["nats_per_note"].value * notes)
        assert bigram["nats_per_note"].value < found.figures["nats_per_note"].value  # of 2 steps


# ---- pages


def shown(found: Comparison, path: Path) -> Any:
    return page_of(page.write(found, path / "page.html").read_text("utf-8"))


def test_the_page_of_texts_shows_samples(model: Any, tmp_path: Path) -> None:
    one, two = unigram(model, "one", 1)[0], unigram(model, "two", 2)[0]
    one.sample = lambda n, *, y=None, random_state=None: [EVIL, "x" * 1000, "", "b"][:n]
    root = shown(compare(one, two, data=texts(1), train=texts(0)), tmp_path)
    read = [quote.text for quote in root.all("blockquote")]
    assert read[:12] == [" ".join(text.split()) for text in texts(1)[::3][:12]]
    assert EVIL in read and "x" * 400 + " …" in read and len(read) == 12 + 4 + 4
    assert "the dashed line is a bigram of bytes" in root.text and "ranked by" in root.text


def test_the_page_of_music_plays_samples(tmp_path: Path) -> None:
    one, two = played(range(12)), played(range(12), max_steps=1)
    one.run_, two.run_ = "one", "two"
    root = shown(compare(one, two, data=[piece(seed) for seed in range(50, 60)]), tmp_path)
    players = root.all("audio")
    assert len(players) == len(root.all("img")) and 6 <= len(players) <= 18
    assert all(player["src"].startswith("data:audio/wav;base64,UklGR") for player in players)


def test_what_a_page_shows_is_stored(model: Any, tmp_path: Path) -> None:
    found = evaluate(unigram(model, "one", 1)[0], data=texts(1), samples=400)
    found.save(tmp_path)
    assert isinstance(found, Evaluation) and found.arrays["samples"].tolist() == texts(99, 4)
    assert isinstance(model, GenerativeModel)


# ---- what is measured by


def test_characters_that_a_model_never_saw_are_left_out_for_all() -> None:
    """Models of characters and of bytes are compared by the same bytes, and it is said which are missing."""
    learnt, new = texts(0), [f"{text}ü{text}é" for text in texts(1, 12)]
    models = [zh.GPT(**GPT, codec=zh.TextCodec(tokenizer=name)).fit(learnt) for name in ("chars", "bytes")]
    for model, name in zip(models, ("chars", "bytes"), strict=True):
        model.run_ = name
    with pytest.warns(DataNote, match=r"left out 24 of 1,560 characters of the test texts, which chars never saw"):
        found = compare(*models, data=new)
    for row in found.rows:
        assert row.figures["bits_per_byte"].n == 12 * 128
        assert any("chars never saw ('ü', 'é')" in flag for flag in row.flags)
    with pytest.raises(ZaohuaError, match="can't measure by 20 of 30 characters .* give other texts"):
        evaluate(models[0], data=["ü" * 10 + "the cat s" + ".", "é" * 10])
    assert evaluate(models[1], data=new).figures["bits_per_byte"].n == 12 * (128 + 4)


def test_a_stored_evaluation_of_other_items_isnt_reused(tmp_path: Path) -> None:
    """Runs hold out ends of other lengths: what one of them was measured by isn't what both held out."""
    (tmp_path / "a.txt").write_text(" ".join(texts(0, 60)))
    for name, context in (("short", 16), ("long", 40)):
        zh.GPT(**{**GPT, "context": context}).fit(tmp_path / "a.txt", out=tmp_path / name)
        evaluate(zh.load(tmp_path / name), samples=100).save(tmp_path / name)
    own = [load(tmp_path / name) for name in ("short", "long")]
    found = compare_runs([tmp_path / "short", tmp_path / "long"], samples=100)
    counts = [row.figures["bits_per_byte"].n for row in own if row is not None]
    assert counts[0] != counts[1]
    assert {row.figures["bits_per_byte"].n for row in found.rows} == {min(counts)}
