"""Texts and music are evaluated and compared by predictions of the same held-out items, in a unit that all share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.evaluation.summaries import summary_lines, verdict
from zaohua.modalities.texts.held_out import divided
from zaohua.modalities.texts.surprise import surprise, surprise_by_part
from zaohua.tasks.copying import copy_report
from zaohua.tasks.evaluation import compare, evaluate, page

RNG = np.random.default_rng
WORDS = "the cat sat on a mat dog ran über hügel and saw moon".split()
GPT: dict[str, Any] = {**zh.GPT.tiny, "max_steps": 25, "random_state": 0, "max_tokens": 20}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text and three runs of it, with other tokenizers and contexts."""
    home = tmp_path_factory.mktemp("predictions")
    (home / "a.txt").write_text(" ".join(RNG(0).choice(WORDS, 4000)), "utf-8")
    for name, context, codec in (
        ("chars", 16, zh.TextCodec()),
        ("bytes", 16, zh.TextCodec(tokenizer="bytes")),
        ("bpe", 24, zh.TextCodec(tokenizer="bpe", vocabulary=300)),
    ):
        zh.GPT(**{**GPT, "context": context}, codec=codec).fit(home / "a.txt", out=home / name)
    return home


def test_a_text_files_held_out_end_is_used_as_evaluate_promises(home: Path) -> None:
    model, text = zh.load(home / "chars"), (home / "a.txt").read_text("utf-8")
    found = evaluate(model, samples=300)
    assert found.split == "validation" and found.trained_on == 0
    before, after, *_ = divided((model,), [text]) or ((), ())
    assert before[0] + after[0] == text and 0.09 < len(after[0]) / len(text) < 0.11
    rows = (len(text) + 1) // 16 - 1  # rows of twice the context, of which training takes all but the last tenth
    learnt_tokens = (rows - -(-rows // 10)) * 16 + 1
    assert len(before[0]) == learnt_tokens - 1  # the first token is END
    figure = found.figures["bits_per_byte"]
    assert figure.value == pytest.approx(surprise(model, [after[0]]).bits_per_byte, rel=1e-6)
    assert figure.low < figure.value < figure.high and figure.n == len(after[0].encode())
    assert any(line.startswith("bits per byte: ") and " to " in line for line in summary_lines(found))


def test_another_tokenizer_doesnt_change_the_unit(home: Path) -> None:
    text = ["über den hügel " * 30]
    for name in ("chars", "bytes", "bpe"):
        model = zh.load(home / name)
        if name == "chars":
            text = ["".join(c for c in text[0] if c in model.codec_.tokenizer_.alphabet)]
        whole = surprise(model, text)
        parts = surprise_by_part(model, text, size=50)
        nats, sizes = parts.nats, parts.sizes
        assert nats.sum() == pytest.approx(whole.nats, rel=1e-6) and sizes.sum() == whole.size == len(text[0].encode())
        assert (sizes[:-1] == 50).all() and len(sizes) == -(-whole.size // 50)


def test_models_of_one_text_are_compared_by_what_all_held_out(home: Path, tmp_path: Path) -> None:
    found = compare([home / "chars", home / "bpe", home / "bytes"], samples=300)
    assert found.lead == "bits_per_byte" and len({row.figures["bits_per_byte"].n for row in found.rows}) == 1
    best = found.rows[0]
    for row in found.rows[1:]:
        gap = row.figures["bits_per_byte"].value - best.figures["bits_per_byte"].value
        assert found.behind[row.run].value == pytest.approx(gap) and found.behind[row.run].low > 0
    assert found.winner == best.run == "bpe" and verdict(found)[0].startswith("bpe wins by bits per byte: ")
    json.dumps(found.to_json(), allow_nan=False)
    text = page.write(found, tmp_path / "page.html").read_text("utf-8")
    assert "predicted the same texts, on which none was trained" in text


def test_the_training_text_under_another_name_is_noticed(home: Path, tmp_path: Path) -> None:
    text = (home / "a.txt").read_text("utf-8")
    (tmp_path / "copy.txt").write_text(text[: len(text) // 2], "utf-8")
    (tmp_path / "new.txt").write_text(" ".join(RNG(9).choice(WORDS, 400)), "utf-8")
    found = evaluate(zh.load(home / "chars"), data=tmp_path / "copy.txt", samples=300)
    assert found.trained_on == pytest.approx(1, abs=0.01) and "runs of 32 tokens of the texts" in found.flags[0]
    assert evaluate(zh.load(home / "chars"), data=tmp_path / "new.txt", samples=300).trained_on == 0


def test_copies_are_looked_up_in_the_text_that_was_trained_on(home: Path) -> None:
    model, text = zh.load(home / "chars"), (home / "a.txt").read_text("utf-8")
    _, after, *_ = divided((model,), [text]) or ((), ())
    found = copy_report(model, [after[0][:300]], n=30)
    assert found.samples.fraction < 0.2 and found.reference == "10% of it, held out"
    assert copy_report(model, [text[:300]], n=30).samples.fraction == 1


def test_answers_are_compared_by_whole_dialogues(tmp_path: Path) -> None:
    lines = [{"prompt": f"{a} and {b}", "answer": f"{b} {a}"} for a in WORDS for b in WORDS[:6]]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    for seed, name in ((0, "a"), (0, "b"), (1, "c")):
        steps = 10 if name == "a" else 2
        zh.GPT(**{**GPT, "max_steps": steps, "random_state": seed}).fit(tmp_path / "pairs.jsonl", out=tmp_path / name)
    found = compare([tmp_path / "a", tmp_path / "b"], samples=100)
    assert len(found.rows[0].arrays["sizes"]) >= 8 and set(found.behind) == {found.rows[1].run}
    with pytest.raises(ZaohuaError, match="held out other items"):
        compare([tmp_path / "a", tmp_path / "c"], samples=100)


def test_the_copied_share_of_one_text_has_no_interval(home: Path) -> None:
    one = evaluate(zh.load(home / "chars"), samples=100).figures["copied"]
    several = evaluate(zh.load(home / "chars"), samples=400).figures["copied"]
    assert one.low is None and several.low is not None and 0 <= several.low <= several.value <= several.high <= 1


# ---- music


def piece(seed: int, notes: int = 24) -> zh.Piece:
    """Some of five notes, one after another."""
    pitches = RNG(seed).choice([60, 62, 64, 67, 69], notes)
    return zh.Piece(np.c_[2 * np.arange(notes), np.full(notes, 2), pitches, np.zeros(notes)].astype(int))


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MIDI files of 40 pieces for training and 12 for tests, two runs of events and one of rolls."""
    home = tmp_path_factory.mktemp("music")
    for split, seeds in (("train", range(40)), ("test", range(100, 112))):
        (home / "data" / split).mkdir(parents=True)
        for seed in seeds:
            zh.write([piece(seed)], home / "data" / split / f"{seed}.mid")
    settings = {**zh.MusicGPT.tiny, "random_state": 0}
    zh.MusicGPT(**{**settings, "max_steps": 40}).fit(home / "data", out=home / "long")
    zh.MusicGPT(**{**settings, "max_steps": 2}).fit(home / "data", out=home / "short")
    zh.ChoraleRNN(**{**zh.ChoraleRNN.tiny, "max_steps": 2}, random_state=0).fit(home / "data", out=home / "rolls")
    return home


def test_music_is_measured_in_nats_a_note(music: Path) -> None:
    model = zh.load(music / "long")
    found = evaluate(model, samples=100)
    nats = model.score_samples(zh.read(music / "data", split="test")[0])
    figure = found.figures["nats_per_note"]
    assert (found.modality, found.split, found.n) == ("music", "test", 1)
    assert figure.value == pytest.approx(-nats.sum() / (12 * 24), rel=1e-5) and figure.n == 288
    assert figure.low < figure.value < figure.high and found.trained_on == 0


def test_models_of_music_are_compared(music: Path) -> None:
    found = compare([music / "short", music / "long"], samples=100)
    assert found.winner == "long" and "long wins by nats a note" in verdict(found)[0]
    with pytest.raises(ZaohuaError, match="events of .*piano rolls of .*can't be compared"):
        compare([music / "long", music / "rolls"])


@pytest.mark.parametrize("name", ["MusicGPT", "ChoraleRNN"])
def test_held_out_pieces_are_whole_ones(name: str, music: Path, tmp_path: Path) -> None:
    cls = getattr(zh, name)
    model = cls(**{**cls.tiny, "max_steps": 2}, validation_fraction=0.3, random_state=0)
    model.fit(music / "data" / "train", out=tmp_path / "run")
    found = evaluate(zh.load(tmp_path / "run"), samples=100)
    notes = found.figures["nats_per_note"].n
    assert found.split == "validation" and notes is not None and 6 * 18 <= notes <= 13 * 24
    assert name == "ChoraleRNN" or notes % 24 == 0  # rolls don't tell a repeated note from a held one
