"""Draw a shape as little cubes, seen from above a corner."""

from __future__ import annotations

import numpy as np

HALF = 4
"""Half the width of a cube in pixels; it is as high as wide."""


def draw(shape: np.ndarray) -> np.ndarray:
    """Return a picture of a shape, bool (X, Y, Z): uint8 (height, width), dark where there is nothing."""
    x_size, y_size, z_size = shape.shape
    width, height = HALF * (x_size + y_size), HALF * (x_size + y_size) // 2 + HALF * z_size
    picture = np.full((height, width), 24, np.uint8)
    face, light = _cube()
    padded = np.pad(shape, 1)
    seen = shape & ~(padded[2:, 1:-1, 1:-1] & padded[1:-1, 2:, 1:-1] & padded[1:-1, 1:-1, 2:])
    places = np.argwhere(seen)
    for x, y, z in places[np.argsort(places.sum(1), kind="stable")]:  # those at the back first
        left = HALF * (x - y + y_size - 1)
        top = HALF // 2 * (x + y) + HALF * (z_size - 1 - z)
        part = picture[top : top + 2 * HALF, left : left + 2 * HALF]
        part[face] = light[face] * (0.7 + 0.3 * (x + y + z) / sum(shape.shape))
    return picture


def _cube() -> tuple[np.ndarray, np.ndarray]:
    """Return where a cube is in a square picture of it, and how bright: its top, its left and its right side."""
    v, u = np.indices((2 * HALF, 2 * HALF)) + 0.5
    aside = np.abs(u - HALF) / 2
    inside = (v >= aside) & (v <= 2 * HALF - aside)
    top = v <= HALF - aside
    return inside, np.where(top, 255, np.where(u < HALF, 165, 95))
