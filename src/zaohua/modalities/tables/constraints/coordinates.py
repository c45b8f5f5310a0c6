"""Coordinates of a table's rows, which a model learns instead of columns that constraints link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.constraints.combinations import Group
from zaohua.modalities.tables.constraints.lattice import Lattice
from zaohua.modalities.tables.constraints.links import Links
from zaohua.modalities.tables.kinds import TIMES, decimals

GIVEN = "given"
"""Category of the coordinate that says whether a cell is missing."""


@dataclass
class Coordinate:
    """A learnt coordinate.

    Attributes:
        column: its properties, as of a column.
        role: "cell" for a column as it is, "group", "mask" for whether a cell is missing, "number" of linked columns.
        part: index of the column, of the group, or of the lattice.
        place: place of a linked column in its lattice.
        scale: units of the lattice per unit of the coordinate; 0 if the coordinate is the column's own code.
    """

    column: Column
    role: str
    part: int
    place: int = 0
    scale: float = 0.0

    def numbers(self, codes: np.ndarray) -> np.ndarray:
        """Return the numbers of codes. In runs of earlier versions, differences may be ordered categories."""
        values = self.column.categories
        return codes if values is None else np.array(values, dtype=np.float64)[codes.astype(np.int64)]

    def codes(self, numbers: np.ndarray) -> np.ndarray:
        """Invert `numbers`; unknown ones become the nearest."""
        values = self.column.categories
        if values is None:
            return numbers
        return np.asarray(np.abs(numbers[:, None] - np.array(values, dtype=np.float64)).argmin(1), dtype=np.float64)


def choose(
    columns: Sequence[Column],
    groups: Sequence[Group],
    lattices: Sequence[Lattice],
    links: Sequence[Links],
    completed: Sequence[np.ndarray],
) -> list[Coordinate]:
    """Choose the coordinates of all columns, in their order.

    Args:
        columns: the table's columns.
        groups: columns that must go together.
        lattices: linked columns.
        links: the coordinates of each lattice.
        completed: the values (n, m) of each lattice in training, without missing ones.
    """
    grouped = {place: index for index, group in enumerate(groups) for place in group.columns}
    linked = {place: index for index, lattice in enumerate(lattices) for place in lattice.columns}
    out, seen = [], set()
    for place, column in enumerate(columns):
        group, part = grouped.get(place), linked.get(place)
        if group is not None and group not in seen:
            seen.add(group)
            names: list[str | float] = [str(index) for index in range(len(groups[group].rows))]
            category = Column(groups[group].name, "categorical", "object", categories=names)
            out.append(Coordinate(category, "group", group))
        if part is not None:
            where = part, lattices[part].columns.index(place)
            out += _linked(column, where, lattices[part], links[part], completed[part], group is None)
        elif group is None:
            out.append(Coordinate(column, "cell", place))
    return out


def _linked(
    column: Column, where: tuple[int, int], lattice: Lattice, links: Links, completed: np.ndarray, has_mask: bool
) -> list[Coordinate]:
    """Return the coordinates of a linked column: whether it is missing, and its number if it isn't derived.

    Args:
        column: the column.
        where: index of its lattice, and its place there.
        lattice: the lattice.
        links: the coordinates of the lattice.
        completed: the values (n, m) of the lattice in training, without missing ones.
        has_mask: whether a coordinate may say that the cell is missing.
    """
    out, (part, place) = [], where
    if column.missing and has_mask:  # a group says by itself which of its cells are missing
        mask = Column(f"{column.name} {GIVEN}", "categorical", "object", column.missing, categories=[GIVEN])
        out.append(Coordinate(mask, "mask", part, place))
    if place not in links.bases:
        return out
    if not links.bases[place]:
        return [*out, Coordinate(replace(column, missing=0.0), "number", part, place)]
    z = links.coordinates(completed)[:, place]
    scale = lattice.mult[place]
    if column.kind in TIMES and not np.array_equal(z / scale, np.rint(z / scale)):
        scale = 1.0
    return [*out, Coordinate(_difference(column, z / scale, lattice), "number", part, place, scale)]


def _difference(column: Column, values: np.ndarray, lattice: Lattice) -> Column:
    """Return the properties of the coordinate of a column that is measured from others."""
    low, high = float(values.min()), float(values.max())
    if lattice.whole and column.is_discrete and np.array_equal(values, np.rint(values)):
        step = float(np.gcd.reduce((values - low).astype(np.int64))) or 1.0
        return Column(column.name, "integer", "float64", low=low, high=high, step=step)
    digits = decimals(values) if lattice.whole else None
    step = 0.0 if digits is None else 10.0**-digits
    return Column(column.name, "continuous", "float64", low=low, high=high, step=step, decimals=digits)
