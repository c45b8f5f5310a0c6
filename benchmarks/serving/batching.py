"""Requests that are computed together against the same ones one after another, in CPU seconds on one thread.

    python benchmarks/serving/batching.py                        # everything: about 5 CPU-minutes
    python benchmarks/serving/batching.py --only texts --requests 32

`texts`: GPTs of several sizes write 16 texts of 100 tokens after prompts of different lengths: with `sample`, one after
another, without a draft and in the way that it chooses by itself; and through the server's engine, all at once. Texts
that differ from those made alone are counted. `prompt`: how long the others wait for their next token while a prompt of
a full context is read. `pictures`: single pictures of a `Flow`, one after another and at once. The networks aren't
trained, since that doesn't change their speed, except that of drafts, which would guess better.

The process's CPU time is measured, all threads together, so that other programs on the machine matter little; the
HTTP around an engine isn't in it.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch
from torch import nn

from zaohua.families.autoregressive import tokens as token_models
from zaohua.serving.engines.engine import ModelEngine
from zaohua.serving.settings import Settings
from zaohua.serving.work import ItemsWork, TextWork

T = TypeVar("T")
TEXT = "".join(chr(32 + (7 * i * i + i // 5) % 90) for i in range(20_000))
SIZES: dict[str, dict[str, Any]] = {
    "1.0 M": {"width": 128, "layers": 5, "heads": 4},
    "4.8 M": {"width": 256, "layers": 6, "heads": 4},
    "5.8 M": {"width": 256, "layers": 6, "heads": 4, "vocabulary": 2048},
    "10.7 M": {"width": 384, "layers": 6, "heads": 6},
}
"""The third has a vocabulary of 2,048, whose sampling counts."""


def gpt(width: int, layers: int, heads: int, vocabulary: int | None = None) -> Any:
    """A GPT with random weights, whose next tokens are neither sure nor all alike."""
    options: dict[str, Any] = {"codec": zh.TextCodec(tokenizer="bytes")} if vocabulary else {}
    settings: dict[str, Any] = {"max_steps": 1, "batch_size": 1, "patience": None, "validation_fraction": 0.0}
    model: Any = zh.GPT(
        width=width, layers=layers, heads=heads, device="cpu", random_state=0, **settings, **options
    ).fit([TEXT])
    net = model.nets_["net"]
    if vocabulary:  # the tokens above those of bytes are computed, but never drawn
        net.head = nn.Linear(width, vocabulary, bias=False)
    model.codec_ = _without_end(model.codec_, net.head.out_features)
    torch.manual_seed(0)
    for name, p in net.named_parameters():
        if name.endswith(("out.weight", "outer.weight")):
            nn.init.normal_(p, std=0.3 * p.shape[1] ** -0.5)
        if name == "head.weight":
            nn.init.normal_(p, std=2 * p.shape[1] ** -0.5)
    net.requires_grad_(False)
    return model


def cpu(f: Callable[[], T]) -> tuple[float, T]:
    """The CPU seconds of a function, and its result."""
    began = time.process_time()
    result = f()
    return time.process_time() - began, result


def at_once(model: Any, ask: Callable[[ModelEngine], Awaitable[T]]) -> tuple[float, T]:
    """The CPU seconds in which an engine that is there already answers all requests, and the answers."""

    async def measured() -> tuple[float, T]:
        engine = ModelEngine("model", lambda: model, Settings())
        await engine.wait_loaded()
        await ask(engine)  # the first batch also decides on the number of threads
        began = time.process_time()
        result = await ask(engine)
        seconds = time.process_time() - began
        await engine.close()
        return seconds, result

    return asyncio.run(measured())


def least(rounds: int, *measure: Callable[[], tuple[float, Any]]) -> list[tuple[float, Any]]:
    """The least seconds of several ways, of rounds in which they take turns, and the last result of each."""
    found = [[each() for each in measure] for _ in range(rounds + 1)][1:]
    return [(min(each[0] for each in way), way[-1][1]) for way in zip(*found, strict=True)]


def texts(names: Sequence[str], requests: int, length: int, rounds: int) -> None:
    """Compare texts at once with texts one after another."""
    options = {"max_tokens": length, "temperature": 0.8}
    asked = [(TEXT[10 * i : 10 * i + 3 + i % 9], i) for i in range(requests)]
    print(
        "| weights | one after another, tokens/s | as `sample` chooses | at once | times | times of the best | equal |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in names:
        model = gpt(**SIZES[name])

        def alone(model: Any = model) -> list[str]:
            return [model.sample(1, prompt=p, random_state=seed, **options)[0] for p, seed in asked]

        async def write(engine: ModelEngine) -> list[str]:
            return list(await asyncio.gather(*(text(engine, TextWork(p, 1, seed, None, options)) for p, seed in asked)))

        def without_draft(alone: Callable[[], list[str]] = alone) -> tuple[float, list[str]]:
            draft_of, token_models.draft_of = token_models.draft_of, lambda *_, **__: None
            try:
                return cpu(alone)
            finally:
                token_models.draft_of = draft_of

        ways = (without_draft, functools.partial(cpu, alone), functools.partial(at_once, model, write))
        (plain, want), (chosen, _), (together, found) = least(rounds, *ways)
        same = sum(one == other for one, other in zip(found, want, strict=True))
        rate = requests * length
        print(
            f"| {name} | {rate / plain:,.0f} | {rate / chosen:,.0f} | {rate / together:,.0f} | {plain / together:.1f} "
            f"| {min(plain, chosen) / together:.1f} | {same} of {requests} |",
            flush=True,
        )


async def text(engine: ModelEngine, work: TextWork) -> str:
    """The text of a request, with its prompt."""
    return str(work.prompt) + "".join([piece.text async for piece in engine.write(work)])


def _without_end(codec: Any, vocabulary: int) -> Any:
    """A codec whose texts don't end by themselves, so that all are as long, for a network of a larger vocabulary."""

    class Endless(type(codec)):  # type: ignore[misc]  # the base is known when this runs
        @property
        def reserved_(self) -> list[int]:
            return list(range(self.end_, vocabulary))

    codec.__class__ = Endless
    return codec


