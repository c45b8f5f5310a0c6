"""Given cells of rows: whether they contradict a table's constraints, and what they determine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zaohua.modalities.tables.constraints import checks
from zaohua.modalities.tables.constraints.system import System


def known_coordinates(system: System, codes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return which coordinates known cells determine, bool (n, coordinates).

    Args:
        codes: codes (n, columns).
        known: which cells are given, bool (n, columns); a missing cell may be given, too.
    """
    if system.is_empty:
        return known
    values = system.with_nan(codes)
    out = np.zeros((len(codes), len(system.coordinates)), bool)
    for index, each in enumerate(system.coordinates):
        if each.role == "cell":
            out[:, index] = known[:, each.part]
        elif each.role == "group":
            group = system.groups[each.part]
            out[:, index] = known[:, group.columns].all(1) & (group.index(values) >= 0)
        elif each.role == "mask":
            out[:, index] = known[:, system.lattices[each.part].columns[each.place]]
        else:
            needed = [system.lattices[each.part].columns[j] for j in system.links[each.part].needs(each.place)]
            out[:, index] = (known[:, needed] & ~np.isnan(values[:, needed])).all(1)
    return out


def check(system: System, codes: np.ndarray, known: np.ndarray, rows: Sequence[object]) -> None:
    """Check that given cells don't contradict the constraints.

    Args:
        codes: codes (n, columns).
        known: which cells are given, bool (n, columns).
        rows: names of the rows.

    Raises:
        ZaohuaError: they do; the message names the constraints and counts the rows.
    """
    values = np.where(known, system.with_nan(codes), np.nan)
    for group in system.groups:
        broken = group.broken(values)
        for text, wrong in zip(group.texts, broken.T, strict=True):
            checks.raise_broken(text, wrong, rows, "the given combination isn't one of training")
        checks.raise_broken(
            checks.listed(group.texts), group.has_none(values), rows, "no combinations have all of the given cells"
        )
    for lattice in system.lattices:
        checks.check(lattice, lattice.values(values), rows)


def agrees(system: System, coordinates: np.ndarray, codes: np.ndarray, known: np.ndarray, whole: bool) -> np.ndarray:
    """Return which rows have drawn combinations that agree with their given cells, bool (n,)."""
    values, out = system.with_nan(codes), np.ones(len(codes), bool)
    for index, each in enumerate(system.coordinates):
        if each.role != "group":
            continue
        group = system.groups[each.part]
        drawn, given = group.rows[coordinates[:, index].astype(np.int64)], values[:, group.columns]
        told = known[:, group.columns]
        same = (drawn == given) | (np.isnan(drawn) & np.isnan(given))
        out &= (same | ~told).all(1) & ~((np.isnan(drawn) & ~told).any(1) & whole)
    return out


def combined(
    system: System, codes: np.ndarray, known: np.ndarray, u: np.ndarray, whole: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Choose combinations for rows in which some of their cells are given.

    Args:
        codes: codes (n, columns).
        known: which cells are given, bool (n, columns).
        u: uniform numbers (n, groups), by which combinations are drawn as often as they occur in training.
        whole: True for combinations without missing cells.

    Returns:
        codes and known with the chosen cells. Cells stay missing that no combination fills in.
    """
    values, known = system.with_nan(codes), known.copy()
    for turn, group in enumerate(system.groups):
        columns = np.array(group.columns)
        told = known[:, columns]
        for row in np.flatnonzero(told.any(1) & ~told.all(1)):
            given = np.where(told[row], values[row, columns], np.nan)
            rows, weights = group.candidates(given, whole)
            if len(rows):
                place = min(int(np.searchsorted(weights.cumsum(), u[row, turn] * weights.sum())), len(rows) - 1)
                values[row, columns] = np.where(told[row], values[row, columns], rows[place])
            else:
                values[row, columns[~told[row]]] = np.nan
            known[row, columns] = True
    return system.with_absent(values), known
