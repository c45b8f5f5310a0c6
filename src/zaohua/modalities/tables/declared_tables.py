"""Base of the codec of tables: columns that a schema declares, of which nothing is learnt from data."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.modalities.tables.binned import evenly
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.constraints.system import System
from zaohua.modalities.tables.frames import TableLike
from zaohua.modalities.tables.schema import declared
from zaohua.modalities.tables.table_tensors import TableTensors
from zaohua.modalities.tables.views import View


class DeclaredTables(TableTensors, ABC):
    """Codec whose columns may be declared."""

    max_categories: Annotated[int, Between(2)] = 1000
    """Maximum number of distinct values of a categorical column."""
    schema: dict[str, Any] | str | None = None
    """What the cells of columns can be, instead of what the data hold: a JSON file, or entries by column such as
    {"low": 0, "high": 99, "integer": true} and {"categories": ["a", "b"]}; "missing": true if cells may be missing."""

    def fit_declared(self, items: TableLike, schema: Mapping[str, Json]) -> Self:
        """Take all columns from a schema: of the table, only the names of the columns and its type are looked at.

        Args:
            items: the table.
            schema: a checked entry for each column, see `schema`.
        """
        frame, container = self.kept(items)
        self.container_ = replace(container, dialect={})
        self.identifiers_: list[Column] = []
        self.columns_ = [declared(name, schema[str(name)]) for name in frame.columns.tolist()]
        system, _ = System.fit([], self.columns_, np.zeros((0, len(self.columns_))), self.max_categories)
        self._set_views(system, [None if column.is_category else evenly(column) for column in self.columns_])
        return self

    def set_views(self, views: Sequence[View | None]) -> None:
        """Set the representation of each column's numbers; None for categories."""
        self._set_views(self.system_, list(views))

    def encode_within(self, items: TableLike) -> Tensor:
        """Encode rows as float64 (n, columns): numbers are brought into their range, other cells may be hidden.

        See `encode_partly`; unlike there, a number outside the range becomes the nearest inside.
        """
        frame = self.container_.of_same_columns(items)
        parts = [column.encode(frame[column.name]) for column in self.columns_]
        return torch.from_numpy(
            np.stack([c.marked(part) for c, part in zip(self.columns_, parts, strict=True)], axis=1)
        )
