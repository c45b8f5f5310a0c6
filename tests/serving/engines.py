"""For the tests of serving: runs that are there already, their engines, and the texts that these write."""

from __future__ import annotations

import asyncio
import copy
import functools
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

import zaohua as zh
from tests.shaken import shaken
from zaohua.nn.blueprint import NAMED
from zaohua.nn.recurrent import Recurrent
from zaohua.nn.transformer import Transformer
from zaohua.serving.engines.engine import ModelEngine
from zaohua.serving.settings import Settings
from zaohua.serving.work import Piece, TextUsage, TextWork

RUNS = Path(__file__).parents[1] / "golden" / "runs"
T = TypeVar("T")


@functools.cache
def model(name: str) -> Any:
    """The model of a run, as somebody has it alone."""
    return zh.load(RUNS / name)


def with_network(kind: str) -> Any:
    """A model of bytes, without conditions, with an untrained network of some kind."""
    one = copy.copy(model("gpt-bytes"))
    torch.manual_seed(0)
    if kind in NAMED:
        net: Any = Transformer(one.spec_.channels, context=16, width=16, layers=2, heads=2, architecture=NAMED[kind])
    else:
        net = Recurrent(one.spec_.channels, width=16, layers=2, cell=kind)  # type: ignore[arg-type]  # a name from a list
    one.nets_ = nn.ModuleDict({"net": shaken(net, 1.0)}).eval()
    return one


@asynccontextmanager
async def engine(load: str | Any, **settings: Any) -> AsyncIterator[ModelEngine]:
    """An engine of a run, or of a model."""
    made = ModelEngine("model", lambda: zh.load(RUNS / load) if isinstance(load, str) else load, Settings(**settings))
    await made.wait_loaded()
    yield made
    await made.close()


async def pieces(made: ModelEngine, work: TextWork) -> tuple[list[Piece], TextUsage]:
    """The pieces of a request."""
    writing = made.write(work)
    return [piece async for piece in writing], writing.usage


async def texts(made: ModelEngine, work: TextWork, after: float = 0.0) -> list[str]:
    """The texts of a request, asked for some time later."""
    await asyncio.sleep(after)
    found, _ = await pieces(made, work)
    return ["".join(piece.text for piece in found if piece.index == i) for i in range(work.n)]


def run(task: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, which must come within a minute."""
    return asyncio.run(asyncio.wait_for(task, 60))
