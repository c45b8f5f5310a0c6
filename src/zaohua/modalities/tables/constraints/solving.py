"""Values that satisfy linear inequalities, near to given targets and with some values fixed, for many rows at once.

Bounds of each value follow from those of the others, repeatedly (for differences, these are Bellman and Ford's shortest
paths, and exact). Values are then set one after the other, within their bounds. Rows that this doesn't solve, which
only sums can cause, are solved one by one as mixed-integer programs.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from zaohua.modalities.tables.constraints.lattice import Lattice
from zaohua.modalities.tables.constraints.units import LARGEST

EXTRA_ROUNDS = 4
"""Rounds of propagation, beyond the number of columns."""
FAR = 2.0**50
"""Greatest distance from the target, in steps, in a mixed-integer program."""


def propagate(
    lattice: Lattice, low: np.ndarray, high: np.ndarray, fixed: np.ndarray, free: bool = False, slack: float = 1.0
) -> np.ndarray:
    """Narrow the bounds (n, m) of values in place until they stop changing; return which rows have no solution, (n,).

    Args:
        lattice: the inequalities.
        low, high: bounds, which may be infinite.
        fixed: which values are given, bool (n, m); only others are rounded to their steps.
        free: True if values need not be multiples of their steps.
        slack: see `Lattice.inequalities`.
    """
    matrix, bounds = lattice.inequalities(free, slack)
    for _ in range(matrix.shape[1] + EXTRA_ROUNDS):
        before = low.copy(), high.copy()
        for row, bound in zip(matrix, bounds, strict=True):
            _narrow(lattice, row, float(bound), low, high, fixed, free)
        if np.array_equal(before[0], low) and np.array_equal(before[1], high):
            break
    return np.asarray((low > high + lattice.tolerance).any(1))


def _narrow(
    lattice: Lattice, row: np.ndarray, bound: float, low: np.ndarray, high: np.ndarray, fixed: np.ndarray, free: bool
) -> None:
    """Narrow the bounds of values by one inequality."""
    linked = np.flatnonzero(row)
    least = np.where(row[linked] > 0, low[:, linked], high[:, linked]) * row[linked]
    for place, j in enumerate(linked.tolist()):
        others = np.delete(least, place, axis=1).sum(1)  # to subtract from the total would cancel digits
        room = (bound - others) / abs(row[j])
        if row[j] > 0:
            new = room if free else _on_grid(lattice, j, room, fixed[:, j], np.floor, lattice.tolerance)
            better = (new < high[:, j]) & (free | ~fixed[:, j])
            high[better, j] = new[better]
        else:
            new = -room if free else _on_grid(lattice, j, -room, fixed[:, j], np.ceil, -lattice.tolerance)
            better = (new > low[:, j]) & (free | ~fixed[:, j])
            low[better, j] = new[better]


def _on_grid(
    lattice: Lattice, j: int, values: np.ndarray, fixed: np.ndarray, to: np.ufunc, tolerance: float
) -> np.ndarray:
    """Round values of a column to multiples of its step, except where they are fixed."""
    step, offset = lattice.step[j], lattice.offset[j]
    if not step:
        return values
    rounded = offset + to((values - offset + tolerance) / step) * step
    return np.asarray(np.where(fixed, values, rounded))


def nearest_on_grid(lattice: Lattice, j: int, values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Round values of a column to multiples of its step within bounds."""
    values = np.clip(values, low, high)
    step, offset = lattice.step[j], lattice.offset[j]
    if step:
        near = offset + np.rint((values - offset) / step) * step
        near = np.where(near > high, near - step, np.where(near < low, near + step, near))
        values = np.where((near >= low) & (near <= high), near, values)
    return np.asarray(values)


def contradictory(lattice: Lattice, values: np.ndarray) -> np.ndarray:
    """Return which rows no values in place of the missing ones can satisfy, whatever their steps, bool (n,).

    Args:
        lattice: the inequalities.
        values: values (n, m), NaN if missing.
    """
    known = ~np.isnan(values)
    low, high = np.where(known, values, -np.inf), np.where(known, values, np.inf)
    return propagate(lattice, low, high, known, free=True)


