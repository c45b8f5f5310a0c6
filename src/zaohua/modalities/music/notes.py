"""Pieces of music <-> rows of tokens: waits, notes and their durations, and a grammar of what may follow what.

    END, [WAIT(k)]* NOTE(voice, pitch) HOLD(k) [HOLD(k)]*, ..., [WAIT(k)]*, END

Notes stand in the order of their onsets, those that begin together from the first voice to the last and from low to
high. WAIT(k) goes on by k steps and HOLD(k) lets the last note sound for k, each 1 to 16; longer ones are several, 16
each but the last. END comes when nothing sounds any more. Compare the events of Oore et al. 2018 (arXiv:1808.03715).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.spec import PAD, DataSpec, Feature
from zaohua.modalities.music.codec import PieceCodec
from zaohua.modalities.music.pieces import Piece
from zaohua.modalities.sequences import Sequences, TokenCodec

LONGEST = 16
"""Steps that one token can wait or hold."""
PITCHES = 128
"""MIDI pitches."""


class MusicCodec(PieceCodec, TokenCodec):
    """Pieces <-> rows of tokens END, piece, END.

    Tokens are numbered: LONGEST of WAIT, LONGEST of HOLD, PITCHES of NOTE for each voice, END.

    Attributes:
        steps_: time steps in a quarter note.
        voices_: number of voices, each of which has one note at a time; 0 for notes of no voice.
        seen_: which notes the training pieces have, bool (voices or 1, PITCHES).
    """

    representation: ClassVar[str] = "events"

    def fit(self, items: Any) -> Self:
        """Learn grid, voices and range.

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
        """The grid of the pieces, and their voices."""
        return f"{super().describe(n)}, as events"

    @property
    def end_(self) -> int:
        """The END token."""
        return 2 * LONGEST + self.seen_.numel()

    def _spec(self) -> DataSpec:
        feature = Feature("token", "category", size=self.end_ + 1)
        return DataSpec(axes=("position",), shape=None, features=(feature,), pad=PAD)

    def encode(self, items: Any) -> Sequences:
        """Pieces -> their tokens.

        Raises:
            ZaohuaError: a piece has other voices than those the model was fitted on.
        """
        stream, starts = [self.end_], []
        for piece in self._pieces(items):
            starts.append(len(stream) - 1)
            stream += [*self._tokens(piece), self.end_]
        stops = torch.tensor([*starts[1:], len(stream) - 1]) + 1  # behind the END that the next one begins with
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
        """Rows of tokens (b, t) -> pieces: what stands before END (a first one aside); a note not held is none."""
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

    def allowed(self, before: Tensor) -> Tensor:
        """Which tokens may follow, so that what comes out is music: bool (B, tokens) from tokens int (B, t), END first.

        Notes stand in order, are some of those seen in training, and don't begin while their voice (without voices: the
        same pitch) still sounds; a note is followed by its duration; END waits until nothing sounds.
        """
        is_wait, is_hold = (before >= 0) & (before < LONGEST), (before >= LONGEST) & (before < 2 * LONGEST)
        is_note, number = (before >= 2 * LONGEST) & (before < self.end_), before - 2 * LONGEST
        waited = torch.where(is_wait, before + 1, 0).cumsum(1)
        held = torch.where(is_hold, before - LONGEST + 1, 0).cumsum(1)
        places = torch.arange(before.shape[1], device=before.device)
        at = torch.where(is_note, places, 0).cummax(1).values  # where the last note so far stands; END before any
        ends = torch.where(is_hold, waited + held - held.gather(1, at), 0)
        none = before.new_zeros(len(before), self.seen_.numel() + 1)  # one more: END's
        until = none.scatter_reduce(1, number.gather(1, at), ends, "amax")[:, :-1]
        if self.voices_:
            until = until.unflatten(1, (-1, PITCHES)).amax(2).repeat_interleave(PITCHES, dim=1)
        since = torch.where(is_wait, places, 0).amax(1, keepdim=True)
        highest = torch.where(is_note & (places > since), number, -1).amax(1, keepdim=True)
        sounding, after_note = until > waited[:, -1:], is_note[:, -1:]
        order = torch.arange(until.shape[1], device=until.device)
        note = ~sounding & (order > highest) & self.seen_.flatten().to(until.device) & ~after_note
        over = ~sounding.any(1, keepdim=True) & (until > 0).any(1, keepdim=True)
        wait, hold = ~after_note, after_note | (before[:, -1:] == 2 * LONGEST - 1)
        return torch.cat([wait.expand(-1, LONGEST), hold.expand(-1, LONGEST), note, over & ~after_note], dim=1)


def _steps(count: int, first: int) -> Iterator[int]:
    """Tokens that together are so many steps; `first` is the token of one step."""
    while count > 0:
        yield first + min(count, LONGEST) - 1
        count -= LONGEST
