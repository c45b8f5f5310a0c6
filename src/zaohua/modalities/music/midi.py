"""Reading and writing of MIDI files as pieces on a time grid; what a piece doesn't keep of a file is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple, overload

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.music.pieces import Piece, is_monophonic
from zaohua.modalities.music.tracks import Track, chosen, import_symusic, listed, read_score

STEPS = 4
"""Default number of time steps per quarter note."""
MOST_VOICES = 8
"""Maximum number of tracks that count as voices; notes of files with more tracks have no voice."""
TICKS = 480
"""Ticks per quarter note in written files."""
LOUDNESS = 80
"""MIDI velocity of written notes."""
LONG_REST, BARS = 64, 12
"""Quarter notes of rest beyond which a rest is shortened, by a multiple of 12: whole bars of two, three or four."""
LONGEST = 20_000
"""Maximum quarter notes of a piece, some hours; beyond it a file is taken for damaged."""
MOVED = 0.1
"""Time steps by which an onset may be rounded without being counted."""


class Found(NamedTuple):
    """The piece of a MIDI file, and what was changed or left out of the file.

    Attributes:
        piece: the piece.
        changes: kinds of change, each at most once.
        moved, notes: number of notes with a moved onset, and of all.
        doubled: number of notes that were left out, as another of that pitch starts at that step.
    """

    piece: Piece
    changes: list[str]
    moved: int
    notes: int
    doubled: int


CHANGES = {
    "pedal": "held notes while the sustain pedal is down in {}",
    "drums": "left out the drums of {}",
    "merged": "merged the tracks of {}, as one has chords or there are more than " + str(MOST_VOICES),
    "rests": f"shortened rests of more than {LONG_REST} quarter notes in {{}}",
    "tracks": "read only the chosen tracks of {}",
}
"""What is said of each change, with the number of files."""
UNLEARNT = {"loudness": "loudness", "instruments": "instruments", "tempo": "changes of tempo", "bends": "pitch bends"}
"""What pieces don't have, and how it is named."""


class MidiFiles(FileItems[Path], Sequence[Piece]):
    """List of the pieces in MIDI files, read on first use. Broken files: see `FileItems`."""

    noun: ClassVar[str] = "MIDI files"

    def __init__(self, sources: Sequence[Path], labels: Sequence[object] | None = None):
        super().__init__(sources, labels)
        self._pieces: dict[tuple[int, tuple[str, ...]], list[Piece]] = {}

    @overload
    def __getitem__(self, index: int) -> Piece: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Piece]: ...
    def __getitem__(self, index: int | slice) -> Piece | Sequence[Piece]:
        """Return a piece on a grid of sixteenths; a slice returns a list of pieces."""
        return self.read(STEPS)[index]

    def _keep(self, at: Sequence[int]) -> None:
        super()._keep(at)
        self._pieces = {key: [pieces[i] for i in at] for key, pieces in self._pieces.items()}

    def read(self, steps: int, tracks: tuple[str, ...] = ()) -> list[Piece]:
        """Read all pieces with `steps` time steps per quarter note; tell in notes what they don't keep of the files.

        Args:
            steps: time steps per quarter note.
            tracks: names or numbers of the tracks to read; all but drums by default.

        Raises:
            ZaohuaError: more than a tenth of the files are broken.
        """
        key = steps, tracks
        if key not in self._pieces:
            results = [_read(path, steps, tracks) for path in self.sources]
            self.drop_failed(results)
            self.report()
            found = [result for result in results if isinstance(result, Found)]
            _tell(found, steps)
            self._pieces = {**self._pieces, key: [one.piece for one in found]}  # a new dict: copies may share the old
        return self._pieces[key]


def read_midi(path: Path, steps: int = STEPS, tracks: Sequence[str] = ()) -> Piece:
    """Read the piece of a MIDI file on a time grid; what it doesn't keep of the file is told in notes.

    Tracks become voices if there are at most 8 and none has two notes at once.

    Args:
        path: the file.
        steps: time steps per quarter note.
        tracks: names or numbers of the tracks to read; all but drums by default.

    Raises:
        ZaohuaError: the file is broken, or has no notes, or no such track.
    """
    found = _read(path, steps, tracks)
    if isinstance(found, str):
        raise ZaohuaError(f"{path}: can't be read as a MIDI file: {found}")
    _tell([found], steps)
    return found.piece


