"""A mixture of products from noisy marginals: select a pair of columns, measure it, fit again.

Each round chooses the pair of columns whose counts the mixture says worst (exponential mechanism: the sum of absolute
differences, less what noise alone would make of it), measures its counts (discrete Gaussian noise), and fits the
mixture to all counts so far, by squared errors over their variances. What components know of the columns is penalised,
so that of what isn't measured, columns are independent. All that follows from noisy counts is post-processing.

Source: McKenna, Mullins, Sheldon and Miklau, "AIM: An Adaptive and Iterative Mechanism for Differentially Private
Synthetic Data", 2022, for the choice of pairs; Liu, Vietri and Wu, "Iterative Methods for Private Synthetic Data",
2021, for fitting a mixture of products to noisy counts.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zaohua.privacy.mechanisms import SYSTEM, choose, noisy
from zaohua.privacy.zcdp import Budget, exponential_epsilon, gaussian_variance

PAIRS = "pairs of columns"
CHOICE = 0.15
"""Share of a round's cost by which its pair is chosen."""
BLOCK = 4096
"""Rows that are counted at once."""
FIRST, EACH, LAST = 300, 150, 1500
"""Steps of fitting to columns alone, after each round, and at the end."""
MOST, FEWEST = 9000, 5
"""Maximum number of steps after all rounds together, and minimum after each."""
RATE, LEAST_RATE, MEMORY = 0.1, 0.01, (0.9, 0.99)
"""Rate of Adam, and the last one; its decay of moments."""
SIMPLE = 1000.0
"""Weight of the information (nats) that a component has of the columns: of what the counts leave open, columns are
independent, and noise isn't fitted."""
TINY, LEAST_CHANCE = 1e-9, 1e-5
"""Least chances whose logarithm is taken, and that fitting begins with."""
SPREAD = 1.0
"""Standard deviation of the logits that fitting begins with, around those of the columns."""


@dataclass(frozen=True)
class OneWay:
    """Noisy counts of one column.

    Attributes:
        counts: of each of its groups (groups,), at least 0.
        variances: of the noise of each count (groups,).
    """

    counts: np.ndarray
    variances: np.ndarray


class Counts:
    """Noisy counts of columns and pairs of columns, as blocks of one matrix over the groups of all columns.

    Args:
        columns: counts of each column.
    """

    def __init__(self, columns: list[OneWay]) -> None:
        self.sizes = [len(column.counts) for column in columns]
        self.first = np.concatenate([[0], np.cumsum(self.sizes)])
        self.totals = np.array([column.counts.sum() for column in columns])
        self.total = float(np.median(self.totals))
        self.single = np.concatenate([column.counts for column in columns])
        self.single_precision = 1 / np.concatenate([column.variances for column in columns])
        width = len(self.single)
        self.pairs, self.precision = np.zeros((width, width), np.float32), np.zeros((width, width), np.float32)

    def block(self, i: int, j: int) -> tuple[slice, slice]:
        """Return where the counts of columns i and j are."""
        return slice(self.first[i], self.first[i + 1]), slice(self.first[j], self.first[j + 1])

    def add(self, i: int, j: int, counts: np.ndarray, variance: float) -> None:
        """Add measured counts of columns i < j; those of the same pair before are averaged by their precisions."""
        where = self.block(i, j)
        precision = self.precision[where] + 1 / variance
        self.pairs[where] += (counts - self.pairs[where]) / variance / precision
        self.precision[where] = precision

    def block_sums(self, matrix: np.ndarray) -> np.ndarray:
        """Sum a matrix over the groups of each two columns, (columns, columns)."""
        out: np.ndarray = np.add.reduceat(np.add.reduceat(matrix, self.first[:-1], axis=0), self.first[:-1], axis=1)
        return out

    def frequencies(self) -> np.ndarray:
        """Return the frequencies of the groups of all columns in turn, (width,)."""
        out: np.ndarray = self.single / np.repeat(self.totals, self.sizes)
        return out

    def expected(self) -> np.ndarray:
        """Return the number of rows that each block of the matrix is of, (width, width)."""
        rows = np.repeat(self.totals, self.sizes)
        out: np.ndarray = np.minimum(np.outer(rows, rows) / self.total, np.minimum.outer(rows, rows))
        return out


