"""Constraints between columns of a table: derived columns aren't learnt, so that all samples satisfy the constraints.

"start < end", "start <= end"     the difference end - start is learnt instead of `end`; for numbers or times
"total = net + tax"               `total` isn't learnt, but computed
"(city, country)"                 the columns are learnt as one, with the combinations that occurred
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.json import Json
from zaohua.modalities.tables.frames import ColumnName
from zaohua.modalities.tables.kinds import decimals, dtype_of


class Constraint(ABC):
    """Base of the constraints.

    Attributes:
        text: the constraint as it was given.
        names: names of the columns, in the order of the text.
        fitted: values that `undo` needs, as JSON values.
    """

    form: str

    def __init__(self, text: str, names: Sequence[ColumnName], fitted: Json | None = None) -> None:
        self.text, self.names, self.fitted = text, list(names), fitted or {}

    @abstractmethod
    def fit(self, frame: pd.DataFrame) -> Self:
        """Check that the training data satisfy the constraint, and store what `undo` needs.

        Raises:
            ZaohuaError: the constraint is violated; the message gives the number of rows and the first of them.
        """

    @abstractmethod
    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace the columns by those that are learnt."""

    @abstractmethod
    def undo(self, cells: dict[ColumnName, pd.Series]) -> dict[ColumnName, pd.Series]:
        """Reconstruct the original columns, by name, from those that are learnt."""

    def tied(self) -> list[ColumnName]:
        """Return the columns that can't be given as conditions."""
        return self.names[:1] if self.form == "sum" else self.names

    def _raise_if(self, broken: pd.Series) -> None:
        if broken.any():
            raise ZaohuaError(
                f"constraint {self.text!r} doesn't hold in {int(broken.sum()):,} rows, the first being "
                f"row {broken.index[broken][0]}: leave it out, or the rows"
            )


