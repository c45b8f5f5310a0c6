"""Readers of piano rolls in .json and .mat files, as published by Boulanger-Lewandowski et al. (arXiv:1206.6392)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeAlias

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.modalities.music.pieces import KEYS, LOWEST, Piece

GRIDS = {"quarter": 1, "8th": 2, "16th": 4}
"""Time steps per quarter note, by a part of the names of published files."""
SPLITS = {
    "train": "train",
    "valid": "valid",
    "test": "test",
    "traindata": "train",
    "validdata": "valid",
    "testdata": "test",
}
"""Names of splits in published files."""
Frames: TypeAlias = np.ndarray | list[list[int]]
"""A piece in such a file: a roll (T, 88), or the sounding pitches of each time step."""


def holds_rolls(path: Path) -> bool:
    """Return False for a .json file that is whole, but no table of piano rolls by split."""
    return path.suffix.casefold() != ".json" or bool(_read_json(path))


def read_rolls(path: Path, split: str | None = None, steps: int | None = None) -> list[Piece]:
    """Read the pieces of a published file of piano rolls.

    Args:
        path: a .json with splits, pieces, time steps and sounding MIDI pitches, or a .mat with 88-key rolls. If all
            time steps have the same number of pitches, these are voices, negative for rests.
        split: "train" (the default), "valid" or "test".
        steps: time steps per quarter note; default: as in the file's name, or 1.

    Raises:
        ZaohuaError: the file doesn't hold piano rolls, or doesn't have the split.
    """
    grid = steps or next((n for name, n in GRIDS.items() if name in path.name.casefold()), 1)
    table = _read_json(path) if path.suffix.casefold() == ".json" else _read_mat(path)
    if not table:
        raise ZaohuaError(f"{path}: holds no piano rolls by split")
    if (split or "train") not in table:
        raise ZaohuaError(f"{path}: has no split {split or 'train'!r}; it has {', '.join(table)}")
    for name in sorted(table.keys() - {"train"}) if split is None else ():
        note(f"{path.name}: {name} ({len(table[name]):,} pieces) kept apart: {option('split', name)}")
    try:
        counts = {len(frame) for pieces in table.values() for frames in pieces for frame in frames}
        make = Piece.from_voices if len(counts) == 1 and counts.isdisjoint((0, KEYS)) else _from_lists
        return [make(frames, grid) for frames in table[split or "train"]]
    except (TypeError, ValueError, IndexError) as error:
        raise ZaohuaError(f"{path}: holds no piano rolls: {error}") from None


def _from_lists(frames: Frames, steps: int) -> Piece:
    """Create a piece from a roll (T, 88), or from lists of the pitches that sound at each time step."""
    if isinstance(frames, np.ndarray):
        return Piece.from_roll(frames, steps)
    roll = np.zeros((len(frames), KEYS), bool)
    for t, frame in enumerate(frames):
        roll[t, np.array(frame, int) - LOWEST] = True
    return Piece.from_roll(roll, steps)


def _read_json(path: Path) -> dict[str, list[Frames]]:
    try:
        table = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ZaohuaError(f"{path}: can't be read as JSON ({error})") from None
    return {SPLITS[name]: pieces for name, pieces in table.items() if name in SPLITS} if isinstance(table, dict) else {}


def _read_mat(path: Path) -> dict[str, list[Frames]]:
    from scipy.io import loadmat

    try:
        table = loadmat(path)
    except Exception as error:  # a damaged file can make scipy raise anything
        raise ZaohuaError(f"{path}: can't be read as a .mat file ({error})") from None
    return {SPLITS[name]: list(pieces.ravel()) for name, pieces in table.items() if name in SPLITS}
