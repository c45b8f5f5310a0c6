"""The served models: what is known of them at once, and which of them are loaded."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.memory import free_memory, in_units
from zaohua.core.notes import note
from zaohua.serving.engines.cards import card
from zaohua.serving.engines.engine import ModelEngine
from zaohua.serving.settings import Settings
from zaohua.serving.work import ModelCard


class Runs:
    """The runs that are served: loaded when first asked for, the least recently used given up for others.

    Args:
        runs: run folders, or published models.
        settings: the server's settings.
        preload: ids of the models to load at the start; None for the only one, if there is but one.

    Raises:
        ZaohuaError: a run holds no model, or there is none of a name to load at the start.
    """

    def __init__(self, runs: Sequence[str | Path], settings: Settings, preload: Sequence[str] | None = None):
        if not runs:
            raise ZaohuaError("there is nothing to serve: name a run")
        self.settings = settings
        self.memory = free_memory() // 2 if settings.memory is None else settings.memory
        self.paths = named(runs)
        self._cards = {name: card(name, path) for name, path in self.paths.items()}
        self._wanted = (list(self._cards) if len(runs) == 1 else []) if preload is None else list(preload)
        strange = next((name for name in self._wanted if name not in self._cards), None)
        if strange is not None:
            raise unknown("model", strange, self._cards, f"({option('preload')})")
        self._engines: dict[str, ModelEngine] = {}  # the least recently used first
        self._preloading: list[asyncio.Task[ModelEngine]] = []

    @property
    def cards(self) -> Mapping[str, ModelCard]:
        """Card of each model by its id, in the order in which they were given."""
        return self._cards

    @property
    def ready(self) -> bool:
        """Whether the models that are loaded at the start are there."""
        return all(name in self._engines and self._engines[name].loaded for name in self._wanted)

    @property
    def loaded(self) -> Mapping[str, ModelEngine]:
        """Engine of each model that is in memory now, by its id."""
        return {name: engine for name, engine in self._engines.items() if engine.loaded}

    async def start(self) -> None:
        """Begin to load the models that are wanted at the start."""
        self._preloading = [asyncio.create_task(self.engine(name)) for name in self._wanted]
        for task in self._preloading:
            task.add_done_callback(_tell)

    async def engine(self, model: str) -> ModelEngine:
        """Return the engine of a model, which is loaded if it isn't there.

        Raises:
            KeyError: there is no such model.
            ZaohuaError: it can't be loaded.
        """
        path = self.paths[model]
        engine = self._engines.pop(model, None)
        if engine is None:
            engine = ModelEngine(model, functools.partial(_load, path), self.settings, _size(path))
        self._engines[model] = engine
        try:
            await self._make_room(model)
            await engine.wait_loaded()
            await self._make_room(model)  # what it takes besides its weights is known now
        except ZaohuaError:
            if self._engines.get(model) is engine:
                del self._engines[model]
            await engine.close()
            raise
        return engine

    async def _make_room(self, model: str) -> None:
        """Give up other engines until a model fits.

        Raises:
            ZaohuaError: it doesn't fit even alone.
        """
        while model in self._engines and sum(engine.size for engine in self._engines.values()) > self.memory:
            others = [name for name in self._engines if name != model]
            if not others:
                raise ZaohuaError(
                    f"{model} takes {in_units(self._engines[model].size)}, more than the {in_units(self.memory)} that "
                    f"models may take: allow more ({option('memory')}) or fewer texts at once ({option('slots')})"
                )
            idle = [name for name in others if not self._engines[name].running + self._engines[name].waiting]
            await self._engines.pop((idle or others)[0]).close()

    async def close(self) -> None:
        """Stop the engines after their present work."""
        for task in self._preloading:
            task.cancel()
        engines, self._engines = list(self._engines.values()), {}
        await asyncio.gather(*(engine.close() for engine in engines))


def _tell(task: asyncio.Task[ModelEngine]) -> None:
    """Tell of a model that can't be loaded at the start."""
    if not task.cancelled() and (error := task.exception()):
        note(str(error))


def named(runs: Sequence[str | Path]) -> dict[str, str | Path]:
    """Return the path of each model by its id: the folder's name, with a number behind it if there are several."""
    out: dict[str, str | Path] = {}
    for run in runs:
        name = first = Path(os.path.abspath(run)).name if Path(run).exists() else str(run).rpartition("/")[2]
        number = 1
        while name in out:
            number += 1
            name = f"{first}-{number}"
        if name != first:
            note(f"several runs are named {first}: {run} is served as {name}")
        out[name] = run
    return out


def _size(path: str | Path) -> int:
    """Return the bytes that a model takes at least: those of its weights."""
    place = Path(path)
    if place.is_file():
        return place.stat().st_size
    return sum(file.stat().st_size for file in place.glob("*.safetensors"))


def _load(path: str | Path) -> object:
    """Load a model, with everything that it needs."""
    from zaohua.storage.loading import load

    return load(path)
