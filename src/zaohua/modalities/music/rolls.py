"""Music as frames: what sounds at each time step, key by key of a piano or voice by voice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.core.spec import END_FRAME, PAD_FRAME, DataSpec, Feature
from zaohua.modalities.music.codec import PieceCodec
from zaohua.modalities.music.midi import read_midi
from zaohua.modalities.music.pieces import KEYS, LOWEST, Piece
from zaohua.modalities.sequences import Sequences

if TYPE_CHECKING:
    from zaohua.core.noise import Noise


class RollCodec(PieceCodec):
    """Pieces <-> frames of cells, int (T, cells), an end frame behind them.

    A cell is a voice, 0 when it rests and else its piano key, 1 to 88; or, where pieces have no voices, a piano key, 1
    when it sounds. A key that is held and one that is struck again are the same.

    Attributes:
        steps_: time steps in a quarter note.
        voices_: number of voices; 0 for rolls of keys.
        seen_: which values each cell had in the training pieces, bool (cells, values).
    """

    representation: ClassVar[str] = "piano rolls"

    form: Literal["auto", "voices", "keys"] = "auto"
    """What a frame is made of; auto: voices if all pieces have the same number of them, else keys."""
    transpose: Annotated[int, Between(0, 11)] = 3
    """Shift each piece up or down by up to so many semitones, anew each time, in training."""

    def fit(self, items: Any) -> Self:
        """Learn grid, voices and range.

        Raises:
            ZaohuaError: voices are asked for and pieces have none, or a note is none of a piano's.
        """
        pieces = self._fit_grid(items)
        if self.form == "voices" and not self.voices_:
            raise ZaohuaError(
                "form='voices' needs pieces that all have the same number of voices, each with one note "
                "at a time: take form='keys'"
            )
        self.voices_ = 0 if self.form == "keys" else self.voices_
        frames = torch.from_numpy(np.concatenate([self._frames(piece, i) for i, piece in enumerate(pieces)])).long()
        if not len(frames):
            raise ZaohuaError("the pieces have no time steps")
        self._set(torch.nn.functional.one_hot(frames, KEYS + 1 if self.voices_ else 2).any(dim=0))
        return self

    def describe(self, n: int | None = None) -> str:
        """The grid of the pieces, and their voices."""
        return f"{super().describe(n)}, as frames of {'voices' if self.voices_ else 'keys'}"

    def _spec(self) -> DataSpec:
        feature = Feature("voice" if self.voices_ else "key", "category", size=self.seen_.shape[1])
        return DataSpec(axes=("step",), shape=None, features=(feature,) * (self.voices_ or KEYS), pad=PAD_FRAME)

    def _frames(self, piece: Piece, number: int) -> np.ndarray:
        """int8 (T, cells)."""
        try:
            return self._cells(piece) if self.voices_ else piece.roll().astype(np.int8)
        except ZaohuaError as error:
            raise ZaohuaError(f"piece {number}: {error}") from None

    @staticmethod
    def _cells(piece: Piece) -> np.ndarray:
        """The key of each voice, int8 (T, voices)."""
        pitches = piece.on_piano().pitches()
        return np.where(pitches < 0, 0, pitches - LOWEST + 1).astype(np.int8)

    def encode(self, items: Any) -> Sequences:
        """Pieces -> their frames.

        Raises:
            ZaohuaError: a piece has other voices than those fitted on, or a note that is none of a piano's.
        """
        end = np.full((1, len(self.spec_.features)), END_FRAME, np.int8)
        parts = [np.concatenate([self._frames(piece, i), end]) for i, piece in enumerate(self._pieces(items))]
        stops = torch.tensor([len(part) for part in parts]).cumsum(0)
        starts = torch.cat([torch.zeros(1, dtype=torch.int64), stops[:-1]])
        return Sequences(torch.from_numpy(np.concatenate(parts)), starts, stops, PAD_FRAME)

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """int8 (b, T, cells) -> int64 of the same shape; transposed in training, where that is asked for."""
        x = codes.long()
        if not (train and self.transpose):
            return x
        shift = ((noise.uniform() * (2 * self.transpose + 1)).long() - self.transpose).view(-1, 1, 1)
        if self.voices_:
            return torch.where(x > 0, (x + shift).clamp(1, KEYS), x)
        places = torch.arange(KEYS, device=x.device) - shift
        moved = x.gather(2, places.clamp(0, KEYS - 1).expand(x.shape))
        return torch.where((places < 0) | (places >= KEYS), x.clamp(max=0), moved)

    def decode(self, x: Tensor) -> list[Piece]:
        """Rows of frames (b, T, cells) -> pieces: what stands before the first frame of END_FRAME or PAD_FRAME."""
        pieces = []
        for row in x.long().cpu().numpy():
            over = (row[:, 0] < 0).nonzero()[0]
            frames = row[: over[0]] if len(over) else row
            if self.voices_:
                pieces.append(Piece.from_voices(np.where(frames > 0, frames + LOWEST - 1, -1), self.steps_))
            else:
                pieces.append(Piece.from_roll(frames, self.steps_))
        return pieces

    def melody(self, path: str) -> Tensor:
        """The values of the first voice's cell at each time step, int64 (T,), from the first voice of a MIDI file.

        Raises:
            ZaohuaError: the file is broken, or its tracks aren't voices of one note at a time.
        """
        piece = read_midi(Path(path), self.steps_)
        if not piece.voices:
            raise ZaohuaError(f"{path}: a track has several notes at once: a melody has one")
        return torch.from_numpy(self._cells(piece)[:, 0]).long()
