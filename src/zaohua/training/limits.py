"""Limits of a training: how long it is planned to be, and how far one got that was stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaohua.training.callbacks.progress import clock

if TYPE_CHECKING:
    from zaohua.training.trainable import Trainable


def planned_steps(model: Trainable) -> int | None:
    """Return the number of steps of a whole training; None if only its time is limited."""
    no_limit = model.max_steps is None and model.max_minutes is None
    return model.default_steps if no_limit else model.max_steps


def unfinished(model: Trainable) -> str:
    """Return how far a training got that was stopped before its end, "step 70 of 150"; otherwise an empty text.

    A training with patience may end at any step, so it isn't told from one that was stopped.
    """
    total, minutes = planned_steps(model), model.max_minutes
    if model.patience is not None or (minutes is not None and model.seconds_ >= 60 * minutes):
        return ""
    if total is None:
        return f"{clock(model.seconds_)} of {clock(60 * (minutes or 0))}"
    return f"step {model.n_steps_:,} of {total:,}" if model.n_steps_ < total else ""
