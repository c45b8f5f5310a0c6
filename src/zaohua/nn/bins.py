"""Rows of tables as codes only: a number, which is normally distributed, is the range that it lies in.

    z  ->  the bin that holds u = Phi(z)          p(z | bin) = phi(z) / width of the bin

A bin is a whole number where there are few, several neighbours where there are many, and of all other numbers a range
as probable as all others. So a table of chances for each feature says all of a row, and its sums and masses are exact.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from zaohua.core.spec import DataSpec, Feature

LOG_2_PI = math.log(2 * math.pi)
END = 1e-9
"""How near to 0 and 1 a chance comes, so that its z is a number."""


class Bins(nn.Module):
    """How the features of rows are codes.

    Args:
        spec: of the rows.
        most: bins of a number at most.

    Attributes:
        sizes: codes of each feature.
        edges: chances at which numbers are cut, float64 (features, most + 1), rising, 1 behind the last.
        middles: z in the middle of each bin, float32 (features, most + 1), 0 behind the last.
    """

    edges: Tensor
    middles: Tensor
    limits: Tensor

    def __init__(self, spec: DataSpec, most: int) -> None:
        super().__init__()
        self.spec, self.most = spec, most
        self.reals = [place for place, feature in enumerate(spec.features) if feature.kind == "real"]
        edges, self.sizes = torch.ones(len(spec.features), most + 1, dtype=torch.float64), []
        for place, feature in enumerate(spec.features):
            cuts = _cuts(feature, most) if feature.kind == "real" else np.ones(1)
            edges[place, : len(cuts)] = torch.from_numpy(cuts)
            self.sizes.append(len(cuts) - 1 if feature.kind == "real" else feature.size)
        middles = torch.special.ndtri((edges[:, :-1] + edges[:, 1:]) / 2).nan_to_num(posinf=0.0)
        self.register_buffer("edges", edges, persistent=False)
        self.register_buffer("middles", torch.nn.functional.pad(middles, (0, 1)).float(), persistent=False)
        self.register_buffer("limits", torch.tensor(self.sizes), persistent=False)

    def codes(self, x: Tensor) -> Tensor:
        """Rows (B, features) -> int64 (B, features), -1 where there is no number, or no category of training's."""
        out = x.nan_to_num(-1.0).round().long()
        if self.reals:
            u = torch.special.ndtr(x[:, self.reals])
            place = torch.searchsorted(self.edges[self.reals, 1:], u.T.contiguous(), right=True).T
            place = torch.minimum(place, self.limits[self.reals] - 1)
            out[:, self.reals] = place.masked_fill(u.isnan(), -1)
        return out.masked_fill(out >= self.limits, -1)

    def numbers(self, codes: Tensor) -> Tensor:
        """Where known numbers are, float32 (B, reals): the middle of the bin, and 0 where the code is -1."""
        return self.middles[self.reals].gather(1, (codes[:, self.reals].T % (self.most + 1))).T

    def place(self, feature: int, code: Tensor, u: Tensor) -> Tensor:
        """A number's z, float64 (B,), from its bin and uniform numbers in [0, 1)."""
        low, high = self.edges[feature, code], self.edges[feature, code + 1]
        return torch.special.ndtri((low + u.double() * (high - low)).clamp(END, 1 - END))

    def log_density(self, feature: int, code: Tensor, z: Tensor, cells: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Log of what a number has of the chance of its bin, in the item's own units, float64 (B,).

        Args:
            feature: which number.
            code: its bin.
            z: its place.
            cells: low, high and log_slope of it, as the codec has them: a whole number has the mass between low and
                high, any other one a density.
        """
        low, high, slope = cells
        dense = -0.5 * (z**2 + LOG_2_PI) + slope
        mass = torch.log(torch.special.ndtr(high) - torch.special.ndtr(low))
        return torch.where(low.isnan(), dense, mass) - torch.log(
            self.edges[feature, code + 1] - self.edges[feature, code]
        )


def middles(x: Tensor, cells: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Rows (B, features) with whole numbers at the middle of their mass, wherever in it they were put."""
    low, high, _ = cells
    middle = (torch.special.ndtr(low) + torch.special.ndtr(high)) / 2
    return torch.where(low.isnan(), x, torch.special.ndtri(middle))


def _cuts(feature: Feature, most: int) -> np.ndarray:
    """Chances from 0 to 1 between which the bins of a number lie: all edges there are, or those nearest to an even
    division."""
    even = np.linspace(0, 1, most + 1)
    if feature.edges is None:
        return even
    edges = np.array(feature.edges)
    if len(edges) <= most + 1:
        return edges
    above = np.searchsorted(edges, even).clip(1, len(edges) - 1)
    return np.unique(np.where(even - edges[above - 1] < edges[above] - even, edges[above - 1], edges[above]))
