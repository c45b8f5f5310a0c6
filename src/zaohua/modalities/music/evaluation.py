"""The protocol of music: how well a model predicts test pieces, in nats a note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.evaluation.predictions import PredictionProtocol
from zaohua.evaluation.results import Figures
from zaohua.evaluation.splits import EncodedItems, Items, held_out_rows, name_of
from zaohua.modalities.music.pieces import Piece
from zaohua.modalities.sequences import Sequences


@dataclass(frozen=True, eq=False)
class EncodedPieces(Items):
    """Real pieces, encoded.

    Attributes:
        codes: their tokens or frames.
        labels: theirs, or None.
        notes: number of notes of each, int64 (n,).
    """

    codes: Sequences
    labels: list[Any] | None
    notes: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """The numbers of their notes."""
        return self.notes

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: np.ndarray) -> EncodedPieces:
        """Return some of them, in the order of `rows`."""
        codes, labels = self.codes, None if self.labels is None else [self.labels[i] for i in rows]
        some = Sequences(codes.stream, codes.starts[rows], codes.stops[rows], codes.pad, codes.apart)
        return EncodedPieces(some, labels, self.notes[rows])


class MusicProtocol(PredictionProtocol[Piece]):
    """What all models of music of a comparison are measured by.

    Only models of the same representation, grid and voices are compared: events tell repeated notes from held ones, and
    piano rolls don't, so their likelihoods are of other things.
    """

    modality = "music"
    noun = "pieces"
    lead: ClassVar[str] = "nats_per_note"
    unit_seen: ClassVar[str] = "runs of 32 events of the pieces"

    @classmethod
    def items(cls, model: Any, items: Any, labels: Any) -> EncodedPieces:
        """Return real pieces, as the codec of a model encodes them."""
        encoded = EncodedItems.of(model, items, labels, lambda model, codes: np.asarray(codes))
        notes = [len(model.codec_.decode(encoded.codes[np.array([i])])[0].notes) for i in range(len(encoded))]
        return EncodedPieces(encoded.codes, encoded.labels, np.array(notes, np.int64))  # type: ignore[arg-type]

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
    def needs_training(cls, model: Any) -> bool:
        """Return False: samples aren't compared with the pieces of training."""
        return False

    @classmethod
    def describe(cls, model: Any) -> str:
        """Describe the representation, the grid and the voices of a model."""
        codec = model.codec_
        voices = f", {codec.voices_} voices" if codec.voices_ else ""
        return f"{codec.representation} of {codec.steps_} steps a quarter note{voices}"

    def parts(self, model: Any) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the nats and the notes of each test piece."""
        if not self.test.values.sum():
            raise ZaohuaError("there is nothing to predict: no test piece has a note")
        encoded = model.attach_conditions(self.test.codes, None if model.y_codec_ is None else self.test.labels)
        model.require_conditions(encoded.y_codes)
        return -np.asarray(model.map_items(model.log_prob, encoded), np.float64), self.test.values, model.score_kind

    def measure(self, samples: list[Piece], conditions: Sequence[Any] | None = None, copies: bool = True) -> Figures:
        """Return nothing: models of music are compared by their predictions."""
        return {}

    def details(self, samples: list[Piece], conditions: Sequence[Any] | None, figures: Figures) -> dict[str, Any]:
        """Return nothing."""
        return {}
