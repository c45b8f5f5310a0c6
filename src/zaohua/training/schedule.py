"""Learning rate as a function of the step: a warm-up, then a decay by steps or by time, whichever is further."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zaohua.training.limits import planned_steps

if TYPE_CHECKING:
    from zaohua.training.trainable import Trainable

WARMUP_PART = 10
"""The warm-up takes at most a tenth of the training; otherwise a short one would never reach its learning rate."""


def schedule(model: Trainable, step: int, progress: float) -> float:
    """Return the factor of the learning rate: a linear warm-up times the decay, by steps or by time.

    Args:
        model: the model.
        step: steps before this one.
        progress: fraction of the training that is done.
    """
    done = min(1.0, progress)
    decay = {"cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1 - done, "constant": 1.0}
    return warmup(model, step, progress) * decay[model.lr_schedule]


def warmup(model: Trainable, step: int, progress: float) -> float:
    """Return the fraction of the warm-up that is done, which takes at most a tenth of the steps and of the time."""
    requested, total = model.warmup_steps, planned_steps(model)
    steps = requested if total is None else min(requested, total // WARMUP_PART)
    return min(1.0, max((step + 1) / max(1, steps), WARMUP_PART * progress))