def solve(lattice: Lattice, order: list[int], targets: np.ndarray, fixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values (n, m) near to targets that satisfy all inequalities, and which rows are solved, bool (n,).

    Values stay in the ranges and steps of training if possible, and else in those of the dtypes.

    Args:
        lattice: the inequalities.
        order: order in which values are set.
        targets: wished values (n, m), without NaN.
        fixed: which values can't be changed, bool (n, m).
    """
    out, solved = targets.copy(), np.zeros(len(targets), bool)
    ways = [(lattice.low, lattice.high, 1.0), (lattice.least, lattice.most, 1.0)]
    ways += [] if lattice.whole else [(lattice.least, lattice.most, 0.0)]  # only one value may be left
    for way in ways:
        rows = np.flatnonzero(~solved)
        if len(rows):
            out[rows], solved[rows] = _solve_within(lattice, order, targets[rows], fixed[rows], *way)
    for row in np.flatnonzero(~solved):
        for low, high, slack in ways:
            found = _program(lattice, targets[row], fixed[row], np.array(low), np.array(high), slack)
            if found is not None:
                out[row], solved[row] = found, True
                break
    return out, solved


def _solve_within(
    lattice: Lattice,
    order: list[int],
    targets: np.ndarray,
    fixed: np.ndarray,
    least: list[float],
    most: list[float],
    slack: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Set values one after the other; rows that satisfy everything already are only rounded."""
    low = np.where(fixed, targets, _unlimited(least))
    high = np.where(fixed, targets, _unlimited(most))
    first = np.stack([nearest_on_grid(lattice, j, targets[:, j], low[:, j], high[:, j]) for j in range(len(order))], 1)
    out = np.where(fixed, targets, first)
    open_rows = np.flatnonzero(_broken(lattice, out))
    solved = np.ones(len(out), bool)
    if len(open_rows):
        out[open_rows], solved[open_rows] = _set_in_turn(
            lattice, order, targets[open_rows], fixed[open_rows], low[open_rows], high[open_rows], slack
        )
    return out, solved


def _unlimited(limits: list[float]) -> np.ndarray:
    """Return limits with infinity for those that stand for none."""
    values = np.array(limits)
    return np.where(np.abs(values) >= LARGEST / 10, np.copysign(np.inf, values), values)


def _broken(lattice: Lattice, values: np.ndarray) -> np.ndarray:
    """Return which rows are not solved, with the margin of strict inequalities between values that aren't fixed."""
    return np.asarray(lattice.broken(values).any(1))


def _set_in_turn(
    lattice: Lattice,
    order: list[int],
    targets: np.ndarray,
    fixed: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    slack: float,
) -> tuple[np.ndarray, np.ndarray]:
    propagate(lattice, low, high, fixed, slack=slack)
    values = targets.copy()
    for j in order:
        loose = ~fixed[:, j]
        if not loose.any():
            continue
        value = nearest_on_grid(lattice, j, targets[:, j], low[:, j], np.maximum(low[:, j], high[:, j]))
        # kept, as rounding errors of what follows may move its bounds, and so beyond a constant that it equals
        values[loose, j] = low[loose, j] = high[loose, j] = value[loose]
        propagate(lattice, low, high, fixed, slack=slack)
    return values, ~_broken(lattice, values) & (low <= high + lattice.tolerance).all(1)


def _program(
    lattice: Lattice, targets: np.ndarray, fixed: np.ndarray, least: np.ndarray, most: np.ndarray, slack: float
) -> np.ndarray | None:
    """Solve one row as a mixed-integer program: minimise the sum of distances from targets, in units of ranges.

    With x_j = t_j + step_j k_j for columns with a step, where t are the targets on that grid, the variables are k (or
    x - t) and the distances d.
    """
    m, infinite = len(targets), np.full(1, np.inf)
    is_grid = (np.array(lattice.step) > 0) & ~fixed
    scale = np.where(is_grid, lattice.step, 1.0)
    grid = [nearest_on_grid(lattice, j, targets[j : j + 1], -infinite, infinite)[0] for j in range(m)]
    zero = np.where(is_grid, grid, targets)
    low = np.where(fixed, 0.0, np.clip((least - zero) / scale, -FAR, FAR))
    high = np.where(fixed, 0.0, np.clip((most - zero) / scale, -FAR, FAR))
    matrix, bounds = lattice.inequalities(slack=slack)
    spread = np.maximum(np.array(lattice.high) - np.array(lattice.low), 1.0 if lattice.whole else lattice.margin)
    eye, none = np.eye(m), np.zeros((len(matrix), m))
    rows = np.block([[matrix * scale, none], [eye * scale, -eye], [-eye * scale, -eye]])
    tops = np.concatenate([bounds - matrix @ zero + lattice.tolerance, targets - zero, zero - targets])
    found = milp(
        np.concatenate([np.zeros(m), 1 / spread]),
        constraints=LinearConstraint(rows, -np.inf, tops),
        bounds=Bounds(np.concatenate([low, np.zeros(m)]), np.concatenate([high, np.full(m, np.inf)])),
        integrality=np.concatenate([is_grid, np.zeros(m)]),
        options={"time_limit": 1.0},
    )
    if found.x is None:
        return None
    k = found.x[:m]
    values = np.where(fixed, targets, zero + scale * np.where(is_grid, np.rint(k), k))
    return None if _broken(lattice, values[None])[0] else values
