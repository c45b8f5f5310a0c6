"""The tracks of a MIDI file, parsed by symusic, an optional package that is imported on demand.

Whatever is wrong in the header or the events of a file is a `ZaohuaError` with the reason.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from zaohua.core.errors import ZaohuaError

SUSTAIN, DOWN = 64, 64
"""Number of the controller of the sustain pedal, and the value from which the pedal is down."""


@dataclass
class Track:
    """Notes of one track.

    Attributes:
        name: its name; "" if it has none.
        notes: int64 (n, 4), sorted by onset: onset and end in ticks, MIDI pitch, velocity.
        program: number of the instrument.
        drums: whether it holds drums, whose pitches are instruments.
        bends: whether notes are bent.
        sustained: whether the sustain pedal lengthened notes.
    """

    name: str
    notes: np.ndarray
    program: int
    drums: bool
    bends: bool
    sustained: bool


@dataclass
class Score:
    """Tracks with notes of a file, ticks per quarter note, and whether the tempo changes."""

    tracks: list[Track]
    ticks: int
    tempo_changes: bool


def read_score(path: Path) -> Score:
    """Parse a MIDI file; notes sound until the sustain pedal is released.

    Raises:
        ZaohuaError: the file is damaged, or isn't of one piece in quarter notes; the message is the reason alone.
    """
    symusic = import_symusic()
    try:
        data = path.read_bytes()
        _check_header(data)
        score = symusic.Score.from_midi(data)
        pedals = _Pedals([(track.program, track.controls.numpy()) for track in score.tracks])
        notes = [_notes(track.notes.numpy()) if len(track.notes) else None for track in score.tracks]
        last = max((int(found[:, 1].max()) for found in notes if found is not None), default=0)
        tracks = []
        for i, (track, found) in enumerate(zip(score.tracks, notes, strict=True)):
            if found is not None:
                lengthened = found if track.is_drum else _sustained(found, pedals.of(i, last))
                bends = bool((track.pitch_bends.numpy()["value"] != 0).any())
                sustained = not np.array_equal(lengthened, found)
                tracks.append(Track(track.name.strip(), lengthened, track.program, track.is_drum, bends, sustained))
        tempos = {tempo.mspq for tempo in score.tempos}
    except ZaohuaError:
        raise
    except Exception as error:  # a damaged file can make the parser raise anything
        reason = error.strerror if isinstance(error, OSError) else None
        raise ZaohuaError(reason or f"damaged: {(str(error).splitlines() or [''])[0][:80]}") from None
    if not tracks:
        raise ZaohuaError("no notes")
    return Score(tracks, score.tpq, len(tempos) > 1)


def _check_header(data: bytes) -> None:
    """Raise a `ZaohuaError` if a header isn't that of one piece in quarter notes, or if tracks are missing."""
    if not data:
        raise ZaohuaError("empty")
    if not data.startswith(b"MThd\0\0\0") or len(data) < 14:
        raise ZaohuaError("damaged: it doesn't begin as a MIDI file does")
    kind, tracks, division = struct.unpack(">HHH", data[8:14])
    if division & 0x8000:
        raise ZaohuaError("its times are in seconds (SMPTE), not in parts of a quarter note")
    if division == 0:
        raise ZaohuaError("damaged: 0 ticks a quarter note")
    if kind == 2 and tracks > 1:
        raise ZaohuaError(f"type 2: its {tracks} tracks are pieces of their own, so save each as a file")
    at, found = 8 + int.from_bytes(data[4:8], "big"), 0
    while found < tracks and at + 8 <= len(data):  # what follows the last track is no part of the piece
        found += data[at : at + 4] == b"MTrk"
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
    if found < tracks or at > len(data):
        where = f"ends in track {found} of {tracks}" if at > len(data) else f"has {found} of its {tracks} tracks"
        raise ZaohuaError(f"truncated: it {where}")


