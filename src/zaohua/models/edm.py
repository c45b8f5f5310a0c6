"""EDM: diffusion with every design choice made explicit."""

from __future__ import annotations

from zaohua.families.diffusion import KarrasDiffusion
from zaohua.families.vocoder import VocoderMixin
from zaohua.modalities.base import GridCodec


class EDM(KarrasDiffusion[GridCodec], VocoderMixin):
    """Preconditioned diffusion with log-normal noise levels in training, and Heun's sampler.

    Paper: Karras, Aittala, Aila and Laine, "Elucidating the Design Space of Diffusion-Based Generative Models", 2022
    (arXiv:2206.00364).
    """
