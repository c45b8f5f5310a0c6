"""Our restoration of digits: guesses (gamma 0) and draws (gamma 1) of a model that was told nothing of the task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from digits_tasks import TASKS, Data, Task, pictures, tensors

from zaohua.core.noise import ItemNoise, seeds_for
from zaohua.families.posterior import Renoise, time_of
from zaohua.operators.base import Identity, Observation

Way = Callable[[Any, Data], dict[str, Any]]
"""(model, data) -> restored pictures `best` (n, 28, 28) and `samples` (k, n, 28, 28)."""


def ours(task: str) -> dict[str, Way]:
    """Return the ways to restore a task."""
    ways = {"one guess": (1, 0.0), "mean of 4": (4, 0.0), "draws": (4, 1.0)}
    if task == "box 14x14":
        ways["mean of 16"] = (16, 0.0)
    return {
        name: lambda model, data, n=n, gamma=gamma: restore(model, data, TASKS[task], n, gamma)
        for name, (n, gamma) in ways.items()
    }


@torch.no_grad()
def restore(
    model: Any, data: Data, task: Task, n: int, gamma: float, steps: int = 50, spread: Any = None, size: int = 100
) -> dict[str, Any]:
    """Restore the test pictures n times."""
    given, samples = task.observe(tensors(data.test)), []
    denoiser = model.denoiser()
    for k in range(n):
        parts = []
        for rows in torch.arange(len(data.test)).split(size):
            noise = ItemNoise([seeds_for(100 + k, len(data.test))[i] for i in rows])
            part = Observation(given.seen[rows], task.operator, given.sigma)
            if isinstance(task.operator, Identity) and not gamma:
                t = time_of(denoiser, given.sigma)
                x = denoiser((denoiser.schedule.alpha(t) * part.seen).float(), t)[0]
            else:
                start = denoiser.start(noise.normal(1, 28, 28))
                x = Renoise(part, gamma, spread).sample(denoiser, denoiser.times(steps), start, noise)
            parts.append(x)
        samples.append(torch.cat(parts))
        if isinstance(task.operator, Identity) and not gamma:
            break
    stacked = torch.stack(samples)
    return {"best": pictures(stacked.mean(0)), "samples": np.stack([pictures(x) for x in stacked])}
