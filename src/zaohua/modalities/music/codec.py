"""Base of the codecs of music: conversion of pieces to a common time grid, and writing them."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, TypeAlias

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import note
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.modalities.base import Codec, counted
from zaohua.modalities.files.values import all_of
from zaohua.modalities.music.midi import STEPS, MidiFiles, write_midi
from zaohua.modalities.music.pieces import Piece
from zaohua.modalities.music.synth import render, write_wav

PiecesLike: TypeAlias = Sequence[Piece]
"""Pieces of music as codecs take them: a list of them, or `MidiFiles`."""


class PieceCodec(Codec[PiecesLike]):
    """Base of codecs whose items are pieces of music.

    Attributes:
        steps_: time steps per quarter note.
        voices_: number of voices of every piece; 0 if they have none, or differ in their number.
        seen_: mask of the values that occur in training; its shape depends on the codec.
    """

    modality: ClassVar[str] = "music"
    usual_number: ClassVar[int] = 1

    steps: Annotated[int, Between(1, 48)] | None = None
    """Time steps per quarter note; None: those of the data, and 4 (sixteenths) for MIDI files."""
    track: tuple[str, ...] | str = ()
    """Tracks of MIDI files to read, by name or by number (1 is the first); all but drums by default."""
    tempo: Annotated[float, Between(1, 1000)] = 80.0
    """Tempo of written files, in quarter notes per minute."""

    def _set(self, seen: Tensor) -> None:
        """Set the mask of values, after grid and voices, and the spec."""
        self.seen_ = seen
        self.spec_ = self._spec()

    @abstractmethod
    def _spec(self) -> DataSpec:
        """Return the spec for the grid, voices and values."""

    def _fit_grid(self, items: PiecesLike) -> list[Piece]:
        """Determine grid and voices; return the pieces on that grid."""
        steps = self.steps or (STEPS if isinstance(items, MidiFiles) else max(_checked(items), key=_grid).steps)
        pieces = self._on_grid(items, steps)
        voices = Counter(piece.voices for piece in pieces)
        self.steps_, self.voices_ = steps, next(iter(voices)) if len(voices) == 1 else 0
        if len(voices) > 1:
            each = [f"{n:,} {f'of {voices}' if voices else 'without'}" for voices, n in sorted(voices.items())]
            note(f"merged the voices of all pieces, whose number differs: {', '.join(each)}")
        return pieces

    def _pieces(self, items: PiecesLike) -> list[Piece]:
        """Return the pieces on the fitted grid; raise if their voices differ from training."""
        pieces = self._on_grid(items, self.steps_)
        for i, piece in enumerate(pieces):
            if self.voices_ and piece.voices != self.voices_:
                have = f"{piece.voices} voices" if piece.voices else "no separate voices"
                raise ZaohuaError(f"piece {i} has {have}, but the model was fitted on pieces of {self.voices_}")
        return pieces

    def _on_grid(self, items: PiecesLike, steps: int) -> list[Piece]:
        if isinstance(items, MidiFiles):
            return items.read(steps, (self.track,) if isinstance(self.track, str) else tuple(self.track))
        pieces = _checked(items)
        scales = [(piece.notes[:, 0] * steps) % piece.steps != 0 for piece in pieces if piece.steps != steps]
        moved, total = sum(int(away.sum()) for away in scales), sum(len(piece.notes) for piece in pieces)
        if moved:
            note(f"moved {max(0.1, 100 * moved / total):.1f} % of onsets to the grid of {steps} steps a quarter note")
        return [piece.on_grid(steps) for piece in pieces]

    def as_items(self, y: object, n: int | None) -> list[Piece]:
        """Return n (or 1) copies of a single piece; return a list of pieces unchanged."""
        return [y] * (1 if n is None else n) if isinstance(y, Piece) else all_of(y, Piece, "pieces of music")

    def write(self, items: PiecesLike, folder: Path, names: Sequence[str]) -> list[Path]:
        """Write pieces as MIDI files with a track per voice; names are without suffix."""
        return [write_midi(piece, folder / f"{name}.mid", self.tempo) for piece, name in zip(items, names, strict=True)]

    def _write_wav(self, items: PiecesLike, path: Path, y: Sequence[object] | None, columns: int | None) -> None:
        """Write a synthesised sound of all pieces, one after another."""
        write_wav(render(Piece.joined(items), self.tempo), path)

    def _write_midi(self, items: PiecesLike, path: Path, y: Sequence[object] | None, columns: int | None) -> None:
        """Write all pieces to one MIDI file, one after another."""
        write_midi(Piece.joined(items), path, self.tempo)

    def learns(self) -> str:
        """Return that it tells the form of the pieces."""
        return "range, tempo and instruments of the pieces"

    def describe(self, n: int | None = None) -> str:
        """Describe grid and voices of the pieces."""
        voices = f", {counted(self.voices_, 'voice')}" if self.voices_ else ""
        return f"{counted(n, 'piece', ' of music')}{voices}, {counted(self.steps_, 'step')} a quarter note"

    def found(self) -> Json:
        """Return the grid."""
        return {"steps": self.steps_}

    def state(self) -> Json:
        """Return grid, voices and values as JSON values."""
        if not hasattr(self, "spec_"):
            return {}
        return {"steps": self.steps_, "voices": self.voices_, "seen": self.seen_.int().tolist()}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self.steps_, self.voices_ = state["steps"], state["voices"]
        self._set(torch.tensor(state["seen"]).bool())

    sheets = {".wav": _write_wav, ".mid": _write_midi}


def _grid(piece: Piece) -> int:
    return piece.steps


def _checked(items: PiecesLike) -> list[Piece]:
    """Return items as a list of pieces; raise an error that names the first item that isn't one."""
    return all_of(items, Piece, "pieces of music")
