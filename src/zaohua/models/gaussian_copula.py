"""The Gaussian copula: marginal distributions of the columns, joined by correlations."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from zaohua.core.json import Json
from zaohua.core.noise import Noise
from zaohua.estimator.columns import Tabular
from zaohua.families import copula, copula_by_feature
from zaohua.families.density import Density, Parameters
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.marginals import Marginal

SHOWN = 10
"""Categories of a column, the most frequent ones, by which those of other columns are ordered."""
WIDEST = 400
"""Maximum number of scores by which categories are ordered."""


class GaussianCopula(Tabular, Density[TableCodec]):
    """Gaussian copula: normal latents of the columns, correlated, mapped to the columns' marginal distributions.

    A latent keeps the order of its column: numbers, dates, ordered categories and truth values have their own order,
    and each value has an interval of the latent with the value's frequency as its probability. Three and more
    categories without an order are ordered so that the latent says most of the other columns. Whether a cell is missing
    has a latent of its own. Correlations are those of the latents, which ties don't weaken (polyserial and polychoric,
    see `families/copula.py`), made positive definite.

    The density is exact, and available where all columns are continuous; of a row with unknown cells it is that of the
    other cells.

    Paper: Sklar, "Fonctions de repartition a n dimensions et leurs marges", 1959; Patki, Wedge and Veeramachaneni, "The
    Synthetic Data Vault", 2016.
    """

    tiny: ClassVar[Json] = {}
    marginalises: ClassVar[bool] = True

    reg_covar = 1e-8

    def cannot(self, primitive: str) -> str | None:
        """Explain why there is no density: a column isn't continuous."""
        if primitive == "log_prob" and hasattr(self, "codec_"):
            for column, view in zip(self.codec_.learnt_, self.codec_.views_, strict=True):
                if view is None or column.is_discrete or column.missing:
                    return f"column {column.name!r} isn't continuous"
                if len(view.spikes):
                    value = column.decode(view.spikes[:1]).tolist()[0]
                    return f"column {column.name!r} isn't continuous: it is often {value}"
        return super().cannot(primitive)

    @property
    def latents(self) -> list[tuple[int, bool]]:
        """The latents: index of the column, and whether it is the latent of being missing."""
        out = []
        for index, column in enumerate(self.codec_.learnt_):
            out += [(index, True)] if column.missing > 0 and not _is_unordered(column) else []
            out.append((index, False))
        return out

    def estimate(self, x: np.ndarray) -> Parameters:
        """Estimate the marginal distributions, and the correlations of the latents."""
        values = self.codec_.coordinates(torch.from_numpy(x))
        out: Parameters = {}
        ranked: dict[tuple[int, bool], np.ndarray] = {}
        unordered = []
        for index, column in enumerate(self.codec_.learnt_):
            cells = values[:, index]
            if _is_unordered(column):
                unordered.append(index)
                continue
            there = ~np.isnan(cells) & (cells != (np.nan if column.missing_code is None else column.missing_code))
            ranked[index, False] = np.where(there, cells, np.nan)
            if column.missing > 0:
                ranked[index, True] = 1.0 - there
                out[f"missing{index}"] = np.array([1 - there.mean()])
            if column.is_category:
                known = len(column.categories or ())
                _set_cuts(out, index, cells[there].astype(int), np.arange(max(1, known)))
            else:
                out[f"x{index}"], out[f"u{index}"] = Marginal.fit(column, cells[there])
        scores = {latent: copula.scores_of(column) for latent, column in ranked.items()}
        for index in unordered:
            codes, size = values[:, index].astype(int), self.codec_.learnt_[index].size
            others = [np.nan_to_num(s.rows) for s in scores.values()]
            others += [z for other in unordered if other != index for z in _indicators(values[:, other].astype(int))]
            table = np.stack(others[:WIDEST] or [np.zeros(len(x))], axis=1)
            _set_cuts(out, index, codes, copula.best_order(codes, size, table))
        for index in unordered:
            place = np.argsort(out[f"order{index}"])
            scores[index, False] = copula.scores_of(place[values[:, index].astype(int)].astype(np.float64))
        correlations = copula.definite([scores[latent] for latent in self.latents], self.reg_covar)
        out["factor"] = np.linalg.cholesky(correlations)
        return out

    def log_density(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Return log N(latents; 0, R) - log N(latents; 0, 1) plus the log densities of the columns."""
        if copula_by_feature.is_old(parameters):
            return copula_by_feature.log_density(parameters, x, self.codec_.cells(torch.from_numpy(x))[2].numpy())
        values, factor = self.codec_.coordinates(torch.from_numpy(x)), parameters["factor"]
        known = np.isfinite(values)
        latents, log_p = np.zeros_like(values), np.zeros(len(values))
        for index in range(values.shape[1]):
            at = Marginal(parameters[f"x{index}"], parameters[f"u{index}"])
            p, log_density = at.cdf(values[:, index])
            latents[:, index] = np.where(known[:, index], ndtri(np.clip(p, 1e-6, 1 - 1e-6)), 0.0)
            log_p += np.where(known[:, index], log_density, 0.0)
        correlations = factor @ factor.T
        patterns, which = np.unique(known, axis=0, return_inverse=True)
        for k, pattern in enumerate(patterns):
            rows = which.reshape(-1) == k
            part = np.linalg.cholesky(correlations[np.ix_(pattern, pattern)])
            z = latents[np.ix_(rows, pattern)]
            u = np.linalg.solve(part, z.T)
            log_p[rows] += 0.5 * ((z**2).sum(1) - (u**2).sum(0)) - np.log(np.diag(part)).sum()
        return log_p

    def generate(self, parameters: Parameters, noise: Noise) -> np.ndarray:
        """Draw latents L e with e standard normal, and map them to values."""
        if copula_by_feature.is_old(parameters):
            return copula_by_feature.draw(parameters, self.spec_, noise)
        latents, columns = self.latents, self.codec_.learnt_
        e = noise.normal(len(latents)).double().cpu().numpy()
        p = np.clip(ndtr(e @ parameters["factor"].T), 1e-12, 1 - 1e-12)
        values, hidden = np.empty((len(p), len(columns))), np.zeros((len(p), len(columns)), bool)
        for place, (index, is_missing) in enumerate(latents):
            u = p[:, place]
            if is_missing:
                hidden[:, index] = u > 1 - parameters[f"missing{index}"][0]
            elif columns[index].is_category:
                order, cuts = parameters[f"order{index}"], parameters[f"cuts{index}"]
                values[:, index] = order[np.searchsorted(cuts, u, side="right").clip(max=len(order) - 1)]
            else:
                at = Marginal(parameters[f"x{index}"], parameters[f"u{index}"])
                values[:, index] = columns[index].snap(at.quantile(u))
        for index, column in enumerate(columns):
            values[hidden[:, index], index] = np.nan if column.missing_code is None else column.missing_code
        return self.codec_.tensor(values, noise)


def _is_unordered(column: Column) -> bool:
    """Return True for three or more categories without an order; a missing cell is one of them."""
    return column.kind == "categorical" and column.size > 2 and len(column.categories or ()) > 2


def _set_cuts(out: Parameters, index: int, codes: np.ndarray, order: np.ndarray) -> None:
    """Set a category's codes in the order of the latent, and the borders of all intervals but the last."""
    counts = np.bincount(codes, minlength=len(order))[order]
    out[f"order{index}"] = order.astype(np.float64)
    out[f"cuts{index}"] = counts.cumsum()[:-1] / max(1, counts.sum())


def _indicators(codes: np.ndarray) -> list[np.ndarray]:
    """Return standardised indicators of a column's most frequent categories, each (n,)."""
    often = np.argsort(-np.bincount(codes), kind="stable")[:SHOWN]
    masks = [(codes == code).astype(np.float64) for code in often.tolist()]
    return [(mask - mask.mean()) / max(mask.std(), 1e-3) for mask in masks]
