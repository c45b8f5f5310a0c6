"""Autoregressive models of music as notes; the codec's grammar restricts samples to valid pieces."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from zaohua.estimator.seen import QUOTED, token_hashes
from zaohua.families.autoregressive.token_sampler import TokenSampler
from zaohua.families.autoregressive.tokens import TokenModel
from zaohua.modalities.base import Codes
from zaohua.modalities.music.notes import MusicCodec


class MusicModel(TokenModel[MusicCodec]):
    """Base of models of music: tokens are waits, notes and durations, and the codec's grammar says what may follow."""

    quoted: ClassVar[float] = QUOTED

    def choice(self) -> TokenSampler:
        """Return the token sampler: the fields' settings, restricted to tokens that the grammar allows."""
        return replace(super().choice(), allowed=self.codec_.allowed)

    def hash_items(self, codes: Codes, items: np.ndarray, key: int) -> np.ndarray:
        """Return keyed hashes of all runs of tokens of some pieces, however they are divided."""
        return token_hashes(codes, items, key)
