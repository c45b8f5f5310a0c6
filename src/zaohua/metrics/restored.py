"""Likeness of pictures to the very ones that they should be: PSNR and SSIM, of each picture.

**PSNR**: 10 log10 of the squared range over the mean squared error, at most `MOST` decibels for equal pictures.

**SSIM** (Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural
similarity", 2004), with Gaussian windows of standard deviation 1.5 cut at 11 pixels, as the authors recommend; its mean
over the places where the window lies inside the picture.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

MOST = 100.0
"""PSNR of equal pictures, in decibels."""
SIGMA, REACH = 1.5, 5
"""Standard deviation and half the width of the windows of SSIM, in pixels."""


def psnr(pictures: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Compute the PSNR of each picture, float64 (n,).

    Args:
        pictures: values from 0 to 255, (n, H, W) or (n, H, W, C).
        real: what they should be.
    """
    error = ((pictures.astype(np.float64) - real) ** 2).reshape(len(real), -1).mean(1)
    return np.asarray(10 * np.log10(255**2 / np.maximum(error, 255**2 * 10 ** (-MOST / 10))))


def ssim(pictures: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Compute the SSIM of each picture, the mean over its channels, float64 (n,); the arguments are those of `psnr`."""
    x, y = (np.asarray(one, np.float64) for one in (pictures, real))
    means = [_blurred(one) for one in (x, y, x * x, y * y, x * y)]
    a, b = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mx, my, xx, yy, xy = means
    found = (2 * mx * my + a) * (2 * (xy - mx * my) + b) / ((mx**2 + my**2 + a) * (xx - mx**2 + yy - my**2 + b))
    inside = found
    for axis in (1, 2):
        if found.shape[axis] > 2 * REACH:
            inside = np.take(inside, range(REACH, found.shape[axis] - REACH), axis)
    return np.asarray(inside.reshape(len(real), -1).mean(1))


def _blurred(x: np.ndarray) -> np.ndarray:
    for axis in (1, 2):
        x = gaussian_filter1d(x, SIGMA, axis=axis, radius=REACH)
    return x
