"""Autoregressive models of waveforms, sample by sample."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, cast

from zaohua.core.params import Between, Sampling
from zaohua.core.stored import Stored
from zaohua.families.autoregressive.tokens import TokenModel
from zaohua.modalities.sequences import Sequences
from zaohua.modalities.sounds.mu_law import MuLawCodec


class SoundModel(TokenModel[MuLawCodec]):
    """Base of models of waveforms: tokens are samples of 256 levels, and the end of the sound."""

    score_chunk: ClassVar[int] = 4
    tells_cuts: ClassVar[bool] = False  # a recording is longer than any context

    max_tokens: Annotated[int | None, Between(1), Sampling] = None  # type: ignore[assignment]  # only `_room` reads it
    """Maximum number of samples of a new sound; None: that of the longest training sound."""
    temperature = 1.0

    apart_ = Stored(True, key="dialogues")  # sounds always are; older runs don't say so

    @property
    def _room(self) -> int:
        return self.max_tokens or self.codec_.form_.length

    def bits_per_sample(self, X: object, y: object = None) -> float:
        """Return the mean negative `score_samples` of some sounds in bits per sample, including their ends.

        Args:
            X: sounds as `fit` takes them, cut to the codec's maximum length.
            y: their conditions; None marginalises over all labels of a conditional model.
        """
        codes = cast(Sequences, self.encode_items(X, y).codes)
        samples = int((codes.stops - codes.starts - 2).sum())
        return -float(self.score_samples(X, y).sum()) / math.log(2) / samples
