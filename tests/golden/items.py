"""The data of the golden runs, made on the spot, and items as plain JSON values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import zaohua as zh

LABELS = [f"class {'abc'[i % 3]}" for i in range(48)]
RATE = 1000


def _images() -> np.ndarray:
    """A bright spot whose place is the class, and noise; uint8 (48, 8, 8)."""
    at = np.arange(8)
    spots = [np.exp(-((at[:, None] - 4) ** 2 + (at - 1 - 2 * (i % 3)) ** 2) / 4) for i in range(48)]
    return (200 * np.array(spots) + np.random.RandomState(0).randint(0, 50, (48, 8, 8))).astype(np.uint8)


def _colours() -> np.ndarray:
    return np.stack([_images(), 255 - _images(), _images() // 2], axis=-1)


def _sounds() -> list[zh.Sound]:
    """Tones that die away, each class of a pitch of its own."""
    t = np.arange(100) / RATE
    pitches = [100 + 50 * (i % 3) + i for i in range(48)]
    return [
        zh.Sound((0.8 * np.sin(2 * np.pi * pitch * t) * np.exp(-30 * t)).astype(np.float32), RATE) for pitch in pitches
    ]


def _music() -> list[zh.Piece]:
    """Two voices, of which the upper ends with a rest."""
    notes = [np.array([[72, 60], [72, 64], [74, 65], [76, 64]]) + i % 3 for i in range(48)]
    return [zh.Piece.from_voices(np.where(piece > 75, -1, piece)) for piece in notes]


def _table() -> pd.DataFrame:
    """A column of every kind; `low` is never above `high`."""
    rng, i = np.random.RandomState(0), np.arange(48)
    low = np.round(rng.uniform(0, 10, 48), 2)
    return pd.DataFrame(
        {
            "low": low,
            "high": low + i % 5,
            "count": rng.randint(0, 30, 48),
            "size": np.array(["s", "m", "l"])[i % 3],
            "fits": i % 4 > 0,
            "note": np.where(i % 7 == 0, None, np.where(i % 2, "odd", "even")),
            "day": pd.Timestamp("2024-02-28") + pd.to_timedelta(i % 10, "D"),
        }
    )


MAKERS: dict[str, Callable[[], Any]] = {
    "images": _images,
    "colours": _colours,
    "texts": lambda: [f"{label} is number {i % 3}, and a {i % 5}." for i, label in enumerate(LABELS)],
    "dialogues": lambda: [(f"which is {i % 3}?", f"{label}.") for i, label in enumerate(LABELS)],
    "sounds": _sounds,
    "music": _music,
    "table": _table,
    "numbers": lambda: np.random.RandomState(0).uniform(0, 3, (48, 2)).round(3),
}


def plain(item: Any) -> Any:
    """An item, or a row of a table, as JSON values: its numbers first, then what isn't a number as texts."""
    if isinstance(item, str):
        return [[], [item]]
    if isinstance(item, zh.Sound):
        return [np.asarray(item).astype(float).round(6).ravel().tolist(), [str(item.rate)]]
    if isinstance(item, zh.Piece):
        return [[], [str(item.notes.tolist()), str(item.steps), str(item.length), str(item.voices)]]
    if isinstance(item, pd.Series):
        numbers = [float(cell) for cell in item if isinstance(cell, float | int | np.number) and not pd.isna(cell)]
        return [numbers, [str(cell) for cell in item if not isinstance(cell, float | int | np.number)]]
    return [np.asarray(item, float).ravel().tolist(), [str(np.asarray(item).dtype), str(np.shape(item))]]


def plain_all(items: Any) -> list[Any]:
    """Every item of a sample as JSON values."""
    return [plain(row) for _, row in items.iterrows()] if isinstance(items, pd.DataFrame) else [*map(plain, items)]


def first(items: Any, n: int) -> Any:
    """The first n items."""
    return items[:n]
