"""How like single real items samples are that were made for the same conditions."""

from __future__ import annotations

import numpy as np

from zaohua.metrics.restored import psnr, ssim
from zaohua.metrics.restored_waves import log_spectral_distance, si_sdr


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
    return _counts(found)


def sounds_alike(samples: np.ndarray, real: np.ndarray, window: int, phases: bool) -> dict[str, np.ndarray]:
    """Compare several samples of each condition with the real sound that belongs to it.

    Args:
        samples: waves, (n, k, length).
        real: waves, (n, length).
        window: length in samples of the windows of the log-spectral distance.
        phases: whether the model makes waves with their phases: without, SI-SDR says nothing.

    Returns:
        Counts by measure, float64 (n, 2): the value, and 1. "log_spectral_distance" and "si_sdr" are of the first
        sample.
    """
    pairs = [*zip(samples, real, strict=True)]
    found = {"log_spectral_distance": np.array([log_spectral_distance(some[0], one, window) for some, one in pairs])}
    if phases:
        ratios = np.array([[si_sdr(made, one) for made in some] for some, one in pairs])
        found |= {"si_sdr": ratios[:, 0], "si_sdr_best": ratios.max(1)}
        found |= {"si_sdr_mean": np.array([si_sdr(some.mean(0), one) for some, one in pairs])}
    return _counts(found)


def _counts(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.stack([values, np.ones(len(values))], 1) for name, values in found.items()}
