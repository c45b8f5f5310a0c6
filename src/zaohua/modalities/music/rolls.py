"""Codec from pieces of music to frames: the sounding piano keys, or the note of each voice, at each time step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.core.spec import END_FRAME, PAD_FRAME, DataSpec, Feature
from zaohua.modalities.music.codec import PieceCodec, PiecesLike
from zaohua.modalities.music.midi import MidiFiles, read_melody
from zaohua.modalities.music.pieces import KEYS, LOWEST, Piece
from zaohua.modalities.sequences import Sequences

if TYPE_CHECKING:
    from zaohua.core.noise import Noise


class RollCodec(PieceCodec):
    """Codec from pieces of music to frames of cells, int (T, cells), followed by an end frame.

    If pieces have voices, a cell is a voice: 0 for a rest, else its piano key, 1 to 88. Else a cell is a piano key,
    1 if it sounds. Held and repeated notes aren't distinguished.

    Attributes:
        steps_: time steps per quarter note.
        voices_: number of voices; 0 for rolls of keys.
        seen_: mask of the values that each cell had in training, bool (cells, values).
    """

    representation: ClassVar[str] = "piano rolls"

    form: Literal["auto", "voices", "keys"] = "auto"
    """Cells of a frame: "voices" or piano "keys"; auto: voices if all pieces have the same number, else keys."""
    transpose: Annotated[int, Between(0, 11)] = 3
    """Transpose pieces randomly by up to this many semitones up or down in training."""

    def fit(self, items: PiecesLike) -> Self:
        """Determine time grid, voices and range of pitches.

        Raises:
            ZaohuaError: voices are requested but pieces have none, or a note is beyond the range of a piano.
        """
        pieces = self._fit_grid(items)
        if self.form == "voices" and not self.voices_:
            raise ZaohuaError(
                f"{self.option('form', 'voices')} needs pieces that all have the same number of voices, each with one "
                f"note at a time: take {self.option('form', 'keys')}"
            )
        self.voices_ = 0 if self.form == "keys" else self.voices_
        frames = torch.from_numpy(np.concatenate(self._all_frames(items, pieces))).long()
        if not len(frames):
            raise ZaohuaError("the pieces have no time steps")
        self._set(torch.nn.functional.one_hot(frames, KEYS + 1 if self.voices_ else 2).any(dim=0))
        return self

    def describe(self, n: int | None = None) -> str:
        """Describe grid and voices of the pieces, and the representation."""
        return f"{super().describe(n)}, as frames of {'voices' if self.voices_ else 'keys'}"

    def _spec(self) -> DataSpec:
        feature = Feature("voice" if self.voices_ else "key", "category", size=self.seen_.shape[1])
        return DataSpec(axes=("step",), shape=None, features=(feature,) * (self.voices_ or KEYS), pad=PAD_FRAME)

    def _all_frames(self, items: PiecesLike, pieces: Sequence[Piece]) -> list[np.ndarray]:
        """Convert pieces to frames, int8 (T, cells); errors name the file, or the number, of a piece."""
        frames = []
        for i, piece in enumerate(pieces):
            try:
                frames.append(self._cells(piece) if self.voices_ else piece.roll().astype(np.int8))
            except ZaohuaError as error:
                name = items.paths[i] if isinstance(items, MidiFiles) else f"piece {i}"
                raise ZaohuaError(f"{name}: {error}") from None
        return frames

    @staticmethod
    def _cells(piece: Piece) -> np.ndarray:
        """Return the key of each voice, int8 (T, voices)."""
        pitches = piece.on_piano().pitches()
        return np.where(pitches < 0, 0, pitches - LOWEST + 1).astype(np.int8)

    def encode(self, items: PiecesLike) -> Sequences:
        """Encode pieces as frames.

        Raises:
            ZaohuaError: a piece has another number of voices than in training, or a note beyond the range of a piano.
        """
        end = np.full((1, len(self.spec_.features)), END_FRAME, np.int8)
        parts = [np.concatenate([frames, end]) for frames in self._all_frames(items, self._pieces(items))]
        stops = torch.tensor([len(part) for part in parts]).cumsum(0)
        starts = torch.cat([torch.zeros(1, dtype=torch.int64), stops[:-1]])
        return Sequences(torch.from_numpy(np.concatenate(parts)), starts, stops, PAD_FRAME)

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Convert frames int8 (b, T, cells) to int64, randomly transposed in training."""
        x = codes.long()
        if not (train and self.transpose):
            return x
        shift = ((noise.uniform() * (2 * self.transpose + 1)).long() - self.transpose).view(-1, 1, 1)
        if self.voices_:
            return torch.where(x > 0, (x + shift).clamp(1, KEYS), x)
        keys = torch.arange(KEYS, device=x.device) - shift
        moved = x.gather(2, keys.clamp(0, KEYS - 1).expand(x.shape))
        return torch.where((keys < 0) | (keys >= KEYS), x.clamp(max=0), moved)

    def decode(self, x: Tensor) -> list[Piece]:
        """Convert frames (b, T, cells) to pieces, up to the first frame of END_FRAME or PAD_FRAME."""
        pieces = []
        for row in x.long().cpu().numpy():
            end = (row[:, 0] < 0).nonzero()[0]
            frames = row[: end[0]] if len(end) else row
            if self.voices_:
                pieces.append(Piece.from_voices(np.where(frames > 0, frames + LOWEST - 1, -1), self.steps_))
            else:
                pieces.append(Piece.from_roll(frames, self.steps_))
        return pieces

    def melody(self, path: str, track: str = "") -> Tensor:
        """Read a voice of a MIDI file as values of the first cell at each time step, int64 (T,).

        Args:
            path: the file.
            track: name or number of the track; by default the first that isn't drums.

        Raises:
            ZaohuaError: the file is broken, or the track isn't there or has several notes at a time.
        """
        piece = read_melody(Path(path), self.steps_, track)
        try:
            return torch.from_numpy(self._cells(piece)[:, 0]).long()
        except ZaohuaError as error:
            raise ZaohuaError(f"{path}: {error}") from None
