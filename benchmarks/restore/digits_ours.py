"""Our restoration of digits: guesses and draws of a model that was trained for nothing but to draw them."""

from __future__ import annotations

from typing import Any

import zaohua as zh  # isort: skip
import numpy as np
from digits_tasks import TASKS, Task, tensors

SEED, DRAWS = 2, 2


def guesses(task: str) -> int:
    """Return how many guesses of a task are averaged: one of noise alone is the posterior mean already."""
    return {"noise 63.75": 1, "box 14x14": 16}.get(task, 4)


def restored(model: Any, real: np.ndarray, task: Task, **options: Any) -> dict[str, Any]:
    """Degrade pictures and restore them with `zaohua.restore`.

    Args:
        model: fitted.
        real: pictures uint8 (n, 28, 28).
        task: how to degrade them.
        options: of `zaohua.restore`.

    Returns:
        `best`, uint8 (n, 28, 28), `samples`, uint8 (k, n, 28, 28), and `how` it was done.
    """
    seen = (task.observe(tensors(real)).seen.squeeze(1).numpy() + 1) * 127.5
    if task.mask is not None:
        found = zh.restore(model, seen.round().astype(np.uint8), mask=~task.mask, random_state=SEED, **options)
    else:
        found = zh.restore(model, seen, task.text, random_state=SEED, **options)
    return {"best": found.best, "samples": np.stack(found.samples), "how": np.array(found.how)}


def guessed(model: Any, real: np.ndarray, task: str, **options: Any) -> dict[str, Any]:
    """Return the guesses of a task, see `restored`."""
    return restored(model, real, TASKS[task], n_samples=guesses(task), **options)


def drawn(model: Any, real: np.ndarray, task: str, **options: Any) -> dict[str, Any]:
    """Return draws of a task, see `restored`."""
    return restored(model, real, TASKS[task], n_samples=DRAWS, draws=True, **options)


def rows(guesses: dict[str, Any], draws: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is measured: one guess, the mean of the first 4 (and of all 16), and one draw of all."""
    every, seconds = guesses["samples"], guesses["seconds"] / len(guesses["samples"])
    found = {"one guess": {"best": every[0], "seconds": seconds}}
    for k in sorted({4, len(every)}):
        if len(every) >= k > 1:
            mean = every[:k].astype(float).mean(0).round().astype(np.uint8)
            found[f"mean of {k}"] = {"best": mean, "seconds": k * seconds}
    samples = draws["samples"]
    return found | {"one draw": {"best": samples[0], "samples": samples, "seconds": draws["seconds"] / len(samples)}}
