"""Mode representation of a column's numbers: by a mixture of normal distributions."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np
import torch

from zaohua.core.json import Json
from zaohua.core.noise import categorical
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.numbers import KNOTS, MODES

ROUNDS = 100
"""Iterations of expectation maximisation."""
LARGE = 1e100
"""Largest number whose square is computed."""
PENALTY = 1.0
"""Penalty of a mode, in numbers: half the number of its parameters."""


class Modes:
    """Mode representation: a mixture of normal distributions.

    Attributes:
        mean, deviation, weight: parameters of each mode, (states,).
    """

    def __init__(self, mean: np.ndarray, deviation: np.ndarray, weight: np.ndarray) -> None:
        self.mean, self.deviation, self.weight = mean, deviation, weight
        self.states = len(mean)

    @classmethod
    def fit(cls, values: np.ndarray, column: Column, spikes: np.ndarray) -> Self:
        """Fit the mixture by expectation maximisation with a penalty per mode (Figueiredo and Jain 2002)."""
        largest = float(np.abs(values).max())
        if largest > LARGE:  # whose squares would be infinite
            scaled = replace(column, step=column.step / largest)
            modes = cls.fit(values / largest, scaled, spikes / largest)
            return cls(modes.mean * largest, modes.deviation * largest, modes.weight)
        x, counts = np.unique(values, return_counts=True)
        if len(x) > KNOTS:  # quantiles instead of all numbers, for speed
            middles = np.quantile(values, (np.arange(KNOTS) + 0.5) / KNOTS)
            x, counts = np.unique(middles, return_counts=True)
        frequency, count = counts / counts.sum(), min(MODES, len(x))
        floor = max(column.step / 4, 1e-3 * float(np.std(values)), 1e-9)
        mean = np.quantile(values, (np.arange(count) + 0.5) / count)
        modes = cls(
            np.unique(mean),
            np.full(len(np.unique(mean)), max(floor, float(np.std(values)) / count)),
            np.full(len(np.unique(mean)), 1 / len(np.unique(mean))),
        )
        for _ in range(ROUNDS):
            probabilities = np.exp(modes._log_posterior(x)) * frequency[:, None]
            weight = np.maximum(probabilities.sum(0) - PENALTY / len(values), 0)
            keep = weight > 0.005
            if not keep.any():  # too few numbers for any mode
                weight = probabilities.sum(0)
                keep = weight == weight.max()
            probabilities, weight = probabilities[:, keep], weight[keep] / weight[keep].sum()
            total = probabilities.sum(0)
            mean = (probabilities * x[:, None]).sum(0) / total
            spread = np.sqrt((probabilities * (x[:, None] - mean) ** 2).sum(0) / total)
            modes = cls(mean, np.maximum(spread, floor), weight)
        return modes

    def _log_posterior(self, x: np.ndarray) -> np.ndarray:
        """Compute the log-probability of each mode given each number, (n, states)."""
        log_p = self._log_joint(x)
        return log_p - np.logaddexp.reduce(log_p, axis=1, keepdims=True)

    def _log_joint(self, x: np.ndarray) -> np.ndarray:
        """Compute the log-probability of each mode up to a constant per number, (n, states)."""
        log_p: np.ndarray = (
            np.log(self.weight / self.deviation) - 0.5 * ((x[:, None] - self.mean) / self.deviation) ** 2
        )
        return log_p

    def to_tensor(self, x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw a mode by its probability, and compute z, mostly within +-1."""
        log_p = self._log_joint(x)
        weights = torch.from_numpy(np.exp(log_p - log_p.max(1, keepdims=True)))
        state = categorical(weights, torch.from_numpy(u)).numpy()
        return state, (x - self.mean[state]) / (4 * self.deviation[state])

    def from_tensor(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Compute mean + 4 z deviation."""
        x: np.ndarray = self.mean[state] + 4 * z * self.deviation[state]
        return x

    def log_slope(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Compute -log(4 deviation), minus the log-probability of the chosen mode."""
        log_posterior = self._log_posterior(self.from_tensor(state, z))
        slope: np.ndarray = -np.log(4 * self.deviation[state]) - log_posterior[np.arange(len(state)), state]
        return slope

    def to_json(self) -> Json:
        """Return the parameters of the modes as JSON values."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist(), "weight": self.weight.tolist()}
