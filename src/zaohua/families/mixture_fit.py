"""Fitting of mixtures of products by expectation maximisation, and the choice of their number of components.

The log densities of a block of rows are one matrix product, as are the sufficient statistics. Features of many
categories take part by their codes: a one-hot matrix of them would have rows times categories.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from zaohua.families.density import Parameters
from zaohua.nn.rows import RowLayout

LOG_2_PI = float(np.log(2 * np.pi))
BLOCK = 512
"""Rows per block: the responsibilities of 500 components stay in the cache."""
WIDE = 64
"""Categories above which a feature is looked up by its codes instead of multiplied as one-hot columns."""
LEAST = -60.0
"""Least log responsibility while fitting: denormal numbers are slow."""
ACROSS = 0.05
"""Weight of pseudo-rows that say in which of several ranges a number lies."""
PER_COMPONENT, SMALL, MOST = 60, 25, 500
"""Rows per component, components that a small table may have (of at least four rows each), and at most."""
TRIED_ROWS, TRIED_ROUNDS, FOLDS, LEAST_GAIN = 2000, 20, 4, 0.01
"""Rows and iterations by which numbers of components are compared, the parts that rows are held out in, and the gain of
nats per row that more than one component needs."""


class Rows:
    """Rows as expectation maximisation reads them.

    Args:
        x: rows (n, features), NaN where a number isn't there.
        layout: layout of the features.
    """

    def __init__(self, x: np.ndarray, layout: RowLayout) -> None:
        self.layout, self.count, reals = layout, len(x), len(layout.reals)
        z = x[:, layout.reals]
        there = ~np.isnan(z)
        z = np.where(there, z, 0.0).astype(np.float32)
        self.powers = torch.from_numpy(np.concatenate([z**2, z, there], axis=1, dtype=np.float32))
        columns, narrow, wide, width = np.arange(layout.one_hots), [], [], 0
        self.dense, self.looked_up = np.zeros(layout.one_hots + 3 * reals, bool), list[Tensor]()
        self.dense[layout.one_hots :] = True
        for index, first, size in layout.categories:
            codes = torch.from_numpy(x[:, index].astype(np.int64))
            if size > WIDE:
                self.looked_up.append(first + codes)
                wide.append(columns[first : first + size])
                continue
            self.dense[first : first + size] = True
            narrow.append(width + codes)
            width += size
        self.width, self.narrow = width, torch.stack(narrow, dim=1) if narrow else torch.zeros(len(x), 0).long()

    def __len__(self) -> int:
        return self.count

    def blocks(self, rows: Tensor | None = None) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """Return the features of rows in blocks: dense columns float32 (b, dense), and columns that are looked up."""
        order = torch.arange(self.count) if rows is None else rows
        for block in order.split(BLOCK):
            one_hot = torch.zeros(len(block), self.width).scatter_(1, self.narrow[block], 1.0)
            yield torch.cat([one_hot, self.powers[block]], dim=1), [codes[block] for codes in self.looked_up]

    def rarity(self) -> np.ndarray:
        """Return the sum over a row's categories of log(1 + count) / count, (n,): each counts by the log of its
        rows."""
        out = np.zeros(self.count)
        for codes in [*self.narrow.T, *self.looked_up]:
            counts = np.bincount(codes.numpy()).clip(1)
            out += (np.log1p(counts) / counts)[codes.numpy()]
        return out

    def average(self) -> np.ndarray:
        """Return the mean of all features, float64, with a row's worth of all categories alike: nothing known is
        impossible."""
        sums = Sums(self, 1)
        for block, codes in self.blocks():
            sums.add(block, codes, torch.ones(len(block), 1))
        out: np.ndarray = sums.totals()[0] / self.count
        for _, first, size in self.layout.categories:
            out[first : first + size] = (self.count * out[first : first + size] + 1 / size) / (self.count + 1)
        return out


class Sums:
    """Sums of features over rows, weighted by the responsibilities of K components."""

    def __init__(self, rows: Rows, count: int) -> None:
        self.rows = rows
        self.dense = torch.zeros(int(rows.dense.sum()), count, dtype=torch.float64)
        self.wide = torch.zeros(len(rows.dense) if rows.looked_up else 0, count)

    def add(self, block: Tensor, codes: list[Tensor], weights: Tensor) -> None:
        """Add a block of rows with weights (b, K)."""
        self.dense += (block.T @ weights).double()
        for columns in codes:
            self.wide.index_add_(0, columns, weights)

    def totals(self) -> np.ndarray:
        """Return the sums, float64 (K, width + 3 reals)."""
        out = np.empty((self.dense.shape[1], len(self.rows.dense)))
        out[:, self.rows.dense] = self.dense.numpy().T
        if len(self.wide):
            out[:, ~self.rows.dense] = self.wide.numpy()[~self.rows.dense].T
        return out


def fit(
    x: np.ndarray | Rows, layout: RowLayout, count: int, rounds: int, prior: float, least: float, seed: int
) -> Parameters:
    """Fit the mixture by expectation maximisation.

    Args:
        x: rows (n, features), NaN where a number isn't there.
        layout: layout of the features.
        count: components, at most n.
        rounds: maximum number of iterations; stops early when the mean log-likelihood rises by less than 1e-4.
        prior: number of pseudo-rows, distributed as all rows, added to each component.
        least: minimum standard deviation of a number in a component.
        seed: seed of the rows that components are initialised at.
    """
    rows = x if isinstance(x, Rows) else Rows(x, layout)
    average = rows.average()
    begin = _begin(rows, count, seed)
    sums, start = Sums(rows, count), 0
    for block, codes in rows.blocks(begin):
        sums.add(block, codes, torch.eye(count)[start : start + len(block)])
        start += len(block)
    totals, sizes, before = sums.totals() + average, np.full(count, 2.0), -np.inf
    for _ in range(rounds):
        scores = Scores(_maximised(totals, sizes, average, layout, prior, least), rows)
        sums, counts, likelihood = Sums(rows, count), torch.zeros(count, dtype=torch.float64), 0.0
        for block, codes in rows.blocks():
            responsibilities = scores.of(block, codes)
            most = responsibilities.amax(1, keepdim=True)
            total = responsibilities.sub_(most).clamp_(min=LEAST).exp_().sum(1, keepdim=True)
            responsibilities.div_(total)
            sums.add(block, codes, responsibilities)
            counts += responsibilities.sum(0).double()
            likelihood += float((most + total.log()).sum())
        del scores
        totals, sizes = sums.totals(), counts.numpy()
        if likelihood / len(rows) - before < 1e-4:
            break
        before = likelihood / len(rows)
    return _maximised(totals, sizes, average, layout, prior, least)


def _begin(rows: Rows, count: int, seed: int) -> Tensor:
    """Draw the rows that components begin at: half of all alike, half by the rarity of their categories.

    A rare category that no component begins at would share one with others, and its numbers would be theirs, too.
    """
    rng = np.random.default_rng(seed)
    begin = rng.choice(len(rows), count, replace=False)
    if not rows.layout.categories:
        return torch.from_numpy(begin)
    rarity = rows.rarity()
    rarity[begin[: (count + 1) // 2]] = 0.0
    keys = rng.exponential(size=len(rows)) / np.maximum(rarity, 1e-300)  # the least are a draw by weights
    begin[(count + 1) // 2 :] = np.argsort(keys, kind="stable")[: count // 2]
    return torch.from_numpy(begin)


class Scores:
    """Log densities of blocks of rows in each component, plus its log weight."""

    def __init__(self, parameters: Parameters, rows: Rows) -> None:
        mean, precision = parameters["means"], parameters["deviations"] ** -2
        constant = -0.5 * (mean**2 * precision - np.log(precision) + LOG_2_PI)
        every = [np.log(parameters["chances"]), -0.5 * precision, mean * precision, constant]
        coefficients = torch.from_numpy(np.concatenate([part.T.astype(np.float32) for part in every]))
        self.dense = coefficients[torch.from_numpy(rows.dense)]
        self.wide = coefficients
        self.log_w = torch.from_numpy(np.log(parameters["weights"]).astype(np.float32))

    def of(self, block: Tensor, codes: list[Tensor]) -> Tensor:
        """Return log w_k + log p_k(x), float32 (b, K)."""
        out = torch.addmm(self.log_w, block, self.dense)
        for columns in codes:
            out += self.wide[columns]
        return out


def _maximised(
    totals: np.ndarray, sizes: np.ndarray, average: np.ndarray, layout: RowLayout, prior: float, least: float
) -> Parameters:
    """Compute parameters from sums of features over the rows of each component, (K, width + 3 reals)."""
    width, reals = layout.one_hots, len(layout.reals)
    mixed = totals + _weights(layout, prior) * average
    mixed /= (sizes + prior)[:, None]
    probabilities = mixed[:, :width]
    second, first, there = (mixed[:, width + i * reals : width + (i + 1) * reals] for i in range(3))
    mean = first / np.maximum(there, 1e-12)
    variance = second / np.maximum(there, 1e-12) - mean**2
    for _, start, size in layout.categories:
        part = probabilities[:, start : start + size]
        part /= part.sum(1, keepdims=True)
    return {
        "weights": np.maximum(sizes, 1e-9) / np.maximum(sizes, 1e-9).sum(),
        "chances": probabilities,
        "means": mean,
        "deviations": np.sqrt(np.maximum(variance, least**2)),
    }


def _weights(layout: RowLayout, prior: float) -> np.ndarray:
    """Return the number of pseudo-rows of each feature, (width + 3 reals): few of them cross a gap between numbers."""
    out = np.full(layout.one_hots + 3 * len(layout.reals), prior)
    ranged = {given[0] for feature in layout.spec.features if (given := feature.given) is not None and given[1] > 1}
    for index, first, size in layout.categories:
        out[first : first + size] *= ACROSS if index in ranged else 1.0
    return out


# ---- the number of components


def choose_count(x: np.ndarray, layout: RowLayout, prior: float, least: float, seed: int) -> int:
    """Choose the number of components by the likelihood of rows that are held out in turn, of up to 2,000.

    One component, which means independent columns, stays unless more are better by a standard error and by 0.01 nats.
    A larger table has one component for every 60 rows, or one.

    Args:
        x: rows (n, features).
        layout: layout of the features.
        prior, least, seed: see `fit`.
    """
    order = np.random.default_rng([seed, 1]).permutation(len(x))[:TRIED_ROWS]
    most = most_components(len(order))
    counts = sorted({1, -(-most // 8), -(-most // 3), most})
    if len(counts) == 1:
        return 1
    if len(order) < len(x):
        counts = counts[:-1]
    gains = []
    for held in np.array_split(order, FOLDS):
        train, test = Rows(x[np.setdiff1d(order, held)], layout), Rows(x[held], layout)
        fits = (fit(train, layout, count, TRIED_ROUNDS, prior, least, seed) for count in counts)
        gains.append(np.stack([_log_likelihood(parameters, test) for parameters in fits], axis=1))
    gain = np.concatenate(gains)
    gain -= gain[:, :1]
    best = int(gain.mean(0).argmax())
    if gain[:, best].mean() <= max(LEAST_GAIN, gain[:, best].std() / np.sqrt(len(gain))):
        return 1
    return counts[best] if len(order) == len(x) else most_components(len(x))


def most_components(n: int) -> int:
    """Return the maximum number of components for n rows."""
    return min(MOST, max(1, n // PER_COMPONENT, min(SMALL, n // 4)))


def _log_likelihood(parameters: Parameters, rows: Rows) -> np.ndarray:
    """Return the log density of each row of the transformed numbers and categories, (n,)."""
    scores = Scores(parameters, rows)
    return torch.cat([scores.of(block, codes).logsumexp(1) for block, codes in rows.blocks()]).double().numpy()
