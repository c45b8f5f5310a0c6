"""Codec from numbers and vectors as conditions to standardised numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Self, TypeAlias

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError, named, shown
from zaohua.core.json import Json
from zaohua.core.notes import note
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities.base import Codec, counted

NumbersLike: TypeAlias = Sequence[object] | np.ndarray | pd.Series
"""Numbers as the codec takes them: a list, an array (n,) or (n, k), or a series."""
DAY = 86_400
"""Seconds of a day, which is the unit of dates."""
DATE = re.compile(r"\d{4}-\d\d-\d\d")
"""How a date begins that is given as a text."""
FAR = 0.1
"""Share of the range of training by which a number may lie outside of it without a note."""


class VectorCodec(Codec[NumbersLike]):
    """Codec from numbers, one or several for each item, to float32 (n, k) of mean 0 and variance 1.

    Dates count as days. Numbers that are always the same become 0.

    Attributes:
        means_, scales_: of each number.
        lows_, highs_: range of each number in training.
    """

    modality: ClassVar[str] = "tables"
    representation: ClassVar[str] = "standardised numbers"
    column: ClassVar[str] = "value"

    def fit(self, items: NumbersLike) -> Self:
        """Learn means and standard deviations.

        Raises:
            ZaohuaError: there are no numbers, or one is missing or infinite; the message names it.
        """
        x = numbers(items)
        if not x.size:
            raise ZaohuaError("no numbers: y is empty")
        self.single_ = np.ndim(_array(items)) == 1
        scales = x.std(0)
        self._set(x.mean(0), np.where(scales > 0, scales, 1.0), x.min(0), x.max(0))
        return self

    def _set(self, means: np.ndarray, scales: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> None:
        self.means_, self.scales_, self.lows_, self.highs_ = means, scales, lows, highs
        self.spec_ = DataSpec(axes=(), shape=(), features=(Feature("number", "real", size=len(means)),))

    def encode(self, items: NumbersLike) -> Tensor:
        """Standardise numbers, float32 (n, k); note those that lie far outside the range of training.

        Raises:
            ZaohuaError: one is missing or infinite, or there are more or fewer for an item than in training.
        """
        x = numbers(items)
        if x.shape[1] != len(self.means_):
            raise ZaohuaError(f"{counted(x.shape[1], 'number')} for an item, but the model learnt {len(self.means_)}")
        room = FAR * (self.highs_ - self.lows_)
        outside = (x < self.lows_ - room) | (x > self.highs_ + room)
        if outside.any():
            row, column = np.argwhere(outside)[0]
            low, high = self.lows_[column], self.highs_[column]
            note(f"{x[row, column]:g} lies outside of what the model learnt from ({low:g} to {high:g})")
        return torch.from_numpy(((x - self.means_) / self.scales_).astype(np.float32))

    def decode(self, x: Tensor) -> np.ndarray:
        """Return the numbers of standardised ones, float64 (n,) or (n, k)."""
        values: np.ndarray = x.double().cpu().numpy() * self.scales_ + self.means_
        return values[:, 0] if self.single_ else values

    def as_items(self, y: object, n: int | None) -> np.ndarray:
        """Return n (or 1) copies of one number or vector; a list or an array of them unchanged."""
        if isinstance(y, str):
            y = self.typed(y)[0]
        x = np.asarray(_array(y))
        if x.ndim == (0 if self.single_ else 1):
            x = np.repeat(x[None], 1 if n is None else n, axis=0)
        return numbers(x)[:, 0] if self.single_ else numbers(x)

    def typed(self, text: str, several: bool = False) -> list[float] | list[list[float]]:
        """Return the number or the vector in a text, or several numbers apart by commas.

        Raises:
            ZaohuaError: it holds something else, or more or fewer numbers than a condition has.
        """
        values = _words(text)
        if self.single_ and values and (several or len(values) == 1):
            return values
        if len(values) != len(self.means_) or self.single_:
            wanted = counted(len(self.means_), "number")
            raise ZaohuaError(f"{text!r} holds {counted(len(values), 'number')}, and a condition is {wanted}")
        return [values]

    def describe(self, n: int | None = None) -> str:
        """Describe the range of a number, or how many there are for each item."""
        if self.single_:
            return f"{counted(n, 'number')} from {self.lows_[0]:g} to {self.highs_[0]:g}"
        return f"{counted(n, 'vector')} of {counted(len(self.means_), 'number')}"

    def state(self) -> Json:
        """Return means, scales and ranges as JSON values."""
        if not hasattr(self, "spec_"):
            return {}
        parts = {"means": self.means_, "scales": self.scales_, "lows": self.lows_, "highs": self.highs_}
        return {"single": self.single_, **{name: values.tolist() for name, values in parts.items()}}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self.single_ = bool(state["single"])
        self._set(*(np.array(state[name], dtype=np.float64) for name in ("means", "scales", "lows", "highs")))


def _words(text: str) -> list[float]:
    """Return the numbers in a text, apart by commas or spaces."""
    words = text.replace(",", " ").split()
    try:
        return [float(np.datetime64(word, "s").astype(int) / DAY if DATE.match(word) else word) for word in words]
    except ValueError:
        raise ZaohuaError(f"{text!r} is no number, and this model learnt from numbers") from None


def _array(items: object) -> np.ndarray:
    """Return numbers as an array; dates as days."""
    values = items.to_numpy() if hasattr(items, "to_numpy") else items
    x = np.asarray(values)
    if x.dtype == object and all(isinstance(value, date) for value in x.ravel()):
        x = x.astype("datetime64[s]")
    if x.dtype.kind in "OUS" or (x.dtype == object):
        try:
            x = np.array([[float(v) for v in row] if np.ndim(row) else float(row) for row in x.tolist()])
        except (TypeError, ValueError):
            wrong = next((v for v in x.ravel().tolist() if not isinstance(v, (int, float))), x)
            raise ZaohuaError(f"y holds {shown(wrong)}, which is no number") from None
    return x.astype("datetime64[s]").astype(np.int64) / DAY if x.dtype.kind == "M" else x


def numbers(items: object) -> np.ndarray:
    """Return numbers as float64 (n, k).

    Raises:
        ZaohuaError: they aren't numbers, or one is missing or infinite.
    """
    x = _array(items)
    if x.ndim not in (1, 2) or x.dtype.kind not in "biuf":
        raise ZaohuaError(f"numbers as conditions are a list, or an array (n,) or (n, k), not {named(items)}")
    x = x.astype(np.float64).reshape(len(x), -1)
    bad = ~np.isfinite(x).all(1)
    if bad.any():
        raise ZaohuaError(f"y number {int(bad.argmax())} is missing or infinite: leave that item out")
    return x
