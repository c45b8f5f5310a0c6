"""Mean losses and speed of training between two records of its history."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zaohua.core.json import Json

if TYPE_CHECKING:
    from accelerate import Accelerator


class Meter:
    """Sums of the losses, and the time, since the last record.

    Args:
        accelerator: averages over the processes.
        device: device of the losses.

    Attributes:
        recorded: step of the last record.
    """

    def __init__(self, accelerator: Accelerator, device: torch.device):
        self.accelerator, self.device = accelerator, device
        self.sums: defaultdict[str, Tensor | float] = defaultdict(float)
        self.recorded = 0
        self.start(0)

    def start(self, step: int) -> None:
        """Start the clock at a step."""
        self.started, self.first = time.perf_counter(), step

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Add the losses of one step."""
        for name, value in losses.items():
            self.sums[name] += value

    def means(self, step: int) -> dict[str, float]:
        """Return the mean of each loss over the steps since the last record, and over the processes."""
        return self._reduced(step - self.recorded)

    def steps_per_second(self, step: int) -> float:
        """Return the speed since the last record, or since the start of the clock if that is later."""
        return (step - self.first) / (time.perf_counter() - self.started)

    def reset(self, step: int) -> None:
        """Begin anew after the record of a step."""
        self.sums.clear()
        self.recorded = step
        self.start(step)

    def _reduced(self, steps: int) -> dict[str, float]:
        if not self.sums:
            return {}
        values = torch.stack([torch.as_tensor(value, device=self.device) for value in self.sums.values()]) / steps
        values = self.accelerator.reduce(values, "mean")
        return dict(zip(self.sums, values.tolist(), strict=True))

    # ---- in checkpoints

    def state(self) -> Json:
        """Return the sums, averaged over the processes, and the step of the last record. All processes call it."""
        return {"sums": self._reduced(1), "logged": self.recorded}

    def restore(self, state: Json) -> None:
        """Restore the result of `state`."""
        self.recorded = state["logged"]
        self.sums.update({name: torch.tensor(value, device=self.device) for name, value in state["sums"].items()})
