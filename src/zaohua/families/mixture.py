"""Mixtures of products: within a component all columns are independent, so that sums and conditionals are exact.

    p(x) = sum_k w_k prod_h p_kh(x_h)

with a categorical distribution for each category and a normal distribution for each transformed number (see the codec).
Integers have the mass of their cell, other numbers the density of their transform times its slope. Given some columns,
the weights of the components change by Bayes' rule, and nothing else does. A feature that a row doesn't say (a category
of -1, a number that is NaN) is left out of the product, which is its exact marginal distribution.

No array has rows times categories: rows are one-hot in blocks, features of many categories are looked up instead, and
categories are drawn for few rows at once.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import log_ndtr
from torch import Tensor

from zaohua.core.noise import Noise, categorical
from zaohua.families.density import Parameters
from zaohua.families.mixture_fit import LOG_2_PI
from zaohua.nn.rows import RowLayout

ROOM = 2**20
"""Maximum number of chances that are looked at at once when categories are drawn."""


def log_terms(
    parameters: Parameters,
    layout: RowLayout,
    x: np.ndarray,
    cells: tuple[np.ndarray, ...],
    known: np.ndarray | None = None,
) -> np.ndarray:
    """Return log w_k + sum over known features of log p_kh(x_h), float64 (n, K).

    Args:
        parameters: parameters of the mixture.
        layout: layout of the features.
        x: rows (n, features); -1 and NaN are unknown.
        cells: low, high and log_slope from the codec, (n, features).
        known: which features are known, bool (n, features); None for all.
    """
    known = np.ones(x.shape, bool) if known is None else known
    out = np.tile(np.log(parameters["weights"]), (len(x), 1))
    for index, first, size in layout.categories:
        there = known[:, index] & (x[:, index] >= 0) & (x[:, index] < size)
        codes, place = np.unique(x[there, index].astype(np.int64), return_inverse=True)
        out[there] += np.log(parameters["chances"][:, first + codes]).T[place]
    low, high, slope = cells
    for i, index in enumerate(layout.reals):
        mean, deviation = parameters["means"][:, i], parameters["deviations"][:, i]
        there = known[:, index] & ~np.isnan(x[:, index])
        massive = there & ~np.isnan(low[:, index])
        dense = there & ~massive
        if massive.any():
            a, b = ((edge[massive, index, None] - mean) / deviation for edge in (low, high))
            out[massive] += log_mass(a, b)
        if dense.any():
            t = (x[dense, index, None] - mean) / deviation
            out[dense] += -0.5 * (t**2 + LOG_2_PI) - np.log(deviation) + slope[dense, index, None]
    return out


def log_mass(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return log(Phi(high) - Phi(low)) for low <= high, exact in both tails."""
    flip = low > 0
    a, b = np.where(flip, -high, low), np.where(flip, -low, high)
    log_b = log_ndtr(b)
    with np.errstate(divide="ignore", invalid="ignore"):
        mass = log_b + np.log1p(-np.exp(np.minimum(log_ndtr(a) - log_b, 0.0)))
    return np.where(b > a, mass, -np.inf)


def draw(
    parameters: Parameters, layout: RowLayout, log_w: np.ndarray, noise: Noise, no_missing: bool = False
) -> np.ndarray:
    """Draw rows (n, features): a component by weights with logs (n, K), then each feature independently.

    Args:
        parameters: parameters of the mixture.
        layout: layout of the features.
        log_w: log weights, up to a constant.
        noise: noise of the n rows.
        no_missing: whether missing values are excluded.
    """
    u = noise.uniform(1 + len(layout.categories)).double().cpu()
    z = noise.normal(max(1, len(layout.reals))).double().cpu().numpy()
    missing = _missing(layout) if no_missing else []
    for column in missing:
        log_w = log_w + np.log(np.maximum(1 - parameters["chances"][:, column], 1e-300))
    weights = np.exp(log_w - log_w.max(1, keepdims=True))
    which = categorical(torch.from_numpy(weights), u[:, 0]).numpy()
    out = np.full((len(u), len(layout.spec.features)), np.nan)
    for turn, (index, first, size) in enumerate(layout.categories):
        for start in range(0, len(u), max(1, ROOM // size)):
            rows = slice(start, start + max(1, ROOM // size))
            chances = parameters["chances"][which[rows], first : first + size]
            chances[:, [column - first for column in missing if first <= column < first + size]] = 0.0
            out[rows, index] = categorical(torch.from_numpy(chances), u[rows, 1 + turn]).numpy()
    for i, index in enumerate(layout.reals):
        number = parameters["means"][which, i] + parameters["deviations"][which, i] * z[:, i]
        given = layout.spec.features[index].given
        out[:, index] = number if given is None else np.where(out[:, given[0]] < given[1], number, np.nan)
    return out


def _missing(layout: RowLayout) -> list[int]:
    """Return the one-hot columns that stand for a missing value."""
    features = layout.spec.features
    return [
        first + (features[index].missing or 0)
        for index, first, size in layout.categories
        if features[index].missing is not None and size > 1
    ]


def posterior(
    parameters: Parameters, layout: RowLayout, x: Tensor, cells: tuple[Tensor, ...], known: Tensor
) -> np.ndarray:
    """Return log weights of the components given known features, up to a constant, (n, K)."""
    return log_terms(parameters, layout, x.numpy(), tuple(cell.numpy() for cell in cells), known.numpy())
