"""Numbers as they are: lists, arrays, series and frames of them <-> float64 rows, nothing scaled, cut or rounded."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities.base import counted
from zaohua.modalities.tables.frame_codec import FrameCodec
from zaohua.modalities.tables.frames import Container, to_frame


class NumberCodec(FrameCodec):
    """Columns of numbers <-> float64 (n, columns), for distributions of the numbers themselves.

    Attributes:
        container_: what the numbers came in.
        dtypes_: of each column; whole numbers and True and False come back rounded to them.
    """

    representation: ClassVar[str] = "plain numbers"

    def fit(self, items: Any) -> Self:
        """Learn what the numbers come in.

        Raises:
            ZaohuaError: a column holds something else; the message names it.
        """
        frame, self.container_ = to_frame(items)
        self.dtypes_ = [str(dtype) for dtype in frame.dtypes]
        _numbers(frame)
        features = tuple(Feature(str(name), "real", 1) for name in frame.columns)
        self.spec_ = DataSpec(axes=("column",), shape=(len(features),), features=features)
        return self

    @property
    def names_(self) -> list[str] | None:
        """The names of the columns; None of arrays and lists, which have none."""
        return (
            None if self.container_.kind in ("array", "vector") else [feature.name for feature in self.spec_.features]
        )

    @property
    def is_single_(self) -> bool:
        """Whether the numbers are one column that is no table: a list, a series, an array (n,)."""
        return self.container_.kind in ("vector", "series")

    def encode(self, items: Any) -> Tensor:
        """Numbers -> codes, float64 (n, columns), NaN where there is none.

        Raises:
            ZaohuaError: columns are others than those of training, or hold other things than numbers.
        """
        return torch.from_numpy(_numbers(self.container_.of_same_columns(items)))

    def decode(self, x: Tensor) -> Any:
        """float64 (n, columns) -> what `fit` was given: its type, its names, its dtypes."""
        values = x.detach().cpu().double().numpy()
        cells = {
            name: _as(pd.Series(column, name=name), dtype)
            for name, column, dtype in zip(self.container_.columns, values.T, self.dtypes_, strict=True)
        }
        return self.container_.back(cells, len(values))

    def describe(self, n: int | None = None) -> str:
        """Single numbers, or how many columns of them."""
        if self.is_single_:
            return counted(n, "number")
        return f"{counted(n, 'row')} of {counted(len(self.dtypes_), 'column')} of numbers"

    def state(self) -> dict[str, Any]:
        """What the numbers come in."""
        return {"container": self.container_.to_json(), "dtypes": self.dtypes_} if hasattr(self, "spec_") else {}

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        self.container_, self.dtypes_ = Container.from_json(state["container"]), list(state["dtypes"])


def _numbers(frame: pd.DataFrame) -> np.ndarray:
    """The numbers of a frame, float64 (n, columns)."""
    out = np.empty(frame.shape)
    for place, name in enumerate(frame.columns):
        column = frame[name]
        try:
            if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind in "mM":
                raise TypeError
            out[:, place] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError):
            row, value = next(((row, value) for row, value in enumerate(column) if not _is_number(value)), (0, None))
            raise ZaohuaError(
                f"column {name!r} holds {value!r} in row {row}: distributions are of numbers; leave the column out"
            ) from None
    return out


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number, np.bool_)) or value is None or value is pd.NA


def _as(column: pd.Series, dtype: str) -> pd.Series:
    """Numbers as a dtype, rounded where it holds whole ones only."""
    if pd.api.types.is_bool_dtype(dtype):
        return (column >= 0.5).astype(dtype)
    return (column.round() if pd.api.types.is_integer_dtype(dtype) else column).astype(dtype)
