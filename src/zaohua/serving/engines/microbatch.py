"""Items of any kind: those of several requests are drawn together, and cut apart afterwards.

Every item has its own noise, so it is the same in any batch. Requests of equal options share one. Where conditions are
texts or records, a batch holds those of one request only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from torch import Tensor

from zaohua.core.hardware import ProductCounter
from zaohua.core.memory import in_chunks
from zaohua.core.noise import ItemNoise
from zaohua.core.record import Condition
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.tensors import to_cpu
from zaohua.modalities.condition_base import ConditionCodes
from zaohua.serving.engines.jobs import ItemsJob, Report
from zaohua.serving.settings import Settings


@dataclass(eq=False)
class Request:
    """A request that is being made.

    Attributes:
        job: the request.
        model: the model with its options.
        seeds: seed of each item.
        codes: conditions of the items; None if there are none, or they are to be drawn.
        key: what is equal for requests that can share a batch; None for those that can't.
        parts: tensors of the items that are made.
        made: number of these.
        admitted: whether its items count as being computed.
    """

    job: ItemsJob
    model: GenerativeModel
    seeds: list[int]
    codes: ConditionCodes | None
    key: object
    parts: list[Tensor] = field(default_factory=list)
    made: int = 0
    admitted: bool = False


class ItemsLane:
    """Makes items, a batch at a time.

    Args:
        model: the model.
        settings: the server's settings.
    """

    gathers = True

    def __init__(self, model: GenerativeModel, settings: Settings) -> None:
        self.model, self.settings = model, settings
        self._waiting: list[ItemsJob] = []
        self._begun: list[Request] = []
        self._decided = False

    @property
    def busy(self) -> bool:
        """Whether there is anything to make."""
        return bool(self._waiting or self._begun)

    def add(self, job: ItemsJob) -> None:
        """Take a request."""
        self._waiting.append(job)

    def step(self, report: Report) -> None:
        """Make one batch of items, of the request that waits longest and of others that can share it."""
        for job in self._waiting:
            try:
                self._begun.append(request_of(self.model, job))
            except Exception as error:
                report.admit(job.size)
                report.fail(job, error)
        self._waiting = []
        for request in [request for request in self._begun if request.job.unwanted]:
            self._leave(request, report)
        if not self._begun:
            return
        shares = self._shares()
        for request, _ in shares:
            self._admit(request, report)
        try:
            x = self._first(shares) if not self._decided else drawn(shares)
        except Exception as error:
            for request, _ in shares:
                report.give(request.job, error)
                self._leave(request, report)
            return
        for (request, rows), part in zip(shares, x.split([len(rows) for _, rows in shares]), strict=True):
            request.parts.append(part)
            request.made += len(rows)
            if request.made == len(request.seeds):
                report.give(request.job, _items(request))
                self._leave(request, report)

    def give_up(self, error: Exception, report: Report) -> None:
        """Give an error to all who wait, and forget their jobs."""
        for request in list(self._begun):
            report.give(request.job, error)
            self._leave(request, report)
        for job in self._waiting:
            report.admit(job.size)
            report.fail(job, error)
        self._waiting = []

    def _first(self, shares: list[tuple[Request, range]]) -> Tensor:
        """Draw the first batch, and decide by it on the number of threads, as a training does by its first step."""
        with ProductCounter() as products:
            x = drawn(shares)
        if products.small:
            torch.set_num_threads(1)
        self._decided = True
        return x

    def _shares(self) -> list[tuple[Request, range]]:
        """Return the requests of a batch, the oldest first, and which items of each are made in it."""
        first = self._begun[0]
        room = first.model.at_once(most=self.settings.batch)
        out = list[tuple[Request, range]]()
        for request in self._begun:
            if room and (request is first or (first.key is not None and request.key == first.key)):
                rows = range(request.made, min(len(request.seeds), request.made + room))
                room -= len(rows)
                out.append((request, rows))
        return out

    def _admit(self, request: Request, report: Report) -> None:
        """Count the items of a request as being computed, if they aren't yet."""
        if not request.admitted:
            request.admitted = True
            report.admit(request.job.size)

    def _leave(self, request: Request, report: Report) -> None:
        """Remove a request that is made, or given up."""
        self._admit(request, report)
        self._begun.remove(request)
        report.finish(request.job, request.job.left)


def request_of(model: GenerativeModel, job: ItemsJob) -> Request:
    """Prepare a request.

    Raises:
        ZaohuaError: an option or a condition is wrong, or the model makes no items.
    """
    work = job.work
    model.sample  # noqa: B018  raises what a model says that makes no items
    model = model.with_options(**work.options)
    n, codes = model.sample_conditions(work.n, work.y)
    options = tuple(sorted((name, repr(value)) for name, value in work.options.items()))
    alike = (codes.dtype, codes.shape[1:]) if isinstance(codes, Tensor) else None
    key = None if codes is not None and alike is None else (options, alike)
    return Request(job, model, model.seeds_for_sampling(work.seed, n), codes, key)


def drawn(shares: list[tuple[Request, range]]) -> Tensor:
    """Draw the tensors of some items of some requests; an item is as `sample` draws it."""
    model = shares[0][0].model
    seeds = [request.seeds[i] for request, rows in shares for i in rows]
    parts = [request.codes[np.arange(rows.start, rows.stop)] for request, rows in shares if request.codes is not None]

    def draw(rows: slice) -> Tensor:
        noise = ItemNoise(seeds[rows], model.device_)
        codes: Condition | ConditionCodes | None = None
        if parts:
            together = parts[0] if len(parts) == 1 else torch.cat(cast(list[Tensor], parts))
            codes = together[np.arange(len(seeds))[rows]]
        elif model.y_codec_ is not None:
            codes = model.y_codec_.draw(noise)
        return to_cpu(model.draw(noise, model.prepare_conditions(codes, noise)))

    with model.inference():
        return torch.cat(in_chunks(len(seeds), len(seeds), draw))


def _items(request: Request) -> object:
    """Return the items of a request as `sample` does; what they can't be is an error."""
    try:
        return request.model.decode_tensors(torch.cat(request.parts))
    except Exception as error:
        return error