class Less(Constraint):
    """Constraint that a number or time is never less than another."""

    form = "less"

    def fit(self, frame: pd.DataFrame) -> Self:
        """Check the order, and store the median start."""
        start, end = (frame[name] for name in self.names)
        for column in (start, end):
            if column.dtype.kind not in "iufM" and not pd.api.types.is_numeric_dtype(column.dtype):
                raise ZaohuaError(f"constraint {self.text!r}: column {column.name!r} is neither numbers nor times")
        both = start.notna() & end.notna()
        self._raise_if(both & ((end < start) if "<=" in self.text else (end <= start)).fillna(False))
        middle = start.dropna().sort_values(ignore_index=True)
        self.fitted = {"dtype": str(end.dtype), "middle": str(middle[len(middle) // 2]) if len(middle) else "0"}
        return self

    def _start(self, start: pd.Series) -> pd.Series:
        """Fill missing starts with the median."""
        text: str = self.fitted["middle"]
        middle = pd.Timestamp(text) if start.dtype.kind == "M" else float(text)
        return start.fillna(middle) if start.isna().any() else start

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace the end by its distance from the start, for times in microseconds."""
        start, end = (frame[name] for name in self.names)
        gap = end - self._start(start)
        return _with(frame, self.names[1], gap // pd.Timedelta("1us") if end.dtype.kind == "M" else gap)

    def undo(self, cells: dict[ColumnName, pd.Series]) -> dict[ColumnName, pd.Series]:
        """Compute end = start + distance."""
        start, gap = (cells[name] for name in self.names)
        start = self._start(start)
        if start.dtype.kind == "M":
            gap = pd.to_timedelta(gap, unit="us")
        return {**cells, self.names[1]: (start + gap).astype(self.fitted["dtype"]).rename(self.names[1])}


class Sum(Constraint):
    """Constraint that a number is the sum of others."""

    form = "sum"

    def fit(self, frame: pd.DataFrame) -> Self:
        """Check the sums, and store the dtype and decimal places of the total."""
        total, parts = frame[self.names[0]], frame[self.names[1:]]
        present = total.notna() & parts.notna().all(axis=1)
        a, b = total.where(present, 0).astype(float), parts.where(present, 0).astype(float).sum(axis=1)
        self._raise_if(pd.Series(~np.isclose(a, b, rtol=1e-9, atol=1e-6), index=frame.index))
        self.fitted = {"dtype": str(total.dtype), "decimals": decimals(total.dropna().to_numpy(np.float64))}
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Remove the total."""
        return frame.drop(columns=self.names[0])

    def undo(self, cells: dict[ColumnName, pd.Series]) -> dict[ColumnName, pd.Series]:
        """Compute the total."""
        total = pd.concat([cells[name] for name in self.names[1:]], axis=1).sum(axis=1, skipna=False)
        total = total if self.fitted["decimals"] is None else total.round(self.fitted["decimals"])
        return {**cells, self.names[0]: total.astype(self.fitted["dtype"]).rename(self.names[0])}


class Together(Constraint):
    """Constraint that only the combinations of columns that occur in training are valid."""

    form = "together"

    @property
    def name(self) -> str:
        """Name of the column that replaces all of them."""
        return self.text

    def fit(self, frame: pd.DataFrame) -> Self:
        """Store the combinations."""
        rows = frame[self.names].drop_duplicates(ignore_index=True)
        combinations = [
            [None if pd.isna(value) else value for value in row]
            for row in zip(*(rows[name].astype(object).tolist() for name in self.names), strict=True)
        ]
        self.fitted = {"combinations": combinations, "dtypes": [str(frame[name].dtype) for name in self.names]}
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace the columns by one with the indices of their combinations; unknown combinations become missing."""
        indices = {tuple(row): str(index) for index, row in enumerate(self.fitted["combinations"])}
        rows = zip(*(frame[name].astype(object).where(frame[name].notna(), None) for name in self.names), strict=True)
        combined = pd.Series([indices.get(tuple(row)) for row in rows], index=frame.index, dtype=object)
        return _with(frame.drop(columns=self.names), self.name, combined)

    def undo(self, cells: dict[ColumnName, pd.Series]) -> dict[ColumnName, pd.Series]:
        """Reconstruct the columns from the indices of combinations."""
        rows = cells[self.name].astype(int).tolist()
        rest = {name: cell for name, cell in cells.items() if name != self.name}
        for column, (name, dtype) in enumerate(zip(self.names, self.fitted["dtypes"], strict=True)):
            values = [self.fitted["combinations"][row][column] for row in rows]
            rest[name] = pd.Series(values, name=name, dtype=object).astype(dtype_of(dtype))
        return rest


FORMS: dict[str, type[Constraint]] = {cls.form: cls for cls in (Less, Sum, Together)}


def parse(text: str, columns: Sequence[ColumnName]) -> Constraint:
    """Parse the text of a constraint between columns.

    Raises:
        ZaohuaError: the text isn't a constraint, or names an unknown column.
    """
    together = re.fullmatch(r"\((.+,.+)\)", text.strip())
    order, sums = re.split(r" <=? ", text), re.split(r" = ", text)
    cls: type[Constraint]
    if together:
        cls, names = Together, together[1].split(",")
    elif len(order) == 2:
        cls, names = Less, order
    elif len(sums) == 2 and " + " in sums[1]:
        cls, names = Sum, [sums[0], *sums[1].split(" + ")]
    else:
        raise ZaohuaError(f"constraint {text!r} is none of 'a < b', 'a <= b', 'total = a + b' and '(a, b)'")
    by_text = {str(name): name for name in columns}
    for name in names:
        if name.strip() not in by_text:
            raise unknown(f"column in constraint {text!r}:", name.strip(), columns)
    return cls(text, [by_text[name.strip()] for name in names])


def to_json(constraint: Constraint) -> Json:
    """Return a constraint as JSON values."""
    return {"form": constraint.form, "text": constraint.text, "names": constraint.names, "kept": constraint.fitted}


def from_json(data: Json) -> Constraint:
    """Create a constraint from the result of `to_json`."""
    return FORMS[data["form"]](data["text"], data["names"], data["kept"])


def _with(frame: pd.DataFrame, name: ColumnName, column: pd.Series) -> pd.DataFrame:
    """Return a copy of a frame with a column replaced or added."""
    frame = frame.copy()
    frame[name] = column
    return frame
