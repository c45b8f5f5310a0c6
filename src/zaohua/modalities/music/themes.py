"""Passages of pieces that occur in other pieces, in any key.

A piece is written as a text with a character for each note: its time since the note before, its interval to that one,
and its duration. So a passage is found whatever its key is, and texts and music are searched in one way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from zaohua.metrics.text_overlap import SEPARATOR, TextOverlap, text_overlap
from zaohua.modalities.music.pieces import Piece

LEAST = 24
"""Minimum length of a passage, in notes: 1 % of Bach's chorales for testing is in those for training."""
OTHER = 0
"""Character of the notes that occur in no piece that is looked for."""
SPECIAL = 0xD800
"""First of the code points that stand for no character, up to the first plane's end, which are left out."""


def overlap(pieces: Sequence[Piece], others: Iterable[Piece], n: int = LEAST) -> TextOverlap:
    """Measure how many of the notes of some pieces occur in other pieces, in passages of n notes or more.

    Args:
        pieces: the pieces to check, such as samples of a model.
        others: those of training.
        n: minimum length of a passage, in notes.
    """
    letters: dict[tuple[int, ...], str] = {}
    for piece in pieces:
        for note in steps_of(piece):
            letters.setdefault(note, _letter(len(letters) + 1))
    texts, corpus = (
        ["".join(letters.get(note, chr(OTHER)) for note in steps_of(piece)) for piece in some]
        for some in (pieces, others)
    )
    return text_overlap(texts, [text + SEPARATOR for text in corpus], n)


def steps_of(piece: Piece) -> list[tuple[int, ...]]:
    """Return the time and the interval of each note since the one before it, and its duration; of the first 0 and 0."""
    moves = np.diff(piece.notes[:, [0, 2]], axis=0, prepend=piece.notes[:1, [0, 2]])
    return [tuple(note) for note in np.column_stack([moves, piece.notes[:, 1]]).tolist()]


def _letter(index: int) -> str:
    return chr(index if index < SPECIAL else index + 0x10000 - SPECIAL)
