"""What an engine's thread computes with; it is imported there, as it brings torch."""

from __future__ import annotations

from collections import deque

from zaohua.estimator.base import GenerativeModel
from zaohua.serving.jobs import CallJob, Report
from zaohua.serving.microbatch import ItemsLane as ItemsLane
from zaohua.serving.texts import TextLane as TextLane


class CallLane:
    """Computes functions of the model, one after another.

    Args:
        model: the model.
    """

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
        if not job.cancelled:
            try:
                report.give(job, job.function(self.model))
            except Exception as error:
                report.give(job, error)
        report.finish(job, job.size)


def size_of(model: GenerativeModel) -> int:
    """Return the bytes of a model's tensors."""
    return sum(tensor.nbytes for tensor in model.tensors().values())