def _notes(found: dict[str, np.ndarray]) -> np.ndarray:
    """Return notes as `Track.notes`."""
    onset, duration = found["time"].astype(np.int64), found["duration"].astype(np.int64)
    if onset.min() < 0 or duration.min() < 0:
        raise ZaohuaError("damaged: its times are too large")
    notes = np.stack([onset, onset + duration, found["pitch"], found["velocity"]], axis=1)
    return notes[np.lexsort((notes[:, 2], notes[:, 0]))]


class _Pedals:
    """When the sustain pedal of each track is down.

    A pedal is of a channel, of which several tracks may be notes, as of the two hands. The parser doesn't say of which,
    so a track without a pedal has that of another track with its instrument.

    Args:
        tracks: instrument and controllers of each track.
    """

    def __init__(self, tracks: Sequence[tuple[int, dict[str, np.ndarray]]]):
        self.programs = [program for program, _ in tracks]
        self.events = [
            (controls["time"][controls["number"] == SUSTAIN], controls["value"][controls["number"] == SUSTAIN])
            for _, controls in tracks
        ]

    def of(self, number: int, last: int) -> np.ndarray:
        """Return when the pedal of a track is down, int64 (n, 2), sorted; one never released is so at time `last`."""
        alike = [i for i, program in enumerate(self.programs) if program == self.programs[number]]
        times, values = next((self.events[i] for i in (number, *alike) if len(self.events[i][0])), self.events[number])
        order = np.argsort(times, kind="stable")
        times, down = times[order].astype(np.int64), values[order] >= DOWN
        changes = np.flatnonzero(np.diff(down.astype(int), prepend=0))
        times, down = times[changes], down[changes]
        stops = np.append(times[~down], [last] * int(len(down) > 0 and bool(down[-1])))
        return np.stack([times[down], stops], axis=1)


def _sustained(notes: np.ndarray, pedals: np.ndarray) -> np.ndarray:
    """Lengthen notes that end while the pedal is down to its release, or to the next note of the same pitch."""
    if not len(pedals):
        return notes
    end = notes[:, 1]
    at = np.searchsorted(pedals[:, 0], end, side="left") - 1
    held = (at >= 0) & (end < pedals[at, 1])
    order = np.lexsort((notes[:, 0], notes[:, 2]))
    following = np.full(len(notes), np.iinfo(np.int64).max)
    same = notes[order[1:], 2] == notes[order[:-1], 2]
    following[order[:-1][same]] = notes[order[1:][same], 0]
    out = notes.copy()
    out[held, 1] = np.maximum(end, np.minimum(pedals[at, 1], following))[held]
    return out


def chosen(tracks: Sequence[Track], wanted: Sequence[str]) -> list[Track]:
    """Return the tracks that are named, or numbered from 1, or all but drums if none is.

    Raises:
        ZaohuaError: a track isn't there, or all are drums; the message is the reason alone.
    """
    if not wanted:
        found = [track for track in tracks if not track.drums]
        if not found:
            raise ZaohuaError("no notes but those of drums")
        return found
    out = []
    for name in wanted:
        exact = [track for track in tracks if track.name.casefold() == name.strip().casefold()]
        number = int(name) if name.strip().isdigit() else 0
        if not exact and not 1 <= number <= len(tracks):
            raise ZaohuaError(f"no track {name!r}; its tracks: {listed(tracks)}")
        out += exact or [tracks[number - 1]]
    return out


def listed(tracks: Sequence[Track]) -> str:
    """List tracks by number and name, for a message."""
    return ", ".join(f"{i} {track.name!r}" if track.name else str(i) for i, track in enumerate(tracks[:12], 1))


def import_symusic() -> ModuleType:
    """Import symusic; raise an error that says how to install it if it isn't there."""
    try:
        import symusic
    except ImportError:
        raise ZaohuaError(
            "MIDI files need the symusic package: pip install 'zaohua[music]' (a .wav can be written without it)"
        ) from None
    return symusic
