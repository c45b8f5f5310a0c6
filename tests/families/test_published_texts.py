"""Models with a published tokenizer: they learn dialogues, chat, stream, fill in, and their runs need no original."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zaohua as zh
from tests import vocabularies
from tests.trainings import Killed, at_step, kill
from zaohua.core.errors import ZaohuaError
from zaohua.modalities.texts.published import PublishedTextCodec
from zaohua.modalities.texts.surprise import surprise, surprise_by_part

PAIRS = [("the cat?", "a 春 mat."), ("春眠", "Hello, world!"), ("a rat?", "the cat 🙂")]
SETTINGS: dict[str, Any] = {
    "width": 32,
    "layers": 2,
    "heads": 2,
    "context": 96,
    "max_tokens": 24,
    "temperature": 0.0,
    "dropout": 0.0,
}
TUNING: dict[str, Any] = {
    "max_steps": 100,
    "warmup_steps": 5,
    "learning_rate": 2e-2,
    "batch_size": 3,
    "validation_fraction": 0.0,
    "patience": None,
    "random_state": 0,
    "device": "cpu",
    "precision": "float32",
}


def begun(codec: PublishedTextCodec, **options: Any) -> Any:
    """A model with random weights, as if it had been read from elsewhere."""
    about = {"codec_option": None, "codec": codec.to_json(), "y_codec": None, "seed": 0, "source": None, "state": {}}
    model = zh.GPT.from_json({"parameters": {**SETTINGS, **options}, **about}, None)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model.nets_ = model.networks().eval().requires_grad_(False)
    return model


def llama() -> PublishedTextCodec:
    fast = vocabularies.byte_fallback()
    bos, eos = fast.token_to_id("<s>"), fast.token_to_id("</s>")
    size = fast.get_vocab_size() + 12  # more than the tokenizer has
    return PublishedTextCodec.of(fast.to_str(), size, bos=bos, eos=[eos], template=vocabularies.LLAMA_2, adds_bos=True)


def smollm() -> PublishedTextCodec:
    fast = vocabularies.byte_level([*vocabularies.SPECIAL, "<fim_prefix>", "<fim_suffix>", "<fim_middle>"])
    end = fast.token_to_id("<|endoftext|>")
    return PublishedTextCodec.of(fast.to_str(), 340, bos=None, eos=[end], template=vocabularies.CHATML)


def gpt2() -> PublishedTextCodec:
    fast = vocabularies.byte_level(["<|endoftext|>"])
    return PublishedTextCodec.of(fast.to_str(), 330, bos=0, eos=[0])


CODECS = {"llama": llama, "smollm": smollm, "gpt2": gpt2}


@pytest.fixture(scope="module", params=CODECS)
def tuned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model that learnt to answer, from a file, and its run."""
    folder = tmp_path_factory.mktemp(request.param)
    lines = [json.dumps({"prompt": prompt, "answer": answer}) for prompt, answer in PAIRS]
    (folder / "pairs.jsonl").write_text("\n".join(lines))
    base = begun(CODECS[request.param]())
    base.finetune(folder / "pairs.jsonl", out=folder / "run", **TUNING)
    return zh.load(folder / "run")


