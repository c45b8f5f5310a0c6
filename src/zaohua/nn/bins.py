"""Discretisation of table rows: every number, which is standard normal, is replaced by the index of its bin.

    z  ->  the bin that contains u = Phi(z)          p(z | bin) = phi(z) / width of the bin

For integers with few values a bin is one value, for integers with many it is several neighbouring values, and for real
numbers all bins are equally probable. So a categorical distribution per feature describes a whole row, and its sums and
masses are exact.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from zaohua.core.spec import DataSpec, Feature

LOG_2_PI = math.log(2 * math.pi)
END = 1e-9
"""Distance of a probability from 0 and 1, so that its z is finite."""


class Bins(nn.Module):
    """Discretisation of every feature of a row into integer codes.

    Args:
        spec: description of the rows.
        most: maximum number of bins of a numeric feature.

    Attributes:
        sizes: number of codes of each feature.
        edges: increasing edges of the bins as probabilities, float64 (features, most + 1), padded with 1.
        middles: z in the middle of each bin, float32 (features, most + 1), padded with 0.
    """

    edges: Tensor
    middles: Tensor
    limits: Tensor

    def __init__(self, spec: DataSpec, most: int) -> None:
        super().__init__()
        self.spec, self.most = spec, most
        self.reals = [index for index, feature in enumerate(spec.features) if feature.kind == "real"]
        edges, self.sizes = torch.ones(len(spec.features), most + 1, dtype=torch.float64), []
        for index, feature in enumerate(spec.features):
            cuts = _cuts(feature, most) if feature.kind == "real" else np.ones(1)
            edges[index, : len(cuts)] = torch.from_numpy(cuts)
            self.sizes.append(len(cuts) - 1 if feature.kind == "real" else feature.size)
        middles = torch.special.ndtri((edges[:, :-1] + edges[:, 1:]) / 2).nan_to_num(posinf=0.0)
        self.register_buffer("edges", edges, persistent=False)
        self.register_buffer("middles", torch.nn.functional.pad(middles, (0, 1)).float(), persistent=False)
        self.register_buffer("limits", torch.tensor(self.sizes), persistent=False)

    def codes(self, x: Tensor) -> Tensor:
        """Discretise rows (B, features) to int64 (B, features); -1 for missing numbers and unknown categories."""
        out = x.nan_to_num(-1.0).round().long()
        if self.reals:
            u = torch.special.ndtr(x[:, self.reals])
            bin_index = torch.searchsorted(self.edges[self.reals, 1:], u.T.contiguous(), right=True).T
            bin_index = torch.minimum(bin_index, self.limits[self.reals] - 1)
            out[:, self.reals] = bin_index.masked_fill(u.isnan(), -1)
        return out.masked_fill(out >= self.limits, -1)

    def numbers(self, codes: Tensor) -> Tensor:
        """Return the middle of each number's bin, float32 (B, reals); 0 where the code is -1."""
        return self.middles[self.reals].gather(1, (codes[:, self.reals].T % (self.most + 1))).T

    def value_in_bin(self, feature: int, code: Tensor, u: Tensor) -> Tensor:
        """Return a number's z, float64 (B,), from its bin and uniform numbers u in [0, 1) that place it in the bin."""
        low, high = self.edges[feature, code], self.edges[feature, code + 1]
        out: Tensor = torch.special.ndtri((low + u.double() * (high - low)).clamp(END, 1 - END))
        return out

    def log_density(
        self, feature: int, log_p: Tensor, code: Tensor, z: Tensor, cells: tuple[Tensor, Tensor, Tensor]
    ) -> Tensor:
        """Compute the log-density (or log-mass) of a number, in the item's own units, float64 (B,).

        Args:
            feature: index of the numeric feature.
            log_p: log probabilities of its bins, (B, size).
            code: its bin, (B,).
            z: its standard normal value, (B,).
            cells: the codec's low, high and log_slope, (B,) each: an integer has the mass between low and high; a real
                number, for which low is NaN, has a density.
        """
        low, high, slope = cells
        edges = self.edges[feature, : self.sizes[feature] + 1]
        chosen = log_p.gather(1, code[:, None])[:, 0] - torch.log(edges[code + 1] - edges[code])
        dense = chosen - 0.5 * (z**2 + LOG_2_PI) + slope
        below, above = torch.special.ndtr(low)[:, None], torch.special.ndtr(high)[:, None]
        if self.spec.features[feature].edges is not None:  # the integer lies in one bin
            return torch.where(low.isnan(), dense, chosen + torch.log(above - below)[:, 0])
        overlap = (torch.minimum(above, edges[1:]) - torch.maximum(below, edges[:-1])).clamp(min=0) / edges.diff()
        return torch.where(low.isnan(), dense, (log_p + overlap.log()).logsumexp(1))


def middles(x: Tensor, cells: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Return rows (B, features) with integers moved to the middle of their probability mass."""
    low, high, _ = cells
    middle = (torch.special.ndtr(low) + torch.special.ndtr(high)) / 2
    return torch.where(low.isnan(), x, torch.special.ndtri(middle))


def _cuts(feature: Feature, most: int) -> np.ndarray:
    """Return the edges of a number's bins as probabilities: all of the feature's edges, or those nearest to an even
    division."""
    even = np.linspace(0, 1, most + 1)
    if feature.edges is None:
        return even
    edges = np.array(feature.edges)
    if len(edges) <= most + 1:
        return edges
    above = np.searchsorted(edges, even).clip(1, len(edges) - 1)
    return np.unique(np.where(even - edges[above - 1] < edges[above] - even, edges[above - 1], edges[above]))
