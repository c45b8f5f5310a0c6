"""Conditional distributions of a row's cells by random forests, one for each column given the others.

The distribution of a cell given the others is that of the training rows in a leaf of a random tree, as in quantile
regression forests (Meinshausen 2006). A row with unknown cells begins as a training row that is like it, and its
unknown cells are drawn in turn, several times over (Gibbs sampling; Doove, van Buuren and Dusseldorp 2014).

Trees see *places*: the code of a category, and the index of a number among the distinct numbers of training. All trees
are in the same arrays, in the order of columns, trees and nodes. A node's left child follows it:

    feature, threshold, right   column to compare, or -1 in a leaf; place up to which a row goes left; right child
    start                       number of rows in the leaves before a node; one more entry at the end
    members                     the rows in the leaves, in the order of the nodes
    roots                       first nodes of the trees of a column, and the end of the last, (columns, trees + 1)
    rows, there                 places of the training rows, completed, and which of these are observed
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from zaohua.families.density import Parameters

BLOCK = 4096
"""Number of training rows that are completed at once."""


class Growth(NamedTuple):
    """How forests are grown.

    Attributes:
        trees: number of trees of each column.
        least: minimum number of rows in a leaf.
        share: fraction of the columns that are tried at each split.
        most: maximum number of rows that a tree is grown from; all rows are in its leaves.
    """

    trees: int
    least: int
    share: float
    most: int


def numbers(rounds: int, columns: int) -> int:
    """Return how many uniform numbers `complete` needs for each row."""
    return 4 + 2 * rounds * columns


def fit(
    rows: np.ndarray,
    levels: list[np.ndarray | None],
    growth: Growth,
    rounds: int,
    sweeps: int,
    rng: np.random.Generator,
) -> Parameters:
    """Grow forests from rows with holes.

    Holes are filled by the mean or the most frequent category at first, then by what smaller forests predict from the
    other cells, in several rounds. At last they are drawn: the last forests would be biased by predictions, which vary
    less than the truth.

    Args:
        rows: places (n, columns), NaN in holes.
        levels: the distinct numbers of each column, increasing; None for categories.
        growth: how the forests are grown.
        rounds: number of times that all holes are predicted.
        sweeps: number of times that the holes of a row are drawn in turn.
        rng: source of all random numbers.
    """
    there = ~np.isnan(rows)
    filled = np.zeros(rows.shape, np.float32)
    for column, (seen, level) in enumerate(zip(there.T, levels, strict=True)):
        values = rows[seen, column]
        filled[seen, column] = values
        if len(values):
            usual = np.bincount(values.astype(int)).argmax() if level is None else level[values.astype(int)].mean()
            filled[~seen, column] = usual if level is None else np.interp(usual, level, np.arange(len(level)))
    early = Growth(-(-growth.trees // 5), *growth[1:])
    for _ in range(0 if there.all() else rounds):
        for column, level in enumerate(levels):
            seen = there[:, column]
            if seen.any() and not seen.all():
                forest, others = _forest(filled, there, level, column, early, rng), _others(filled, column)
                guess = forest.predict(others[~seen])
                filled[~seen, column] = guess if level is None else np.interp(guess, level, np.arange(len(level)))
    if not there.all():
        forests, filled = grow(filled, there, levels, early, rng), filled.copy()
        for first in range(0, len(rows), BLOCK):
            block = slice(first, first + BLOCK)
            u = rng.random((len(filled[block]), numbers(sweeps, rows.shape[1])))
            filled[block] = complete(forests, filled[block], there[block], sweeps, u)[0]
    return grow(filled, there, levels, growth, rng)


def grow(
    rows: np.ndarray,
    there: np.ndarray,
    levels: list[np.ndarray | None],
    growth: Growth,
    rng: np.random.Generator,
) -> Parameters:
    """Grow the forest of each column from the rows that have it, given the other cells of completed rows."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("feature", "threshold", "right", "size", "members")}
    roots, nodes = np.zeros((rows.shape[1], growth.trees + 1), np.int32), 0
    for column, level in enumerate(levels):
        seen = np.flatnonzero(there[:, column])
        roots[column] = nodes
        if not len(seen):
            continue
        others = _others(rows, column)[seen]
        forest = _forest(rows, there, level, column, growth, rng)
        for tree, estimator in enumerate(forest.estimators_):
            grown = estimator.tree_
            leaves = grown.apply(others)
            is_leaf = grown.children_left < 0
            parts["feature"].append(np.where(is_leaf, -1, grown.feature + (grown.feature >= column)).astype(np.int32))
            parts["threshold"].append(grown.threshold.astype(np.float32))
            parts["right"].append((grown.children_right + nodes).astype(np.int32))
            parts["size"].append(np.bincount(leaves, minlength=grown.node_count))
            parts["members"].append(seen[np.argsort(leaves, kind="stable")].astype(np.int32))
            nodes += grown.node_count
            roots[column, tree + 1] = nodes
    arrays = {name: np.concatenate(part) if part else np.zeros(0, np.int32) for name, part in parts.items()}
    start = np.concatenate([[0], np.cumsum(arrays.pop("size"))]).astype(np.int64)
    return {**arrays, "start": start, "roots": roots, "rows": rows, "there": there}


