"""Codec from sounds to waveforms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar

from torch import Tensor

from zaohua.core.params import Between
from zaohua.modalities.sounds.codec import SoundCodec
from zaohua.modalities.sounds.sound import Sounds
from zaohua.modalities.sounds.spectra import mu_law_compress, mu_law_expand

if TYPE_CHECKING:
    from zaohua.core.noise import Noise


class WaveCodec(SoundCodec):
    """Codec from sounds to mu-law compressed waveforms, float32 (channels, samples) in [-1, 1]."""

    representation: ClassVar[str] = "waves"
    blank: ClassVar[float | None] = 0.0

    multiple: Annotated[int, Between(1)] = 256
    """The length that networks see is a multiple of this, in samples; sounds are padded with silence."""
    mu: Annotated[float, Between(0, 65535)] = 31.0
    """Strength of the mu-law compression for networks, which amplifies quiet sounds; 0: none."""

    def describe(self, n: int | None = None) -> str:
        """Describe rate, length and channels of the sounds, and the representation."""
        return f"{super().describe(n)}, as waves"

    def _length(self, samples: int, rate: int) -> int:
        return math.ceil(samples / self.multiple) * self.multiple

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Convert encoded sounds (b, channels, n) to compressed waveforms, float32 in [-1, 1]."""
        return mu_law_compress(self._padded(self.waves(codes)), self.mu)

    def decode(self, x: Tensor) -> Sounds:
        """Convert compressed waveforms (b, channels, n) to sounds."""
        return self.sounds(self.unclipped(x), self.ends(x))

    def unclipped(self, x: Tensor) -> Tensor:
        """Convert compressed waveforms to waveforms (b, channels, n); these are in [-1, 1]."""
        return mu_law_expand(x.float().clamp(-1, 1), self.mu)
