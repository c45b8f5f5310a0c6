"""Rotary positions that are stretched as those of Llama 3: .gguf files have what each frequency is divided by."""

from __future__ import annotations

import math

import numpy as np
import torch

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.nn.blueprint import Stretch
from zaohua.nn.rotary import stretched

NAME = "rope_freqs.weight"
"""Name of the tensor."""
LOW, HIGH, CONTEXT = 1.0, 4.0, 8192
"""Settings of all models of Llama 3, for what doesn't follow from the numbers."""
NEAR = 1e-4
"""Largest relative difference between numbers and what the settings that are found for them give."""


def divisors(stretch: Stretch, base: float, channels: int) -> np.ndarray:
    """Return what the frequency of each pair of channels is divided by, float32."""
    frequencies = _frequencies(base, channels // 2)
    found: np.ndarray = (frequencies / stretched(frequencies, base, stretch)).float().numpy()
    return found


def settings_of(found: np.ndarray, base: float, source: str) -> Json | None:
    """Return the settings that lead to some divisors, as `config.json` has them; None if nothing is divided.

    How much of a frequency f is kept, between nothing and all, is a line in f: (context f / 2 pi - low) / (high - low).
    That leaves one of the three open, which changes nothing; so low is 1.

    Raises:
        ZaohuaError: no settings lead to them.
    """
    values = found.astype("float64")
    factor = float(values.max())
    if (values == 1).all():
        return None
    frequencies = _frequencies(base, len(values)).numpy()
    kept = (1 / values - 1 / factor) / (1 - 1 / factor)
    between = (kept > NEAR) & (kept < 1 - NEAR)
    high, context = HIGH, float(CONTEXT)
    if between.sum() > 1:
        slope, at_zero = np.polyfit(frequencies[between], kept[between], 1)
        high = round(float(LOW - LOW / at_zero), 3)
        context = float(slope) * 2 * math.pi * (high - LOW)
    elif between.any():
        context = 2 * math.pi * float(((LOW + kept * (high - LOW)) / frequencies)[between][0])
    settings = Stretch("llama3", round(factor, 4), LOW, high, max(round(context), 1))
    if not np.allclose(divisors(settings, base, 2 * len(values)), values, rtol=NEAR):
        raise ZaohuaError(f"{source} divides its rotary frequencies by other numbers than Llama 3, which isn't known")
    return {
        "rope_type": "llama3",
        "factor": settings.factor,
        "low_freq_factor": settings.low,
        "high_freq_factor": settings.high,
        "original_max_position_embeddings": settings.context,
    }


def _frequencies(base: float, count: int) -> torch.Tensor:
    """Return frequencies in radians per token before they are divided, float64."""
    found: torch.Tensor = base ** -(torch.arange(count, dtype=torch.float64) / count)
    return found
