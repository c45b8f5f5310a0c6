"""The Gaussian copula: marginal distributions of the columns, joined by correlations."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from scipy.linalg import eigh, solve_triangular
from scipy.special import ndtr, ndtri

from zaohua.core.json import Json
from zaohua.core.noise import Noise
from zaohua.estimator.columns import Tabular
from zaohua.families.density import Density, Parameters
from zaohua.families.mixture import one_hot
from zaohua.modalities.tables.codec import TableCodec
from zaohua.nn.rows import RowLayout

KNOTS = 1000


class GaussianCopula(Tabular, Density[TableCodec]):
    """Gaussian copula: normal latents of the columns, correlated, mapped to the columns' marginal distributions.

    The latent of a number is Phi^-1(F(x)). A category has an interval of its column's latent with the category's
    frequency as its probability; categories are ordered by their weights in the first principal component of all
    columns, so that similar ones are neighbours. The density is available where all columns are continuous.

    Paper: Sklar, "Fonctions de repartition a n dimensions et leurs marges", 1959; Patki, Wedge and Veeramachaneni, "The
    Synthetic Data Vault", 2016.
    """

    tiny: ClassVar[Json] = {}

    reg_covar = 1e-4

    def cannot(self, primitive: str) -> str | None:
        """Explain why there is no density: a column isn't continuous."""
        if primitive == "log_prob" and hasattr(self, "codec_"):
            mixed = next((c.name for c in self.codec_.learnt_ if c.is_category or c.is_discrete or c.missing), None)
            if mixed is not None:
                return f"column {mixed!r} isn't continuous"
        return super().cannot(primitive)

    @property
    def layout(self) -> RowLayout:
        """Layout of the features."""
        return RowLayout(self.spec_)

    def estimate(self, x: np.ndarray) -> Parameters:
        """Estimate the marginal distributions, and the correlations of the latents."""
        out: Parameters = {}
        for index, order in self._orders(x).items():
            fraction = np.bincount(x[:, index].astype(int), minlength=len(order))[order] / len(x)
            out[f"order{index}"], out[f"edges{index}"] = (
                order,
                np.concatenate([[0.0], fraction.cumsum() / fraction.sum()]),
            )
        for index in self.layout.reals:
            z = x[~np.isnan(x[:, index]), index]
            pieces = min(KNOTS, max(10, len(z) // 20))
            knots = np.unique(np.quantile(z, np.linspace(0, 1, pieces + 1))) if len(z) else np.zeros(1)
            out[f"knots{index}"] = knots if len(knots) > 1 else knots[0] + np.array([-1e-6, 1e-6])
        latents = np.stack([self._latent(out, index, x[:, index]) for index in range(x.shape[1])], axis=1)
        there = ~np.isnan(latents)
        scale = np.sqrt((np.where(there, latents, 0) ** 2).sum(0) / np.maximum(there.sum(0), 1))
        latents = np.where(there, latents / np.where(scale > 0, scale, 1), 0)
        together = np.maximum(there.T.astype(float) @ there, 1)
        values, vectors = eigh(
            latents.T @ latents / together
        )  # from pairwise complete rows: not quite a correlation matrix
        cov = (vectors * np.maximum(values, 0)) @ vectors.T + self.reg_covar * np.eye(len(values))
        deviation = np.sqrt(np.diag(cov))
        out["factor"] = np.linalg.cholesky(cov / np.outer(deviation, deviation))
        return out

    def _orders(self, x: np.ndarray) -> dict[int, np.ndarray]:
        """Order the codes of each categorical feature by weight in the first principal component of all features."""
        z = x[:, self.layout.reals]
        features = np.concatenate([one_hot(self.layout, x), np.nan_to_num(z)], axis=1, dtype=np.float64)
        features = (features - features.mean(0)) / np.maximum(features.std(0), 1e-3)
        count, width = features.shape
        if width > count:  # the smaller product has the same first direction
            weights = features.T @ eigh(features @ features.T, subset_by_index=(count - 1, count - 1))[1][:, 0]
        else:
            weights = eigh(features.T @ features, subset_by_index=(width - 1, width - 1))[1][:, 0]
        return {
            index: np.argsort(weights[first : first + size], kind="stable")
            for index, first, size in self.layout.categories
        }

    def _latent(self, parameters: Parameters, index: int, values: np.ndarray) -> np.ndarray:
        """Return latents of a feature's values; the mean of its interval for a category, NaN for a missing number."""
        if self.spec_.features[index].kind == "real":
            knots = parameters[f"knots{index}"]
            p = np.interp(values, knots, np.linspace(0, 1, len(knots)))
            return np.where(np.isnan(values), np.nan, ndtri(np.clip(p, 1e-6, 1 - 1e-6)))
        edges = np.exp(-0.5 * ndtri(parameters[f"edges{index}"]) ** 2) / np.sqrt(2 * np.pi)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = (edges[:-1] - edges[1:]) / np.diff(parameters[f"edges{index}"])
        by_code = np.empty(len(means))
        by_code[parameters[f"order{index}"].astype(int)] = np.nan_to_num(means)
        out: np.ndarray = by_code[values.astype(int)]
        return out

    def log_density(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Return log N(latents; 0, R) - log N(latents; 0, 1) plus the log densities of the columns."""
        latents = np.stack([self._latent(parameters, index, x[:, index]) for index in range(x.shape[1])], axis=1)
        factor = parameters["factor"]
        u = solve_triangular(factor, latents.T, lower=True)
        tie = 0.5 * ((latents**2).sum(1) - (u**2).sum(0)) - np.log(np.diag(factor)).sum()
        slopes = self.codec_.cells(torch.from_numpy(x))[2].numpy().sum(1)
        for index in range(x.shape[1]):
            knots = parameters[f"knots{index}"]
            piece = np.clip(np.searchsorted(knots, x[:, index], side="right") - 1, 0, len(knots) - 2)
            slopes -= np.log(np.diff(knots)[piece] * (len(knots) - 1))
        log_p: np.ndarray = tie + slopes
        return log_p

    def generate(self, parameters: Parameters, noise: Noise) -> np.ndarray:
        """Draw latents L e with e standard normal, and map them to values."""
        e = noise.normal(len(self.spec_.features)).double().cpu().numpy()
        p = ndtr(e @ parameters["factor"].T)
        out: np.ndarray = np.empty_like(p)
        for index, feature in enumerate(self.spec_.features):
            if feature.kind == "real":
                knots = parameters[f"knots{index}"]
                out[:, index] = np.interp(p[:, index], np.linspace(0, 1, len(knots)), knots)
            else:
                edges, order = parameters[f"edges{index}"], parameters[f"order{index}"]
                out[:, index] = order[np.clip(np.searchsorted(edges, p[:, index], side="right") - 1, 0, len(order) - 1)]
        for index, feature in enumerate(self.spec_.features):
            if feature.given is not None:
                out[out[:, feature.given[0]] >= feature.given[1], index] = np.nan
        return out
