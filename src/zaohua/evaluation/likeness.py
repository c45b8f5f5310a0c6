"""How like single real items samples are that were made for the same conditions."""

from __future__ import annotations

import numpy as np

from zaohua.metrics.restored import psnr, ssim


def pictures_alike(samples: np.ndarray, real: np.ndarray) -> dict[str, np.ndarray]:
    """Compare several samples of each condition with the real picture that belongs to it.

    Args:
        samples: uint8 (n, k, H, W) or (n, k, H, W, C).
        real: uint8 (n, H, W) or (n, H, W, C).

    Returns:
        Counts by measure, float64 (n, 2): the value, and 1. "psnr" and "ssim" are of the first sample.
    """
    noise = np.stack([psnr(one, real) for one in np.moveaxis(samples, 1, 0)], 1)
    like = np.stack([ssim(one, real) for one in np.moveaxis(samples, 1, 0)], 1)
    mean = psnr(samples.mean(1), real)
    found = {"psnr": noise[:, 0], "psnr_best": noise.max(1), "psnr_mean": mean}
    found |= {"ssim": like[:, 0], "ssim_best": like.max(1)}
    return {name: np.stack([values, np.ones(len(values))], 1) for name, values in found.items()}
