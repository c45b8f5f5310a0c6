"""The inverse problem in a request: observations as tensors, and what is known of how they came about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.modalities.base import counted
from zaohua.operators.base import Identity, Observation
from zaohua.operators.chain import Chain
from zaohua.operators.degradation import Degradation
from zaohua.operators.masks import Mask
from zaohua.operators.noise import NoiseStep
from zaohua.operators.step import Step


@dataclass(frozen=True, eq=False)
class Problem:
    """n observations, of which a part may be hidden.

    Attributes:
        x: observations, float32 (n, C, *axes) on the CPU, in units of tensors.
        degradations: how they came about, in units of tensors: one for all, or one for each.
        shape: shape of the items, (C, *axes).
        seen: where they are seen, bool (n, 1, *axes); None for everywhere.
    """

    x: Tensor
    degradations: tuple[Degradation, ...]
    shape: tuple[int, ...]
    seen: Tensor | None = None

    @property
    def unchanged(self) -> np.ndarray:
        """Which observations are the items, of which only a part may be hidden, bool (n,) or (1,) for all."""
        return np.array(
            [
                all(isinstance(step, Identity) or _even(step) == 0 for step in degradation.steps)
                for degradation in self.degradations
            ]
        )

    def some(self, rows: np.ndarray, device: torch.device) -> Observation:
        """Return the observations at some indices, on a device; if each has a degradation of its own, of one item."""
        degradation = self.degradations[0 if len(self.degradations) == 1 else int(rows[0])]
        which = slice(rows[0], rows[0] + 1) if len(rows) == 1 else rows  # a view, of what may be large
        x, seen = self.x[which].to(device), None if self.seen is None else self.seen[which].to(device)
        given = degradation.inverse_problem(x if seen is None else x * seen, self.shape)
        if seen is None:
            return given
        mask = Mask(seen)
        operator = mask if isinstance(given.operator, Identity) else Chain((given.operator, mask))
        return Observation(given.seen, operator, given.sigma)

    def hidden(self) -> np.ndarray:
        """Return which observations are hidden as a whole, bool (n,)."""
        return np.zeros(len(self.x), bool) if self.seen is None else ~self.seen.flatten(1).any(1).numpy()

    def complete(self) -> np.ndarray:
        """Return which observations are the items themselves, with nothing hidden, bool (n,)."""
        shown = np.ones(len(self.x), bool) if self.seen is None else self.seen.flatten(1).all(1).numpy()
        return np.asarray(shown & self.unchanged)


def problem_of(
    x: Tensor, degradations: tuple[Degradation, ...], learnt: tuple[int, ...], seen: Tensor | None = None
) -> Problem:
    """Return the problem of restoring items like those that a model learnt, but of any size.

    Args:
        x: observations (n, C, *axes) in units of tensors.
        degradations: how they came about, in units of tensors: one for all, or one for each.
        learnt: shape of the items that the model learnt.
        seen: where they are seen, bool (n, 1, *axes).

    Raises:
        ZaohuaError: no such items look like this.
    """
    shape = degradations[0].before(tuple(x.shape[1:]))
    if shape[0] != learnt[0]:
        of = "" if shape[0] == x.shape[1] else f", and before '{degradations[0]}' {shape[0]}"
        apart = learnt[0] == 1 and x.shape[1] == shape[0] == 3
        remedy = f": {option('by_channel', True)} restores each by itself" if apart else ""
        raise ZaohuaError(
            f"what is given has {counted(x.shape[1], 'channel')}{of}, but this model's items have {learnt[0]}{remedy}"
        )
    return Problem(x, degradations, shape, seen)


def _even(step: Step) -> float | None:
    """Return the standard deviation of even noise; None for any other step."""
    return step.even if isinstance(step, NoiseStep) else None
