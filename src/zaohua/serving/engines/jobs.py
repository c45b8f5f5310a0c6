"""Requests on their way through an engine, what computes them, and what a step reports of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from zaohua.serving.work import ItemsWork, TextWork

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel


class Job:
    """A request on its way through the engine.

    Attributes:
        size: number of rows and items that it counts for.
        give: what takes a result, or an error, on the event loop.
        left: rows and items that aren't finished.
        cancelled: whether it was given up.
    """

    def __init__(self, size: int, give: Callable[[object], None]) -> None:
        self.size, self.give, self.left, self.cancelled = size, give, size, False

    @property
    def unwanted(self) -> bool:
        """Whether nobody waits for it any longer."""
        return self.cancelled


class TextJob(Job):
    """A request for texts.

    Args:
        work: the request.
        give: what takes the pieces.
        source: the request for items that it stands for, if any.

    Attributes:
        prompt: number of tokens that its texts begin with.
        written: number of tokens that were written.
        notes: what was left out of the prompt.
        failed: whether it had an error.
    """

    def __init__(self, work: TextWork, give: Callable[[object], None], source: Job | None = None) -> None:
        super().__init__(work.n, give)
        self.source = source
        self.work, self.prompt, self.written, self.failed = work, 0, 0, False
        self.notes: tuple[str, ...] = ()

    @property
    def unwanted(self) -> bool:
        """Whether nobody waits for it any longer."""
        return self.cancelled or (self.source is not None and self.source.cancelled)


class ItemsJob(Job):
    """A request for items."""

    def __init__(self, work: ItemsWork, give: Callable[[object], None]) -> None:
        super().__init__(work.n, give)
        self.work = work


class CallJob(Job):
    """A function of the model to compute."""

    def __init__(
        self, function: Callable[[GenerativeModel], object], size: int, give: Callable[[object], None]
    ) -> None:
        super().__init__(size, give)
        self.function = function


class Lane(Protocol):
    """What computes the jobs of one kind, a step at a time.

    Attributes:
        gathers: whether a job that comes later can't join one that has begun.
    """

    gathers: bool

    @property
    def busy(self) -> bool:
        """Whether there is anything to compute."""
        ...

    def add(self, job: Any) -> None:
        """Take a job."""
        ...

    def step(self, report: Report) -> None:
        """Compute the next step, and report what it made."""
        ...

    def give_up(self, error: Exception, report: Report) -> None:
        """Give an error to all who wait, and forget their jobs."""
        ...


class Report:
    """What a step made, for the event loop.

    Attributes:
        admitted: rows and items whose computation has begun, since the engine was made.
        finished: those that are finished, or were given up.
    """

    def __init__(self) -> None:
        self.admitted = self.finished = 0
        self._out: list[tuple[Job, object]] = []

    def admit(self, count: int) -> None:
        """Count rows whose computation begins."""
        self.admitted += count

    def give(self, job: Job, value: object) -> None:
        """Give a result to whoever waits for a job."""
        self._out.append((job, value))

    def finish(self, job: Job, count: int) -> None:
        """Count rows of a job that are finished."""
        job.left -= count
        self.finished += count

    def fail(self, job: Job, error: BaseException) -> None:
        """Give an error to whoever waits for a job whose rows are admitted, and count the rest of it as finished."""
        self.give(job, error)
        self.finish(job, job.left)

    def taken(self) -> list[tuple[Job, object]]:
        """Return what was made since the last call."""
        out, self._out = self._out, []
        return out
