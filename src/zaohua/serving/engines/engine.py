"""The engine of a model: one thread that computes for all requests at once, and what the event loop sees of it.

Requests go in by a queue that never blocks, and what a step has made comes out by one call of the event loop. Counts of
rows are kept without locks: each number is written by one side only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import gathered
from zaohua.serving.engines.jobs import CallJob, ItemsJob, Job, Lane, Report
from zaohua.serving.engines.writing import TextsBeingWritten
from zaohua.serving.settings import Settings
from zaohua.serving.work import Full, ItemsWork, TextWork

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel

LOG = logging.getLogger("zaohua.serving")
ResultT = TypeVar("ResultT")
GATHER = 0.002
"""Seconds that the first request to an idle engine waits for others, where they could share its batch."""
NICE = 5
"""How much lower the priority of computing is than that of answering."""
SMOOTH = 0.9
"""Weight of earlier measurements in the mean time that a row takes."""


class ModelEngine:
    """One model and the thread that loads it and computes for it; see `work.Engine`.

    Args:
        name: name of the model.
        load: function that loads it.
        settings: the server's settings.
        size: bytes that it takes at least.

    Attributes:
        size: bytes that it takes with all its slots, once it is loaded.
        loaded: whether it is there.
        load_seconds: time that it took to load.
    """

    def __init__(self, name: str, load: Callable[[], object], settings: Settings, size: int = 0) -> None:
        self.name, self.settings, self.size, self.loaded = name, settings, size, False
        self._load, self._loop = load, asyncio.get_running_loop()
        self._inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._report, self._submitted, self._closing = Report(), 0, False
        self.load_seconds = 0.0
        self._seen: Callable[[int], None] = _unseen
        self._spent = self._seconds = 0.0  # since a row or item was finished; that one takes, in the mean
        self._there: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name=f"zaohua-{name}", daemon=True)
        self._thread.start()

    # ---- on the event loop

    @property
    def running(self) -> int:
        """Number of rows and items that are being computed."""
        return self._report.admitted - self._report.finished

    @property
    def waiting(self) -> int:
        """Number of rows and items that wait for a place."""
        return self._submitted - self._report.admitted

    def watch(self, seen: Callable[[int], None]) -> None:
        """Call a function after each step, on the engine's thread, with the number of rows and items of the step."""
        self._seen = seen

    async def wait_loaded(self) -> None:
        """Wait until the model is there.

        Raises:
            ZaohuaError: it can't be loaded.
        """
        await asyncio.shield(self._there)

    def write(self, work: TextWork) -> TextsBeingWritten:
        """See `Engine`."""
        writing = TextsBeingWritten(work)
        self._submit(writing.job)
        return writing

    async def make(self, work: ItemsWork) -> Any:
        """See `Engine`."""
        return await self._result(lambda give: ItemsJob(work, give))

    async def call(self, function: Callable[[GenerativeModel], ResultT], size: int = 1) -> ResultT:
        """See `Engine`."""
        return cast(ResultT, await self._result(lambda give: CallJob(function, size, give)))

    async def _result(self, job_of: Callable[[Callable[[object], None]], Job]) -> object:
        """Submit a job with one result, and wait for it."""
        future: asyncio.Future[object] = self._loop.create_future()

        def give(value: object) -> None:
            if future.done():
                return
            if isinstance(value, BaseException):
                future.set_exception(value)
            else:
                future.set_result(value)

        job = job_of(give)
        self._submit(job)
        try:
            return await future
        finally:
            job.cancelled = True

    def _submit(self, job: Job) -> None:
        """Hand a job to the thread.

        Raises:
            Full: the queue is full, or the engine is being closed.
        """
        there = self.running + self.waiting
        if self._closing or there + job.size > self.settings.queue:
            over = there + job.size - self.settings.queue
            raise Full(min(120, max(1, math.ceil(over * self._seconds))))
        self._submitted += job.size
        self._inbox.put(job)

    async def close(self) -> None:
        """Finish the present work, and end the thread."""
        if not self._closing:
            self._closing = True
            self._inbox.put(None)
        await asyncio.shield(self._gone)
        self._thread.join()  # it has only to return

    def _flush(self, out: Sequence[tuple[Job, object]]) -> None:
        for job, value in out:
            if not job.unwanted:
                job.give(value)

    # ---- on the thread

    def _work(self) -> None:
        """Load the model, then compute until the engine is closed and everything is done."""
        _let_answers_first()
        began = time.perf_counter()
        try:
            lanes = self._lanes()
        except Exception as error:
            self._fail_to_load(error)
            return
        self.loaded, self.load_seconds = True, time.perf_counter() - began
        self._tell(_set, self._there)
        with gathered() as notes:  # as warnings, Python would keep all of them
            self._compute(lanes, notes)
        self._tell(_set, self._gone)

    def _compute(self, lanes: dict[type[Job], Lane], notes: list[str]) -> None:
        """Compute until the engine is closed and everything is done; log what is noted meanwhile."""
        closing, different = False, list(dict.fromkeys(lanes.values()))
        while not closing or any(lane.busy for lane in different):
            closing = self._take_jobs(lanes) or closing
            busy = [lane for lane in different if lane.busy]
            began, finished = time.perf_counter(), self._report.finished
            for lane in busy:
                over = self._report.finished
                try:
                    lane.step(self._report)
                except Exception as error:  # a fault of ours: whoever waits is told, and the engine goes on
                    lane.give_up(error, self._report)
                self._seen(self._report.admitted - over)
            self._measure(time.perf_counter() - began, self._report.finished - finished)
            out = self._report.taken()
            if out:
                self._tell(self._flush, out)
            for text in notes:
                LOG.info("%s: %s", self.name, text)
            notes.clear()

    def _lanes(self) -> dict[type[Job], Lane]:
        """Load the model, and what computes each kind of job."""
        from zaohua.serving.engines import lanes

        model = cast("GenerativeModel", self._load())
        found = lanes.lanes_of(model, self.settings)
        self.size = lanes.size_of(model, self.settings)
        return found

    def _fail_to_load(self, error: Exception) -> None:
        if not isinstance(error, ZaohuaError):
            error = ZaohuaError(f"{self.name} can't be loaded ({type(error).__name__}: {error})")
        self._tell(_fail, self._there, error)
        self._tell(_set, self._gone)

    def _take_jobs(self, lanes: dict[type[Job], Lane]) -> bool:
        """Hand waiting jobs to their lanes, and wait for one if there is nothing to do; return whether to close."""
        block = not any(lane.busy for lane in lanes.values())
        while True:
            try:
                job = self._inbox.get(block)
            except queue.Empty:
                return False
            if job is None:
                return True
            lane = lanes[type(job)]
            lane.add(job)
            if block and lane.gathers:
                time.sleep(GATHER)
            block = False

    def _measure(self, seconds: float, finished: int) -> None:
        """Measure how long a row takes, as a mean of all that were computed."""
        self._spent += seconds
        if finished:
            each = self._spent / finished
            self._seconds = SMOOTH * self._seconds + (1 - SMOOTH) * each if self._seconds else each
            self._spent = 0.0

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        """Call a function on the event loop, unless it is closed."""
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop is closed: nobody waits
            self._closing = True


def _let_answers_first() -> None:
    """Give this thread a lower priority than the event loop, which otherwise is late where they share a core."""
    if sys.platform == "linux":  # elsewhere priorities are of processes
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + NICE)


def _unseen(rows: int) -> None:
    """Do nothing: nobody watches."""


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # several may wait for it, or nobody
