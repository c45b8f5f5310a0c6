"""The Gaussian copula: every column as it is distributed, tied together by correlations."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from scipy.linalg import eigh, solve_triangular
from scipy.special import ndtr, ndtri

from zaohua.core.noise import Noise
from zaohua.estimator.columns import Tabular
from zaohua.families.density import Density, Parameters
from zaohua.families.mixture import one_hot
from zaohua.modalities.tables.codec import TableCodec
from zaohua.nn.rows import RowLayout

KNOTS = 1000


class GaussianCopula(Tabular, Density[TableCodec]):
    """Columns with their own distributions, and normal latents behind them whose correlations tie them together.

    A number's latent is Phi^-1(F(x)). A category has a stretch of its column's latent as wide as it is frequent;
    categories stand in the order of their weights in the first principal component of all columns, so that like ones
    are neighbours. The density is known where all columns are continuous.

    Paper: Sklar, "Fonctions de repartition a n dimensions et leurs marges", 1959; Patki, Wedge and Veeramachaneni, "The
    Synthetic Data Vault", 2016.
    """

    tiny: ClassVar[dict[str, Any]] = {}

    reg_covar = 1e-4

    def cannot(self, primitive: str) -> str | None:
        """Say why there is no density: of tables with columns that aren't continuous."""
        if primitive == "log_prob" and hasattr(self, "codec_"):
            mixed = next((c.name for c in self.codec_.columns_ if c.is_category or c.is_discrete or c.missing), None)
            if mixed is not None:
                return f"column {mixed!r} isn't continuous"
        return super().cannot(primitive)

    @property
    def layout(self) -> RowLayout:
        """Where the features stand."""
        return RowLayout(self.spec_)

    def estimate(self, x: np.ndarray) -> Parameters:
        """Distributions of the features, and the correlations of their latents."""
        out: Parameters = {}
        for place, order in self._orders(x).items():
            share = np.bincount(x[:, place].astype(int), minlength=len(order))[order] / len(x)
            out[f"order{place}"], out[f"edges{place}"] = order, np.concatenate([[0.0], share.cumsum() / share.sum()])
        for place in self.layout.reals:
            z = x[~np.isnan(x[:, place]), place]
            pieces = min(KNOTS, max(10, len(z) // 20))
            knots = np.unique(np.quantile(z, np.linspace(0, 1, pieces + 1))) if len(z) else np.zeros(1)
            out[f"knots{place}"] = knots if len(knots) > 1 else knots[0] + np.array([-1e-6, 1e-6])
        latents = np.stack([self._latent(out, place, x[:, place]) for place in range(x.shape[1])], axis=1)
        there = ~np.isnan(latents)
        scale = np.sqrt((np.where(there, latents, 0) ** 2).sum(0) / np.maximum(there.sum(0), 1))
        latents = np.where(there, latents / np.where(scale > 0, scale, 1), 0)
        together = np.maximum(there.T.astype(float) @ there, 1)
        values, vectors = eigh(latents.T @ latents / together)  # pairs that are there: not quite a correlation matrix
        cov = (vectors * np.maximum(values, 0)) @ vectors.T + self.reg_covar * np.eye(len(values))
        deviation = np.sqrt(np.diag(cov))
        out["factor"] = np.linalg.cholesky(cov / np.outer(deviation, deviation))
        return out

    def _orders(self, x: np.ndarray) -> dict[int, np.ndarray]:
        """Codes of each category feature by their weight in the first principal component of all features."""
        z = x[:, self.layout.reals]
        features = np.concatenate([one_hot(self.layout, x), np.nan_to_num(z)], axis=1, dtype=np.float64)
        features = (features - features.mean(0)) / np.maximum(features.std(0), 1e-3)
        count, width = features.shape
        if width > count:  # the smaller of the two products has the same first direction
            weights = features.T @ eigh(features @ features.T, subset_by_index=(count - 1, count - 1))[1][:, 0]
        else:
            weights = eigh(features.T @ features, subset_by_index=(width - 1, width - 1))[1][:, 0]
        return {
            place: np.argsort(weights[first : first + size], kind="stable")
            for place, first, size in self.layout.categories
        }

    def _latent(self, parameters: Parameters, place: int, values: np.ndarray) -> np.ndarray:
        """Latents of a feature's values: of a category the mean of its stretch; NaN where there is no number."""
        if self.spec_.features[place].kind == "real":
            knots = parameters[f"knots{place}"]
            p = np.interp(values, knots, np.linspace(0, 1, len(knots)))
            return np.where(np.isnan(values), np.nan, ndtri(np.clip(p, 1e-6, 1 - 1e-6)))
        edges = np.exp(-0.5 * ndtri(parameters[f"edges{place}"]) ** 2) / np.sqrt(2 * np.pi)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = (edges[:-1] - edges[1:]) / np.diff(parameters[f"edges{place}"])
        by_code = np.empty(len(means))
        by_code[parameters[f"order{place}"].astype(int)] = np.nan_to_num(means)
        return by_code[values.astype(int)]

    def log_density(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """log N(latents; 0, R) - log N(latents; 0, 1) + the logs of the columns' own densities."""
        latents = np.stack([self._latent(parameters, place, x[:, place]) for place in range(x.shape[1])], axis=1)
        factor = parameters["factor"]
        u = solve_triangular(factor, latents.T, lower=True)
        tie = 0.5 * ((latents**2).sum(1) - (u**2).sum(0)) - np.log(np.diag(factor)).sum()
        slopes = self.codec_.cells(torch.from_numpy(x))[2].numpy().sum(1)
        for place in range(x.shape[1]):
            knots = parameters[f"knots{place}"]
            piece = np.clip(np.searchsorted(knots, x[:, place], side="right") - 1, 0, len(knots) - 2)
            slopes -= np.log(np.diff(knots)[piece] * (len(knots) - 1))
        return tie + slopes

    def generate(self, parameters: Parameters, noise: Noise) -> np.ndarray:
        """Latents L e with e standard normal, and what they stand for."""
        e = noise.normal(len(self.spec_.features)).double().cpu().numpy()
        p = ndtr(e @ parameters["factor"].T)
        out = np.empty_like(p)
        for place, feature in enumerate(self.spec_.features):
            if feature.kind == "real":
                knots = parameters[f"knots{place}"]
                out[:, place] = np.interp(p[:, place], np.linspace(0, 1, len(knots)), knots)
            else:
                edges, order = parameters[f"edges{place}"], parameters[f"order{place}"]
                out[:, place] = order[np.clip(np.searchsorted(edges, p[:, place], side="right") - 1, 0, len(order) - 1)]
        for place, feature in enumerate(self.spec_.features):
            if feature.given is not None:
                out[out[:, feature.given[0]] >= feature.given[1], place] = np.nan
        return out
