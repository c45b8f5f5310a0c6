"""What is done to labelled items without a generative model.

Pictures and spectrograms are changed at random each time that a network sees them. Rows of tables are interpolated
between neighbours of a class (SMOTE: Chawla et al. 2002, arXiv:1106.1813).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zaohua.core.errors import ZaohuaError

Change = Callable[[Tensor, torch.Generator], Tensor]
"""Function that changes a batch (B, C, H, W) at random."""
SHIFT = 1 / 14
"""Largest shift, in sides: two pixels of 28."""
ZOOM = 0.1
"""Largest change of the scale."""
MASK = 1 / 6
"""Largest part of the bands, and of the frames, that a mask of SpecAugment covers."""


@dataclass(frozen=True)
class Transform:
    """A way to change a batch at random.

    Attributes:
        name: its name in results.
        changes: what is done, in order.
    """

    name: str
    changes: Sequence[Change]

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Change a batch (B, C, H, W)."""
        for change in self.changes:
            x = change(x, generator)
        return x


def shifted(x: Tensor, generator: torch.Generator) -> Tensor:
    """Shift each picture by up to a fourteenth of its sides; its edge is repeated."""
    return _moved(x, _between(len(x), 2, generator) * 2 * SHIFT, torch.ones(len(x), 2))


def zoomed(x: Tensor, generator: torch.Generator) -> Tensor:
    """Crop or shrink each picture by up to a tenth, around its centre."""
    return _moved(x, torch.zeros(len(x), 2), 1 + ZOOM * _between(len(x), 2, generator))


def flipped(x: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror half of the pictures, left to right."""
    return torch.where(torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5, x.flip(-1), x)


def delayed(x: Tensor, generator: torch.Generator) -> Tensor:
    """Shift each spectrogram in time by up to a fourteenth of its frames."""
    by = _between(len(x), 2, generator) * 2 * SHIFT
    return _moved(x, by * torch.tensor([1.0, 0.0]), torch.ones(len(x), 2))


def masked(x: Tensor, generator: torch.Generator) -> Tensor:
    """Replace a block of bands and a block of frames by the mean (Park et al., SpecAugment, 2019, arXiv:1904.08779)."""
    mean = x.mean((1, 2, 3), keepdim=True)
    for axis in (2, 3):
        size = x.shape[axis]
        width = torch.rand(len(x), 1, generator=generator) * MASK * size
        start = torch.rand(len(x), 1, generator=generator) * (size - width)
        at = torch.arange(size)
        covered = (at >= start) & (at < start + width)
        x = torch.where(covered.view(len(x), 1, *((size, 1) if axis == 2 else (1, size))), mean, x)
    return x


PICTURES = (
    Transform("shifts", (shifted,)),
    Transform("shifts and crops", (shifted, zoomed)),
    Transform("shifts, crops and flips", (shifted, zoomed, flipped)),
)
"""Ways to change pictures."""
SOUNDS = (Transform("SpecAugment", (masked,)), Transform("SpecAugment and shifts", (masked, delayed)))
"""Ways to change spectrograms."""


def _between(n: int, k: int, generator: torch.Generator) -> Tensor:
    return torch.rand(n, k, generator=generator) * 2 - 1


def _moved(x: Tensor, by: Tensor, scale: Tensor) -> Tensor:
    """Move pictures by (x, y) in half sides, and change their scale; what lies outside repeats the edge."""
    theta = torch.zeros(len(x), 2, 3)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = scale[:, 0], scale[:, 1], by
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


# ---- tables

NEIGHBOURS = 5
"""Neighbours of a class between which SMOTE interpolates, at most."""


def smote(
    x: np.ndarray, y: np.ndarray, sizes: Sequence[int], wanted: Sequence[int], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate rows between neighbours of their class: SMOTE-NC, of numbers only SMOTE, of categories only SMOTEN.

    Args:
        x: rows (n, C): numbers, NaN where missing, and category indices.
        y: classes (n,).
        sizes: number of categories of each column; 0 for a number.
        wanted: number of new rows of each class 0 ... K - 1.
        seed: seed of the rows.

    Returns:
        The new rows and their classes. Missing numbers are interpolated as the median of their column.

    Raises:
        ZaohuaError: imbalanced-learn isn't installed, or a class has one row only.
    """
    try:
        from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC
    except ImportError as error:
        raise ZaohuaError("SMOTE-NC needs imbalanced-learn: pip install 'zaohua[augment]'") from error
    counts = np.bincount(y, minlength=len(wanted))
    if counts[counts > 0].min() < 2:
        raise ZaohuaError("SMOTE-NC interpolates between rows of a class, and a class has one row only")
    numbers = [c for c, size in enumerate(sizes) if not size]
    filled = np.array(x, np.float64)
    for c in numbers:
        there = ~np.isnan(filled[:, c])
        filled[~there, c] = np.median(filled[there, c]) if there.any() else 0.0
    total = {c: int(counts[c] + wanted[c]) for c in range(len(wanted)) if counts[c]}
    options = {
        "sampling_strategy": total,
        "random_state": seed,
        "k_neighbors": min(NEIGHBOURS, int(counts[counts > 0].min()) - 1),
    }
    categories = [c for c, size in enumerate(sizes) if size]
    varied = any(np.ptp(filled[:, c]) > 0 for c in numbers) and math.isfinite(float(filled.max()))
    if not categories:
        sampler = SMOTE(**options)
    elif varied:
        sampler = SMOTENC(categorical_features=categories, **options)
    else:
        sampler = SMOTEN(**options)
    rows, labels = sampler.fit_resample(filled, y)
    return np.asarray(rows[len(x) :], np.float64), np.asarray(labels[len(x) :], np.int64)
