"""Codec from lists, arrays, series and frames of numbers to float64 rows, without scaling, clipping or rounding."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities.base import counted
from zaohua.modalities.tables import refused, written
from zaohua.modalities.tables.frame_codec import FrameCodec
from zaohua.modalities.tables.frames import Container, TableLike
from zaohua.modalities.tables.kinds import dtype_of
from zaohua.modalities.tables.spelling import NumberSpelling


class NumberCodec(FrameCodec):
    """Codec from columns of numbers to float64 (n, columns), for distributions of the unscaled numbers.

    Attributes:
        container_: type of the training data.
        dtypes_: dtype of each column; decoded integers and booleans are rounded.
        spellings_: fields of the `NumberSpelling` of columns of texts; None for other columns.
    """

    representation: ClassVar[str] = "plain numbers"

    def fit(self, items: TableLike) -> Self:
        """Record the type of the data and the columns.

        Raises:
            ZaohuaError: a column isn't numeric; the message names it.
        """
        frame, self.container_ = self.kept(items)
        self.dtypes_ = [str(dtype) for dtype in frame.dtypes]
        self.spellings_ = [_spelling(frame[name]) for name in frame.columns]
        self._numbers(frame)
        features = tuple(Feature(str(name), "real", 1) for name in frame.columns)
        self.spec_ = DataSpec(axes=("column",), shape=(len(features),), features=features)
        return self

    @property
    def names_(self) -> list[str] | None:
        """Names of the columns; None for arrays and lists, which have none."""
        return (
            None if self.container_.kind in ("array", "vector") else [feature.name for feature in self.spec_.features]
        )

    @property
    def is_single_(self) -> bool:
        """True if the data are one column: a list, a series or an array (n,)."""
        return self.container_.kind in ("vector", "series")

    def encode(self, items: TableLike) -> Tensor:
        """Encode numbers as float64 (n, columns), NaN where they are missing.

        Raises:
            ZaohuaError: columns differ from training, or aren't numeric.
        """
        return torch.from_numpy(self._numbers(self.container_.of_same_columns(items)))

    def decode(self, x: Tensor) -> TableLike:
        """Convert float64 (n, columns) to the type, names and dtypes of the training data."""
        values = x.detach().cpu().double().numpy()
        about = zip(self.container_.columns, values.T, self.dtypes_, self.spellings_, strict=True)
        cells = {name: _as(pd.Series(column, name=name), dtype, spelling) for name, column, dtype, spelling in about}
        return self.container_.back(cells, len(values))

    def describe(self, n: int | None = None) -> str:
        """Describe the number of items and columns."""
        if self.is_single_:
            return counted(n, "number")
        return f"{counted(n, 'row')} of {counted(len(self.dtypes_), 'column')} of numbers"

    def state(self) -> Json:
        """Return the type of the data as JSON values."""
        if not hasattr(self, "spec_"):
            return {}
        return {"container": self.container_.to_json(), "dtypes": self.dtypes_, "spellings": self.spellings_}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self.container_, self.dtypes_ = Container.from_json(state["container"]), list(state["dtypes"])
        self.spellings_ = state.get("spellings") or [None] * len(self.dtypes_)  # there were none in older versions

    def _numbers(self, frame: pd.DataFrame) -> np.ndarray:
        """Convert a frame to float64 (n, columns); raise if columns aren't numeric."""
        columns = refused.each(frame.columns.tolist(), lambda name: _column(frame[name]))
        return np.stack(columns, axis=1) if columns else np.empty(frame.shape)


def _spelling(column: pd.Series) -> Json | None:
    """Return the fields of the spelling of a column of texts; None if it holds numbers, or none."""
    found = written.read(column) if written.is_text(column) else None
    return None if found is None or found.spelling is None else found.spelling.to_json()


def _column(column: pd.Series) -> np.ndarray:
    """Convert a column to float64 (n,)."""
    try:
        if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind in "mM":
            raise TypeError
        if written.is_text(column):
            column = written.as_numbers(column)
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        row, value = next(((row, value) for row, value in enumerate(column) if not _is_number(value)), (0, None))
        raise ZaohuaError(
            f"column {column.name!r} holds {value!r} in row {row}: distributions are of numbers; leave the column out "
            f"({option('leave_out', (str(column.name),))})"
        ) from None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number, np.bool_)) or value is None or value is pd.NA


def _as(column: pd.Series, dtype: str, spelling: Json | None) -> pd.Series:
    """Convert numbers to a dtype, rounded for integers and booleans, or to texts of a spelling."""
    if spelling is not None:
        cells = NumberSpelling(**spelling).write(column.round() if spelling.get("whole") else column)
        return pd.Series(cells, name=column.name, dtype=object).mask(column.isna()).astype(dtype_of(dtype))
    if pd.api.types.is_bool_dtype(dtype):
        return (column >= 0.5).astype(dtype)
    return (column.round() if pd.api.types.is_integer_dtype(dtype) else column).astype(dtype)
