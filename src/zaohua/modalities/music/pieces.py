"""The public type of pieces of music: notes on a grid of time steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from zaohua.core.arguments import whole_number
from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError

LOWEST, KEYS = 21, 88
"""MIDI pitch of a piano's lowest key, and the number of its keys."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Piece of music: notes on a grid of time steps, without loudness, tempo and instruments.

    Attributes:
        notes: int32 (n, 4), sorted: onset and duration in steps, MIDI pitch (60 is middle C), voice.
        steps: time steps per quarter note.
        length: total number of time steps, including rests at the end; default: to the end of the last note.
        voices: number of voices with one note at a time each; 0 if notes have no voice.
    """

    notes: np.ndarray
    steps: int = 4
    length: int = 0
    voices: int = 0

    def __post_init__(self) -> None:
        notes = as_array(self.notes, "pieces")
        if notes.size and (notes.dtype.kind not in "iu" or notes.ndim != 2 or notes.shape[1] != 4):
            raise ZaohuaError(f"notes must be integers (n, 4), not {notes.dtype} {notes.shape}")
        for name, low in (("steps", 1), ("length", 0), ("voices", 0)):
            whole_number(f"a piece's {name}", getattr(self, name), low)
        notes = notes.astype(np.int32).reshape(-1, 4)
        notes = notes[np.lexsort((notes[:, 2], notes[:, 3], notes[:, 0]))]
        object.__setattr__(self, "notes", notes)
        object.__setattr__(self, "length", max(self.length, int((notes[:, 0] + notes[:, 1]).max(initial=0))))

    def __len__(self) -> int:
        return self.length

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Piece)
            and (self.steps, self.length, self.voices) == (other.steps, other.length, other.voices)
            and np.array_equal(self.notes, other.notes)
        )

    def __repr__(self) -> str:
        of = f", {self.voices} voices" if self.voices else ""
        return f"<Piece: {len(self.notes)} notes in {self.length / self.steps:g} quarters{of}>"

    @classmethod
    def from_roll(cls, roll: ArrayLike, steps: int = 4) -> Piece:
        """Create a piece from a piano roll, bool (T, 88); a key that sounds in consecutive steps is one note."""
        roll = as_array(roll, "pieces").astype(bool)
        if roll.ndim != 2 or roll.shape[1] != KEYS:
            raise ZaohuaError(f"a piano roll must be of shape (time, {KEYS}), not {roll.shape}")
        runs = _runs(np.where(roll, 1, 0))
        return cls(np.stack([runs[:, 1], runs[:, 2], runs[:, 0] + LOWEST, 0 * runs[:, 0]], axis=1), steps, len(roll))

    @classmethod
    def from_voices(cls, pitches: ArrayLike, steps: int = 4) -> Piece:
        """Create a piece from the MIDI pitch of each voice at each time step, int (T, voices), negative for rests.

        A pitch that sounds in consecutive steps is one note.
        """
        pitches = as_array(pitches, "pieces")
        if pitches.ndim != 2 or pitches.dtype.kind not in "iu":
            raise ZaohuaError(f"voices must be integers (time, voices), not {pitches.dtype} {pitches.shape}")
        runs = _runs(np.maximum(pitches.astype(np.int64), -1) + 1)
        return cls(
            np.stack([runs[:, 1], runs[:, 2], runs[:, 3] - 1, runs[:, 0]], axis=1),
            steps,
            len(pitches),
            pitches.shape[1],
        )

    def roll(self) -> np.ndarray:
        """Return the piano roll: the keys that sound at each time step, bool (length, 88).

        Raises:
            ZaohuaError: a note is beyond the range of a piano.
        """
        roll = np.zeros((self.length, KEYS), bool)
        for onset, duration, pitch, _ in self.on_piano().notes:
            roll[onset : onset + duration, pitch - LOWEST] = True
        return roll

    def pitches(self) -> np.ndarray:
        """Return the MIDI pitch of each voice at each time step, int16 (length, voices), -1 for rests."""
        out = np.full((self.length, self.voices), -1, np.int16)
        for onset, duration, pitch, voice in self.notes:
            out[onset : onset + duration, voice] = pitch
        return out

    def on_grid(self, steps: int) -> Piece:
        """Return the piece on another grid, with times rounded to the nearest step and notes of at least one step."""
        if steps == self.steps:
            return self
        scale = steps / self.steps
        onset = np.rint(self.notes[:, 0] * scale)
        end = np.maximum(np.rint((self.notes[:, 0] + self.notes[:, 1]) * scale), onset + 1)
        notes = np.column_stack([onset, end - onset, self.notes[:, 2:]]).astype(np.int32)
        return Piece(notes, steps, round(self.length * scale), self.voices if is_monophonic(notes) else 0)

    def merged(self) -> Piece:
        """Return the piece with the notes of all voices merged.

        If two notes of one pitch overlap, the earlier one ends where the later one starts; of notes that start together
        the longest is kept.
        """
        notes = self.notes[np.lexsort((-self.notes[:, 1], self.notes[:, 0], self.notes[:, 2]))]
        again = np.diff(notes[:, 2], prepend=-1) == 0
        notes = notes[~(again & (np.diff(notes[:, 0], prepend=-1) == 0))]
        room = np.where(np.diff(notes[:, 2], append=-1) == 0, np.diff(notes[:, 0], append=0), self.length)
        onset, duration, pitch, _ = notes.T
        return Piece(np.stack([onset, np.minimum(duration, room), pitch, 0 * pitch], axis=1), self.steps, self.length)

    @staticmethod
    def joined(pieces: Sequence[Piece]) -> Piece:
        """Concatenate pieces, with a rest of a whole note between them."""
        steps, starts = pieces[0].steps, np.cumsum([0] + [len(piece) + 4 * piece.steps for piece in pieces])
        notes = [
            piece.notes + np.array([start, 0, 0, 0], np.int32)
            for piece, start in zip(pieces, starts[:-1].tolist(), strict=True)
        ]
        return Piece(np.concatenate(notes), steps, int(starts[-1]) - 4 * steps, pieces[0].voices)

    def on_piano(self) -> Piece:
        """Return the piece itself; raise a `ZaohuaError` if a note is beyond the range of a piano."""
        outside = (self.notes[:, 2] < LOWEST) | (self.notes[:, 2] >= LOWEST + KEYS)
        if outside.any():
            raise ZaohuaError(
                f"a note of MIDI pitch {self.notes[outside][0, 2]} is outside the range of a piano's {KEYS} keys "
                f"({LOWEST} to {LOWEST + KEYS - 1}): leave the piece out, or transpose it"
            )
        return self


def is_monophonic(notes: np.ndarray) -> bool:
    """Return True if no voice has two notes at once; notes int (n, 4), as in a `Piece`."""
    ordered = notes[np.lexsort((notes[:, 0], notes[:, 3]))]
    same = ordered[1:, 3] == ordered[:-1, 3]
    return not bool((same & (ordered[1:, 0] < ordered[:-1, 0] + ordered[:-1, 1])).any())


def _runs(values: np.ndarray) -> np.ndarray:
    """Find runs of equal positive values in each column of (T, K), int (n, 4): column, start, length, value."""
    edges = np.pad(values, ((1, 1), (0, 0)))
    change = (edges[1:] != edges[:-1]).T
    column, at = np.nonzero(change)
    value = edges[1:].T[column, at]
    length = np.diff(at, append=0)
    sounding = value > 0
    return np.stack([column, at, length, value], axis=1)[sounding]
