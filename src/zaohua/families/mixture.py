"""Mixtures of products: within a component all columns are independent, so that sums and conditionals are exact.

    p(x) = sum_k w_k prod_h p_kh(x_h)

with a categorical distribution for each category and a normal distribution for each transformed number (see the codec).
Integers have the mass of their cell, other numbers the density of their transform times its slope. Given some columns,
the weights of the components change by Bayes' rule, and nothing else does.

Fitted by expectation maximisation; the log densities are one matrix product, as are the sufficient statistics.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import log_ndtr
from torch import Tensor

from zaohua.core.noise import Noise, categorical
from zaohua.families.density import Parameters
from zaohua.nn.rows import RowLayout

LOG_2_PI = float(np.log(2 * np.pi))
BLOCK = 512
"""Rows per block: the responsibilities of 500 components stay in the cache."""
LEAST = -60.0
"""Least log responsibility while fitting: denormal numbers are slow."""


def fit(x: np.ndarray, layout: RowLayout, count: int, rounds: int, prior: float, least: float, seed: int) -> Parameters:
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
    z = x[:, layout.reals]
    there = ~np.isnan(z)
    z = np.where(there, z, 0.0).astype(np.float32)
    features = np.concatenate([one_hot(layout, x), z**2, z, there], axis=1, dtype=np.float32)
    average = features.mean(0, dtype=np.float64)
    for _, first, size in layout.categories:  # and a row's worth of all categories alike: nothing known is impossible
        average[first : first + size] = (len(x) * average[first : first + size] + 1 / size) / (len(x) + 1)
    data = torch.from_numpy(features)
    begin = np.random.default_rng(seed).choice(len(x), count, replace=False)
    totals = torch.from_numpy(features[begin].astype(np.float64) + average)
    sizes, before = torch.full((count,), 2.0, dtype=torch.float64), -np.inf
    for _ in range(rounds):
        parameters = _maximised(totals.numpy(), sizes.numpy(), average, layout, prior, least)
        coefficients = torch.from_numpy(_coefficients(parameters, layout).astype(np.float32))
        log_w = torch.from_numpy(np.log(parameters["weights"]).astype(np.float32))
        totals, sizes, likelihood = torch.zeros_like(totals), torch.zeros_like(sizes), 0.0
        for block in data.split(BLOCK):
            responsibilities = torch.addmm(log_w, block, coefficients)
            most = responsibilities.amax(1, keepdim=True)
            total = responsibilities.sub_(most).clamp_(min=LEAST).exp_().sum(1, keepdim=True)
            responsibilities.div_(total)
            totals += (responsibilities.T @ block).double()
            sizes += responsibilities.sum(0).double()
            likelihood += float((most + total.log()).sum())
        if likelihood / len(x) - before < 1e-4:
            break
        before = likelihood / len(x)
    return _maximised(totals.numpy(), sizes.numpy(), average, layout, prior, least)


def one_hot(layout: RowLayout, x: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """Encode rows (n, features) as float32 (n, one_hots), zeros where a feature isn't known."""
    return layout.one_hot(torch.from_numpy(x), None if known is None else torch.from_numpy(known)).numpy()


def _maximised(
    totals: np.ndarray, sizes: np.ndarray, average: np.ndarray, layout: RowLayout, prior: float, least: float
) -> Parameters:
    """Compute parameters from sums of features over the rows of each component, (K, width + 3 reals)."""
    width, reals = layout.one_hots, len(layout.reals)
    mixed = (totals + prior * average) / (sizes + prior)[:, None]
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


def _coefficients(parameters: Parameters, layout: RowLayout) -> np.ndarray:
    """Return coefficients of the features in log densities, (width + 3 reals, K)."""
    mean, precision = parameters["means"], parameters["deviations"] ** -2
    constant = -0.5 * (mean**2 * precision - np.log(precision) + LOG_2_PI)
    return np.concatenate([np.log(parameters["chances"]), -0.5 * precision, mean * precision, constant], axis=1).T


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
        x: rows (n, features).
        cells: low, high and log_slope from the codec, (n, features).
        known: which features are known, bool (n, features); None for all.
    """
    out = one_hot(layout, x, known) @ np.log(parameters["chances"]).T + np.log(parameters["weights"])
    for index, _, size in layout.categories:
        never = (x[:, index] < 0) | (x[:, index] >= size)
        out[never if known is None else never & known[:, index]] = -np.inf
    low, high, slope = cells
    for i, index in enumerate(layout.reals):
        mean, deviation = parameters["means"][:, i], parameters["deviations"][:, i]
        there = ~np.isnan(x[:, index])
        there &= True if known is None else known[:, index]
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
    if no_missing:
        log_w = log_w + sum(
            np.log(np.maximum(1 - parameters["chances"][:, column], 1e-300)) for column in _missing(layout)
        )
    weights = np.exp(log_w - log_w.max(1, keepdims=True))
    which = categorical(torch.from_numpy(weights), u[:, 0]).numpy()
    out = np.full((len(u), len(layout.spec.features)), np.nan)
    probabilities = parameters["chances"][which]
    if no_missing:
        probabilities[:, _missing(layout)] = 0.0
    for turn, (index, first, size) in enumerate(layout.categories):
        out[:, index] = categorical(torch.from_numpy(probabilities[:, first : first + size]), u[:, 1 + turn]).numpy()
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
