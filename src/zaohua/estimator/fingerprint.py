"""Fingerprints of codes: a few sums, by which data are recognised and from which no value can be recovered."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from zaohua.core.record import Condition
from zaohua.modalities.condition_base import ConditionCodes

TRACED = 8, 32
"""Number of items in the fingerprint of training data, and of values of each."""
SUMS = 4
"""Number of weighted sums of those values that are stored: too few to recover any value."""
NEAR = 0.01
"""Tolerance of a sum relative to the norm of its values, because decoders round differently on other machines."""


def trace(codes: ConditionCodes) -> list[float]:
    """Return randomly weighted sums of evenly spaced values of evenly spaced items, and the norm of these values."""
    rows = np.linspace(0, len(codes) - 1, min(len(codes), TRACED[0])).astype(int)
    items = [_numbers(codes[rows[i : i + 1]]) for i in range(len(rows))]
    x = np.concatenate([item[torch.linspace(0, len(item) - 1, min(len(item), TRACED[1])).long()] for item in items])
    x = np.nan_to_num(x).clip(-1e30, 1e30)
    return [*(np.random.default_rng(0).normal(size=(SUMS, len(x))) @ x).tolist(), float(np.linalg.norm(x))]


def _numbers(item: Condition) -> Tensor:
    """Return the numbers of a batch of one item; of a record, those of its parts and which of them it has."""
    if isinstance(item, Tensor):
        return item[0].double().flatten().cpu()
    there = item.present
    parts = [part[0].double().flatten() * there[name][0] for name, part in item.parts.items()]
    return torch.cat([*parts, torch.stack([present[0].double() for present in there.values()])]).cpu()


def near(now: object, then: object) -> bool:
    """Return True if two traces are of the same codes."""
    if not isinstance(now, list) or not isinstance(then, list):
        return False
    return bool(np.abs(np.subtract(now, then)).max() <= NEAR * max(now[-1], then[-1]))
