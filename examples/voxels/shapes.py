"""A data set that is made in code: spheres, boxes, tori and crosses of random size, place and direction."""

from __future__ import annotations

from typing import Any

import numpy as np

KINDS = ("sphere", "box", "torus", "cross")
SIDE = 12
SIZES = {"train": 4000, "test": 1000}


def make(n: int, side: int = SIDE, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Return n shapes, bool (n, side, side, side), and what each is."""
    rng = np.random.default_rng(seed)
    labels = [KINDS[i] for i in rng.integers(len(KINDS), size=n)]
    return np.stack([_shape(label, side, rng) for label in labels]), labels


def load(entry: Any, split: str) -> tuple[np.ndarray, list[str]]:
    """Return a split of the data set, as `zaohua.datasets` asks for it."""
    return make(SIZES[split], seed=list(SIZES).index(split))


def _shape(kind: str, side: int, rng: np.random.Generator) -> np.ndarray:
    """Return one shape. Lengths are shares of half a side; the axis of tori is one of the grid's."""
    size = rng.uniform(0.5, 0.85)
    room = 1 - size
    centre = rng.uniform(-room, room, 3) * 0.8
    x, y, z = ((np.indices((side,) * 3) + 0.5) / side * 2 - 1) - centre[:, None, None, None]
    if kind == "sphere":
        return x**2 + y**2 + z**2 <= size**2
    if kind == "box":
        a, b, c = rng.uniform(0.35, 1, 3) * size
        return (abs(x) <= a) & (abs(y) <= b) & (abs(z) <= c)
    if kind == "torus":
        tube = size * rng.uniform(0.28, 0.38)
        u, v, w = np.roll(np.stack([x, y, z]), rng.integers(3), axis=0)
        return (np.hypot(u, v) - (size - tube)) ** 2 + w**2 <= tube**2
    bar = size * rng.uniform(0.2, 0.35)
    thin = [abs(axis) <= bar for axis in (x, y, z)]
    within = (abs(x) <= size) & (abs(y) <= size) & (abs(z) <= size)
    return within & (thin[0] & thin[1] | thin[1] & thin[2] | thin[0] & thin[2])
