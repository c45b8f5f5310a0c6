"""Tables of piano rolls, .json and .mat, as Boulanger-Lewandowski et al. 2012 (arXiv:1206.6392) published them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.music.pieces import KEYS, LOWEST, Piece

GRIDS = {"quarter": 1, "8th": 2, "16th": 4}
"""Time steps in a quarter note, by what the name of a published file says."""
SPLITS = {
    "train": "train",
    "valid": "valid",
    "test": "test",
    "traindata": "train",
    "validdata": "valid",
    "testdata": "test",
}
"""Names of splits in published files."""


def read_rolls(path: Path, split: str | None = None, steps: int | None = None) -> list[Piece]:
    """The pieces of a published table of piano rolls.

    Args:
        path: a .json of splits, pieces, time steps and MIDI pitches that sound, or a .mat of 88-key rolls. Where all
            time steps have equally many pitches, they are those of voices, negative for a rest.
        split: "train" (the default), "valid" or "test".
        steps: time steps in a quarter note; by default what the file's name says, or 1.

    Raises:
        ZaohuaError: the file isn't such a table, or has no such split.
    """
    grid = steps or next((n for name, n in GRIDS.items() if name in path.name.casefold()), 1)
    table = _read_json(path) if path.suffix.casefold() == ".json" else _read_mat(path)
    if (split or "train") not in table:
        raise ZaohuaError(f"{path}: has no split {split or 'train'!r}; it has {', '.join(table) or 'none'}")
    try:
        counts = {len(frame) for pieces in table.values() for frames in pieces for frame in frames}
        make = Piece.from_voices if len(counts) == 1 and counts.isdisjoint((0, KEYS)) else _from_lists
        return [make(frames, grid) for frames in table[split or "train"]]
    except (TypeError, ValueError, IndexError) as error:
        raise ZaohuaError(f"{path}: holds no piano rolls: {error}") from None


def _from_lists(frames: Any, steps: int) -> Piece:
    """From a roll (T, 88), or from lists of the pitches that sound at each time step."""
    if isinstance(frames, np.ndarray):
        return Piece.from_roll(frames, steps)
    roll = np.zeros((len(frames), KEYS), bool)
    for t, frame in enumerate(frames):
        roll[t, np.array(frame, int) - LOWEST] = True
    return Piece.from_roll(roll, steps)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ZaohuaError(f"{path}: can't be read as JSON ({error})") from None
    return {SPLITS[name]: pieces for name, pieces in table.items() if name in SPLITS} if isinstance(table, dict) else {}


def _read_mat(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    try:
        table = loadmat(path)
    except Exception as error:  # a damaged file can make scipy raise anything
        raise ZaohuaError(f"{path}: can't be read as a .mat file ({error})") from None
    return {SPLITS[name]: list(pieces.ravel()) for name, pieces in table.items() if name in SPLITS}
