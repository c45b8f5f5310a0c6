"""All constraints of a table, as one system: checked and learnt together, whatever their order.

The system converts the codes of a table's columns to *coordinates*, which a model learns instead (`completion` converts
them back):

    columns that no constraint names    themselves
    columns that must go together       the index of their combination (see `combinations`)
    numbers and dates in comparisons    differences from others (see `links`), and apart from them, whether the cell is
                                        missing; a missing cell's coordinate is drawn
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.constraints import checks
from zaohua.modalities.tables.constraints.combinations import Group, merged
from zaohua.modalities.tables.constraints.coordinates import Coordinate, choose
from zaohua.modalities.tables.constraints.lattice import Lattice
from zaohua.modalities.tables.constraints.links import Links
from zaohua.modalities.tables.constraints.parsing import Linear, Together
from zaohua.modalities.tables.frames import ColumnName


@dataclass
class System:
    """The constraints of a table.

    Attributes:
        width: number of the table's columns.
        absent: code of a missing cell of each column: NaN for numbers, and for categories that are never missing.
        groups: columns that must go together.
        lattices, links: numbers and dates in comparisons, and their coordinates.
        coordinates: what a model learns, in the order of the columns.
        found: for each constraint, its text and in how many rows of training data it was found to hold.
    """

    width: int
    absent: list[float]
    groups: list[Group]
    lattices: list[Lattice]
    links: list[Links]
    coordinates: list[Coordinate]
    found: list[tuple[str, int]]

    @classmethod
    def fit(
        cls, parsed: Sequence[Linear | Together], columns: Sequence[Column], codes: np.ndarray, most: int
    ) -> tuple[System, np.ndarray]:
        """Check that constraints hold in the training data, and choose the coordinates.

        Args:
            parsed: the constraints.
            columns: the table's columns.
            codes: their codes (n, columns).
            most: maximum number of combinations.

        Returns:
            The system, and the coordinates of the training data (n, coordinates).

        Raises:
            ZaohuaError: constraints contradict each other or the data; the message names them and counts the rows.
        """
        absent = [np.nan if column.missing_code is None else float(column.missing_code) for column in columns]
        system = cls(len(columns), absent, [], [], [], [], [])
        values = system.with_nan(codes)
        index = {column.name: place for place, column in enumerate(columns)}
        together = [each for each in parsed if isinstance(each, Together)]
        sets = [[index[name] for name in each.names] for each in together]
        for members in merged(sets):
            group = Group.fit([together[i].text for i in members], [sets[i] for i in members], values)
            if len(group.rows) > most:
                raise ZaohuaError(
                    f"constraint {group.name!r} has {len(group.rows):,} combinations, more than "
                    f"{option('max_categories', most)}: raise that, or leave it out"
                )
            system.groups.append(group)
        linear = [each for each in parsed if isinstance(each, Linear)]
        uses = [[index[name] for name, _ in each.terms] for each in linear]
        completed: list[np.ndarray] = []
        for members in merged(uses):
            linked = sorted({place for i in members for place in uses[i]})
            lattice = Lattice.fit(linked, columns, values, [linear[i] for i in members])
            v = lattice.values(values)
            checks.check(lattice, v)
            links = Links.of(lattice)
            completed.append(links.learn(v, lattice))
            system.lattices.append(lattice)
            system.links.append(links)
        system.found = [
            (each.text, int((~np.isnan(values[:, [index[name] for name in _names(each)]])).all(1).sum()))
            for each in {each.text: each for each in parsed}.values()
        ]
        system.coordinates = choose(columns, system.groups, system.lattices, system.links, completed)
        if system.is_empty:
            return system, codes
        return system, system._coordinates(codes, completed)

    # ---- codes <-> coordinates

    @property
    def is_empty(self) -> bool:
        """True if there are no constraints, so that coordinates are codes."""
        return not self.groups and not self.lattices

    def with_nan(self, codes: np.ndarray) -> np.ndarray:
        """Return codes (n, columns) with NaN for missing cells."""
        return np.where(codes == np.array(self.absent), np.nan, codes)

    def with_absent(self, values: np.ndarray) -> np.ndarray:
        """Invert `with_nan`."""
        return np.where(np.isnan(values), np.array(self.absent), values)

    def to_coordinates(self, codes: np.ndarray, uniform: Callable[[int], np.ndarray]) -> np.ndarray:
        """Convert codes (n, columns) to coordinates (n, coordinates).

        Args:
            codes: the codes. Rows needn't satisfy the constraints; the coordinate of an unknown combination is -1.
            uniform: returns uniform numbers (n, k), from which missing linked cells are drawn.
        """
        if self.is_empty:
            return codes
        values, completed = self.with_nan(codes), []
        for lattice, links in zip(self.lattices, self.links, strict=True):
            v = lattice.values(values)
            u = uniform(v.shape[1]) if self._can_miss(lattice) else np.zeros_like(v)
            completed.append(links.completed(v, u, lattice))
        return self._coordinates(codes, completed)

    def _can_miss(self, lattice: Lattice) -> bool:
        """Return True if cells of a lattice's columns were missing in training, whatever they are now."""
        return any(each.role == "mask" and self.lattices[each.part] is lattice for each in self.coordinates)

    def _coordinates(self, codes: np.ndarray, completed: Sequence[np.ndarray]) -> np.ndarray:
        """Convert codes (n, columns), and values without missing ones of each lattice (n, m), to coordinates."""
        values = self.with_nan(codes)
        z = [links.coordinates(v) for links, v in zip(self.links, completed, strict=True)]
        out = np.empty((len(codes), len(self.coordinates)))
        for index, each in enumerate(self.coordinates):
            if each.role == "cell":
                out[:, index] = codes[:, each.part]
            elif each.role == "group":
                out[:, index] = self.groups[each.part].index(values)
            elif each.role == "mask":
                out[:, index] = np.isnan(values[:, self.lattices[each.part].columns[each.place]])
            elif each.scale:
                out[:, index] = each.codes(z[each.part][:, each.place] / each.scale)
            else:
                out[:, index] = self.lattices[each.part].codes(completed[each.part])[:, each.place]
        return out

    # ---- description and JSON

    def about(self, rows: int) -> list[str]:
        """Describe each constraint in a line."""
        lines = []
        for text, count in self.found:
            rest = f" (of {rows:,})" if count < rows else ""
            lines.append(f"constraint {text}: holds in all {count:,} rows that have its cells{rest}")
        return lines

    def to_json(self) -> Json | None:
        """Return all properties as JSON values; None without constraints."""
        if self.is_empty:
            return None
        return {
            "width": self.width,
            "absent": [None if np.isnan(code) else code for code in self.absent],
            "groups": [group.to_json() for group in self.groups],
            "lattices": [lattice.to_json() for lattice in self.lattices],
            "links": [links.to_json() for links in self.links],
            "coordinates": [
                {**vars(each), "column": None if each.role == "cell" else each.column.to_json()}
                for each in self.coordinates
            ],
            "found": [list(each) for each in self.found],
        }

    @classmethod
    def from_json(cls, data: Json | None, columns: Sequence[Column]) -> System:
        """Create a system of the columns from the result of `to_json`."""
        if data is None:
            return cls.fit((), columns, np.empty((0, len(columns))), 0)[0]
        return cls(
            width=data["width"],
            absent=[np.nan if code is None else code for code in data["absent"]],
            groups=[Group.from_json(each) for each in data["groups"]],
            lattices=[Lattice(**each) for each in data["lattices"]],
            links=[Links.from_json(each) for each in data["links"]],
            coordinates=[
                Coordinate(
                    **{**each, "column": columns[each["part"]] if each["role"] == "cell" else Column(**each["column"])}
                )
                for each in data["coordinates"]
            ],
            found=[(text, count) for text, count in data["found"]],
        )


def _names(each: Linear | Together) -> list[ColumnName]:
    return list(each.names) if isinstance(each, Together) else [name for name, _ in each.terms]