def prompt() -> None:
    """Measure how long 16 rows wait for their next tokens while another's long prompt is read."""
    for name in ("4.8 M", "10.7 M"):
        model = gpt(**SIZES[name])

        async def write(engine: ModelEngine) -> tuple[float, float]:
            waits = list[float]()

            async def short(seed: int) -> None:
                last = None
                async for _ in engine.write(TextWork(TEXT[:3], 1, seed, None, {"max_tokens": 80})):
                    now = time.process_time()
                    waits.append(0.0 if last is None else now - last)
                    last = now

            async def long() -> None:
                await asyncio.sleep(0.05)
                async for _ in engine.write(TextWork(TEXT[:250], 1, 1, None, {"max_tokens": 2})):
                    pass

            await asyncio.gather(*(short(i) for i in range(16)), long())
            return float(np.median(waits)), max(waits)

        usual, longest = [at_once(model, write)[1] for _ in range(2)][1]
        print(f"{name}: a token each {1000 * usual:.1f} ms, at most {1000 * longest:.1f} ms while a prompt is read")


def pictures(requests: int, rounds: int) -> None:
    """Compare single pictures at once with one after another."""
    for size in (16, 28):
        x = np.random.default_rng(0).integers(0, 256, (32, size, size), np.uint8)
        model: Any = zh.Flow(max_steps=1, batch_size=4, device="cpu", precision="float32", random_state=0).fit(x)

        def alone(model: Any = model) -> list[Any]:
            return [model.sample(1, random_state=i)[0] for i in range(requests)]

        async def make(engine: ModelEngine) -> list[Any]:
            return [x[0] for x in await asyncio.gather(*(engine.make(ItemsWork(1, i)) for i in range(requests)))]

        ways = (functools.partial(cpu, alone), functools.partial(at_once, model, make))
        (plain, want), (together, found) = least(rounds, *ways)
        off = max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(found, want, strict=True))
        print(
            f"pictures of {size} x {size}: {1000 * plain / requests:.0f} ms one after another, "
            f"{1000 * together / requests:.0f} at once, {plain / together:.1f} times; levels differ by {off} at most",
            flush=True,
        )


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("texts", "prompt", "pictures"))
    parser.add_argument("--sizes", nargs="+", default=[*SIZES], choices=[*SIZES])
    parser.add_argument("--requests", type=int, default=16)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.only in (None, "texts"):
        texts(given.sizes, given.requests, given.length, given.rounds)
    if given.only in (None, "prompt"):
        prompt()
    if given.only in (None, "pictures"):
        pictures(given.requests, given.rounds)


if __name__ == "__main__":
    main()
