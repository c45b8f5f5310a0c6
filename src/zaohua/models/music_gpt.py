"""The transformer over the notes of music."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from zaohua.core.json import Json
from zaohua.core.spec import DataSpec
from zaohua.families.autoregressive.music import MusicModel
from zaohua.families.autoregressive.transformer import CausalTransformer
from zaohua.modalities.music.notes import MusicCodec


class MusicGPT(CausalTransformer[MusicCodec], MusicModel):
    """Transformer over music as notes, which predicts each token from those before it.

    Paper: Huang et al., "Music Transformer: Generating Music with Long-Term Structure", 2018 (arXiv:1809.04281), with
    the network of `GPT`.
    """

    tiny: ClassVar[Json] = {
        "width": 16,
        "layers": 2,
        "heads": 2,
        "context": 16,
        "max_steps": 20,
        "max_tokens": 24,
        "batch_size": 8,
    }

    width = 192
    dropout = 0.2
    context = 512
    max_tokens = 1500
    temperature = 1.0

    def network(self, vocabulary: int, y_spec: DataSpec | None) -> nn.Module:
        """Build a causal transformer."""
        return self.transformer(vocabulary, y_spec, self.context)
