"""Dialogues: only answers are learnt, fine-tuning begins at a model's end and resumes bit for bit, chats remember."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import zaohua as zh
from tests.trainings import Killed, at_step, ending, kill
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import DataNote
from zaohua.families.autoregressive.texts import TextModel
from zaohua.families.autoregressive.tokens import TokenRows
from zaohua.modalities import TextCodec
from zaohua.modalities.sequences import Sequences
from zaohua.training.events import Batch

PAIRS = [("the cat", "a mat"), ("a rat", "the cat"), ("the mat", "a rat")]
TEXT = "the cat sat on the mat. a rat ran at the cat! " * 40
CHAT = [
    {"role": "system", "content": "at"},
    {"role": "user", "content": "the cat"},
    {"role": "assistant", "content": "a mat"},
    {"role": "user", "content": "a rat"},
    {"role": "assistant", "content": "the cat"},
]
SETTINGS: dict[str, Any] = {
    "width": 16,
    "layers": 2,
    "heads": 2,
    "context": 32,
    "warmup_steps": 5,
    "learning_rate": 2e-2,
    "max_tokens": 12,
    "device": "cpu",
    "precision": "float32",
    "batch_size": 8,
    "random_state": 0,
}
TUNING: dict[str, Any] = {"max_steps": 150, "validation_fraction": 0.0, "patience": None}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model of texts, and its run."""
    run = tmp_path_factory.mktemp("runs") / "base"
    zh.GPT(**SETTINGS, max_steps=40).fit([TEXT], out=run)
    return zh.load(run)


@pytest.fixture(scope="module")
def tuned(base: Any) -> Any:
    return base.finetune(PAIRS, **TUNING)


class Logits(nn.Module):
    """A network whose logits are parameters, so that a loss's gradient says what it depends on."""

    def __init__(self, t: int, vocabulary: int):
        super().__init__()
        self.values = nn.Parameter(torch.randn(1, t, vocabulary, generator=torch.Generator().manual_seed(0)))
        self.seen: Tensor

    def forward(self, tokens: Tensor, y: Tensor | None = None, keep: Tensor | None = None) -> Tensor:
        self.seen = tokens
        return self.values


@pytest.mark.parametrize("item", [PAIRS[0], CHAT], ids=["pair", "chat"])
def test_the_loss_is_that_of_answers_alone(base: Any, item: Any) -> None:
    codec = base.codec_
    row = codec.encode([item])[[0]]
    net = Logits(row.shape[1] - 1, base.spec_.channels)
    loss = base.loss(nn.ModuleDict({"net": net}), Batch(row, None, None), "model")
    loss.sum().backward()
    e, encode = codec.end_, lambda text: codec.tokenizer_.encode(text).tolist()
    user, assistant = e + 1, e + 2
    tokens = [e, user, *encode("the cat"), assistant, *encode("a mat"), e]
    answer = range(10, 16)  # places of "a mat" and END among the tokens
    if item is CHAT:
        tokens = [e, *encode("at"), *tokens[1:], user, *encode("a rat"), assistant, *encode("the cat"), e]
        answer = [*range(12, 18), *range(25, 33)]
    assert net.seen[0].tolist() == tokens[:-1] and answer[-1] + 1 == len(tokens)
    assert [tokens[i] for i in answer][:5] == encode("a mat")
    logs = -net.values[0].detach().log_softmax(-1)
    by_hand = sum(float(logs[i - 1, tokens[i]]) for i in answer) / len(answer)
    assert float(loss.detach()) == pytest.approx(by_hand, rel=1e-5)
    moved = net.values.grad[0].abs().sum(1)
    assert {i + 1 for i in moved.nonzero()[:, 0].tolist()} == set(answer)  # elsewhere exactly zero