class TestTuned:
    def test_answers_chats_and_streams(self, tuned: Any) -> None:
        for prompt, answer in PAIRS:
            assert tuned.answer(prompt).strip() == answer
            pieces = list(tuned.chat_stream([{"role": "user", "content": prompt}]))
            assert "".join(pieces).strip() == answer and len(pieces) > 3 and "\ufffd" not in "".join(pieces)
        again = [{"role": "user", "content": "the cat?"}, {"role": "assistant", "content": "a 春 mat."}]
        assert tuned.chat([*again * 6, {"role": "user", "content": "春眠"}])  # more than the context

    def test_streams_what_it_samples(self, tuned: Any) -> None:
        for prompt in ("", "the cat", "春"):
            options = {"prompt": prompt, "temperature": 1.0, "random_state": 3}
            (text,) = tuned.sample(1, **options)
            assert "".join(tuned.stream(**options)) == text and text.startswith(prompt)
            assert tuned.sample(1, **options, stop=text[-2:] or "x")[0] in text

    def test_tokens_that_stand_for_nothing_are_never_sampled(self, tuned: Any) -> None:
        codec = tuned.codec_
        rows = tuned.draw(tuned.item_noise(40, 0), None)
        hot = tuned.with_options(temperature=50.0)
        hot_rows = hot.draw(hot.item_noise(40, 0), None)
        found = {int(token) for token in torch.cat([rows.flatten(), hot_rows[:, 1:].flatten()]).tolist()} - {-1}
        assert len(found) > 200 and not (found - {codec.begin_}) & set(codec.reserved_)

    def test_is_loaded_without_the_original(self, tuned: Any) -> None:
        assert type(tuned.codec_) is PublishedTextCodec
        assert tuned.spec_.channels == tuned.codec_.vocabulary and "word pieces" in tuned.codec_.describe(3)

    def test_is_measured(self, tuned: Any) -> None:
        dialogues = [PAIRS[0], PAIRS[2]]
        found = surprise(tuned, dialogues)
        size = sum(len(answer.strip().encode()) for _, answer in dialogues)
        assert size <= found.size <= size + 4 and found.bits_per_byte < 0.5  # Llama's template writes spaces around
        texts = ["the cat 春🙂", "Hello,  world!"]
        assert tuned.bits_per_byte(texts) == pytest.approx(surprise(tuned, texts).bits_per_byte, rel=1e-5)
        assert surprise(tuned, texts).size == sum(len(text.encode()) for text in texts)
        assert surprise_by_part(tuned, texts, size=4).sizes.tolist() == [4, 4, 4, 3, 4, 4, 4, 2]
        names, nats = zip(*tuned.surprisals(texts[1]), strict=True)
        assert "".join(names) == texts[1] and -sum(nats) == pytest.approx(tuned.score_samples([texts[1]])[0], rel=1e-4)
        assert np.isfinite(tuned.score_samples(texts)).all()

    def test_gaps_are_filled(self, tuned: Any) -> None:
        noise = tuned.item_noise(1, 0)
        found = tuned.with_options(temperature=1.0).infill("the ", " mat", noise, length=3, longest=3)
        assert found is None or len(found) == 3


def test_a_run_that_was_killed_resumes_bit_for_bit(tmp_path: Path) -> None:
    base, options = begun(llama()), {**TUNING, "max_steps": 12, "checkpoint_every": 4}
    whole = base.finetune(PAIRS, **options, out=tmp_path / "whole")
    begun(llama()).save(tmp_path / "base")
    with pytest.raises(Killed):
        zh.load(tmp_path / "base").finetune(PAIRS, **options, out=tmp_path / "run", callbacks=[at_step(7, kill)])
    shutil.rmtree(tmp_path / "base")
    resumed = zh.load(tmp_path / "run").resume(tmp_path / "run", PAIRS)
    assert all(torch.equal(a, b) for a, b in zip(whole.tensors().values(), resumed.tensors().values(), strict=True))


def test_any_of_several_ends_ends_a_text() -> None:
    fast = vocabularies.byte_level(["<a>", "<b>", "<c>"])
    codec = PublishedTextCodec.of(fast.to_str(), 330, bos=None, eos=[0, 2])
    model = begun(codec, temperature=1.0, max_tokens=200, context=16)
    with torch.no_grad():
        model.nets_["net"].head.weight[2] = 40 * torch.ones(32)
    rows = model.draw(model.item_noise(50, 0), None)
    assert not (rows == 2).any() and not (rows == 1).any()
    assert all(row.tolist().index(0, 1) < 200 for row in rows.long() if 0 in row[1:].tolist())


def test_infilling_takes_the_marks_of_the_vocabulary() -> None:
    texts = [f"{a}{a * 2}-{b * 2}{b}" for a in "abc" for b in "xyz"] * 4
    options = {**TUNING, "max_steps": 3, "fim": 0.5}
    model = begun(smollm(), context=12).finetune(texts, **options)
    assert model.sample(1, prompt="a", suffix="x")[0].endswith("x")
    opening = model.with_options(prompt="a", suffix="x").opening()
    assert [opening[1], opening[3], opening[-1]] == list(model.codec_.gap)
    with pytest.raises(ZaohuaError, match="has no tokens for filling in"):
        begun(gpt2(), context=12).finetune(texts, **options)


def test_beams_end_where_samples_do() -> None:
    model = begun(llama(), max_tokens=6)
    assert isinstance(model.sample(1, beams=3)[0], str)


def test_a_published_tokenizer_is_not_fitted() -> None:
    with pytest.raises(ZaohuaError, match="comes with its model: begin from that"):
        zh.GPT(codec=llama()).fit(PAIRS)
