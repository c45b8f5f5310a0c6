"""All constraints of a table, as one system: checked, learnt and solved together, whatever their order.

The system stands between the codes of a table's columns, and *coordinates*, which a model learns instead:

    columns that no constraint names    themselves
    columns that must go together       the index of their combination (see `combinations`)
    numbers and dates in comparisons    differences from others (see `links`), and apart from them, whether the cell is
                                        missing; a missing cell's coordinate is drawn
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.constraints import checks, solving
from zaohua.modalities.tables.constraints.combinations import Group, merged
from zaohua.modalities.tables.constraints.lattice import Lattice
from zaohua.modalities.tables.constraints.links import Links
from zaohua.modalities.tables.constraints.parsing import Linear, Together
from zaohua.modalities.tables.frames import ColumnName
from zaohua.modalities.tables.kinds import TIMES, decimals

GIVEN = "given"
"""Category of the coordinate that says whether a cell is missing."""
TRIES = 100
"""Maximum number of combinations tried for a row whose numbers don't fit to the drawn one."""


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
        """Return the numbers of codes; those of differences of earlier versions may be ordered categories."""
        values = self.column.categories
        return codes if values is None else np.array(values, dtype=np.float64)[codes.astype(np.int64)]

    def codes(self, numbers: np.ndarray) -> np.ndarray:
        """Invert `numbers`; unknown ones become the nearest."""
        values = self.column.categories
        if values is None:
            return numbers
        return np.asarray(np.abs(numbers[:, None] - np.array(values, dtype=np.float64)).argmin(1), dtype=np.float64)