def read_melody(path: Path, steps: int, track: str = "") -> Piece:
    """Read one voice of a MIDI file, by default that of the first track that isn't drums.

    Raises:
        ZaohuaError: the file is broken, or the track has several notes at once, or isn't there.
    """
    import_symusic()
    try:
        there = read_score(path).tracks
        first = track or str(1 + there.index(chosen(there, ())[0]))
    except ZaohuaError as error:
        raise ZaohuaError(f"{path}: can't be read as a MIDI file: {error}") from None
    piece = read_midi(path, steps, (first,))
    if not piece.voices:
        raise ZaohuaError(
            f"{path}: track {first} has several notes at once, but a melody must have one: choose another with "
            f"{option('melody_track')} (its tracks: {listed(there)})"
        )
    if len(there) > 1 and not track:
        note(f"{path.name}: the melody is track {first} of {listed(there)}")
    return piece


def _read(path: Path, steps: int, wanted: Sequence[str]) -> Found | str:
    """Read the piece of a file; return the reason if that fails."""
    import_symusic()
    try:
        score = read_score(path)
        tracks = chosen(score.tracks, wanted)
        return _found(tracks, score.tracks, score.tempo_changes, steps / score.ticks, steps)
    except ZaohuaError as error:
        return str(error)


def _found(tracks: Sequence[Track], there: Sequence[Track], tempo_changes: bool, scale: float, steps: int) -> Found:
    """Put the notes of tracks on the grid, with onsets and ends rounded to the nearest step."""
    voice = np.repeat(np.arange(len(tracks)), [len(track.notes) for track in tracks])
    ticks = np.concatenate([track.notes for track in tracks])
    onset = np.rint(ticks[:, 0] * scale).astype(np.int64)
    end = np.maximum(np.rint(ticks[:, 1] * scale).astype(np.int64), onset + 1)
    moved = int((np.abs(ticks[:, 0] * scale - onset) > MOVED).sum())
    earlier = _too_long_rests(onset, end, steps)
    onset, end = onset - earlier, end - earlier
    if end.max() > LONGEST * steps:
        raise ZaohuaError(f"damaged: it lasts {end.max() / steps:,.0f} quarter notes, more than {LONGEST:,}")
    notes = np.stack([onset, end - onset, ticks[:, 2], voice], axis=1).astype(np.int32)
    voices = len(tracks) if len(tracks) <= MOST_VOICES and is_monophonic(notes) else 0
    piece = Piece(notes, steps, voices=voices) if voices else Piece(notes, steps).merged()
    happened = {
        "pedal": any(track.sustained for track in tracks),
        "drums": any(track.drums for track in there) and not any(track.drums for track in tracks),
        "merged": len(tracks) > 1 and not voices,
        "rests": bool(earlier.any()),
        "tracks": len(tracks) < sum(not track.drums for track in there),
        "loudness": len(np.unique(ticks[:, 3])) > 1,
        "instruments": len({track.program for track in tracks}) > 1,
        "tempo": tempo_changes,
        "bends": any(track.bends for track in tracks),
    }
    changes = [kind for kind, did in happened.items() if did]
    return Found(piece, changes, moved, len(ticks), len(ticks) - len(piece.notes))


def _too_long_rests(onset: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """Return by how many steps each note is to come earlier, so that no rest is too long, int64 (n,)."""
    order = np.argsort(onset, kind="stable")
    ended = np.concatenate([[0], np.maximum.accumulate(end[order])[:-1]])
    rest, bars = onset[order] - ended, BARS * steps
    kept = rest % bars + bars * (np.arange(len(rest)) > 0)  # at the beginning all whole bars go
    earlier = np.empty_like(onset)
    earlier[order] = np.cumsum(np.where(rest > LONG_REST * steps, rest - kept, 0))
    return earlier


def _tell(found: Sequence[Found], steps: int) -> None:
    """Make notes of what the pieces don't keep of their files."""
    counts = Counter(kind for one in found for kind in one.changes)
    for kind, text in CHANGES.items():
        if counts[kind]:
            note(text.format(f"{counts[kind]:,} of {len(found):,} MIDI files"))
    moved, total = sum(one.moved for one in found), sum(one.notes for one in found)
    doubled = sum(one.doubled for one in found)
    if moved:
        note(f"moved {max(0.1, 100 * moved / total):.1f} % of onsets to the grid of {steps} steps a quarter note")
    if doubled:
        note(f"left out {doubled:,} of {total:,} notes, at whose step another of that pitch starts")
    unlearnt = [f"{name} ({counts[kind]:,})" for kind, name in UNLEARNT.items() if counts[kind]]
    if unlearnt:
        note(f"not learnt, with the number of files: {', '.join(unlearnt)}")


def write_midi(piece: Piece, path: Path, tempo: float) -> Path:
    """Write a piece as a MIDI file with a track per voice, and return the path; tempo in quarter notes per minute."""
    symusic = import_symusic()
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
