"""Reading and writing of MIDI files with symusic, an optional package that is imported on demand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import ClassVar, overload

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.music.pieces import Piece, is_monophonic

STEPS = 4
"""Default number of time steps per quarter note."""
MOST_VOICES = 8
"""Maximum number of tracks that count as voices; notes of files with more tracks have no voice."""
TICKS = 480
"""Ticks per quarter note in written files."""
LOUDNESS = 80
"""MIDI velocity of written notes."""
"""MIDI velocity of written notes."""


class MidiFiles(FileItems[Path], Sequence[Piece]):
    """List of the pieces in MIDI files, read on first use. Broken files: see `FileItems`."""

    noun: ClassVar[str] = "MIDI files"

    def __init__(self, sources: Sequence[Path], labels: Sequence[object] | None = None):
        super().__init__(sources, labels)
        self._pieces: dict[int, list[Piece]] = {}

    @overload
    def __getitem__(self, index: int) -> Piece: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Piece]: ...
    def __getitem__(self, index: int | slice) -> Piece | Sequence[Piece]:
        """Return a piece on a grid of sixteenths; a slice returns a list of pieces."""
        return self.read(STEPS)[index]

    def read(self, steps: int) -> list[Piece]:
        """Read all pieces with `steps` time steps per quarter note.

        Raises:
            ZaohuaError: more than a tenth of the files are broken.
        """
        if steps not in self._pieces:
            results = [_read(path, steps) for path in self.sources]
            self.drop_failed(results)
            self.report()
            pieces = [piece for piece in results if isinstance(piece, Piece)]
            self._pieces = {**self._pieces, steps: pieces}  # a new dict: copies of these files may share the old one
        return self._pieces[steps]


def read_midi(path: Path, steps: int = STEPS) -> Piece:
    """Read the piece of a MIDI file on a time grid, without drums.

    Tracks become voices if there are at most 8 and none has two notes at once.

    Raises:
        ZaohuaError: the file is broken, or has no notes.
    """
    piece = _read(path, steps)
    if isinstance(piece, str):
        raise ZaohuaError(f"{path}: can't be read as a MIDI file ({piece})")
    return piece


def _read(path: Path, steps: int) -> Piece | str:
    """Read the piece of a file; return an error message if that fails."""
    symusic = _symusic()
    try:
        if path.stat().st_size == 0:
            return "empty"
        score = symusic.Score(path)
    except Exception as error:  # a damaged file can make the parser raise anything
        return f"damaged: {str(error).splitlines()[0][:80]}"
    tracks = [track.notes.numpy() for track in score.tracks if not track.is_drum and len(track.notes)]
    if not tracks:
        return "no notes"
    parts = [
        np.stack([track["time"], track["duration"], track["pitch"], np.full(len(track["time"]), voice)], axis=1)
        for voice, track in enumerate(tracks)
    ]
    return _on_grid(np.concatenate(parts).astype(np.int64), len(parts), steps / score.tpq, steps)


def _on_grid(notes: np.ndarray, tracks: int, scale: float, steps: int) -> Piece:
    """Create a piece from notes in ticks, with onsets and ends rounded to the nearest step."""
    onset = np.rint(notes[:, 0] * scale)
    end = np.maximum(np.rint((notes[:, 0] + notes[:, 1]) * scale), onset + 1)
    notes = np.stack([onset, end - onset, notes[:, 2], notes[:, 3]], axis=1).astype(np.int32)
    if tracks <= MOST_VOICES and is_monophonic(notes):
        return Piece(notes, steps, voices=tracks)
    return Piece(notes, steps).merged()


def write_midi(piece: Piece, path: Path, tempo: float) -> Path:
    """Write a piece as a MIDI file with a track per voice, and return the path; tempo in quarter notes per minute."""
    symusic = _symusic()
    score = symusic.Score(TICKS)
    score.tempos.append(symusic.Tempo(0, tempo))
    scale = TICKS // piece.steps
    for voice in range(max(1, piece.voices)):
        track = symusic.Track(name=f"voice {voice + 1}")
        for onset, duration, pitch, _ in piece.notes[piece.notes[:, 3] == voice].tolist():
            track.notes.append(symusic.Note(onset * scale, duration * scale, pitch, LOUDNESS))
        score.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    score.dump_midi(path)
    return path


def _symusic() -> ModuleType:
    try:
        import symusic
    except ImportError:
        raise ZaohuaError(
            "MIDI files need the symusic package: pip install 'zaohua[music]' (a .wav can be written without it)"
        ) from None
    return symusic
