"""Served models that count what they do, for the metrics."""

from __future__ import annotations

import time
import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from zaohua.serving.operation.metrics import Metrics
from zaohua.serving.state import VISIT
from zaohua.serving.work import Engine, ItemsWork, ModelCard, Piece, ResultT, Shelf, TextUsage, TextWork, Writing

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel


class MeteredShelf:
    """A shelf whose engines count their work, and that notes which model the present request asks for."""

    def __init__(self, shelf: Shelf, metrics: Metrics) -> None:
        self.shelf, self.metrics = shelf, metrics
        self._seen: dict[str, weakref.ref[Engine]] = {}  # the engine of each model that is watched
        metrics.loaded.set_function(lambda: len(shelf.loaded))
        for model in shelf.cards:
            metrics.running.labels(model).set_function(partial(_running, shelf, model))
            metrics.waiting.labels(model).set_function(partial(_waiting, shelf, model))

    @property
    def cards(self) -> Mapping[str, ModelCard]:
        """See `Shelf`."""
        return self.shelf.cards

    @property
    def ready(self) -> bool:
        """See `Shelf`."""
        return self.shelf.ready

    @property
    def loaded(self) -> Mapping[str, Engine]:
        """See `Shelf`."""
        return self.shelf.loaded

    async def start(self) -> None:
        """See `Shelf`."""
        await self.shelf.start()

    async def close(self) -> None:
        """See `Shelf`."""
        await self.shelf.close()

    async def engine(self, model: str) -> Engine:
        """Return the engine of a model, which counts what it does."""
        if model in self.cards and (visit := VISIT.get(None)) is not None:
            visit.model = model
        engine = await self.shelf.engine(model)
        seen = self._seen.get(model)
        if seen is None or seen() is not engine:
            self._seen[model] = weakref.ref(engine)
            engine.watch(self.metrics.rows.labels(model).observe)
            self.metrics.loading.labels(model).observe(engine.load_seconds)
        return MeteredEngine(engine, model, self.metrics)


class MeteredEngine:
    """An engine that counts tokens, items, and seconds."""

    def __init__(self, engine: Engine, model: str, metrics: Metrics) -> None:
        self.engine, self.model, self.metrics = engine, model, metrics

    @property
    def running(self) -> int:
        """See `Engine`."""
        return self.engine.running

    @property
    def waiting(self) -> int:
        """See `Engine`."""
        return self.engine.waiting

    @property
    def load_seconds(self) -> float:
        """See `Engine`."""
        return self.engine.load_seconds

    def watch(self, seen: Callable[[int], None]) -> None:
        """See `Engine`."""
        self.engine.watch(seen)

    def write(self, work: TextWork) -> Writing:
        """Write texts, and count their tokens."""
        return MeteredWriting(self.engine.write(work), self, work.n)

    async def make(self, work: ItemsWork) -> Any:
        """Make items, and count them."""
        items = await self.engine.make(work)
        self.metrics.items.labels(self.model).inc(work.n)
        return items

    async def call(self, function: Callable[[GenerativeModel], ResultT], size: int = 1) -> ResultT:
        """See `Engine`."""
        return await self.engine.call(function, size)


class MeteredWriting:
    """Texts that are being written, whose tokens are counted once."""

    def __init__(self, writing: Writing, engine: MeteredEngine, n: int) -> None:
        self.writing, self.engine, self.n = writing, engine, n
        self.since, self.first, self.counted = time.perf_counter(), 0.0, False

    @property
    def usage(self) -> TextUsage:
        """See `Writing`."""
        return self.writing.usage

    async def __aiter__(self) -> AsyncIterator[Piece]:
        """See `Writing`."""
        metrics, model = self.engine.metrics, self.engine.model
        async for piece in self.writing:
            if not self.first:
                self.first = time.perf_counter()
                metrics.first.labels(model).observe(self.first - self.since)
            yield piece
        self._count()

    def close(self) -> None:
        """Stop the writing, and count what was written of it."""
        self.writing.close()
        self._count()

    def _count(self) -> None:
        """Count the tokens, once."""
        if self.counted:
            return
        self.counted = True
        metrics, model, usage = self.engine.metrics, self.engine.model, self.usage
        metrics.prompt.labels(model).inc(usage.prompt)
        metrics.written.labels(model).inc(usage.written)
        each = usage.written / self.n
        if self.first and each > 1:
            metrics.token.labels(model).observe((time.perf_counter() - self.first) / (each - 1))


def _running(shelf: Shelf, model: str) -> int:
    engine = shelf.loaded.get(model)
    return 0 if engine is None else engine.running


def _waiting(shelf: Shelf, model: str) -> int:
    engine = shelf.loaded.get(model)
    return 0 if engine is None else engine.waiting
