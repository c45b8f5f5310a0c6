"""Columns: values that belong to items, one for each, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable


class Column(list[object]):
    """List of the values of a column, one for each item, that knows the column's name.

    Attributes:
        name: name of the column.
    """

    def __init__(self, name: str, values: Iterable[object] = ()):
        super().__init__(values)
        self.name = name
