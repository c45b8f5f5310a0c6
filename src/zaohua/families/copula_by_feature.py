"""Gaussian copulas of runs of version 0.1, in which every feature of a row has a latent of its own.

Parameters: "knots" of a number's distribution; "order" of a category's codes and "edges" of their intervals, both with
the feature's index; "factor", the lower Cholesky factor of the correlations.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import ndtr, ndtri

from zaohua.core.noise import Noise
from zaohua.core.spec import DataSpec
from zaohua.families.density import Parameters


def is_old(parameters: Parameters) -> bool:
    """Return True if the parameters are by feature."""
    return any(name.startswith(("knots", "edges")) for name in parameters)


def log_density(parameters: Parameters, x: np.ndarray, log_slope: np.ndarray) -> np.ndarray:
    """Return log N(latents; 0, R) - log N(latents; 0, 1) plus the log densities of the columns.

    Args:
        parameters: parameters of the copula.
        x: rows of numbers, (n, features).
        log_slope: the codec's, (n, features).
    """
    latents, slopes = np.empty_like(x), log_slope.sum(1)
    for index in range(x.shape[1]):
        knots = parameters[f"knots{index}"]
        p = np.interp(x[:, index], knots, np.linspace(0, 1, len(knots)))
        latents[:, index] = ndtri(np.clip(p, 1e-6, 1 - 1e-6))
        piece = np.clip(np.searchsorted(knots, x[:, index], side="right") - 1, 0, len(knots) - 2)
        slopes -= np.log(np.diff(knots)[piece] * (len(knots) - 1))
    factor = parameters["factor"]
    u = solve_triangular(factor, latents.T, lower=True)
    tie = 0.5 * ((latents**2).sum(1) - (u**2).sum(0)) - np.log(np.diag(factor)).sum()
    return np.asarray(tie + slopes)


def draw(parameters: Parameters, spec: DataSpec, noise: Noise) -> np.ndarray:
    """Draw latents L e with e standard normal, and map them to values."""
    e = noise.normal(len(spec.features)).double().cpu().numpy()
    p = ndtr(e @ parameters["factor"].T)
    out: np.ndarray = np.empty_like(p)
    for index, feature in enumerate(spec.features):
        if feature.kind == "real":
            knots = parameters[f"knots{index}"]
            out[:, index] = np.interp(p[:, index], np.linspace(0, 1, len(knots)), knots)
        else:
            edges, order = parameters[f"edges{index}"], parameters[f"order{index}"]
            out[:, index] = order[np.clip(np.searchsorted(edges, p[:, index], side="right") - 1, 0, len(order) - 1)]
    for index, feature in enumerate(spec.features):
        if feature.given is not None:
            out[out[:, feature.given[0]] >= feature.given[1], index] = np.nan
    return out
