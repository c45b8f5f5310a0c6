"""Rows that satisfy a table's constraints, made from drawn coordinates and given cells."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.tables.constraints import checks, solving
from zaohua.modalities.tables.constraints.combinations import Group
from zaohua.modalities.tables.constraints.system import System

TRIES = 100
"""Maximum number of combinations tried for a row whose numbers don't fit the drawn one."""


def to_codes(
    system: System,
    coordinates: np.ndarray,
    given: np.ndarray | None = None,
    known: np.ndarray | None = None,
    chosen: np.ndarray | None = None,
    whole: bool = False,
) -> np.ndarray:
    """Convert coordinates (n, coordinates) to codes (n, columns) that satisfy all constraints.

    Args:
        system: the constraints.
        coordinates: the coordinates.
        given: codes (n, columns) of given cells, and of the chosen ones.
        known: which cells are given, bool (n, columns).
        chosen: which cells are given or belong to a chosen combination (see `given.combined`); default: known.
        whole: True if all cells that aren't given get a value; those that no value fits stay missing.

    Raises:
        ZaohuaError: no values of the other cells satisfy the constraints.
    """
    if system.is_empty:
        return coordinates if given is None or known is None else np.where(known, given, coordinates)
    shape = len(coordinates), system.width
    known = np.zeros(shape, bool) if known is None else known
    given = np.full(shape, np.nan) if given is None else system.with_nan(given)
    drawn = np.full(shape, np.nan)
    for index, each in enumerate(system.coordinates):
        if each.role == "cell":
            absent = system.absent[each.part]
            drawn[:, each.part] = np.where(coordinates[:, index] == absent, np.nan, coordinates[:, index])
        elif each.role == "group":
            group = system.groups[each.part]
            drawn[:, group.columns] = group.rows[coordinates[:, index].astype(np.int64)]
    drawn = np.where(known if chosen is None else chosen, given, drawn)
    values, solved = _solve(system, coordinates, drawn, known, whole)
    _try_others(system, coordinates, drawn, known, whole, values, solved)
    wrong = np.flatnonzero(~solved)
    if len(wrong) and not whole:
        texts = list(dict.fromkeys(text for lattice in system.lattices for text in lattice.texts))
        raise ZaohuaError(
            f"no values satisfy {checks.listed(texts)} together with the given cells of {len(wrong):,} rows: give "
            "others, or fewer"
        )
    linked = np.isin(np.arange(system.width), [place for lattice in system.lattices for place in lattice.columns])
    if len(wrong):  # without combinations, whose linked cells stay missing, and then without any values
        alone = np.where(known[wrong] | ~linked, drawn[wrong], np.nan)
        found, fine = _solve(system, coordinates[wrong], alone, known[wrong], whole)
        values[wrong] = np.where(fine[:, None], found, alone)
    return system.with_absent(values)


def _solve(
    system: System, coordinates: np.ndarray, drawn: np.ndarray, known: np.ndarray, whole: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the values of the linked columns.

    Args:
        system: the constraints.
        coordinates: the coordinates.
        drawn: codes (n, columns) of given cells, of combinations and of columns that aren't linked.
        known: which cells are given.
        whole: whether all cells get a value.

    Returns:
        The codes of all columns, and which rows have a solution, bool (n,).
    """
    values, solved = drawn.copy(), np.ones(len(drawn), bool)
    grouped = [place for group in system.groups for place in group.columns]
    for part, (lattice, links) in enumerate(zip(system.lattices, system.links, strict=True)):
        z, missing = _drawn_coordinates(system, part, coordinates)
        places = np.array(lattice.columns)
        told, cells = known[:, places] | np.isin(places, grouped), drawn[:, places]
        given = np.where(told, lattice.values(drawn), np.nan)
        found, fine = solving.solve(lattice, links.order, links.targets(z, given), ~np.isnan(given))
        solved &= fine
        codes = np.where(missing & (not whole), np.nan, lattice.codes(found))
        values[:, places] = np.where(told, cells, codes)
    return values, solved


def _drawn_coordinates(system: System, part: int, coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates of a lattice (n, m) in its units, and which cells are missing, bool (n, m)."""
    lattice = system.lattices[part]
    z = np.zeros((len(coordinates), len(lattice.columns)))
    missing = np.zeros(z.shape, bool)
    for index, each in enumerate(system.coordinates):
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
    system: System,
    coordinates: np.ndarray,
    drawn: np.ndarray,
    known: np.ndarray,
    whole: bool,
    values: np.ndarray,
    solved: np.ndarray,
) -> None:
    """Try other combinations, the most frequent first, for rows without a solution; change `values` and `solved`."""
    linked = {place for lattice in system.lattices for place in lattice.columns}
    groups = [group for group in system.groups if linked & set(group.columns)]
    choices = {row: _other_rows(drawn[row], known[row], groups, whole) for row in np.flatnonzero(~solved)}
    for turn in range(TRIES):
        rows = np.array([row for row in np.flatnonzero(~solved) if turn < len(choices[row])], np.int64)
        if not len(rows):
            return
        trial = np.stack([choices[row][turn] for row in rows])
        found, fine = _solve(system, coordinates[rows], trial, known[rows], whole)
        values[rows[fine]], solved[rows[fine]] = found[fine], True


def _other_rows(drawn: np.ndarray, known: np.ndarray, groups: Sequence[Group], whole: bool) -> list[np.ndarray]:
    """Return versions of a row: with another combination of one group, or of all groups."""
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
