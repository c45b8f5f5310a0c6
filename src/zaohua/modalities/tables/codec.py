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

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.modalities.base import counted
from zaohua.modalities.tables import constraints
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.frame_codec import FrameCodec
from zaohua.modalities.tables.frames import Container, TableLike, to_frame
from zaohua.modalities.tables.views import View, features_of

if TYPE_CHECKING:
    from zaohua.core.noise import Noise


class TableCodec(FrameCodec):
    """Codec from data frames of pandas or polars, and arrays (n, columns), to rows of numbers.

    Attributes:
        columns_: the learnt columns, in the order of their encoding.
        identifiers_: columns of identifiers, which are generated instead.
        container_: type of the training data, and the order of all columns.
        constraints_: the fitted constraints.
        views_: representation of each column for networks; None for categorical columns.
        features_: indices of the features of each column.
    """

    representation: ClassVar[str] = "columns of any kind"

    numbers: Literal["auto", "quantile", "modes"] = "auto"
    """Representation of numbers for networks: "quantile" maps ranks to a normal distribution, "modes" normalises around
    the modes of each column; auto: the model's default, mostly quantile."""
    kinds: dict[str, str] | None = None
    """Kinds of columns by name, instead of inferred ones: continuous, integer, boolean, categorical, ordered, datetime
    or identifier."""
    max_categories: Annotated[int, Between(2)] = 1000
    """Maximum number of distinct values of a categorical column."""
    constraints: tuple[str, ...] = ()
    """Constraints on samples: 'start < end', 'total = net + tax', '(city, country)' for known combinations."""

    def fit(self, items: TableLike) -> Self:
        """Determine the kinds and values of the columns.

        Raises:
            ZaohuaError: a column can't be used; the message names it and says what to do.
        """
        frame, self.container_ = to_frame(items)
        if not len(frame) or not frame.shape[1]:
            what = f"{len(frame)} sample(s)" if frame.shape[1] else f"{frame.shape[1]} feature(s)"
            raise ZaohuaError(f"the table has {what} (shape={frame.shape}) while a minimum of 1 is required.")
        self.constraints_ = []
        for text in self.constraints:
            self.constraints_.append(constraints.parse(text, frame.columns).fit(frame))
            frame = self.constraints_[-1].apply(frame)
        kinds = {str(name): kind for name, kind in (self.kinds or {}).items()}
        for name in kinds:
            if name not in map(str, frame.columns):
                raise unknown("column in kinds:", name, frame.columns)
        columns = [
            Column.from_series(
                frame[name].rename(name), kinds.get(str(name)), self.max_categories
            )  # pandas 2: numpy's 7
            for name in frame.columns
        ]
        self.identifiers_ = [column for column in columns if column.kind == "identifier"]
        self.columns_ = [column for column in columns if column.kind != "identifier"]
        if not self.columns_:
            names = ", ".join(repr(column.name) for column in columns)
            raise ZaohuaError(
                f"all columns are identifiers ({names}), and those are not learnt; say what they are (kinds)"
            )
        codes = self._codes(frame)
        self.views_: list[View | None] = [
            None if column.is_category else View.fit(column, codes[:, index], self._representation)
            for index, column in enumerate(self.columns_)
        ]
        self._set_heads()
        return self

    @property
    def _representation(self) -> str:
        return "quantile" if self.numbers == "auto" else self.numbers

    def _set_heads(self) -> None:
        features, self.features_ = features_of(self.columns_, self.views_)
        self.spec_ = DataSpec(axes=("column",), shape=(len(features),), features=tuple(features))

    # ---- items <-> codes

    def encode(self, items: TableLike, unseen: bool = False, holes: bool = False) -> Tensor:
        """Encode rows as float64 (n, columns).

        Args:
            items: a table with the columns of the training data, in any order.
            unseen: True to encode unknown categories as -1 instead of raising an error.
            holes: True to accept missing values, encoded as -1, in categorical columns that had none in training.

        Raises:
            ZaohuaError: columns or values are unknown; the message suggests similar ones.
        """
        frame = self.container_.of_same_columns(items)
        for constraint in self.constraints_:
            frame = constraint.apply(frame)
        codes = self._codes(frame)
        for index, column in enumerate(() if unseen else self.columns_):
            cells = frame[column.name]
            column.check_known(cells, np.where(cells.isna(), 0, codes[:, index]) if holes else codes[:, index])
        return torch.from_numpy(codes)

    def _codes(self, frame: pd.DataFrame) -> np.ndarray:
        return np.stack([column.encode(frame[column.name]) for column in self.columns_], axis=1)

    def items(self, codes: Tensor) -> TableLike:
        """Convert encoded rows (n, columns) to a table of the type of the training data."""
        values = codes.detach().cpu().double().numpy()
        cells = {id(column): column.decode(values[:, index]) for index, column in enumerate(self.columns_)}
        cells |= {id(column): column.decode(values[:, 0]) for column in self.identifiers_}
        by_name = {column.name: cells[id(column)] for column in [*self.columns_, *self.identifiers_]}
        for constraint in reversed(self.constraints_):
            by_name = constraint.undo(by_name)
        return self.container_.back(by_name, len(values))

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
            tie = next((c.text for c in self.constraints_ if str(name) in map(str, c.tied())), None)
            if tie is not None:
                raise ZaohuaError(f"column {name!r} is tied to others by {tie!r}, so it can't be given alone")
            if str(name) not in indices:
                raise unknown("column", name, [column.name for column in self.columns_])
            index = indices[str(name)]
            column = self.columns_[index]
            cells = pd.Series(list(value) if _is_list(value) else [value] * count, name=column.name)
            codes[:, index], known[:, index] = column.encode(cells), True
            column.check_known(cells, codes[:, index])
            column.check_range(cells)
        return torch.from_numpy(codes), torch.from_numpy(known)

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
        values = codes.cpu().numpy()
        u = noise.uniform(max(1, sum(view is not None for view in self.views_)), 2).double().cpu().numpy()
        out, turn = np.full((len(values), len(self.spec_.features)), np.nan), 0
        for index, (view, features) in enumerate(zip(self.views_, self.features_, strict=True)):
            if view is None:
                out[:, features[0]] = values[:, index]
                continue
            state, z = view.to_tensor(values[:, index], u[:, turn])
            turn += 1
            for feature in features:
                out[:, feature] = state if self.spec_.features[feature].kind == "category" else z
        return torch.from_numpy(out).to(codes.device)

    def codes(self, x: Tensor) -> Tensor:
        """Convert tensors (b, features) to encoded rows, float64 (b, columns): the inverse of `prepare`."""
        values = x.detach().cpu().double().numpy()
        out = np.empty((len(values), len(self.columns_)))
        for index, view in enumerate(self.views_):
            state, z = self._state(values, index)
            if view is not None:
                out[:, index] = view.from_tensor(state, z)
            else:
                out[:, index] = state
        return torch.from_numpy(out)

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

    def known_heads(self, known: Tensor) -> Tensor:
        """Columns bool (b, columns) -> their features bool (b, features)."""
        return known[:, [index for index, features in enumerate(self.features_) for _ in features]]

    def about(self, rows: int) -> list[str]:
        """Describe each column in a line, and the memory that the encoded rows take in another."""
        named = [*self.columns_, *self.identifiers_]
        width = max(len(str(column.name)) for column in named)
        lines = [f"{str(column.name):<{width}}  {column.about()}" for column in named]
        wide = sum(feature.size for feature in self.spec_.features)
        size = 8 * rows * len(self.columns_) / 2**20
        return [
            *lines,
            f"{rows:,} rows of {len(self.columns_)} columns: their codes take {size:,.1f} MiB, beside the "
            f"table itself and what is learnt; models see {wide:,} numbers a row",
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
            "constraints": [constraints.to_json(constraint) for constraint in self.constraints_],
            "views": [None if view is None else view.to_json() for view in self.views_],
        }

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self.columns_ = [Column(**column) for column in state["columns"]]
        self.identifiers_ = [Column(**column) for column in state["identifiers"]]
        self.container_ = Container.from_json(state["container"])
        self.constraints_ = [constraints.from_json(constraint) for constraint in state["constraints"]]
        self.views_ = [
            None if view is None else View.from_json(column, view, self._representation)
            for column, view in zip(self.columns_, state["views"], strict=True)
        ]
        self._set_heads()


def _is_list(value: object) -> bool:
    """Return True if a condition has one value per row."""
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes, Mapping))
