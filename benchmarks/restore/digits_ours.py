"""Our restoration of digits: guesses and draws of a model that was trained for nothing but to draw them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import zaohua as zh  # isort: skip
import numpy as np
from digits_tasks import TASKS, Data, Task, tensors

Way = Callable[[Any, Data], dict[str, Any]]
"""(model, data) -> restored pictures `best` (n, 28, 28) and `samples` (k, n, 28, 28)."""


def ours(task: str) -> dict[str, Way]:
    """Return the ways to restore a task."""
    ways = {"one guess": (1, False), "mean of 4": (4, False), "draws": (4, True)}
    if task == "box 14x14":
        ways["mean of 16"] = (16, False)
    return {
        name: lambda model, data, n=n, draws=draws: restored(model, data.test, TASKS[task], n_samples=n, draws=draws)
        for name, (n, draws) in ways.items()
    }


def restored(model: Any, real: np.ndarray, task: Task, **options: Any) -> dict[str, Any]:
    """Degrade pictures and restore them with `zaohua.restore`."""
    seen = (task.observe(tensors(real)).seen.squeeze(1).numpy() + 1) * 127.5
    if task.mask is not None:
        found = zh.restore(model, seen.round().astype(np.uint8), mask=~task.mask, random_state=2, **options)
    else:
        found = zh.restore(model, seen, task.text, random_state=2, **options)
    return {"best": found.best, "samples": np.stack(found.samples), "how": np.array(found.how)}
