"""Models and engines of tests that do as they are told, also wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from zaohua.core.errors import ZaohuaError
from zaohua.serving.work import Engine, Full, ItemsWork, ModelCard, Piece, TextUsage, TextWork, TokenChance

ResultT = TypeVar("ResultT")
LETTERS = "abcdefgh"


class Script:
    """Texts of letters; each is a letter further on than the one before."""

    def __init__(self, engine: FakeEngine, work: TextWork) -> None:
        self.engine, self.work, self.closed = engine, work, False
        self.usage = TextUsage(len(work.prompt), 0)

    def close(self) -> None:
        self.closed = True

    async def __aiter__(self) -> AsyncIterator[Piece]:
        if self.engine.refuses is not None:
            raise self.engine.refuses
        for place, piece in enumerate(self._pieces()):
            await asyncio.sleep(0)
            if place == self.engine.breaks_after:
                raise RuntimeError("a secret of the server")
            self.usage = TextUsage(self.usage.prompt, self.usage.written + bool(piece.text))
            yield piece

    def _pieces(self) -> Iterator[Piece]:
        length = self.work.options.get("max_tokens", 5)
        assert isinstance(length, int)
        if self.work.echo:
            for index in range(self.work.n):
                yield Piece(index, str(self.work.prompt), self._told(str(self.work.prompt), None))
        for step in range(length):
            for index in range(self.work.n):
                letter = LETTERS[((self.work.seed or 0) + index + step) % len(LETTERS)]
                yield Piece(index, letter, self._told(letter, -1.0 - index))
        for index in range(self.work.n):
            yield Piece(index, "", (), "stop" if "stop" in self.work.options else "length")

    def _told(self, letter: str, logprob: float | None) -> tuple[TokenChance, ...]:
        if self.work.top_logprobs is None:
            return ()
        top = (("x", float("-inf")), ("y", -2.0))[: self.work.top_logprobs]
        return (TokenChance(letter, logprob, top),)


@dataclass
class FakeEngine:
    """Engine that writes letters, and computes at once with the model that it is given.

    Attributes:
        model: what items are made with.
        full: whether it refuses all work.
        refuses: what the writing of a text raises before its first piece.
        breaks_after: number of pieces after which the writing of a text breaks off.
        works: the work that was asked for.
        scripts: the writings.
    """

    model: Any = None
    full: bool = False
    refuses: Exception | None = None
    breaks_after: int | None = None
    works: list[TextWork | ItemsWork] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    running: int = 0
    waiting: int = 0
    load_seconds: float = 0.0

    def watch(self, seen: Callable[[int], None]) -> None:
        pass

    def write(self, work: TextWork) -> Script:
        if self.full:
            raise Full(7)
        self.works.append(work)
        self.scripts.append(Script(self, work))
        return self.scripts[-1]

    async def make(self, work: ItemsWork) -> Any:
        if self.full:
            raise Full(7)
        self.works.append(work)
        return self.model.sample(work.n, y=work.y, random_state=work.seed, **work.options)

    async def call(self, function: Callable[[Any], ResultT], size: int = 1) -> ResultT:
        if self.full:
            raise Full(7)
        return function(self.model)


@dataclass
class FakeShelf:
    """Shelf of engines by the ids of their models; those without one can't be loaded, which is counted."""

    cards: Mapping[str, ModelCard]
    engines: Mapping[str, FakeEngine]
    ready: bool = True
    failed: int = 0

    @property
    def loaded(self) -> Mapping[str, Engine]:
        return self.engines

    async def start(self) -> None:
        pass

    async def engine(self, model: str) -> Engine:
        if model not in self.engines:
            self.failed += 1
            raise ZaohuaError("/runs/lost: no weights")
        return self.engines[model]

    async def close(self) -> None:
        pass


def text_card(name: str, *tasks: str) -> ModelCard:
    """Card of a model of texts that has some tasks beside writing."""
    capabilities = frozenset({"sample", "score_samples", "stream", *tasks})
    options = {"temperature": 0.8, "top_p": 1.0, "top_k": 0, "max_tokens": 5, "melody": ""}
    return ModelCard(name, "GPT", "texts", 1, capabilities, options=options, facts={"vocabulary": 100})
