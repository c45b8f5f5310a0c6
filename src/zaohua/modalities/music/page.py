"""Show models of music on the page of a comparison: test pieces and samples, to see as piano rolls and to hear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from zaohua.evaluation import plain_page, table
from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.summaries import titled
from zaohua.modalities.music.pieces import Piece
from zaohua.modalities.music.synth import RATE, render, wav
from zaohua.report import html
from zaohua.report.sheets import Picture

TEMPLATE = Path(__file__).with_name("page.html.jinja")
SECONDS = 12.0
"""Longest part of a piece that is played."""
BYTES = 6_000_000
"""What all players of a page hold together, at most, as long as each model has two of its own."""
COARSER = 2
"""Only every second value of a sound is kept: 5.5 kHz suffice for a piano's notes."""
COLOURS = np.array([(229, 122, 99), (111, 179, 210), (232, 196, 104), (140, 190, 130), (190, 150, 210)], np.uint8)
"""A colour for each voice, in turn."""
SAID = ("nats_per_note", "copied_notes")
"""Measures whose figures stand beside the name of a model."""
ACROSS, UP, MARGIN = 24, 4, 2
"""Pixels of a quarter note, at most, and of a pitch; and pitches above and below the notes."""

about = plain_page.about


@dataclass(frozen=True)
class Heard:
    """A piece to see and to hear: its piano roll, its sound as a WAV file, and what stands below."""

    roll: Picture
    wav: bytes
    label: str


@dataclass(frozen=True)
class Played:
    """Pieces of a model, or real ones: whose they are, what else is said of them, and the pieces."""

    name: str
    more: str
    pieces: list[Heard]


def sections(comparison: Comparison) -> Markup:
    """Return the sections that only music has."""
    tempo = float(comparison.arrays["tempo"])
    sets = [("real", "not heard in training", comparison.arrays)]
    for row in comparison.rows:
        sets.append((row.run, ", ".join(filter(None, (titled(name, row, False) for name in SAID))), row.arrays))
    most = max(2, int(BYTES / len(sets) / (SECONDS * RATE / COARSER * 2 * 4 / 3)))
    return html.render(
        TEMPLATE,
        samples=[Played(name, more, _heard(name, arrays, tempo, most)) for name, more, arrays in sets],
        seconds=SECONDS,
        remarks=table.remarks(comparison.notes, comparison.rows),
    )


def _heard(name: str, arrays: Mapping[str, np.ndarray], tempo: float, most: int) -> list[Heard]:
    """Draw and synthesise the first pieces of what `MusicProtocol.shown` returned."""
    found = []
    asked = arrays["asked"].tolist() or [""] * len(arrays["steps"])
    for i, (steps, label) in enumerate(list(zip(arrays["steps"].tolist(), asked, strict=True))[:most]):
        piece = beginning(Piece(arrays["notes"][arrays["notes"][:, 0] == i, 1:], steps), tempo)
        sound = render(piece, tempo)[::COARSER]
        found.append(Heard(roll(piece, f"Piano roll of {name}"), wav(sound, RATE // COARSER), label))
    return found


def beginning(piece: Piece, tempo: float, seconds: float = SECONDS) -> Piece:
    """Return the notes that begin in the first seconds of a piece, cut off where these end."""
    end = max(1, round(seconds * tempo / 60 * piece.steps))
    notes = piece.notes[piece.notes[:, 0] < end].copy()
    notes[:, 1] = np.minimum(notes[:, 1], end - notes[:, 0])
    return Piece(notes, piece.steps)


def roll(piece: Piece, alt: str) -> Picture:
    """Draw a piano roll on black, with a colour for each voice and a gap after each note."""
    pitches = piece.notes[:, 2] if len(piece.notes) else np.array([60])
    across = max(2, ACROSS // piece.steps)
    low, high = int(pitches.min()) - MARGIN, int(pitches.max()) + MARGIN
    pixels = np.zeros(((high - low + 1) * UP, max(1, piece.length) * across, 3), np.uint8)
    for onset, duration, pitch, voice in piece.notes.tolist():
        top, left = (high - pitch) * UP, onset * across
        pixels[top : top + UP - 1, left : left + duration * across - 1] = COLOURS[voice % len(COLOURS)]
    return Picture(pixels, alt)