def joint_counts(groups: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Count rows by the groups of each two columns, float64 (width, width).

    Args:
        groups: group of each row in each column, int64 (n, columns); -1 counts nowhere.
        first: place of the first group of each column in the matrix, and its width.
    """
    width = int(first[-1])
    out = torch.zeros(width, width, dtype=torch.float64)
    for start in range(0, len(groups), BLOCK):
        block = torch.from_numpy(groups[start : start + BLOCK])
        place = torch.where(block >= 0, block + torch.from_numpy(first[:-1]), width)
        one_hot = torch.zeros(len(block), width + 1).scatter_(1, place, 1.0)[:, :-1]
        out += (one_hot.T @ one_hot).double()
    return out.numpy()


class Fitted:
    """A mixture of products that is fitted to noisy counts by Adam.

    Args:
        counts: the counts.
        components: number of components.
        seed: seed of what fitting begins with; counts are private already.
    """

    def __init__(self, counts: Counts, components: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed % 2**63)
        self.counts = counts
        rows, columns = len(counts.sizes), max(counts.sizes)
        self.there = torch.zeros(rows, columns, dtype=torch.bool)
        for row, size in enumerate(counts.sizes):
            self.there[row, :size] = True
        logits = torch.full((rows, columns), -1e9)
        logits[self.there] = torch.from_numpy(counts.frequencies()).clamp_min(LEAST_CHANCE).log().float()
        noise = torch.randn(components, rows, columns, generator=generator)
        self.logits = (logits + SPREAD * noise).requires_grad_()
        self.weights = torch.zeros(components).requires_grad_()
        self.moments = [(torch.zeros_like(part), torch.zeros_like(part)) for part in (self.logits, self.weights)]
        self.steps = 0

    def chances(self) -> tuple[Tensor, Tensor]:
        """Return weights (components,) and the chances of the groups of all columns in each (components, width)."""
        return self.weights.softmax(0), self.logits.softmax(2)[:, self.there]

    def predicted(self) -> np.ndarray:
        """Return the counts that the mixture expects, float64 (width, width)."""
        with torch.no_grad():
            weights, chances = self.chances()
            pairs = (chances * weights[:, None]).T @ chances
        out: np.ndarray = pairs.double().numpy() * self.counts.expected()
        return out

    def fit(self, steps: int, rates: tuple[float, float] = (RATE, RATE)) -> None:
        """Take some steps, at rates that fall geometrically."""
        counts = self.counts
        rows = np.repeat(counts.totals, counts.sizes)
        single, single_weight = (
            torch.from_numpy(part).float() for part in (counts.frequencies(), counts.single_precision * rows**2)
        )
        expected = counts.expected()
        pairs = torch.from_numpy(counts.pairs / expected).float()
        weight = torch.from_numpy(counts.precision * expected**2).float()
        for step in range(steps):
            w, p = self.chances()
            weighted = p * w[:, None]
            loss = (single_weight * (weighted.sum(0) - single) ** 2).sum()
            loss = loss + (weight * (weighted.T @ p - pairs) ** 2).sum()
            shared = (weighted * (p.clamp_min(TINY).log() - weighted.sum(0).clamp_min(TINY).log())).sum()
            loss = loss + SIMPLE * shared
            self._step(loss, rates[0] * (rates[1] / rates[0]) ** (step / max(1, steps - 1)))

    def _step(self, loss: Tensor, rate: float) -> None:
        """Take a step of Adam; to import that of torch takes longer than to fit a small table."""
        parts = [self.logits, self.weights]
        self.steps += 1
        gradients = torch.autograd.grad(loss, parts)
        with torch.no_grad():
            for part, gradient, (first, second) in zip(parts, gradients, self.moments, strict=True):
                first.lerp_(gradient, 1 - MEMORY[0])
                second.lerp_(gradient**2, 1 - MEMORY[1])
                mean, square = first / (1 - MEMORY[0] ** self.steps), second / (1 - MEMORY[1] ** self.steps)
                part -= rate * mean / (square.sqrt() + 1e-8)


def fit_pairs(
    groups: np.ndarray,
    columns: list[OneWay],
    components: int,
    rounds: int,
    budget: Budget,
    seed: int,
    rng: random.Random = SYSTEM,
) -> tuple[np.ndarray, np.ndarray]:
    """Spend what is left of a budget on pairs of columns, and fit a mixture.

    Args:
        groups: group of each row in each column, int64 (n, columns); -1 counts nowhere.
        columns: noisy counts of the columns.
        components: number of components.
        rounds: number of pairs that are measured.
        budget: what may be spent.
        seed: seed of what fitting begins with.
        rng: source of the noise.

    Returns:
        weights: (components,), float64.
        chances: of the groups of all columns in turn, float64 (components, width).
    """
    counts = Counts(columns)
    if components == 1:
        return np.ones(1), counts.frequencies()[None]
    fitted = Fitted(counts, components, seed)
    fitted.fit(FIRST)
    if rounds:
        truth, rho = joint_counts(groups, counts.first), budget.left / rounds
        upper, cells = np.triu_indices(len(columns), 1), np.outer(counts.sizes, counts.sizes)
        for _ in range(rounds):
            budget.spend(PAIRS, rho)
            noise = math.sqrt(2 / math.pi * gaussian_variance((1 - CHOICE) * rho))
            scores = counts.block_sums(np.abs(truth - np.rint(fitted.predicted()))) - np.rint(noise * cells)
            index = choose([int(score) for score in scores[upper]], exponential_epsilon(CHOICE * rho), rng)
            i, j = int(upper[0][index]), int(upper[1][index])
            counts.add(i, j, *noisy(truth[counts.block(i, j)], (1 - CHOICE) * rho, rng))
            fitted.fit(max(FEWEST, min(EACH, MOST // rounds)))
    fitted.fit(LAST, (RATE, LEAST_RATE))
    with torch.no_grad():
        weights, chances = fitted.chances()
    return weights.double().numpy(), chances.double().numpy()
