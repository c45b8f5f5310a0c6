"""The error of a loss or gradient that isn't finite, with what is known and what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError

if TYPE_CHECKING:
    from zaohua.training.step import Stepper


class Diverged(ZaohuaError):
    """Error of a loss or gradient that isn't finite."""


def diverged(stepper: Stepper, name: str, turn: int, loss: float, norm: float, rate: float) -> Diverged:
    """Return the error of a phase's loss or gradient.

    The learning rate can be the cause only after a first update of the weights.

    Args:
        stepper: the training.
        name: name of the phase.
        turn: its place in the step.
        loss: the loss.
        norm: the norm of its gradient.
        rate: the learning rate.
    """
    dtype = str(stepper.dtype).removeprefix("torch.")
    remedies = [option("precision", "float32")] if stepper.dtype != torch.float32 else []
    if stepper.step or turn:
        remedies.insert(0, f"a smaller {option('learning_rate', smaller(rate))}")
        weights = "the weights before it are kept"
    else:
        weights = "no weight had been changed yet, so the learning rate isn't the cause"
    advice = f"try {' or '.join(remedies)}" if remedies else "look for extreme values in the data and the fields"
    return Diverged(
        f"{type(stepper.model).__name__} diverged at step {stepper.step}: the loss of {name} is {loss:g}, "
        f"its gradient {norm:g}, in {dtype}; {weights}: {advice}"
    )


def smaller(rate: float) -> float:
    """Return a learning rate to try after one that diverged: a third of it, at most a usual one, with one digit."""
    return float(f"{min(rate / 3, 1e-3):.1g}")
