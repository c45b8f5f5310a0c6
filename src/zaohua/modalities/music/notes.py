"""Codec from pieces of music to tokens: waits, notes and durations, with a grammar of the tokens that may follow.

    END, [WAIT(k)]* NOTE(voice, pitch) HOLD(k) [HOLD(k)]*, ..., [WAIT(k)]*, END

Notes are sorted by onset, then by voice, then by pitch. WAIT(k) advances the time by k steps and HOLD(k) extends the
last note by k steps, with k from 1 to 16; longer ones are split into several tokens of 16 and a remainder. END follows
when all notes have ended. Compare the events of Oore et al. 2018 (arXiv:1808.03715).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.spec import PAD, DataSpec, Feature
from zaohua.modalities.music.codec import PieceCodec, PiecesLike
from zaohua.modalities.music.pieces import Piece
from zaohua.modalities.sequences import Sequences, TokenCodec

LONGEST = 16
"""Maximum number of steps of a WAIT or HOLD token."""
PITCHES = 128
"""Number of MIDI pitches."""
NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
"""Names of the pitches of an octave."""


class MusicCodec(PieceCodec, TokenCodec[PiecesLike]):
    """Codec from pieces of music to rows of tokens END, piece, END.

    Tokens are numbered in this order: LONGEST of WAIT, LONGEST of HOLD, PITCHES of NOTE per voice, END.

    Attributes:
        steps_: time steps per quarter note.
        voices_: number of voices with one note at a time each; 0 if notes have no voice.
        seen_: mask of the notes that occur in training, bool (voices or 1, PITCHES).
    """

    representation: ClassVar[str] = "events"

    def fit(self, items: PiecesLike) -> Self:
        """Determine time grid, voices and the notes that occur.

        Raises:
            ZaohuaError: there are no notes.
        """
        pieces = self._fit_grid(items)
        notes = np.concatenate([piece.notes for piece in pieces])
        if not len(notes):
            raise ZaohuaError("the pieces have no notes")
        seen = torch.zeros(max(1, self.voices_), PITCHES, dtype=torch.bool)
        seen[notes[:, 3] if self.voices_ else 0, notes[:, 2]] = True
        self._set(seen)
        return self

    def describe(self, n: int | None = None) -> str:
        """Describe grid and voices of the pieces, and the representation."""
        return f"{super().describe(n)}, as events"

    @property
    def end_(self) -> int:
        """Index of the END token."""
        return 2 * LONGEST + self.seen_.numel()

    def _spec(self) -> DataSpec:
        feature = Feature("token", "category", size=self.end_ + 1)
        return DataSpec(axes=("position",), shape=None, features=(feature,), pad=PAD)

    def encode(self, items: PiecesLike) -> Sequences:
        """Encode pieces as tokens.

        Raises:
            ZaohuaError: a piece has another number of voices than in training.
        """
        stream, starts = [self.end_], []
        for piece in self._pieces(items):
            starts.append(len(stream) - 1)
            stream += [*self._tokens(piece), self.end_]
        stops = (
            torch.tensor([*starts[1:], len(stream) - 1]) + 1
        )  # up to and including the END that the next piece starts with
        return Sequences(torch.tensor(stream, dtype=torch.int16), torch.tensor(starts), stops, PAD)

    def _tokens(self, piece: Piece) -> Iterator[int]:
        now = 0
        for onset, duration, pitch, voice in (piece if self.voices_ else piece.merged()).notes.tolist():
            yield from _steps(onset - now, 0)
            yield 2 * LONGEST + voice * PITCHES + pitch
            yield from _steps(duration, LONGEST)
            now = onset
        yield from _steps(piece.length - now, 0)

    def decode(self, x: Tensor) -> list[Piece]:
        """Convert rows of tokens (b, t) to pieces, up to END; skip a leading END and notes without a duration."""
        return [self._piece(row) for row in x.long().tolist()]

    def _piece(self, row: list[int]) -> Piece:
        now, notes = 0, list[list[int]]()
        row = row[1:] if row and row[0] == self.end_ else row
        for token in row:
            if token in (self.end_, PAD):
                break
            if token < LONGEST:
                now += token + 1
            elif token < 2 * LONGEST:
                notes[-1][1] += token - LONGEST + 1
            else:
                voice, pitch = divmod(token - 2 * LONGEST, PITCHES)
                notes.append([now, 0, pitch, voice])
        return Piece(np.array([note for note in notes if note[1]]).reshape(-1, 4), self.steps_, now, self.voices_)

    def name(self, token: int) -> str:
        """Return what a token says: "wait 4", "C4" with its voice, "hold 2", or nothing for the end."""
        if token in (self.end_, PAD):
            return ""
        if token < 2 * LONGEST:
            return f"{'wait' if token < LONGEST else 'hold'} {token % LONGEST + 1}"
        voice, pitch = divmod(token - 2 * LONGEST, PITCHES)
        note = f"{NAMES[pitch % 12]}{pitch // 12 - 1}"
        return f"{note} (voice {voice + 1})" if self.voices_ else note

    def allowed(self, before: Tensor) -> Tensor:
        """Return a mask of the tokens that may follow, bool (B, tokens), given tokens int (B, t) that start with END.

        Notes must be sorted, have occurred in training, and not start while their voice (or without voices, their
        pitch) still sounds. A note must be followed by its duration. END is allowed when all notes have ended.
        """
        is_wait, is_hold = (before >= 0) & (before < LONGEST), (before >= LONGEST) & (before < 2 * LONGEST)
        is_note, number = (before >= 2 * LONGEST) & (before < self.end_), before - 2 * LONGEST
        waited = torch.where(is_wait, before + 1, 0).cumsum(1)
        held = torch.where(is_hold, before - LONGEST + 1, 0).cumsum(1)
        indices = torch.arange(before.shape[1], device=before.device)
        at = torch.where(is_note, indices, 0).cummax(1).values  # index of the last note so far; END before any
        ends = torch.where(is_hold, waited + held - held.gather(1, at), 0)
        none = before.new_zeros(len(before), self.seen_.numel() + 1)  # one more, for END
        until = none.scatter_reduce(1, number.gather(1, at), ends, "amax")[:, :-1]
        if self.voices_:
            until = until.unflatten(1, (-1, PITCHES)).amax(2).repeat_interleave(PITCHES, dim=1)
        since = torch.where(is_wait, indices, 0).amax(1, keepdim=True)
        highest = torch.where(is_note & (indices > since), number, -1).amax(1, keepdim=True)
        sounding, after_note = until > waited[:, -1:], is_note[:, -1:]
        order = torch.arange(until.shape[1], device=until.device)
        note = ~sounding & (order > highest) & self.seen_.flatten().to(until.device) & ~after_note
        over = ~sounding.any(1, keepdim=True) & (until > 0).any(1, keepdim=True)
        wait, hold = ~after_note, after_note | (before[:, -1:] == 2 * LONGEST - 1)
        return torch.cat([wait.expand(-1, LONGEST), hold.expand(-1, LONGEST), note, over & ~after_note], dim=1)


def _steps(count: int, first: int) -> Iterator[int]:
    """Yield tokens that add up to `count` steps; `first` is the token of one step."""
    while count > 0:
        yield first + min(count, LONGEST) - 1
        count -= LONGEST
