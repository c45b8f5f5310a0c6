"""Training by sampling: each row of a batch is conditioned on one of its categories, and rare ones are oversampled.

A feature d is drawn uniformly, then one of its categories k in proportion to the log of its count, then one of those
n_dk rows. This is equivalent to drawing rows by weights and then one of a row's own categories,

    w(x) = sum_d r(d, x_d),    p(d | x) = r(d, x_d) / w(x),    r(d, k) = log(1 + n_dk) / (n_dk sum_j log(1 + n_dj))

so no index from categories to rows is needed.

Source: Xu et al., "Modeling Tabular Data using Conditional GAN", 2019 (arXiv:1907.00503), section 4.3.
"""

from __future__ import annotations

import torch
from torch import Tensor

from zaohua.core.noise import Noise, categorical
from zaohua.nn.rows import RowLayout


class Conditions:
    """Distribution of the categories that rows are conditioned on.

    Args:
        layout: layout of the features.
        counts: number of training rows with each category, (one_hots,).
    """

    def __init__(self, layout: RowLayout, counts: Tensor) -> None:
        self.counts = counts.double()
        logs = torch.log1p(self.counts)
        totals = torch.cat([logs[first : first + size].sum().expand(size) for _, first, size in layout.categories])
        self.ratios = torch.where(counts > 0, logs / (self.counts.clamp(min=1) * totals.clamp(min=1e-9)), 0.0)

    def weights(self, one_hot: Tensor) -> Tensor:
        """Return sampling weights of rows, (n, one_hots) -> float64 (n,)."""
        return one_hot.double() @ self.ratios

    def of(self, one_hot: Tensor, noise: Noise) -> Tensor:
        """Draw one of the categories of each row, (B, one_hots) -> one-hot float32 (B, one_hots)."""
        return _drawn(one_hot * self.ratios.float().to(one_hot.device), noise)

    def frequent(self, noise: Noise) -> Tensor:
        """Draw categories as frequent as in training, one-hot (noise.n, one_hots)."""
        u = noise.uniform()
        return _drawn(self.counts.float().to(u.device).expand(noise.n, -1), noise, u)


def _drawn(weights: Tensor, noise: Noise, u: Tensor | None = None) -> Tensor:
    """Draw one column for each row by its weight, one-hot."""
    which = categorical(weights, noise.uniform() if u is None else u)
    return torch.zeros_like(weights).scatter_(1, which[:, None], 1.0)