def test_a_dialogue_sees_no_other_one(base: Any) -> None:
    data = copy.copy(base).rows(zh.estimator.encoding.TrainingData(base.codec_.encode(PAIRS), None))
    rows = data.x[np.arange(len(data.x))]
    assert len(rows) == 3 and (rows[:, 0] == base.codec_.end_).all()
    assert all((row == base.codec_.end_).sum() == 2 for row in rows)


@pytest.mark.parametrize("length", [4, 7, 30])
def test_each_answer_of_a_long_dialogue_is_learnt_once(length: int) -> None:
    row = torch.tensor([9, *range(-20, -10), *range(20, 40), 9])
    items = Sequences(row, torch.tensor([0]), torch.tensor([len(row)]), -1, apart=True)
    rows = TokenRows(items, length, length // 2)
    parts = [rows[[i]][0] for i in range(len(rows))]
    learnt = [int(token) for part in parts for token in part[1:] if token >= 0]
    assert learnt == [*range(20, 40), 9] and max(map(len, parts)) <= length + 1
    assert all(len(part) > length // 2 + 1 for part in parts)


def test_both_ways_of_giving_dialogues_are_one(base: Any) -> None:
    messages = [[{"role": "user", "content": a}, {"role": "assistant", "content": b}] for a, b in PAIRS]
    assert torch.equal(base.codec_.encode(messages).stream, base.codec_.encode(PAIRS).stream)
    behind = [*messages[0], {"role": "user", "content": "cat"}]  # which nobody answers
    assert torch.equal(base.codec_.encode([behind]).stream, base.codec_.encode([messages[0]]).stream)


def test_token_values_keep_their_type_when_not_learnt() -> None:
    codec = TextCodec()
    codec.fit([("".join(map(chr, range(0x4E00, 0x4E00 + (1 << 15) - 7))), "x")])
    assert codec.spec_.channels == (1 << 15) and codec.encode([("x", "x")]).stream.dtype == torch.int32
    codec.fit([("".join(map(chr, range(0x4E00, 0x4E00 + (1 << 15) - 8))), "x")])
    codes = codec.encode([(codec.tokenizer_.decode([codec.tokenizer_.size - 1]), "x")])
    assert codes.stream.dtype == torch.int16 and -2 - codes.stream[2] == codec.tokenizer_.size - 1


class TestFineTuning:
    @pytest.mark.parametrize("settings", [{}, {"lora": 4}], ids=["full", "lora"])
    def test_learns_to_answer(self, base: Any, settings: dict[str, Any], tmp_path: Path) -> None:
        model = base.finetune(PAIRS, **{**TUNING, **settings}, out=tmp_path / "run")
        score = model.score(PAIRS)
        assert score > base.score(PAIRS) + 3
        loaded = zh.load(tmp_path / "run")
        assert loaded.score(PAIRS) == pytest.approx(score, abs=1e-5)
        assert loaded.base_["steps"] == 40 and loaded.base_["run"] == base.run_ and loaded.width == 16
        assert "Fine-tuned from" in (tmp_path / "run" / "README.md").read_text()
        if not settings:
            assert [loaded.answer(prompt, temperature=0.0) for prompt, _ in PAIRS] == [answer for _, answer in PAIRS]

    def test_a_few_steps_teach_whatever_the_warm_up(self) -> None:
        """While a warm-up took 100 steps in any case, 20 steps taught nothing: 35 nats an answer instead of 9."""
        poems = ["the cat sat on the mat.", "a rat ran at the cat!", "the mat is on the cat?"] * 50
        pairs = [("the cat", "sat on the mat."), ("a rat", "ran at the cat!")] * 20
        bits, nats = [], []
        for steps in (100, 3):
            base = zh.GPT(
                width=64,
                layers=2,
                heads=2,
                context=32,
                max_steps=60,
                warmup_steps=steps,
                random_state=0,
                device="cpu",
                precision="float32",
            ).fit(poems)
            bits.append(base.bits_per_byte(poems[:3]))
            nats.append(-base.finetune(pairs, max_steps=20).score_samples(pairs[:1])[0])
        assert bits[0] < 1.1 * bits[1] and bits[1] < 1.6
        assert nats[0] < nats[1] + 2 and nats[1] < 14

    def test_lora_trains_nothing_else(self, base: Any) -> None:
        model = base.finetune(PAIRS, **{**TUNING, "max_steps": 3, "ema_decay": 0.0, "lora": 2})
        before, after = base.nets_.state_dict(), model.nets_.state_dict()
        assert list(before) == list(after)
        for name in before:
            linear = ".blocks." in name and name.endswith(("qkv.weight", "out.weight", "inner.weight", "outer.weight"))
            change = (after[name] - before[name]).float()
            assert bool(change.any()) == linear, name
            assert not linear or torch.linalg.matrix_rank(change, rtol=1e-4) <= 2

    def test_lora_needs_a_model_to_begin_from(self) -> None:
        with pytest.raises(ZaohuaError, match="lora= needs a trained model"):
            zh.GPT(**SETTINGS, lora=2).fit([TEXT])

    def test_the_base_stays_as_it_was(self, base: Any) -> None:
        before = {name: t.clone() for name, t in base.nets_.state_dict().items()}
        base.finetune(PAIRS, **{**TUNING, "max_steps": 2})
        assert all(torch.equal(t, before[name]) for name, t in base.nets_.state_dict().items()) and not base.apart_

    @pytest.mark.parametrize("lora", [0, 2])
    @pytest.mark.parametrize("at", [2, 6])
    def test_resumes_bit_for_bit(self, base: Any, tmp_path: Path, lora: int, at: int) -> None:
        settings = {**TUNING, "max_steps": 10, "checkpoint_every": 4, "log_every": 2, "lora": lora, "dropout": 0.2}
        base.finetune(PAIRS, out=tmp_path / "whole", **settings)
        with pytest.raises(Killed):
            base.finetune(PAIRS, out=tmp_path / "run", callbacks=[at_step(at, kill)], **settings)
        stored = json.loads((tmp_path / "run" / "model.json").read_text())
        model = zh.GPT(**{**stored["parameters"], "stop": ()})
        model.resume(tmp_path / "run", PAIRS)
        assert ending(tmp_path / "run") == ending(tmp_path / "whole")

    def test_without_a_checkpoint_the_base_must_be_there(self, base: Any, tmp_path: Path) -> None:
        base.save(tmp_path / "base")
        copy = zh.load(tmp_path / "base")
        with pytest.raises(Killed):
            copy.finetune(PAIRS, out=tmp_path / "run", callbacks=[at_step(1, kill)], **TUNING)
        shutil.rmtree(tmp_path / "base")
        with pytest.raises(ZaohuaError, match="no run at .*base"):
            zh.GPT(**SETTINGS).resume(tmp_path / "run", PAIRS)

    def test_a_fine_tuned_run_keeps_its_encoding(self, base: Any, tmp_path: Path) -> None:
        tuned = base.finetune(PAIRS, out=tmp_path / "run", max_steps=1)
        other = zh.GPT(**{**tuned.get_params(deep=False), "codec": None, "max_steps": 2}, vocabulary=300)
        with pytest.raises(ZaohuaError, match=r"\(vocabulary 4096 -> 300\): a run keeps its encoding"):
            other.resume(tmp_path / "run", PAIRS)

    def test_what_does_not_fit_is_said(self, base: Any) -> None:
        with pytest.raises(ZaohuaError, match="leave the fields that determine them"):
            base.finetune(PAIRS, width=32)
        with pytest.raises(ZaohuaError, match="unknown setting of GPT: 'max_step'; did you mean 'max_steps'"):
            base.finetune(PAIRS, max_step=3)
        for option in ({"tokenizer": "bpe"}, {"codec": zh.TextCodec(tokenizer="bpe")}):
            with pytest.raises(ZaohuaError, match=f"{next(iter(option))}= can't be given: a fine-tuned model keeps"):
                base.finetune(PAIRS, **option)
        with pytest.raises(ZaohuaError, match=r"item 1: the character 'é' \(number 0 of a text\)"):
            base.finetune([PAIRS[0], ("é", "x")])
        with pytest.raises(ZaohuaError, match="without labels"):
            base.finetune(PAIRS, [1, 2, 3])

    @pytest.mark.parametrize(
        "data",
        [
            [{"prompt": a, "answer": b} for a, b in PAIRS],
            [[a, b] for a, b in PAIRS],
            [{"conversations": [{"from": "human", "value": a}, {"from": "gpt", "value": b}]} for a, b in PAIRS],
        ],
        ids=["records", "lists", "sharegpt"],
    )
    def test_on_what_lists_hold(self, base: Any, data: Any) -> None:
        """A list of dicts and a list of lists were "a list, which can't be learnt from"."""
        model = base.finetune(data, **{**TUNING, "max_steps": 2}, stop="x")
        assert model.score(PAIRS) == pytest.approx(base.finetune(PAIRS, **{**TUNING, "max_steps": 2}).score(PAIRS))
        assert model.stop == "x" and model.apart_

    def test_what_is_longer_than_the_context_is_said(self, base: Any) -> None:
        with pytest.warns(
            DataNote, match="1 of 2 dialogues are longer than the context of 32 tokens: learnt in parts that"
        ):
            base.finetune([PAIRS[0], ("the cat", "a mat " * 9)], **{**TUNING, "max_steps": 1})
        with pytest.warns(DataNote, match="the prompt is longer than the context: only its last 32 tokens are read"):
            base.sample(prompt="the cat " * 9, max_tokens=2)
        with pytest.warns(DataNote, match="300 tokens of texts are few for a context of 32"):
            zh.GPT(**SETTINGS, max_steps=1).fit([TEXT[:298]])

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ([["a", "b", "c"]], "can't learn from a list of list: give .* or a list of texts or dialogues$"),
            ([{"body": 1}], "can't learn from a list of dict: give .* or a list of texts or dialogues$"),
            ([{"role": "user", "content": "a"}], r"one dialogue: give a list of them, \[dialogue\]"),
            ([{"prompt": "a", "answer": "b"}, {"prompt": "a"}], "item 1: has a prompt, but no answer"),
        ],
    )
    def test_lists_of_other_things(self, base: Any, data: Any, message: str) -> None:
        with pytest.raises(ZaohuaError, match=message):
            base.finetune(data)

    @pytest.mark.parametrize(
        ("item", "message"),
        [
            ([{"role": "user", "content": "a"}], "item 0: no message is the assistant's"),
            ([{"role": "bot", "content": "a"}], "item 0: message 1 needs a role"),
            ([{"role": "user"}], "item 0: message 1 needs a role"),
            (3, "item 1 is neither a text nor a dialogue, but an int"),
        ],
    )
    def test_no_dialogues(self, base: Any, item: Any, message: str) -> None:
        with pytest.raises(ZaohuaError, match=message):
            base.finetune([PAIRS[0], item] if item == 3 else [item])

    def test_any_model_with_networks_can_be_fine_tuned(self) -> None:
        images, _ = zh.read("digits")
        model = zh.VAE(**zh.VAE.tiny, random_state=0, device="cpu").fit(images[:50])
        again = model.finetune(images[50:80], max_steps=1, learning_rate=1e-9, ema_decay=0.0)
        assert again.n_steps_ == 1 and again.max_steps == 1
        for a, b in zip(model.nets_.state_dict().values(), again.nets_.state_dict().values(), strict=True):
            assert torch.allclose(a, b, atol=1e-6)


