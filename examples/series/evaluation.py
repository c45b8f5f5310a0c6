"""What series are measured by: spread, peaks, spectra, and how channels hang together."""

from __future__ import annotations

from typing import Any

import numpy as np

from zaohua.evaluation.vectors import VectorProtocol

BANDS = 10
LAGS = (-8, -4, -2, 0, 2, 4, 8)


class SeriesProtocol(VectorProtocol):
    """Distances between series in numbers that don't depend on the moment at which they begin."""

    def features(self, items: Any) -> np.ndarray:
        """Return numbers of each series (n, C, T): see `features_of`."""
        return features_of(items)


def features_of(items: np.ndarray) -> np.ndarray:
    """Return for each channel of series (n, C, T) the spread, the sharpest rise, the third and fourth moment and the
    log power in ten bands; and the correlation of each channel with the first one some moments before and after."""
    x = np.asarray(items, np.float64)
    spread = x.std(2, keepdims=True) + 1e-3
    z = (x - x.mean(2, keepdims=True)) / spread
    power = np.abs(np.fft.rfft(z)[..., 1:]) ** 2 / x.shape[2]
    bands = [np.log(part.mean(2) + 1e-4) for part in np.array_split(power[..., : power.shape[2] // 2], BANDS, axis=2)]
    moments = [spread[..., 0], np.abs(np.diff(z)).max(2), np.cbrt((z**3).mean(2)), (z**4).mean(2) ** 0.25]
    edge = max(LAGS)
    middle = z[:, :1, edge:-edge]
    lagged = [(middle * np.roll(z, -lag, axis=2)[:, :, edge:-edge]).mean(2) for lag in LAGS]
    return np.concatenate([*moments, *bands, *lagged], axis=1)
