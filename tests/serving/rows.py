"""Served models that take their time, and say how many rows are in work: what limits and aborts are tested on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from zaohua.serving.work import Full, ItemsWork, ModelCard, Piece, TextUsage, TextWork

ResultT = TypeVar("ResultT")


class RowWriting:
    """Texts of letters "a", one at each step of all texts."""

    def __init__(self, engine: RowEngine, work: TextWork) -> None:
        self.engine, self.work, self.usage = engine, work, TextUsage(len(work.prompt), 0)
        self.open = True
        engine.running += work.n

    def close(self) -> None:
        if self.open:
            self.open = False
            self.engine.running -= self.work.n

    async def __aiter__(self) -> AsyncIterator[Piece]:
        length = self.work.options.get("max_tokens", 5)
        assert isinstance(length, int)
        try:
            for step in range(length):
                await asyncio.sleep(self.engine.seconds)
                for index in range(self.work.n):
                    self.usage = TextUsage(self.usage.prompt, self.usage.written + 1)
                    yield Piece(index, self.engine.text, finish="length" if step == length - 1 else None)
        finally:
            self.close()


class RowEngine:
    """Engine of `seconds` a step."""

    def __init__(self, seconds: float, queue: int, text: str) -> None:
        self.seconds, self.queue, self.text = seconds, queue, text
        self.running = self.waiting = self.done = 0
        self.load_seconds = 0.0

    def watch(self, seen: Callable[[int], None]) -> None:
        pass

    def write(self, work: TextWork) -> RowWriting:
        if self.running + work.n > self.queue:
            raise Full(3)
        self.done += 1
        return RowWriting(self, work)

    async def make(self, work: ItemsWork) -> Any:
        raise NotImplementedError

    async def call(self, function: Callable[[Any], ResultT], size: int = 1) -> ResultT:
        raise NotImplementedError


class RowShelf:
    """A shelf with one such model, "letters", which is ready at once unless `ready` is set to False."""

    def __init__(self, seconds: float = 0.001, queue: int = 256, text: str = "a") -> None:
        self.one, self.ready, self.started, self.closed = RowEngine(seconds, queue, text), True, False, False
        options = {"temperature": 1.0, "max_tokens": 5}
        capabilities = frozenset({"sample", "score_samples", "stream"})
        card = ModelCard("letters", "GPT", "texts", 1, capabilities, options=options, facts={"vocabulary": 100})
        self.cards = {"letters": card}
        self.loaded = {"letters": self.one}

    async def start(self) -> None:
        self.started = True

    async def engine(self, model: str) -> RowEngine:
        return self.loaded[model]

    async def close(self) -> None:
        self.closed = True
