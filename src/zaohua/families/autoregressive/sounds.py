"""Autoregressive models of the samples of sounds: how surprising a sample is, given all those before it."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, cast

from zaohua.core.params import Between, Sampling
from zaohua.core.stored import Stored
from zaohua.families.autoregressive.tokens import TokenModel
from zaohua.modalities.sequences import Sequences
from zaohua.modalities.sounds.mu_law import MuLawCodec


class SoundModel(TokenModel[MuLawCodec]):
    """Tokens are samples, each of which is one of 256 levels, and the end of the sound."""

    score_chunk: ClassVar[int] = 4

    max_tokens: Annotated[int | None, Between(1), Sampling] = None  # type: ignore[assignment]  # only `_room` reads it
    """Samples of a new sound at most; None: as many as the longest one learnt from."""
    temperature = 1.0

    apart_ = Stored(True, key="dialogues")  # as sounds always are: runs of before didn't say so

    @property
    def _room(self) -> int:
        return self.max_tokens or self.codec_.form_.length

    def bits_per_sample(self, X: Any, y: Any = None) -> float:
        """Mean negative `score_samples` of some sounds in bits per sample, their ends included.

        Args:
            X: sounds as `fit` takes them; what is beyond the codec's length is left out.
            y: their conditions; None sums over all labels of a conditional model.
        """
        codes = cast(Sequences, self.encode_items(X, y).codes)
        samples = int((codes.stops - codes.starts - 2).sum())
        return -float(self.score_samples(X, y).sum()) / math.log(2) / samples
