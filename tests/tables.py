"""Tables made up for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from zaohua.evaluation.splits import Splits
from zaohua.modalities.tables.held_out import HeldOutRows

SIZES = [0, 0, 3, 5]


def rows(seed: int, n: int = 2000, missing: float = 0.1) -> np.ndarray:
    """Two correlated numbers, the first with some missing, a category that follows from them, and another."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    out = np.column_stack([x, np.digitize(x[:, 1], [-0.5, 0.7]), rng.integers(0, 5, n)])
    out[rng.random(n) < missing, 0] = np.nan
    return out


def apart(x: np.ndarray, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(column) for column in x.T], 1)


@dataclass
class Column:
    """What evaluation asks of a column."""

    name: Any
    kind: str = "continuous"
    size: int = 0

    @property
    def is_category(self) -> bool:
        return self.size > 0

    def decode(self, codes: np.ndarray) -> np.ndarray:
        if not self.size:
            return np.asarray(codes, np.float64)
        return np.array([f"<{self.name} {int(code)}>" for code in codes], object)


class Codec:
    """Tables that are their own codes."""

    modality = "tables"

    def __init__(self, columns: list[Column]):
        self.columns_ = columns

    def encode(self, items: Any, unseen: bool = False) -> torch.Tensor:
        return torch.as_tensor(items)

    def encode_partly(self, items: Any) -> torch.Tensor:
        return torch.as_tensor(items)


class Made:
    """A model of tables that draws its rows, in order, from those that it is given."""

    modalities = ("tables",)
    y_codec_ = None

    def __init__(self, values: np.ndarray, columns: list[Column]):
        self.values, self.codec_, self.place = values, Codec(columns), 0

    def sample(self, n: int, *, y: Any = None, random_state: int | None = None) -> np.ndarray:
        start, self.place = self.place, self.place + n
        return np.take(self.values, np.arange(start, self.place), axis=0, mode="wrap")

    def count_seen(self, codes: Any) -> None:
        return None

    def tensors(self) -> dict[str, torch.Tensor]:
        return {"values": torch.as_tensor(self.values)}

    @property
    def device_(self) -> torch.device:
        return torch.device("cpu")


def columns(width: int = 4, names: Sequence[Any] = ()) -> list[Column]:
    """Columns as in `rows`, again and again."""
    return [
        Column(names[c] if names else f"c{c}", "categorical" if SIZES[c % 4] else "continuous", SIZES[c % 4])
        for c in range(width)
    ]


def splits(train: np.ndarray, test: np.ndarray, of: list[Column], split: str = "test") -> Splits:
    return Splits("made-up", split, HeldOutRows(train, of), HeldOutRows(test, of))
