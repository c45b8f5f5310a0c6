"""What always holds between columns of a table: columns that follow from others aren't learnt, so it holds in samples.

"start < end", "start <= end"     `end` is learnt as how far it is behind `start`; numbers, or times
"total = net + tax"               `total` isn't learnt
"(city, country)"                 are learnt as one: only pairs, or more, that occurred
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.modalities.tables.kinds import decimals, dtype_of


class Constraint(ABC):
    """One of them.

    Attributes:
        text: as it was given.
        names: of the columns, in the order of the text.
        kept: what is needed to undo it, as JSON values.
    """

    form: str

    def __init__(self, text: str, names: Sequence[Any], kept: dict[str, Any] | None = None) -> None:
        self.text, self.names, self.kept = text, list(names), kept or {}

    @abstractmethod
    def fit(self, frame: pd.DataFrame) -> Self:
        """Check that it holds, and note what undoing it needs.

        Raises:
            ZaohuaError: it doesn't hold; the message says in how many rows, and in which first.
        """

    @abstractmethod
    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The columns that are learnt."""

    @abstractmethod
    def undo(self, cells: dict[Any, pd.Series]) -> dict[Any, pd.Series]:
        """The columns as they were, by name, from those that are learnt."""

    def tied(self) -> list[Any]:
        """Columns that can't be given as conditions."""
        return self.names[:1] if self.form == "sum" else self.names

    def _refuse(self, broken: pd.Series) -> None:
        if broken.any():
            raise ZaohuaError(
                f"constraint {self.text!r} doesn't hold in {int(broken.sum()):,} rows, the first being "
                f"row {broken.index[broken][0]}: leave it out, or the rows"
            )


class Less(Constraint):
    """A number or time that is never before another."""

    form = "less"

    def fit(self, frame: pd.DataFrame) -> Self:
        """Check the order, and note the usual start."""
        start, end = (frame[name] for name in self.names)
        for column in (start, end):
            if column.dtype.kind not in "iufM" and not pd.api.types.is_numeric_dtype(column.dtype):
                raise ZaohuaError(f"constraint {self.text!r}: column {column.name!r} is neither numbers nor times")
        both = start.notna() & end.notna()
        self._refuse(both & ((end < start) if "<=" in self.text else (end <= start)).fillna(False))
        middle = start.dropna().sort_values(ignore_index=True)
        self.kept = {"dtype": str(end.dtype), "middle": str(middle[len(middle) // 2]) if len(middle) else "0"}
        return self

    def _start(self, start: pd.Series) -> pd.Series:
        """Starts, with a usual one where there is none."""
        middle: Any = self.kept["middle"]
        middle = pd.Timestamp(middle) if start.dtype.kind == "M" else float(middle)
        return start.fillna(middle) if start.isna().any() else start

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The end as its distance from the start, of times in microseconds."""
        start, end = (frame[name] for name in self.names)
        gap = end - self._start(start)
        return _with(frame, self.names[1], gap // pd.Timedelta("1us") if end.dtype.kind == "M" else gap)

    def undo(self, cells: dict[Any, pd.Series]) -> dict[Any, pd.Series]:
        """end = start + distance."""
        start, gap = (cells[name] for name in self.names)
        start = self._start(start)
        if start.dtype.kind == "M":
            gap = pd.to_timedelta(gap, unit="us")
        return {**cells, self.names[1]: (start + gap).astype(self.kept["dtype"]).rename(self.names[1])}


class Sum(Constraint):
    """A number that is the sum of others."""

    form = "sum"

    def fit(self, frame: pd.DataFrame) -> Self:
        """Check the sums."""
        total, parts = frame[self.names[0]], frame[self.names[1:]]
        there = total.notna() & parts.notna().all(axis=1)
        a, b = total.where(there, 0).astype(float), parts.where(there, 0).astype(float).sum(axis=1)
        self._refuse(pd.Series(~np.isclose(a, b, rtol=1e-9, atol=1e-6), index=frame.index))
        self.kept = {"dtype": str(total.dtype), "decimals": decimals(total.dropna().to_numpy(np.float64))}
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """All but the sum."""
        return frame.drop(columns=self.names[0])

    def undo(self, cells: dict[Any, pd.Series]) -> dict[Any, pd.Series]:
        """The sum, again."""
        total = pd.concat([cells[name] for name in self.names[1:]], axis=1).sum(axis=1, skipna=False)
        total = total if self.kept["decimals"] is None else total.round(self.kept["decimals"])
        return {**cells, self.names[0]: total.astype(self.kept["dtype"]).rename(self.names[0])}


class Together(Constraint):
    """Columns of which only some combinations occur."""

    form = "together"

    @property
    def name(self) -> str:
        """Of the column that stands for all of them."""
        return self.text

    def fit(self, frame: pd.DataFrame) -> Self:
        """Note the combinations."""
        rows = frame[self.names].drop_duplicates(ignore_index=True)
        combinations = [
            [None if pd.isna(value) else value for value in row]
            for row in zip(*(rows[name].astype(object).tolist() for name in self.names), strict=True)
        ]
        self.kept = {"combinations": combinations, "dtypes": [str(frame[name].dtype) for name in self.names]}
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """One column with the combinations' names; of one that never occurred there is none."""
        places = {tuple(row): str(place) for place, row in enumerate(self.kept["combinations"])}
        rows = zip(*(frame[name].astype(object).where(frame[name].notna(), None) for name in self.names), strict=True)
        found = pd.Series([places.get(tuple(row)) for row in rows], index=frame.index, dtype=object)
        return _with(frame.drop(columns=self.names), self.name, found)

    def undo(self, cells: dict[Any, pd.Series]) -> dict[Any, pd.Series]:
        """The columns of the combinations."""
        codes = cells[self.name].astype(int).tolist()
        rest = {name: column for name, column in cells.items() if name != self.name}
        for place, (name, dtype) in enumerate(zip(self.names, self.kept["dtypes"], strict=True)):
            values = [self.kept["combinations"][code][place] for code in codes]
            rest[name] = pd.Series(values, name=name, dtype=object).astype(dtype_of(dtype))
        return rest


FORMS: dict[str, type[Constraint]] = {cls.form: cls for cls in (Less, Sum, Together)}


def parse(text: str, columns: Sequence[Any]) -> Constraint:
    """The constraint that a text states of these columns.

    Raises:
        ZaohuaError: it is none, or names a column that isn't there.
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


def to_json(constraint: Constraint) -> dict[str, Any]:
    """A constraint as JSON values."""
    return {"form": constraint.form, "text": constraint.text, "names": constraint.names, "kept": constraint.kept}


def from_json(data: dict[str, Any]) -> Constraint:
    """The inverse of `to_json`."""
    return FORMS[data["form"]](data["text"], data["names"], data["kept"])


def _with(frame: pd.DataFrame, name: Any, column: pd.Series) -> pd.DataFrame:
    """A copy of a frame with a column replaced, or one more."""
    frame = frame.copy()
    frame[name] = column
    return frame
