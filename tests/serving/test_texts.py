"""Texts that are written with others are those that are written alone, to the letter."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from tests.serving.engines import engine, model, pieces, run, texts, with_network
from zaohua.core.errors import ZaohuaError
from zaohua.families.autoregressive import slots
from zaohua.serving.engines.jobs import Report, TextJob
from zaohua.serving.engines.texts import TextLane
from zaohua.serving.settings import Settings
from zaohua.serving.work import Full, ItemsWork, Piece, TextWork

LONG = {"max_tokens": 45}
"""More than twice the context of the models, so that rows are read again."""
MIXED: list[dict[str, Any]] = [
    {"prompt": "", "seed": 1},
    {"prompt": "a", "seed": 2, "options": {**LONG, "temperature": 0.0}},
    {"prompt": "a e ", "seed": 3, "n": 3, "options": {"max_tokens": 20}},
    {"prompt": "0" * 15, "seed": 4, "options": LONG},
    {"prompt": "c" * 16, "seed": 5, "options": {"temperature": 1.2, "top_k": 5}},
    {"prompt": "1" * 40, "seed": 6, "options": {"top_p": 0.5, **LONG}},
    {"prompt": "ar", "seed": 7, "options": {"repetition_penalty": 1.5, **LONG}},
    {"prompt": "ar", "seed": 8, "options": {"stop": ("a", "e"), **LONG}},
    {"prompt": "nu", "seed": 9, "n": 2, "options": {"min_p": 0.1}},
    {"prompt": "0", "seed": 10, "options": {"max_tokens": 1}},
    {"prompt": "0", "seed": 11, "options": {"temperature": 1e-300}},
]


def alone(one: Any, asked: Mapping[str, Any]) -> list[str]:
    """What a model writes by itself, without its prompt."""
    n, prompt, options = asked.get("n", 1), asked["prompt"], dict(asked.get("options", {}))
    found = one.sample(n, prompt=prompt, y=asked.get("y"), random_state=asked["seed"], **options)
    return [text.removeprefix(prompt) for text in found]


def together(one: Any, asked: list[dict[str, Any]], **settings: Any) -> list[list[str]]:
    """What an engine writes for requests that come one after another while others are being written."""

    async def all_of() -> list[list[str]]:
        async with engine(one, **settings) as made:
            works = [TextWork(**each) for each in asked]
            return await asyncio.gather(*(texts(made, work, 0.002 * i) for i, work in enumerate(works)))

    return run(all_of())


class TestSame:
    @pytest.mark.parametrize("kind", ["zaohua", "gpt2", "llama", "lstm"])
    def test_every_network(self, kind: str) -> None:
        one = with_network(kind)
        assert together(one, MIXED, slots=5) == [alone(one, each) for each in MIXED]

    @pytest.mark.parametrize("name", ["gpt", "char-rnn"])
    def test_conditions_given_and_drawn(self, name: str) -> None:
        drawn = [{**each, "options": {**each.get("options", {}), "guidance": 1.0}} for each in MIXED]
        given = [{**each, "y": f"class {'abc'[i % 3]}"} for i, each in enumerate(drawn)]
        asked = [each for pair in zip(given, drawn, strict=True) for each in pair]
        assert together(model(name), asked) == [alone(model(name), each) for each in asked]

    def test_guidance_and_beams(self) -> None:
        one = model("gpt")
        asked = [
            {"prompt": "a", "seed": 1, "y": "class a", "options": {"guidance": 2.0, **LONG}},
            {"prompt": "a", "seed": 1, "y": "class a", "options": {"guidance": 1.0, **LONG}},
            {"prompt": "a", "seed": 2, "options": {"beams": 3}},
            {"prompt": "", "seed": 2, "n": 2, "options": {"guidance": 3.0}},
        ]
        assert together(one, asked) == [alone(one, each) for each in asked]

    def test_integers(self) -> None:
        asked = [{**each, "options": {**each.get("options", {}), "int8": True}} for each in MIXED[:5]]
        assert together(model("gpt"), asked) == [alone(model("gpt"), each) for each in asked]

    def test_answers(self) -> None:
        one = model("gpt-chat")
        dialogues = [[{"role": "user", "content": text}] for text in ("hi", "", "what is it that you want")]
        found = together(one, [{"prompt": each, "seed": i, "options": LONG} for i, each in enumerate(dialogues)])
        assert found == [[one.chat(each, random_state=i, **LONG)] for i, each in enumerate(dialogues)]

    def test_middles(self) -> None:
        one, options = model("gpt-chat"), {"suffix": "yz", "max_tokens": 30}
        whole = one.sample(2, prompt="ab", random_state=3, **options)
        assert together(one, [{"prompt": "ab", "seed": 3, "n": 2, "options": options}]) == [
            [text.removeprefix("ab").removesuffix("yz") for text in whole]
        ]

    def test_items(self) -> None:
        async def made() -> Any:
            async with engine("gpt") as one:
                works = [ItemsWork(3, 1, "class b", {"prompt": "a"}), ItemsWork(1, 1, None, {"stop": "e"})]
                return await asyncio.gather(*map(one.make, works))

        one = model("gpt")
        assert run(made()) == [
            list(one.sample(3, y="class b", random_state=1, prompt="a")),
            list(one.sample(1, random_state=1, stop="e")),
        ]

    def test_tokens_as_prompts(self) -> None:
        one = model("gpt")
        tokens = one.codec_.tokenizer_.encode("a e").tolist()
        assert together(one, [{"prompt": tokens, "seed": 1}]) == [alone(one, {"prompt": "a e", "seed": 1})]


def test_pieces_hold_whole_letters_and_nothing_of_a_stop() -> None:
    async def found() -> Any:
        async with engine("gpt-bytes") as made:
            return await pieces(made, TextWork("", 2, 1, None, {"max_tokens": 60, "stop": ("e",)}))

    parts, usage = run(found())
    ends = [piece.finish for piece in parts if piece.finish]
    assert len(ends) == 2 and set(ends) <= {"stop", "length"}
    assert not any("e" in piece.text for piece in parts) and 2 <= usage.written <= 120 and usage.prompt == 1
    for i in range(2):
        whole = "".join(piece.text for piece in parts if piece.index == i)
        assert whole == model("gpt-bytes").sample(2, random_state=1, max_tokens=60, stop=("e",))[i]


def test_chances_are_those_of_the_model() -> None:
    one, options = model("gpt"), {"max_tokens": 5, "temperature": 0.1, "guidance": 1.0}

    async def found() -> Any:
        async with engine("gpt") as made:
            work = TextWork("a e " * 6, 1, 1, "class a", options, top_logprobs=3, echo=True)
            return await pieces(made, work)

    parts, usage = run(found())
    assert usage.notes == ("the prompt is longer than the context: only its last 16 tokens are read",)
    tokens = [token for piece in parts for token in piece.tokens]
    text = "".join(token.text for token in tokens)
    assert text == "".join(piece.text for piece in parts) and text.startswith("a e " * 6)
    assert len(tokens) == 24 + usage.written and usage.prompt == 25
    known = [-nats for _, nats in one.surprisals("a e " * 6, "class a")][:-1]
    np.testing.assert_allclose([token.logprob for token in tokens[:24]], known, atol=1e-4)
    for token in tokens:
        assert token.logprob is not None and len(token.top) == 3
        assert token.top[0][1] == max(value for _, value in token.top) >= token.logprob - 1e-6


def test_a_prompt_can_be_measured_without_writing() -> None:
    async def found() -> Any:
        async with engine("gpt") as made:
            work = TextWork("a e", 1, 1, "class a", {"max_tokens": 0, "guidance": 1.0}, top_logprobs=1, echo=True)
            return (await pieces(made, work))[0], made.running + made.waiting

    (piece,), left = run(found())
    assert (piece.text, piece.finish, len(piece.tokens), left) == ("a e", "length", 3, 0)


def test_bias_and_penalties() -> None:
    one = model("gpt")
    best = one.codec_.tokenizer_.encode("u").tolist()[0]

    async def found() -> Any:
        greedy = {"temperature": 0.0, "max_tokens": 8}
        async with engine("gpt") as made:
            asked = [
                TextWork("a", 1, 1, "class a", greedy, bias={best: 100.0}),
                TextWork("a", 1, 1, "class a", greedy, bias={best: 100.0}, presence_penalty=110.0),
                TextWork("a", 1, 1, "class a", greedy, bias={best: 100.0}, frequency_penalty=30.0),
                TextWork("a", 1, 1, "class a", greedy),
            ]
            return [text for (text,) in await asyncio.gather(*(texts(made, work) for work in asked))]

    biased, present, frequent, plain = run(found())
    assert biased == "u" * 8
    assert present[0] == "u" and "u" not in present[1:]
    assert frequent.startswith("uuu") and frequent.count("u") < 8
    assert plain == alone(one, {"prompt": "a", "seed": 1, "y": "class a", "options": {"temperature": 0.0}})[0]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"prompt": "€"}, "€"),
        ({"prompt": [10**9]}, "1000000000"),
        ({"prompt": "a", "bias": {10**9: 1.0}}, "logit_bias"),
        ({"prompt": "a", "options": {"sugar": 1}}, "sugar"),
        ({"prompt": "a", "options": {"temperature": -1.0}}, "temperature"),
        ({"prompt": "a", "y": "class z"}, "class z"),
        ({"prompt": [{"role": "user", "content": "a"}]}, "dialogues"),
        ({"prompt": "a", "options": {"suffix": "b"}}, "suffix"),
    ],
)
def test_what_cannot_be_done_is_told_and_harms_nobody(asked: dict[str, Any], named: str) -> None:
    async def found() -> Any:
        async with engine("gpt") as made:
            other = asyncio.ensure_future(texts(made, TextWork("a", 1, 3, None, {"max_tokens": 30})))
            with pytest.raises(ZaohuaError, match=named):
                await pieces(made, TextWork(**asked))
            return await other, made.running, made.waiting

    assert run(found()) == (alone(model("gpt"), {"prompt": "a", "seed": 3, "options": {"max_tokens": 30}}), 0, 0)


def test_an_error_of_the_network_ends_the_texts_and_not_the_engine(monkeypatch: Any) -> None:
    plain = with_network("lstm")
    step = plain.nets_["net"].step

    def breaks(tokens: torch.Tensor, state: Any) -> torch.Tensor:
        if (tokens == ord("u")).any():
            raise RuntimeError("out of letters")
        return step(tokens, state)

    async def found() -> Any:
        async with engine(plain) as made:
            monkeypatch.setattr(plain.nets_["net"], "step", breaks)
            with pytest.raises(RuntimeError, match="out of letters"):
                await texts(made, TextWork("au", 2, 1))
            monkeypatch.undo()
            return await texts(made, TextWork("a", 1, 1)), made.running, made.waiting

    assert run(found()) == (alone(plain, {"prompt": "a", "seed": 1}), 0, 0)


def test_a_fault_of_the_engine_itself_is_told_to_all_who_wait(monkeypatch: Any) -> None:
    def broken(*_: object) -> None:
        raise IndexError("a fault")

    async def found() -> Any:
        async with engine("gpt", slots=2) as made:
            monkeypatch.setattr(TextLane, "_write", broken)
            asked = [texts(made, TextWork("a", 3, 1)), texts(made, TextWork("a", 1, 1)), made.make(ItemsWork(2, 1))]
            errors = await asyncio.gather(*asked, return_exceptions=True)
            monkeypatch.undo()
            return errors, await texts(made, TextWork("a", 1, 1)), made.running, made.waiting

    errors, text, *left = run(found())
    assert [type(error) for error in errors] == [IndexError] * 3 and left == [0, 0]
    assert text == alone(model("gpt"), {"prompt": "a", "seed": 1})


def test_a_row_that_nobody_wants_leaves_in_the_next_step() -> None:
    lane, report = TextLane(with_network("zaohua"), Settings(slots=3)), Report()
    jobs = [TextJob(TextWork("a", 2, 1), lambda _: None), TextJob(TextWork("a", 3, 2), lambda _: None)]
    for job in jobs:
        lane.add(job)
    lane.step(report)
    assert (report.admitted, report.finished) == (3, 0)
    jobs[0].cancelled = True
    lane.step(report)
    assert (report.admitted, report.finished) == (5, 2)
    jobs[1].cancelled = True
    lane.step(report)
    assert (report.admitted, report.finished, lane.busy) == (5, 5, False)


def test_a_long_prompt_is_read_while_others_are_written(monkeypatch: Any) -> None:
    monkeypatch.setattr(slots, "AT_ONCE", 4)
    one, given = with_network("zaohua"), list[tuple[str, Piece]]()
    lane, report = TextLane(one, Settings()), Report()
    lane.add(TextJob(TextWork("a", 1, 1), lambda _: None))
    lane.step(report)
    report.taken()
    lane.add(TextJob(TextWork("bcdefghijklm", 1, 2), lambda _: None))
    while lane.busy:
        lane.step(report)
        given += [(job.work.prompt, piece) for job, piece in report.taken()]
    first = [prompt for prompt, _ in given].index("bcdefghijklm")
    assert first >= 2 and {prompt for prompt, _ in given[:first]} == {"a"}
    for prompt, seed in (("a", 1), ("bcdefghijklm", 2)):
        later = "".join(piece.text for asked, piece in given if asked == prompt)
        assert alone(one, {"prompt": prompt, "seed": seed})[0].endswith(later)


def test_the_time_to_wait_is_measured() -> None:
    async def found() -> int:
        async with engine("gpt", queue=4) as made:
            await made.call(lambda _: time.sleep(0.5))
            held = [made.write(TextWork("a")) for _ in range(4)]
            with pytest.raises(Full) as full:
                made.write(TextWork("a", 3))
            for writing in held:
                writing.close()
            return full.value.retry_after

    assert 2 <= run(found()) <= 4  # three times half a second


class TestQueue:
    def test_full(self) -> None:
        async def found() -> Any:
            async with engine("gpt", slots=2, queue=6) as made:
                held = [made.write(TextWork("a", 2, 1)) for _ in range(3)]
                with pytest.raises(Full) as full:
                    made.write(TextWork("a"))
                with pytest.raises(Full):
                    await made.make(ItemsWork(1))
                with pytest.raises(Full):
                    await made.call(lambda model: 1)
                assert 1 <= full.value.retry_after <= 120
                for writing in held:
                    assert len([piece async for piece in writing if piece.finish]) == 2
                return made.running, made.waiting, await texts(made, TextWork("a", 1, 1))

        running, waiting, text = run(found())
        assert (running, waiting, text) == (0, 0, alone(model("gpt"), {"prompt": "a", "seed": 1}))

    @pytest.mark.parametrize("how", ["close", "break", "cancel", "forget"])
    def test_rows_that_nobody_wants_are_free_at_once(self, how: str) -> None:
        endless = {"max_tokens": 100_000, "stop": ("no letter",)}
        never = {model("gpt").codec_.end_: -math.inf}

        async def reads(made: Any) -> None:
            async for _ in made.write(TextWork("a", 2, 1, None, endless, never)):
                if how == "break":
                    break

        async def found() -> Any:
            async with engine("gpt", slots=2) as made:
                if how in ("close", "forget"):
                    writing = made.write(TextWork("a", 2, 1, None, endless, never))
                    await asyncio.sleep(0.05)
                    if how == "close":
                        writing.close()
                    del writing
                else:
                    task = asyncio.ensure_future(reads(made))
                    await asyncio.sleep(0.05)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                return await texts(made, TextWork("a", 1, 1)), made.running, made.waiting

        assert run(found()) == (alone(model("gpt"), {"prompt": "a", "seed": 1}), 0, 0)

    def test_closing_finishes_what_was_accepted(self) -> None:
        async def found() -> Any:
            async with engine("gpt", slots=2) as made:
                held = [made.write(TextWork("a", 1, i)) for i in range(4)]
                await made.close()
                with pytest.raises(Full):
                    made.write(TextWork("a"))
                return [["".join([piece.text async for piece in writing])] for writing in held]

        assert run(found()) == [alone(model("gpt"), {"prompt": "a", "seed": i}) for i in range(4)]
