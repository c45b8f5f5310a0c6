"""Axes of spectrograms: time in seconds along the bottom, frequency in Hz, evenly spaced in mel, at the left."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zaohua.modalities.sounds.spectra import MelScale

TALL, WIDE = 192, 256
"""Least height and width of a spectrogram in pixels; smaller ones are enlarged by repeating pixels."""
LEFT, BOTTOM, TOP, RIGHT, TICK = 46, 22, 8, 10, 4
"""Margins for the axes, and the length of a tick, in pixels."""
FREQUENCIES = (100, 200, 500, 1000, 2000, 4000, 8000, 16000)
"""Frequencies with a tick, in Hz, as far as they are below half the rate."""


def with_axes(spectrogram: np.ndarray, scale: MelScale) -> np.ndarray:
    """Enlarge a spectrogram to a visible size, and draw its axes.

    Args:
        spectrogram: brightness with high frequencies up, uint8 (bands, frames).
        scale: scale of the spectrogram.

    Returns:
        Black on white around the spectrogram, uint8 (H, W).
    """
    bands, frames = spectrogram.shape
    high, wide = math.ceil(TALL / bands), math.ceil(WIDE / frames)
    shown = spectrogram.repeat(high, axis=0).repeat(wide, axis=1)
    height, width = shown.shape
    sheet = Image.new("L", (LEFT + width + RIGHT, TOP + height + BOTTOM), 255)
    sheet.paste(Image.fromarray(shown), (LEFT, TOP))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    top_mel = _mel(scale.rate / 2)
    placed = math.inf
    for frequency in (f for f in FREQUENCIES if f < scale.rate / 2):
        y = TOP + height * (1 - _mel(frequency) / top_mel)
        if placed - y < 14:  # the label would overlap the one below it
            continue
        placed = y
        draw.line([(LEFT - TICK, y), (LEFT - 1, y)], fill=0)
        label = f"{frequency / 1000:g} kHz" if frequency >= 1000 else f"{frequency} Hz"
        draw.text((LEFT - TICK - 2, y), label, fill=0, font=font, anchor="rm")
    seconds = frames * scale.hop / scale.rate
    for time in np.arange(0, seconds, _step(seconds)):
        x = LEFT + width * time / seconds
        draw.line([(x, TOP + height), (x, TOP + height + TICK)], fill=0)
        draw.text((x, TOP + height + TICK + 2), f"{time:g} s", fill=0, font=font, anchor="mt" if time else "lt")
    return np.asarray(sheet)


def _mel(frequency: float) -> float:
    return 2595 * math.log10(1 + frequency / 700)


def _step(seconds: float) -> float:
    """Return the distance of three to seven round ticks, such as 0.1, 0.25 or 2 s."""
    power = 10.0 ** math.floor(math.log10(seconds))
    return next(power * part for part in (0.1, 0.25, 0.5, 1.0, 2.5) if seconds / (power * part) <= 5)
