"""Tables: data frames and arrays <-> rows of numbers.

A row's *codes* are a number for each column that is learnt (see `columns`). Its tensor has a number for each feature: a
category's code, or of a column of numbers the state (where it has several) and the place in it (see `numbers`).
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
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities.base import counted
from zaohua.modalities.tables import constraints
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.frame_codec import FrameCodec
from zaohua.modalities.tables.frames import Container, to_frame
from zaohua.modalities.tables.numbers import View

if TYPE_CHECKING:
    from zaohua.core.noise import Noise


class TableCodec(FrameCodec):
    """Data frames of pandas or polars, and arrays (n, columns) <-> rows of numbers.

    Attributes:
        columns_: the columns that are learnt, in the order of their codes.
        identifiers_: those that are generated anew.
        container_: what the table came in, and the order of all columns.
        constraints_: what always holds.
        views_: how networks see the columns; None of those that aren't numbers.
        features_: of each column the places of its features.
    """

    representation: ClassVar[str] = "columns of any kind"

    numbers: Literal["auto", "quantile", "modes"] = "auto"
    """How networks see numbers: by rank, as a normal distribution; around the modes of each column; or as the model has
    it, which is mostly by rank."""
    kinds: dict[str, str] | None = None
    """What columns are, where that isn't to be found out: continuous, integer, boolean, categorical, ordered, datetime
    or identifier, by name."""
    max_categories: Annotated[int, Between(2)] = 1000
    """Different values of a column that isn't numbers, at most."""
    constraints: tuple[str, ...] = ()
    """What always holds: 'start < end', 'total = net + tax', '(city, country)' for columns whose pairs are fixed."""

    def fit(self, items: Any) -> Self:
        """Learn what the columns are.

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
        found = [
            Column.of(frame[name].rename(name), kinds.get(str(name)), self.max_categories)  # pandas 2: numpy's 7
            for name in frame.columns
        ]
        self.identifiers_ = [column for column in found if column.kind == "identifier"]
        self.columns_ = [column for column in found if column.kind != "identifier"]
        if not self.columns_:
            names = ", ".join(repr(column.name) for column in found)
            raise ZaohuaError(
                f"all columns are identifiers ({names}), and those are not learnt; say what they are (kinds)"
            )
        codes = self._codes(frame)
        self.views_: list[View | None] = [
            None if column.is_category else View.of(column, codes[:, place], self._seen_as)
            for place, column in enumerate(self.columns_)
        ]
        self._set_heads()
        return self

    @property
    def _seen_as(self) -> str:
        return "quantile" if self.numbers == "auto" else self.numbers

    def _set_heads(self) -> None:
        features: list[Feature] = []
        self.features_: list[list[int]] = []
        for column, view in zip(self.columns_, self.views_, strict=True):
            name, first = str(column.name), len(features)
            if column.is_category:
                features.append(Feature(name, "category", column.size, missing=column.missing_code))
            elif view is not None:
                if view.states > 1 or not view.ranges:
                    missing = view.states - 1 if view.missing else None
                    features.append(Feature(f"{name}?", "category", view.states, missing=missing))
                if view.ranges:
                    given = (first, view.ranges) if len(features) > first else None
                    features.append(Feature(name, "real", 1, given=given, edges=view.edges()))
            self.features_.append(list(range(first, len(features))))
        self.spec_ = DataSpec(axes=("column",), shape=(len(features),), features=tuple(features))

    # ---- items <-> codes

    def encode(self, items: Any, unseen: bool = False, holes: bool = False) -> Tensor:
        """Rows -> codes, float64 (n, columns).

        Args:
            items: a table with the columns that `fit` saw, in any order.
            unseen: whether categories that training never saw get the code -1, instead of being an error.
            holes: whether a cell may lack a value, with the code -1, in a column that had one in every row of training.

        Raises:
            ZaohuaError: columns or values are others than those of training; the message names the nearest.
        """
        frame = self.container_.of_same_columns(items)
        for constraint in self.constraints_:
            frame = constraint.apply(frame)
        codes = self._codes(frame)
        for place, column in enumerate(() if unseen else self.columns_):
            cells = frame[column.name]
            column.refuse(cells, np.where(cells.isna(), 0, codes[:, place]) if holes else codes[:, place])
        return torch.from_numpy(codes)

    def _codes(self, frame: pd.DataFrame) -> np.ndarray:
        return np.stack([column.encode(frame[column.name]) for column in self.columns_], axis=1)

    def items(self, codes: Tensor) -> Any:
        """Codes (n, columns) -> a table of the type that `fit` was given."""
        values = codes.detach().cpu().double().numpy()
        cells = {id(column): column.decode(values[:, place]) for place, column in enumerate(self.columns_)}
        cells |= {id(column): column.decode(values[:, 0]) for column in self.identifiers_}
        by_name = {column.name: cells[id(column)] for column in [*self.columns_, *self.identifiers_]}
        for constraint in reversed(self.constraints_):
            by_name = constraint.undo(by_name)
        return self.container_.back(by_name, len(values))

    def given(self, y: Any, n: int | None) -> tuple[Tensor, Tensor]:
        """Some columns of rows, as conditions.

        Args:
            y: values by column, one for all rows or a list with one for each; or a frame of such columns.
            n: number of rows; None takes as many as there are values.

        Returns:
            codes: float64 (n, columns), NaN where nothing is given.
            known: bool (n, columns), which are given.

        Raises:
            ZaohuaError: a column or a value isn't one of training's, with the nearest named; numbers don't fit.
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
        places = {str(column.name): place for place, column in enumerate(self.columns_)}
        for name, value in by_name.items():
            tie = next((c.text for c in self.constraints_ if str(name) in map(str, c.tied())), None)
            if tie is not None:
                raise ZaohuaError(f"column {name!r} is tied to others by {tie!r}, so it can't be given alone")
            if str(name) not in places:
                raise unknown("column", name, [column.name for column in self.columns_])
            place = places[str(name)]
            column = self.columns_[place]
            cells = pd.Series(list(value) if _is_list(value) else [value] * count, name=column.name)
            codes[:, place], known[:, place] = column.encode(cells), True
            column.refuse(cells, codes[:, place])
            column.refuse_beyond(cells)
        return torch.from_numpy(codes), torch.from_numpy(known)

    def gone(self, codes: Tensor) -> Tensor:
        """Which cells have no value, bool (n, columns), where columns ever have one."""
        out = codes.isnan()
        for place, column in enumerate(self.columns_):
            if column.is_category:  # in a column that never had a value, there is none to be had
                out[:, place] = (codes[:, place] == -1) | ((codes[:, place] == column.missing_code) & (column.size > 1))
        return out

    # ---- codes <-> tensors

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Codes (b, columns) -> float64 (b, features); numbers that are multiples of a step are spread over it."""
        values = codes.cpu().numpy()
        u = noise.uniform(max(1, sum(view is not None for view in self.views_)), 2).double().cpu().numpy()
        out, turn = np.full((len(values), len(self.spec_.features)), np.nan), 0
        for place, (view, features) in enumerate(zip(self.views_, self.features_, strict=True)):
            if view is None:
                out[:, features[0]] = values[:, place]
                continue
            state, z = view.to_tensor(values[:, place], u[:, turn])
            turn += 1
            for feature in features:
                out[:, feature] = state if self.spec_.features[feature].kind == "category" else z
        return torch.from_numpy(out).to(codes.device)

    def codes(self, x: Tensor) -> Tensor:
        """Tensors (b, features) -> codes float64 (b, columns); the inverse of `prepare`."""
        values = x.detach().cpu().double().numpy()
        out = np.empty((len(values), len(self.columns_)))
        for place, view in enumerate(self.views_):
            state, z = self._state(values, place)
            if view is not None:
                out[:, place] = view.from_tensor(state, z)
            else:
                out[:, place] = state
        return torch.from_numpy(out)

    def _state(self, values: np.ndarray, place: int) -> tuple[np.ndarray, np.ndarray]:
        """State and number of a column in tensors (b, features)."""
        state, z = np.zeros(len(values), np.int64), np.full(len(values), np.nan)
        for feature in self.features_[place]:
            if self.spec_.features[feature].kind == "category":
                state = np.round(values[:, feature]).astype(np.int64)
            else:
                z = values[:, feature]
        return state, z

    def decode(self, x: Tensor) -> Any:
        """Tensors (b, features) -> a table of the type that `fit` was given."""
        return self.items(self.codes(x))

    def cells(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What a density of tensors (b, features) says of the columns' own numbers, feature by feature.

        Returns:
            low, high: float64 (b, features), between which the place of a whole number seen by rank lies; else NaN.
            log_slope: float64 (b, features), the log of how fast a place rises with the number, or with the step of
                whole numbers, which are spread over it. Added to a log density of places it makes one of numbers, or
                a bound of the log probability of whole ones. 0 elsewhere.
        """
        values = x.detach().cpu().double().numpy()
        low, high, slope = np.full_like(values, np.nan), np.full_like(values, np.nan), np.zeros_like(values)
        for place, view in enumerate(self.views_):
            if view is not None and view.ranges:
                feature = self.features_[place][-1]
                low[:, feature], high[:, feature], slope[:, feature] = view.cells(*self._state(values, place))
        return torch.from_numpy(low), torch.from_numpy(high), torch.from_numpy(slope)

    def known_heads(self, known: Tensor) -> Tensor:
        """Columns bool (b, columns) -> their features bool (b, features)."""
        return known[:, [place for place, features in enumerate(self.features_) for _ in features]]

    def about(self, rows: int) -> list[str]:
        """A line for each column, what it was taken for, and one of the memory that the codes of rows take."""
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
        """How many columns there are, of which kinds."""
        columns = [*self.columns_, *self.identifiers_]
        kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(column.kind for column in columns).items())
        return f"{counted(n, 'row')} of {counted(len(columns), 'column')}: {kinds}"

    def state(self) -> dict[str, Any]:
        """Columns and how they are seen."""
        if not hasattr(self, "spec_"):
            return {}
        return {
            "columns": [column.to_json() for column in self.columns_],
            "identifiers": [column.to_json() for column in self.identifiers_],
            "container": self.container_.to_json(),
            "constraints": [constraints.to_json(constraint) for constraint in self.constraints_],
            "views": [None if view is None else view.to_json() for view in self.views_],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        self.columns_ = [Column(**column) for column in state["columns"]]
        self.identifiers_ = [Column(**column) for column in state["identifiers"]]
        self.container_ = Container.from_json(state["container"])
        self.constraints_ = [constraints.from_json(constraint) for constraint in state["constraints"]]
        self.views_ = [
            None if view is None else View.from_json(column, view, self._seen_as)
            for column, view in zip(self.columns_, state["views"], strict=True)
        ]
        self._set_heads()


def _is_list(value: Any) -> bool:
    """Whether a condition has a value for each row."""
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes, Mapping))
