"""What an engine's thread computes with; it is imported there, as it brings torch."""

from __future__ import annotations

from collections import deque

import torch

from zaohua.core.hardware import small_products
from zaohua.estimator.base import GenerativeModel
from zaohua.families.autoregressive.slots import row_bytes
from zaohua.families.autoregressive.texts import TextModel
from zaohua.serving.engines.jobs import CallJob, ItemsJob, Job, Lane, Report, TextJob
from zaohua.serving.engines.microbatch import ItemsLane
from zaohua.serving.engines.texts import TextLane
from zaohua.serving.settings import Settings

THREADS = torch.get_num_threads()
"""Number of threads of this machine, before any engine has set its own."""


class CallLane:
    """Computes functions of the model, one after another.

    Args:
        model: the model.
    """

    gathers = False

    def __init__(self, model: GenerativeModel) -> None:
        self.model = model
        self._waiting: deque[CallJob] = deque()

    @property
    def busy(self) -> bool:
        """Whether there is anything to compute."""
        return bool(self._waiting)

    def add(self, job: CallJob) -> None:
        """Take a request."""
        self._waiting.append(job)

    def step(self, report: Report) -> None:
        """Compute one function."""
        job = self._waiting.popleft()
        report.admit(job.size)
        if not job.unwanted:
            try:
                report.give(job, job.function(self.model))
            except Exception as error:
                report.give(job, error)
        report.finish(job, job.size)

    def give_up(self, error: Exception, report: Report) -> None:
        """Give an error to all who wait, and forget their jobs."""
        for job in self._waiting:
            report.admit(job.size)
            report.fail(job, error)
        self._waiting.clear()


def lanes_of(model: GenerativeModel, settings: Settings) -> dict[type[Job], Lane]:
    """Return what computes each kind of job, and decide on the number of threads of this engine.

    torch's number of threads is one of the Python thread that sets it, and of those that begin later. So each engine
    sets its own, once, by the rule of training: texts by what a step of all slots computes, other items by their first
    batch. After that nothing changes it: with one thread, what models do about threads themselves does nothing.
    """
    torch.set_num_threads(THREADS)
    calls, texts = CallLane(model), TextLane(model, settings)
    if not isinstance(model, TextModel):
        return {CallJob: calls, TextJob: texts, ItemsJob: ItemsLane(model, settings)}
    if small_products(model.nets_, settings.slots):
        torch.set_num_threads(1)
    return {CallJob: calls, TextJob: texts, ItemsJob: texts}


def size_of(model: GenerativeModel, settings: Settings) -> int:
    """Return the bytes of a model's tensors, and of its decoder and the state of all slots if it writes texts."""
    weights = sum(tensor.nbytes for tensor in model.tensors().values())
    if not isinstance(model, TextModel):
        return weights
    decoder = model.decoder(None)
    return weights + getattr(decoder, "nbytes", 0) + settings.slots * row_bytes(decoder)
