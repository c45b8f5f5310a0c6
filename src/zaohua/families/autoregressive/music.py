"""Autoregressive models of the notes of music: whatever is drawn is music, since only what the grammar allows is."""

from __future__ import annotations

from dataclasses import replace

from zaohua.families.autoregressive.decoding import TokenSampler
from zaohua.families.autoregressive.tokens import TokenModel
from zaohua.modalities.music.notes import MusicCodec


class MusicModel(TokenModel[MusicCodec]):
    """Tokens are waits, notes and durations, as the codec says, and its grammar what may follow what."""

    def choice(self) -> TokenSampler:
        """How a token is chosen: as the fields say, among those that the grammar allows."""
        return replace(super().choice(), allowed=self.codec_.allowed)
