"""Items of any kind: requests of equal options are drawn together, and cut apart afterwards."""

from __future__ import annotations

from collections import deque

from zaohua.estimator.base import GenerativeModel
from zaohua.serving.jobs import ItemsJob, Report
from zaohua.serving.settings import Settings


class ItemsLane:
    """Makes items, those of one request at a time.

    Args:
        model: the model.
        settings: the server's settings.
    """

    def __init__(self, model: GenerativeModel, settings: Settings) -> None:
        self.model, self.settings = model, settings
        self._waiting: deque[ItemsJob] = deque()

    @property
    def busy(self) -> bool:
        """Whether there is anything to make."""
        return bool(self._waiting)

    def add(self, job: ItemsJob) -> None:
        """Take a request."""
        self._waiting.append(job)

    def step(self, report: Report) -> None:
        """Make the items of a request."""
        job = self._waiting.popleft()
        report.admit(job.size)
        if job.cancelled:
            report.finish(job, job.size)
            return
        work = job.work
        try:
            model = self.model.with_options(**work.options)
            items = model.sample(work.n, y=work.y, random_state=work.seed)
        except Exception as error:
            report.fail(job, error)
            return
        report.give(job, items)
        report.finish(job, job.size)
