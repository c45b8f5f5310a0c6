"""The protocol of music: how well a model predicts test pieces, and how much of its samples it copies."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.evaluation.predictions import MOST, Parts, PredictionProtocol
from zaohua.evaluation.shown import asked
from zaohua.evaluation.splits import Items, held_out_rows, name_of
from zaohua.metrics.bigram import Bigram
from zaohua.metrics.text_overlap import TextOverlap
from zaohua.modalities.music import themes
from zaohua.modalities.music.codec import PieceCodec
from zaohua.modalities.music.pieces import Piece
from zaohua.modalities.sequences import Sequences

SHOWN = 6
"""Number of pieces that a page plays of each model."""


@dataclass(frozen=True, eq=False)
class EncodedPieces(Items):
    """Real pieces, encoded.

    Attributes:
        codes: their tokens or frames.
        labels: theirs, or None.
        codec: the model's, which decodes them.
    """

    codes: Sequences
    labels: list[Any] | None
    codec: PieceCodec

    @functools.cached_property
    def values(self) -> np.ndarray:
        """The numbers of their notes, int64 (n,)."""
        return np.array([len(piece.notes) for piece in self], np.int64)

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[Piece]:
        """Yield the pieces, as the codec represents them."""
        return (self.codec.decode(self.codes[np.array([i])])[0] for i in range(len(self)))

    def take(self, rows: np.ndarray) -> EncodedPieces:
        """Return some of them, in the order of `rows`."""
        codes, labels = self.codes, None if self.labels is None else [self.labels[i] for i in rows]
        some = Sequences(codes.stream, codes.starts[rows], codes.stops[rows], codes.pad, codes.apart)
        return EncodedPieces(some, labels, self.codec)


class MusicProtocol(PredictionProtocol[Piece]):
    """What all models of music of a comparison are measured by.

    Only models of the same representation, grid and voices are compared: events tell repeated notes from held ones, and
    piano rolls don't, so their likelihoods are of other things.
    """

    modality = "music"
    noun = "pieces"
    lead: ClassVar[str] = "nats_per_note"
    per_item: ClassVar[str] = "nats_per_piece"
    unit_seen: ClassVar[str] = "runs of 32 events of the pieces"
    copied: ClassVar[str] = "copied_notes"
    baseline: ClassVar[str] = "bigram"
    test: EncodedPieces

    @classmethod
    def items(cls, model: Any, items: Any, labels: Any) -> EncodedPieces:
        """Return real pieces, as the codec of a model encodes them."""
        codes, own, _ = model.encode_labelled(items, labels)
        return EncodedPieces(codes, None if own is None else list(own), model.codec_)

    @classmethod
    def held_out(cls, models: Sequence[Any], learnt: Items) -> tuple[Items, Items] | None:
        """Divide pieces into those of training, and the whole ones that all models held out."""
        found = [getattr(model, "held_out_token", lambda codes: None)(learnt.codes) for model in models]
        ends = [token for token in found if token is not None]
        if not ends:
            held, kept = held_out_rows(models, len(learnt))
        elif len(ends) < len(models):
            raise ZaohuaError(
                f"{', '.join(map(name_of, models))} held out other pieces: give some that are new ({option('data')})"
            )
        else:  # the END before a piece belongs to the one before it, too
            held = np.flatnonzero(learnt.codes.starts.numpy() >= max(ends) - 1)
            kept = np.flatnonzero(learnt.codes.stops.numpy() <= min(ends))
        return (learnt.take(kept), learnt.take(held)) if len(held) else None

    @classmethod
    def describe(cls, model: Any) -> str:
        """Describe the representation, the grid and the voices of a model."""
        codec = model.codec_
        voices = f", {codec.voices_} voices" if codec.voices_ else ""
        return f"{codec.representation} of {codec.steps_} steps a quarter note{voices}"

    @functools.cached_property
    def digest(self) -> str:
        """Hash of the encoded test pieces and their labels."""
        found = hashlib.sha256(repr(asked(self.test.labels).tolist()).encode())
        for codes in self.test.codes:
            found.update(codes.numpy().tobytes())
        return found.hexdigest()[:16]

    def judged(self, samples: Sequence[Piece]) -> list[str]:
        """Return the keys of the notes in order as texts, with a letter for each."""
        return ["".join(chr(0x4E00 + int(key)) for key in piece.notes[:, 2]) for piece in samples]

    def judged_items(self, items: Any) -> list[str]:
        """Return the same of real pieces."""
        return self.judged(list(items))

    def parts(self, model: Any) -> Parts:
        """Return what a model predicts of each test piece, by the number of its notes."""
        if not self.test.values.sum():
            raise ZaohuaError("there is nothing to predict: no test piece has a note")
        return self.whole(model, self.test.values)

    def simplest(self) -> Parts:
        """Return what bigram models of the training pieces predict: of events, or of each voice or key by itself."""
        models = [Bigram(self.symbols, lines) for lines in zip(*self.lines(self.splits.train), strict=True)]
        test = self.lines(self.test)
        each = [sum(model.nats(line).sum() for model, line in zip(models, lines, strict=True)) for lines in test]
        return Parts(np.array(each, np.float64), self.test.values, np.arange(len(each)))

    @property
    def symbols(self) -> int:
        """Number of values of an event or a cell, and an end."""
        return self.test.codec.spec_.features[0].size + 1

    def lines(self, items: Items | Sequence[Piece]) -> Iterator[list[np.ndarray]]:
        """Yield the events of each piece, or the frames of each cell."""
        codes = items.codes if isinstance(items, Items) else self.test.codec.encode(list(items))
        return (_lines(one, self.symbols - 1) for one in cast(Sequences, codes))  # as codecs of music encode them

    def overlap(self, items: Sequence[Piece]) -> TextOverlap:
        """Find the passages of some pieces that occur in those of training, in any key."""
        return themes.overlap(items, self.splits.train)

    def alike(self, samples: Sequence[Piece]) -> list[Piece]:
        """Return test pieces, whatever the number of samples is: each has many notes."""
        return list(self.test.some(MOST, self.seed))

    def shown(self, samples: Sequence[Piece], conditions: Sequence[Hashable] | None) -> dict[str, np.ndarray]:
        """Return the notes of the first pieces, with the number of their piece, and what these were made of."""
        some = samples[:SHOWN]
        notes = [np.insert(piece.notes, 0, i, axis=1) for i, piece in enumerate(some)]
        return {
            "notes": np.concatenate([np.zeros((0, 5), np.int32), *notes]),
            "steps": np.array([piece.steps for piece in some]),
            "lengths": np.array([piece.length for piece in some]),
            "asked": asked(conditions)[:SHOWN],
        }

    @property
    def real_examples(self) -> dict[str, np.ndarray]:
        """Some test pieces, with the tempo in which pages play them."""
        rows = np.arange(min(SHOWN, len(self.test))) * max(1, len(self.test) // SHOWN)
        some = self.test.take(rows)
        return {**self.shown(list(some), some.labels), "tempo": np.array(self.test.codec.tempo)}


def _lines(codes: Tensor, end: int) -> list[np.ndarray]:
    """Return the sequences of symbols in the codes of a piece: its events, or the frames of each cell.

    Frames begin with `end`, which is told apart from all values. Of the first cell they also end with it: then all do.
    """
    values = codes.numpy().astype(np.int64)
    if values.ndim == 1:
        return [values]
    first, *others = np.pad(np.where(values < 0, end, values), ((1, 0), (0, 0)), constant_values=end).T
    return [first, *(line[:-1] for line in others)]
