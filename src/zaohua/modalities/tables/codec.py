"""Codec from tables (data frames and arrays) to rows of numbers.

A row is encoded as one number per learnt column (see `columns`); `TableTensors` makes tensors of these.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.json import Json
from zaohua.core.notes import note
from zaohua.modalities.base import counted
from zaohua.modalities.tables import conditions, refused
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.constraints import given as constrained
from zaohua.modalities.tables.constraints import roles
from zaohua.modalities.tables.constraints.system import System
from zaohua.modalities.tables.declared_tables import DeclaredTables
from zaohua.modalities.tables.frames import (
    ColumnName,
    Container,
    TableLike,
    container_of,
    filled_in,
    index_of,
)
from zaohua.modalities.tables.kinds import plain
from zaohua.modalities.tables.schema import declared, read_schema
from zaohua.modalities.tables.views import View


class TableCodec(DeclaredTables):
    """Codec from data frames of pandas or polars, and arrays (n, columns), to rows of numbers.

    Attributes:
        identifiers_: columns of identifiers, which are generated instead.
        container_: type of the training data, and the order of all columns.
    """

    representation: ClassVar[str] = "columns of any kind"

    numbers: Literal["auto", "quantile", "modes"] = "auto"
    """Representation of numbers for networks: "quantile" maps ranks to a normal distribution, "modes" normalises around
    the modes of each column; auto: the model's default, mostly quantile."""
    kinds: dict[str, str] | None = None
    """Kinds of columns by name, instead of inferred ones: continuous, integer, boolean, categorical, ordered, datetime
    (with a format, as in datetime:%d/%m/%Y), duration or identifier."""
    constraints: tuple[str, ...] = ()
    """Rules that all rows satisfy: 'start < end <= due', 'total = net + tax', 'age >= 18', or '(city, country)' for the
    combinations in the data only."""

    def fit(self, items: TableLike) -> Self:
        """Determine the kinds and values of the columns.

        Raises:
            ZaohuaError: a column can't be used; the message names it and says what to do.
        """
        frame, self.container_ = self.kept(items)
        if not len(frame) or not frame.shape[1]:
            what = f"{len(frame)} sample(s)" if frame.shape[1] else f"{frame.shape[1]} feature(s)"
            raise ZaohuaError(f"the table has {what} (shape={frame.shape}) while a minimum of 1 is required.")
        parsed = roles.parse_all(self.constraints, list(frame.columns))
        kinds = {str(name): kind for name, kind in (self.kinds or {}).items()}
        for name in kinds:
            if name not in map(str, frame.columns):
                raise unknown("column in kinds:", name, frame.columns)
        known = read_schema(self.schema, frame.columns)
        columns = refused.each(
            frame.columns.tolist(),  # names as Python's numbers: pandas 2 iterates over numpy's
            lambda name: (
                declared(name, known[str(name)])
                if str(name) in known
                else roles.column(frame[name].rename(name), kinds.get(str(name)), self.max_categories, parsed)
            ),
        )
        self.identifiers_ = [column for column in columns if column.kind == "identifier"]
        self.columns_ = [column for column in columns if column.kind != "identifier"]
        if not self.columns_:
            names = ", ".join(repr(column.name) for column in columns)
            raise ZaohuaError(
                f"all columns are identifiers ({names}), and those are not learnt; say what they are, as in "
                f"{option('kinds', {str(columns[0].name): 'categorical'})}"
            )
        codes = self._codes(frame)
        for column, part in zip(self.columns_, codes.T, strict=True):
            if str(column.name) in known:
                column.check_known(frame[column.name], part)
        system, coordinates = System.fit(parsed, self.columns_, codes, self.max_categories)
        views = [
            None if each.column.is_category else View.fit(each.column, coordinates[:, index], self._representation)
            for index, each in enumerate(system.coordinates)
        ]
        self._set_views(system, views)
        return self

    @property
    def _representation(self) -> str:
        return "quantile" if self.numbers == "auto" else self.numbers

    # ---- items <-> codes

    def encode(self, items: TableLike, unseen: bool = False) -> Tensor:
        """Encode rows as float64 (n, columns).

        Args:
            items: a table with the columns of the training data, in any order.
            unseen: True to encode unknown categories as -1 instead of raising an error.

        Raises:
            ZaohuaError: columns or values are unknown; the message suggests similar ones.
        """
        frame = self.container_.of_same_columns(items)
        codes = self._codes(frame)
        for index, column in enumerate(() if unseen else self.columns_):
            column.check_known(frame[column.name], codes[:, index])
        return torch.from_numpy(codes)

    def encode_partly(self, items: TableLike) -> Tensor:
        """Encode rows as float64 (n, columns) that may be unlike training's.

        New categories, numbers outside the range, and missing cells where training had none become -1 (categories) or
        infinite (numbers): *hidden* cells, which models leave out of account.

        Raises:
            ZaohuaError: columns are unknown.
        """
        frame = self.container_.of_same_columns(items)
        parts = [column.encode(frame[column.name], clip=False) for column in self.columns_]
        return torch.from_numpy(
            np.stack([c.marked(part) for c, part in zip(self.columns_, parts, strict=True)], axis=1)
        )

    def refuse_unlike(self, items: TableLike) -> None:
        """Raise a `ZaohuaError` that names the first cell unlike training's."""
        frame = self.container_.of_same_columns(items)
        for column in self.columns_:
            cells = frame[column.name]
            column.check_known(cells, column.marked(column.encode(cells, clip=False)))
            column.check_range(cells)

    def _codes(self, frame: pd.DataFrame, clip: bool = True) -> np.ndarray:
        return np.stack([column.encode(frame[column.name], clip) for column in self.columns_], axis=1)

    def items(self, codes: Tensor, like: TableLike | None = None) -> TableLike:
        """Convert encoded rows (n, columns) to a table of the type of the training data.

        Args:
            codes: encoded rows.
            like: a table of as many rows; those made get its index.
        """
        cells = self._cells(codes)
        cells |= {column.name: column.identifiers(len(codes)) for column in self.identifiers_}
        return self.container_.back(cells, len(codes), index_of(like))

    def decode(self, x: Tensor) -> TableLike:
        """Convert tensors (b, features) to a table of the type of the training data."""
        return self.items(self.codes(x))

    def filled(self, codes: Tensor, rows: TableLike) -> TableLike:
        """Fill in the missing cells of a table; all others stay as they are, and so do its type, index and order.

        A column keeps the dtype of training, or else that of the table.

        Args:
            codes: the completed rows (n, columns).
            rows: the table.
        """
        given, container = self.container_.of_same_columns(rows), container_of(rows, self.container_)
        left = (self.missing(codes) | codes.isnan()).numpy() & (not self.system_.is_empty)
        some = [0.0 if column.is_category else column.low for column in self.columns_]
        made = self._cells(torch.from_numpy(np.where(left, some, codes.numpy()))) | {
            column.name: column.identifiers(len(codes), given[column.name]) for column in self.identifiers_
        }
        missing = {
            column.name: column.missing_cells(plain(given[column.name])) & ~left[:, place]
            for place, column in enumerate(self.columns_)
        }
        missing |= {column.name: column.missing_cells(given[column.name]) for column in self.identifiers_}
        cells = {name: filled_in(given[name], cells, missing[name]) for name, cells in made.items()}
        if left.any():
            which = counted(int(left.sum()), "cell")
            note(f"left {which} missing: no values fit the constraints with the given cells of their rows")
        return container.back(cells, len(codes), index_of(rows))

    def _cells(self, codes: Tensor) -> dict[ColumnName, pd.Series]:
        """Decode the columns, by name."""
        values = codes.detach().cpu().double().numpy()
        return {column.name: column.decode(values[:, place], snap=False) for place, column in enumerate(self.columns_)}

    def given(self, y: Any, n: int | None) -> tuple[Tensor, Tensor]:
        """Encode values of some columns as conditions.

        Args:
            y: values by column, each a single value for all rows or a list with one per row; or a frame of columns.
            n: number of rows; default: the number of values.

        Returns:
            codes: float64 (n, columns), NaN where no value is given.
            known: mask of the given values, bool (n, columns).

        Raises:
            ZaohuaError: a column or value is unknown, the numbers of values differ, or they contradict constraints.
        """
        codes, known = conditions.encoded(y, n, self.columns_, self.system_)
        return torch.from_numpy(codes), torch.from_numpy(known)

    def holes(self, rows: TableLike) -> tuple[Tensor, Tensor, Tensor]:
        """Encode a table with missing cells.

        Returns:
            codes: float64 (n, columns), with hidden cells (see `encode_partly`).
            known: mask of the cells that have a value known to training or a number, bool (n, columns).
            given: the codes with numbers as they are.

        Raises:
            ZaohuaError: columns are unknown, or the cells contradict the constraints.
        """
        codes = self.encode_partly(rows)
        given = torch.from_numpy(self._codes(self.container_.of_same_columns(rows), clip=False))
        known = ~self.missing(given)
        if not self.system_.is_empty:
            index = index_of(rows)
            constrained.check(
                self.system_, given.numpy(), known.numpy(), range(len(codes)) if index is None else index.tolist()
            )
        return codes, known, given

    def holes_in(self, rows: TableLike) -> Tensor:
        """Return a mask of the missing cells of a table's learnt columns, bool (n, columns)."""
        frame = self.container_.of_same_columns(rows)
        return torch.from_numpy(np.stack([c.missing_cells(plain(frame[c.name])) for c in self.columns_], axis=1))

    # ---- description

    def about(self, rows: int) -> list[str]:
        """Describe each column in a line, and the memory that the encoded rows take in another."""
        named = [*self.columns_, *self.identifiers_]
        width = max(len(str(column.name)) for column in named)
        lines = [f"{str(column.name):<{width}}  {column.about()}" for column in named]
        wide = sum(feature.size for feature in self.spec_.features)
        size = 8 * rows * len(self.columns_) / 2**20
        return [
            *lines,
            *(f"{str(name):<{width}}  left out" for name in self.container_.left_out),
            *self.system_.about(rows),
            f"{counted(rows, 'row')}, {counted(len(self.columns_), 'column')} to learn: {size:,.1f} MiB when encoded; "
            f"a network sees {counted(wide, 'number')} per row",
        ]

    def describe(self, n: int | None = None) -> str:
        """Describe the number of rows, and that of columns by kind."""
        columns = [*self.columns_, *self.identifiers_]
        kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(column.kind for column in columns).items())
        return f"{counted(n, 'row')} of {counted(len(columns), 'column')}: {kinds}"

    # ---- JSON

    def state(self) -> Json:
        """Return columns and their representations as JSON values."""
        if not hasattr(self, "spec_"):
            return {}
        return {
            "columns": [column.to_json() for column in self.columns_],
            "identifiers": [column.to_json() for column in self.identifiers_],
            "container": self.container_.to_json(),
            "system": self.system_.to_json(),
            "views": [None if view is None else view.to_json() for view in self.views_],
        }

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self.columns_ = [Column(**column) for column in state["columns"]]
        self.identifiers_ = [Column(**column) for column in state["identifiers"]]
        self.container_ = Container.from_json(state["container"])
        system = System.from_json(state["system"], self.columns_)
        views = [
            None if view is None else View.from_json(each.column, view, self._representation)
            for each, view in zip(system.coordinates, state["views"], strict=True)
        ]
        self._set_views(system, views)
