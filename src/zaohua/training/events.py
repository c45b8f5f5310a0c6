"""What training hands around: a batch to losses, an event to callbacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor

from zaohua.core.noise import Noise


@dataclass
class Batch:
    """One (micro-)batch of training data.

    Attributes:
        x: the items as networks see them, (B, *spec.tensor_shape).
        y: their conditions as networks see them; None for an unconditional model.
        noise: the source of everything random in a loss; losses draw from nothing else.
        progress: share of the training done, 0 to 1, for what is ramped up or down; 1 in a validation.
        codes: the items as they are kept, (B, ...), for losses that look at more than networks see.
    """

    x: Tensor
    y: Tensor | None
    noise: Noise
    progress: float = 0.0
    codes: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)


@dataclass
class Event:
    """Something that happened in training, given to every callback.

    Attributes:
        kind: "start", "step", "log", "validate", "preview", "checkpoint", "record", "warning" or "end".
        step: optimiser steps taken so far.
        total: steps there will be; None when only the time is limited.
        progress: share of the training done, 0 to 1, by steps or by time, whichever is further.
        elapsed: seconds trained, over all sittings.
        model: gives the model as it is now, to sample from.
        record: what was measured: loss of each phase, lr, items_per_second, validation ...
        items: preview items, for "preview".
        message: a line for people.
    """

    kind: Literal["start", "step", "log", "validate", "preview", "checkpoint", "record", "warning", "end"]
    step: int
    total: int | None
    progress: float
    elapsed: float
    model: Callable[[], Any]
    record: dict[str, Any] = field(default_factory=dict)
    items: Any = None
    message: str = ""


Callback = Callable[[Event], dict[str, Any] | None]
"""What it returns, if anything, is added to the history, but for what it returns to a "record"."""
