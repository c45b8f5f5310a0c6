"""A series as a .csv, a column for a channel under a header, and as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import zaohua as zh

WIDTH, HEIGHT, MARGIN = 160, 64, 4
COLOURS = ("#1f5fa8", "#c8502a", "#3a8f4d", "#7d4fa0")


def write_csv(values: np.ndarray, path: Path) -> Path:
    """Write a series (T, C); return the path. Nine digits are enough for float32 to come back as it was."""
    header = ",".join(f"channel{i}" for i in range(values.shape[1]))
    np.savetxt(path, values, fmt="%.9g", delimiter=",", header=header, comments="")
    return path


def read_csv(path: Path) -> np.ndarray:
    """Read a series, float32 (T, C).

    Raises:
        ZaohuaError: a cell is no number, or rows differ in length; the message names the file.
    """
    try:
        return np.loadtxt(path, np.float32, delimiter=",", skiprows=1, ndmin=2)
    except ValueError as error:
        raise zh.ZaohuaError(f"{path}: can't be read as a series ({error})") from None


def draw(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return a picture of a series (T, C) between two values, uint8 (HEIGHT, WIDTH, 3)."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    x = np.linspace(MARGIN, WIDTH - MARGIN, len(values))
    y = HEIGHT - MARGIN - (values - low) / max(high - low, 1e-12) * (HEIGHT - 2 * MARGIN)
    for channel in reversed(range(values.shape[1])):
        points = list(zip(x.tolist(), y[:, channel].tolist(), strict=True))
        ImageDraw.Draw(image).line(points, fill=COLOURS[channel % len(COLOURS)])
    return np.asarray(image)
