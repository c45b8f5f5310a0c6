"""The last step of restoring pictures: answers as tensors become what is returned."""

from __future__ import annotations

from zaohua.tasks.restore.answers import Answers
from zaohua.tasks.restore.pictures import Pictures
from zaohua.tasks.restore.problem import Problem
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.restored import Restored


def finished(request: Request, pictures: Pictures, problem: Problem, answers: Answers, how: str) -> Restored:
    """Return all answers, their mean and their spread, with the pixels that are seen as they were given."""
    samples = answers.samples()
    best = samples[0] if len(samples) == 1 else pictures.items(answers.mean())
    deviation = pictures.deviation(answers.deviation()) if request.gamma and len(samples) > 1 else None
    if problem.unchanged.all():
        samples, best = [pictures.known(items) for items in samples], pictures.known(best)
        deviation = None if deviation is None else pictures.unsure(deviation)
    return Restored(best, samples, deviation, how)