class TestChat:
    def test_answers_the_last_message(self, tuned: Any) -> None:
        said = [{"role": "user", "content": "the cat"}]
        assert tuned.chat(said, temperature=0.0) == tuned.answer("the cat", temperature=0.0) == "a mat"
        pieces = list(tuned.chat_stream(said, temperature=0.0))
        assert "".join(pieces) == "a mat" and len(pieces) > 1
        assert tuned.answer("the cat", temperature=0.0, stop=["ma"]) == "a "

    def test_takes_a_text_or_messages(self, tuned: Any) -> None:
        said = [{"role": "user", "content": "the cat"}]
        for messages in (said, "the cat", [{"from": "human", "value": "the cat"}]):
            assert tuned.answer(messages, temperature=0.0) == "a mat"
            assert "".join(tuned.chat_stream(messages, temperature=0.0)) == "a mat"
        assert tuned.answer("the cat", temperature=0.0, stop=" m") == "a"
        for wrong, message in ((["a", "b"], "a dialogue must be a list of messages"), (5, "not 5"), ([], "not \\[\\]")):
            with pytest.raises(ZaohuaError, match=message):
                tuned.answer(wrong)

    def test_what_a_tool_said_is_answered(self, tuned: Any) -> None:
        said = [{"role": "user", "content": "the"}, {"role": "tool", "content": "cat"}]
        assert isinstance(tuned.chat(said), str)

    def test_is_the_same_for_the_same_seed(self, tuned: Any) -> None:
        answers = {seed: tuned.answer("cat", temperature=3.0, random_state=seed) for seed in range(4)}
        assert len(set(answers.values())) > 1
        assert answers == {seed: tuned.answer("cat", temperature=3.0, random_state=seed) for seed in range(4)}

    def test_forgets_the_oldest_when_the_context_is_full(self, tuned: Any) -> None:
        codec, said = tuned.codec_, CHAT[1:] * 4
        opening = tuned.asking([CHAT[0], *said, {"role": "user", "content": "the cat"}])
        assert len(opening) <= tuned.context - tuned.max_tokens and opening[-1] == codec.end_ + 2
        text = codec.tokenizer_.decode(token for token in opening if token < codec.tokenizer_.size)
        assert text.startswith("at") and text.endswith("the cat")  # what the system said stays
        long = tuned.asking([{"role": "user", "content": "the cat " * 9}])
        assert len(long) == 2 + 72 + 1  # alone it is kept whole: decoding reads the end of it

    def test_history_counts(self, tuned: Any) -> None:
        short, long = tuned.asking([CHAT[1]]), tuned.asking([*CHAT[1:3], CHAT[1]])
        assert long[-len(short) + 1 :] == short[1:] and len(long) > len(short)

    def test_who_learnt_no_dialogues_says_so(self, base: Any, tuned: Any) -> None:
        with pytest.raises(ZaohuaError, match=r"learnt texts, not dialogues.*finetune"):
            base.answer("the cat")
        with pytest.raises(ZaohuaError, match="the last message must be the user's"):
            tuned.chat(CHAT)
        assert issubclass(zh.CharRNN, TextModel)


@pytest.mark.parametrize(("name", "steps"), [("GPT", 150), ("CharRNN", 300)])
def test_trains_on_dialogues_from_scratch(name: str, steps: int) -> None:
    cls = getattr(zh, name)
    settings = {
        **cls.tiny,
        **TUNING,
        "max_steps": steps,
        "warmup_steps": 5,
        "learning_rate": 2e-2,
        "random_state": 0,
        "precision": "float32",
        "device": "cpu",
    }
    model = cls(**settings).fit(PAIRS)
    assert [model.answer(prompt, temperature=0.0) for prompt, _ in PAIRS] == [answer for _, answer in PAIRS]
    two = cls(**{**settings, "max_steps": 1, "validation_fraction": 0.1}).fit(PAIRS[:2])  # too few to hold some out
    assert not any("validation" in record for record in two.history_)