@dataclass
class System:
    """The constraints of a table.

    Attributes:
        width: number of the table's columns.
        absent: code of a missing cell of each column: NaN for numbers, and for categories that never miss.
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
        completed: dict[int, np.ndarray] = {}
        for members in merged(uses):
            linked = sorted({place for i in members for place in uses[i]})
            lattice = Lattice.fit(linked, columns, values, [linear[i] for i in members])
            v = lattice.values(values)
            checks.check(lattice, v)
            links = Links.of(lattice)
            completed[len(system.lattices)] = links.learn(v, lattice)
            system.lattices.append(lattice)
            system.links.append(links)
        system.found = [
            (each.text, int((~np.isnan(values[:, [index[name] for name in _names(each)]])).all(1).sum()))
            for each in {each.text: each for each in parsed}.values()
        ]
        system.coordinates = system._choose(columns, completed)
        if system.is_empty:
            return system, codes
        return system, system._coordinates(codes, [completed[part] for part in range(len(system.lattices))])

    def _choose(self, columns: Sequence[Column], completed: Mapping[int, np.ndarray]) -> list[Coordinate]:
        """Choose the coordinates of all columns, in their order."""
        grouped = {place: index for index, group in enumerate(self.groups) for place in group.columns}
        linked = {place: index for index, lattice in enumerate(self.lattices) for place in lattice.columns}
        out, seen = [], set()
        for place, column in enumerate(columns):
            group, part = grouped.get(place), linked.get(place)
            if group is not None and group not in seen:
                seen.add(group)
                names: list[str | float] = [str(index) for index in range(len(self.groups[group].rows))]
                category = Column(self.groups[group].name, "categorical", "object", categories=names)
                out.append(Coordinate(category, "group", group))
            if part is not None:
                out += self._linked(
                    column, part, self.lattices[part].columns.index(place), completed[part], group is None
                )
            elif group is None:
                out.append(Coordinate(column, "cell", place))
        return out

    def _linked(self, column: Column, part: int, place: int, completed: np.ndarray, has_mask: bool) -> list[Coordinate]:
        """Return the coordinates of a linked column: whether it is missing, and its number if it isn't derived."""
        out, lattice, links = [], self.lattices[part], self.links[part]
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
            codes: the codes. Rows needn't satisfy the constraints; unknown combinations become -1.
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

    def to_codes(
        self,
        coordinates: np.ndarray,
        given: np.ndarray | None = None,
        known: np.ndarray | None = None,
        chosen: np.ndarray | None = None,
        whole: bool = False,
    ) -> np.ndarray:
        """Convert coordinates (n, coordinates) to codes (n, columns) that satisfy all constraints.

        Args:
            coordinates: the coordinates.
            given: codes (n, columns) of given cells, and of the chosen ones.
            known: which cells are given, bool (n, columns).
            chosen: which cells are given or belong to a chosen combination (see `given.combined`); default: known.
            whole: True if all cells that aren't given get a value; those that no value fits stay missing.

        Raises:
            ZaohuaError: no values of the other cells satisfy the constraints.
        """
        if self.is_empty:
            return coordinates if given is None or known is None else np.where(known, given, coordinates)
        shape = len(coordinates), self.width
        known = np.zeros(shape, bool) if known is None else known
        given = np.full(shape, np.nan) if given is None else self.with_nan(given)
        drawn = np.full(shape, np.nan)
        for index, each in enumerate(self.coordinates):
            if each.role == "cell":
                absent = self.absent[each.part]
                drawn[:, each.part] = np.where(coordinates[:, index] == absent, np.nan, coordinates[:, index])
            elif each.role == "group":
                group = self.groups[each.part]
                drawn[:, group.columns] = group.rows[coordinates[:, index].astype(np.int64)]
        drawn = np.where(known if chosen is None else chosen, given, drawn)
        values, solved = self._solve(coordinates, drawn, known, whole)
        self._try_others(coordinates, drawn, known, whole, values, solved)
        wrong = np.flatnonzero(~solved)
        if len(wrong) and not whole:
            texts = list(dict.fromkeys(text for lattice in self.lattices for text in lattice.texts))
            raise ZaohuaError(
                f"no values satisfy {checks.listed(texts)} together with the given cells of {len(wrong):,} rows: give "
                "others, or fewer"
            )
        linked = np.isin(np.arange(self.width), [place for lattice in self.lattices for place in lattice.columns])
        if len(wrong):  # without combinations, whose linked cells stay missing, and then without any values
            alone = np.where(known[wrong] | ~linked, drawn[wrong], np.nan)
            found, fine = self._solve(coordinates[wrong], alone, known[wrong], whole)
            values[wrong] = np.where(fine[:, None], found, alone)
        return self.with_absent(values)

    def _solve(
        self, coordinates: np.ndarray, drawn: np.ndarray, known: np.ndarray, whole: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Set the linked columns.

        Args:
            coordinates: the coordinates.
            drawn: codes (n, columns) of given cells, of combinations and of columns that aren't linked.
            known: which cells are given.
            whole: whether no cell is missing.

        Returns:
            The codes with those of the linked columns, and which rows are solved, bool (n,).
        """
        values, solved = drawn.copy(), np.ones(len(drawn), bool)
        grouped = [place for group in self.groups for place in group.columns]
        for part, (lattice, links) in enumerate(zip(self.lattices, self.links, strict=True)):
            z, missing = self._drawn_coordinates(part, coordinates)
            places = np.array(lattice.columns)
            told, cells = known[:, places] | np.isin(places, grouped), drawn[:, places]
            given = np.where(told, lattice.values(drawn), np.nan)
            found, fine = solving.solve(lattice, links.order, links.targets(z, given), ~np.isnan(given))
            solved &= fine
            codes = np.where(missing & (not whole), np.nan, lattice.codes(found))
            values[:, places] = np.where(told, cells, codes)
        return values, solved

    def _drawn_coordinates(self, part: int, coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coordinates of a lattice (n, m) in its units, and which cells are missing, bool (n, m)."""
        lattice = self.lattices[part]
        z = np.zeros((len(coordinates), len(lattice.columns)))
        missing = np.zeros(z.shape, bool)
        for index, each in enumerate(self.coordinates):
            if each.part != part or each.role not in ("mask", "number"):
                continue
            values = coordinates[:, index]
            if each.role == "mask":
                missing[:, each.place] = values == each.column.missing_code
            elif each.scale:
                z[:, each.place] = each.numbers(values) * each.scale
            else:
                z[:, each.place] = values * lattice.mult[each.place] + lattice.shift[each.place]
        if lattice.whole:
            z = np.where(np.abs(z - np.rint(z)) < 1e-6, np.rint(z), z)
        return z, missing

    def _try_others(
        self,
        coordinates: np.ndarray,
        drawn: np.ndarray,
        known: np.ndarray,
        whole: bool,
        values: np.ndarray,
        solved: np.ndarray,
    ) -> None:
        """Solve rows whose numbers contradict their combinations by other combinations, the most frequent first."""
        linked = {place for lattice in self.lattices for place in lattice.columns}
        groups = [group for group in self.groups if linked & set(group.columns)]
        choices = {row: self._other_rows(drawn[row], known[row], groups, whole) for row in np.flatnonzero(~solved)}
        for turn in range(TRIES):
            rows = np.array([row for row in np.flatnonzero(~solved) if turn < len(choices[row])], np.int64)
            if not len(rows):
                return
            trial = np.stack([choices[row][turn] for row in rows])
            found, fine = self._solve(coordinates[rows], trial, known[rows], whole)
            values[rows[fine]], solved[rows[fine]] = found[fine], True

    @staticmethod
    def _other_rows(drawn: np.ndarray, known: np.ndarray, groups: Sequence[Group], whole: bool) -> list[np.ndarray]:
        """Return versions of a row with other combinations of one group, and then of all groups."""
        one, choices = [], []
        for group in groups:
            columns = np.array(group.columns)
            rows, weights = group.candidates(np.where(known[columns], drawn[columns], np.nan), whole)
            choices.append([(columns, row) for row in rows[np.argsort(-weights, kind="stable")]])
            one += [[choice] for choice in choices[-1]]
        each = max(2, int(TRIES ** (1 / max(1, len(groups)))))
        every = itertools.product(*(some[:each] for some in choices)) if len(groups) > 1 else ()
        out = []
        for combination in itertools.islice(itertools.chain(one[: TRIES // 2], every, one[TRIES // 2 :]), TRIES):
            trial = drawn.copy()
            for columns, row in combination:
                trial[columns] = np.where(known[columns], drawn[columns], row)
            out.append(trial)
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


def _difference(column: Column, values: np.ndarray, lattice: Lattice) -> Column:
    """Return the properties of the coordinate of a column that is measured from others."""
    low, high = float(values.min()), float(values.max())
    if lattice.whole and column.is_discrete and np.array_equal(values, np.rint(values)):
        step = float(np.gcd.reduce((values - low).astype(np.int64))) or 1.0
        return Column(column.name, "integer", "float64", low=low, high=high, step=step)
    digits = decimals(values) if lattice.whole else None
    step = 0.0 if digits is None else 10.0**-digits
    return Column(column.name, "continuous", "float64", low=low, high=high, step=step, decimals=digits)
