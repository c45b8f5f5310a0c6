"""Data passed around in training: batches for losses, events for callbacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from torch import Tensor

from zaohua.core.json import Json
from zaohua.core.noise import Noise
from zaohua.core.record import Condition

if TYPE_CHECKING:
    from zaohua.training.trainable import Trainable


@dataclass
class Batch:
    """One (micro-)batch of training data.

    Attributes:
        x: the items as tensors for the networks, (B, *spec.tensor_shape).
        y: their conditions as tensors for the networks; None for an unconditional model.
        noise: source of all random numbers of a loss.
        progress: fraction of the training that is done, for schedules; 1 in validation.
        codes: the items as the codec encoded them, (B, ...), for losses that need more than `x`.
    """

    x: Tensor
    y: Condition | None
    noise: Noise
    progress: float = 0.0
    codes: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)


EventKind: TypeAlias = Literal[
    "start", "step", "log", "validate", "preview", "checkpoint", "record", "note", "warning", "end"
]


@dataclass
class Event:
    """Notification that callbacks receive from training.

    Attributes:
        kind: "start", "step", "log", "validate", "preview", "checkpoint", "record", "note", "warning" or "end".
        step: number of optimiser steps so far.
        total: number of steps of the whole training; None if only its time is limited.
        progress: fraction of the training that is done, by steps or by time, whichever is larger.
        elapsed: seconds of training, including those before a resume.
        model: function that returns the model in its current state, to sample from.
        record: measurements, such as the loss of each phase, lr, items_per_second or validation.
        items: generated items of a "preview".
        message: text for the user.
        stopped: True at the "end" of a training that a signal stopped.
    """

    kind: EventKind
    step: int
    total: int | None
    progress: float
    elapsed: float
    model: Callable[[], Trainable]
    record: Json = field(default_factory=dict)
    items: object = None
    message: str = ""
    stopped: bool = False


Callback = Callable[[Event], Json | None]
"""Function that is called with every event. A returned dict is added to the history, except on a "record" event."""