def _forest(
    rows: np.ndarray,
    there: np.ndarray,
    level: np.ndarray | None,
    column: int,
    growth: Growth,
    rng: np.random.Generator,
) -> RandomForestClassifier | RandomForestRegressor:
    """Grow the forest of one column, which predicts codes or numbers."""
    seen, seed = np.flatnonzero(there[:, column]), int(rng.integers(2**31))
    kind = RandomForestClassifier if level is None else RandomForestRegressor
    forest = kind(
        growth.trees,
        min_samples_leaf=growth.least,
        max_features=growth.share,
        max_samples=min(len(seen), growth.most),
        random_state=seed,
    )
    places = rows[seen, column].astype(int)
    return forest.fit(_others(rows, column)[seen], places if level is None else level[places])


def _others(rows: np.ndarray, column: int) -> np.ndarray:
    """Return all columns but one; a column of zeros if there is no other."""
    others = np.delete(rows, column, 1)
    return others if others.shape[1] else np.zeros((len(rows), 1), np.float32)


def complete(
    forests: Parameters, places: np.ndarray, known: np.ndarray, rounds: int, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the unknown cells of rows.

    Args:
        forests: result of `fit`.
        places: places (n, columns).
        known: mask of the known cells, bool (n, columns).
        rounds: number of times that the cells of a row are drawn.
        u: uniform numbers, float64 (n, `numbers(rounds, columns)`).

    Returns:
        places: the completed places, float32 (n, columns); unknown cells of columns without any value are arbitrary.
        others: a training row for each, chosen at random: the row itself begins as that one if nothing is known.
    """
    wanted = ~known & (forests["roots"][:, 0] < forests["roots"][:, -1])
    others = (u[:, 0] * len(forests["rows"])).astype(np.int64)
    begin, some = others.copy(), wanted.any(1) & known.any(1)
    turn = (u[some, 1] * wanted[some].sum(1)).astype(np.int64)
    column = (wanted[some].cumsum(1) > turn[:, None]).argmax(1)
    begin[some] = members(forests, column, places[some], known[some], u[some, 2:4])
    out = np.where(known, places, forests["rows"][begin]).astype(np.float32)
    steps = u[:, 4:].reshape(len(u), rounds, -1, 2)
    for turn_of in range(rounds):
        for column_of in np.flatnonzero(wanted.any(0)):
            rows = np.flatnonzero(wanted[:, column_of])
            columns = np.full(len(rows), column_of)
            found = members(forests, columns, out[rows], None, steps[rows, turn_of, column_of])
            out[rows, column_of] = forests["rows"][found, column_of]
    return out, others


def members(
    forests: Parameters, columns: np.ndarray, places: np.ndarray, known: np.ndarray | None, u: np.ndarray
) -> np.ndarray:
    """Draw a training row from the leaf to which a random tree leads, (n,).

    Where a tree asks for an unknown cell, the row goes left as often as training rows did.

    Args:
        forests: result of `fit`.
        columns: the column whose trees are asked, of each row.
        places: places (n, columns).
        known: mask of the known cells; None if all are.
        u: uniform numbers (n, 2): for the tree, and for the branches of unknown cells and the member of the leaf.
    """
    feature, threshold, right, start = (forests[name] for name in ("feature", "threshold", "right", "start"))
    roots = forests["roots"]
    tree = (u[:, 0] * (roots.shape[1] - 1)).astype(np.int64)
    node, end, rest = roots[columns, tree].astype(np.int64), roots[columns, tree + 1].astype(np.int64), u[:, 1].copy()
    moving = np.flatnonzero(feature[node] >= 0)
    while len(moving):
        at = node[moving]
        asked, second = feature[at], right[at]
        left = places[moving, asked] <= threshold[at]
        if known is not None:
            unknown = ~known[moving, asked]
            share = (start[second] - start[at]) / (start[end[moving]] - start[at])
            part = rest[moving]
            left = np.where(unknown, part < share, left)
            inside = np.where(left, part / share, (part - share) / (1 - share))
            rest[moving] = np.where(unknown, np.clip(inside, 0, 1 - 2**-30), part)
        node[moving], end[moving] = np.where(left, at + 1, second), np.where(left, second, end[moving])
        moving = moving[feature[node[moving]] >= 0]
    count = start[node + 1] - start[node]
    found: np.ndarray = forests["members"][start[node] + (rest * count).astype(np.int64)]
    return found
