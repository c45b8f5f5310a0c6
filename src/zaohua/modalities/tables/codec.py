"""Codec from tables (data frames and arrays) to rows of numbers.

A row is encoded as one number per learnt column (see `columns`). Its tensor has one number per feature: a categorical
column gives its category; a numeric column gives its state, if it has several, and the value in that state (see
`numbers`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.json import Json
from zaohua.core.notes import note
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.modalities.base import counted
from zaohua.modalities.tables import refused
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.constraints import given as constrained
from zaohua.modalities.tables.constraints import roles
from zaohua.modalities.tables.constraints.system import System
from zaohua.modalities.tables.frame_codec import FrameCodec
from zaohua.modalities.tables.frames import (
    ColumnName,
    Container,
    TableLike,
    container_of,
    filled_in,
    index_of,
)
from zaohua.modalities.tables.kinds import plain
from zaohua.modalities.tables.views import View, features_of

if TYPE_CHECKING:
    from zaohua.core.noise import Noise


class TableCodec(FrameCodec):
    """Codec from data frames of pandas or polars, and arrays (n, columns), to rows of numbers.

    Attributes:
        columns_: the columns that are encoded, in the order of their encoding.
        identifiers_: columns of identifiers, which are generated instead.
        container_: type of the training data, and the order of all columns.
        system_: the fitted constraints.
        learnt_: the coordinates that are learnt: the columns, unless constraints link them.
        views_: representation of each coordinate for networks; None for categories.
        features_: indices of the features of each coordinate.
    """

    representation: ClassVar[str] = "columns of any kind"

    numbers: Literal["auto", "quantile", "modes"] = "auto"
    """Representation of numbers for networks: "quantile" maps ranks to a normal distribution, "modes" normalises around
    the modes of each column; auto: the model's default, mostly quantile."""
    kinds: dict[str, str] | None = None
    """Kinds of columns by name, instead of inferred ones: continuous, integer, boolean, categorical, ordered, datetime
    (with a format, as in datetime:%d/%m/%Y), duration or identifier."""
    max_categories: Annotated[int, Between(2)] = 1000
    """Maximum number of distinct values of a categorical column."""
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
        columns = refused.each(
            frame.columns.tolist(),  # pandas 2: numpy's 7
            lambda name: roles.column(frame[name].rename(name), kinds.get(str(name)), self.max_categories, parsed),
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
        self.system_, coordinates = System.fit(parsed, self.columns_, codes, self.max_categories)
        self.learnt_ = [each.column for each in self.system_.coordinates]
        self.views_: list[View | None] = [
            None if column.is_category else View.fit(column, coordinates[:, index], self._representation)
            for index, column in enumerate(self.learnt_)
        ]
        self._set_heads()
        return self

    @property
    def _representation(self) -> str:
        return "quantile" if self.numbers == "auto" else self.numbers

    def _set_heads(self) -> None:
        features, self.features_ = features_of(self.learnt_, self.views_)
        self.spec_ = DataSpec(axes=("column",), shape=(len(features),), features=tuple(features))

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

    def hidden(self, codes: Tensor) -> Tensor:
        """Return a mask of the hidden cells of encoded rows, bool (n, columns); see `encode_partly`."""
        categories = torch.tensor([column.is_category for column in self.columns_], device=codes.device)
        return codes.isinf() | ((codes == -1) & categories)

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
            note(f"left {left.sum():,} cells missing: no values fit the constraints with the given cells of their rows")
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
            ZaohuaError: a column or value is unknown, or the numbers of values differ.
        """
        by_name = {name: y[name] for name in (y.columns if hasattr(y, "columns") else y)}
        lengths = {len(value) for value in by_name.values() if _is_list(value)} or {1 if n is None else n}
        count = max(lengths)
        if len(lengths) > 1 or (n is not None and count != n):
            raise ZaohuaError(
                f"values of {' and '.join(map(str, sorted({*lengths, n or count})))} rows are given: "
                "give one, or one for each row"
            )
        codes, known = np.full((count, len(self.columns_)), np.nan), np.zeros((count, len(self.columns_)), bool)
        indices = {str(column.name): index for index, column in enumerate(self.columns_)}
        for name, value in by_name.items():
            if str(name) not in indices:
                raise unknown("column", name, [column.name for column in self.columns_])
            index = indices[str(name)]
            column = self.columns_[index]
            cells = pd.Series(list(value) if _is_list(value) else [value] * count, name=column.name)
            codes[:, index], known[:, index] = column.encode(cells), True
            column.check_known(cells, codes[:, index])
            column.check_range(cells)
        constrained.check(self.system_, codes, known, range(count))
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

    def missing(self, codes: Tensor) -> Tensor:
        """Return a mask of the cells without a value, bool (n, columns), except in columns that never have one."""
        out = codes.isnan()
        for index, column in enumerate(self.columns_):
            if column.is_category:  # a column of size 1 never had a value in training
                out[:, index] = (codes[:, index] == -1) | ((codes[:, index] == column.missing_code) & (column.size > 1))
        return out

    # ---- codes <-> tensors

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Convert encoded rows (b, columns) to float64 (b, features); spread multiples of a step evenly over it."""
        u = self._uniform(noise)
        values, hidden = codes.cpu().numpy(), self.hidden(codes).cpu().numpy()
        if hidden.any() and not self.system_.is_empty:
            known = constrained.known_coordinates(self.system_, np.where(hidden, np.nan, values), ~hidden)
            known = known | ~np.asarray(hidden.any(1))[:, None]
            values = self._to_coordinates(np.where(np.isinf(values), np.nan, values), noise)
            values = np.where(known, values, [-1.0 if column.is_category else np.inf for column in self.learnt_])
        else:
            values = self._to_coordinates(values, noise)
        return torch.from_numpy(self._features(values, u)).to(codes.device)

    def tensor(self, coordinates: np.ndarray, noise: Noise) -> np.ndarray:
        """Convert learnt coordinates (b, coordinates) to float64 (b, features), as `prepare` does."""
        return self._features(coordinates, self._uniform(noise))

    def _uniform(self, noise: Noise) -> np.ndarray:
        out: np.ndarray = noise.uniform(max(1, sum(view is not None for view in self.views_)), 2).double().cpu().numpy()
        return out

    def _to_coordinates(self, codes: np.ndarray, noise: Noise) -> np.ndarray:
        return self.system_.to_coordinates(codes, lambda k: noise.uniform(k).double().cpu().numpy())

    def _features(self, values: np.ndarray, u: np.ndarray) -> np.ndarray:
        out, turn = np.full((len(values), len(self.spec_.features)), np.nan), 0
        for index, (view, features) in enumerate(zip(self.views_, self.features_, strict=True)):
            if view is None:
                out[:, features[0]] = values[:, index]
                continue
            state, z = view.to_tensor(values[:, index], u[:, turn])
            turn += 1
            for feature in features:
                out[:, feature] = state if self.spec_.features[feature].kind == "category" else z
        return out

    def codes(
        self,
        x: Tensor,
        given: Tensor | None = None,
        known: Tensor | None = None,
        chosen: Tensor | None = None,
        whole: bool = False,
    ) -> Tensor:
        """Convert tensors (b, features) to encoded rows, float64 (b, columns), which satisfy all constraints.

        Args:
            x: the tensors.
            given: encoded rows (b, columns) with given cells, which are kept, and chosen ones (see `combined`).
            known: mask of the given cells, bool (b, columns).
            chosen: mask of the given and the chosen cells; default: known.
            whole: whether all other cells get a value.

        Raises:
            ZaohuaError: no values of the other cells satisfy the constraints.
        """
        cells, told, kept = (None if part is None else part.numpy() for part in (given, known, chosen))
        return torch.from_numpy(self.system_.to_codes(self.coordinates(x), cells, told, kept, whole))

    def coordinates(self, x: Tensor) -> np.ndarray:
        """Convert tensors (b, features) to the learnt coordinates, float64 (b, coordinates): the inverse of `tensor`.

        An unknown one is -1 or infinite, see `encode_partly`.
        """
        values = x.detach().cpu().double().numpy()
        out = np.empty((len(values), len(self.learnt_)))
        for index, view in enumerate(self.views_):
            state, z = self._state(values, index)
            if view is not None:
                out[:, index] = view.from_tensor(state, z)
            else:
                out[:, index] = state
        return out

    def agrees(self, x: Tensor, codes: Tensor, known: Tensor, whole: bool) -> Tensor:
        """Return which tensors (b, features) have combinations that agree with the given cells of rows, bool (b,)."""
        return torch.from_numpy(
            constrained.agrees(self.system_, self.coordinates(x), codes.numpy(), known.numpy(), whole)
        )

    def combined(self, codes: Tensor, known: Tensor, noise: Noise, whole: bool) -> tuple[Tensor, Tensor]:
        """Choose the rest of combinations of which some cells are given; return codes and known with it."""
        u = noise.uniform(max(1, len(self.system_.groups))).double().cpu().numpy()
        chosen, told = constrained.combined(self.system_, codes.numpy(), known.numpy(), u, whole)
        return torch.from_numpy(chosen), torch.from_numpy(told)

    def _state(self, values: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
        """State and number of a column in tensors (b, features)."""
        state, z = np.zeros(len(values), np.int64), np.full(len(values), np.nan)
        for feature in self.features_[index]:
            if self.spec_.features[feature].kind == "category":
                state = np.round(values[:, feature]).astype(np.int64)
            else:
                z = values[:, feature]
        return state, z

    def decode(self, x: Tensor) -> TableLike:
        """Convert tensors (b, features) to a table of the type of the training data."""
        return self.items(self.codes(x))

    def cells(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what converts densities of tensors (b, features) to densities or masses of the columns' own numbers.

        Returns:
            low, high: float64 (b, features), interval of z that corresponds to an integer (quantile representation);
                NaN for other features.
            log_slope: float64 (b, features), log dz/dx for a number x, or per step for integers, which are spread over
                it. Added to a log-density of z it gives that of x, or a bound of the log-probability of an integer. 0
                for other features.
        """
        values = x.detach().cpu().double().numpy()
        low, high, slope = np.full_like(values, np.nan), np.full_like(values, np.nan), np.zeros_like(values)
        for index, view in enumerate(self.views_):
            if view is not None and view.ranges:
                feature = self.features_[index][-1]
                low[:, feature], high[:, feature], slope[:, feature] = view.cells(*self._state(values, index))
        return torch.from_numpy(low), torch.from_numpy(high), torch.from_numpy(slope)

    def known_features(self, codes: Tensor, known: Tensor) -> Tensor:
        """Return which features known cells (b, columns) determine, bool (b, features)."""
        hidden = self.hidden(codes)
        values, told = codes.masked_fill(hidden, torch.nan).numpy(), (known & ~hidden).numpy()
        coordinates = torch.from_numpy(constrained.known_coordinates(self.system_, values, told))
        return coordinates[:, [index for index, features in enumerate(self.features_) for _ in features]]

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

    # ---- JSON

    def describe(self, n: int | None = None) -> str:
        """Describe the number of rows, and that of columns by kind."""
        columns = [*self.columns_, *self.identifiers_]
        kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(column.kind for column in columns).items())
        return f"{counted(n, 'row')} of {counted(len(columns), 'column')}: {kinds}"

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
        self.system_ = System.from_json(state["system"], self.columns_)
        self.learnt_ = [each.column for each in self.system_.coordinates]
        self.views_ = [
            None if view is None else View.from_json(column, view, self._representation)
            for column, view in zip(self.learnt_, state["views"], strict=True)
        ]
        self._set_heads()


def _is_list(value: object) -> bool:
    """Return True if a condition has one value per row."""
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes, Mapping))
