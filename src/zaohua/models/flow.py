"""Flow matching along straight paths."""

from __future__ import annotations

from zaohua.families.flow import FlowMatching
from zaohua.families.vocoder import VocoderMixin
from zaohua.modalities.base import GridCodec


class Flow(FlowMatching[GridCodec], VocoderMixin):
    """Flow matching: the network predicts the velocity of straight paths from data to noise.

    Paper: Lipman et al., "Flow Matching for Generative Modeling", 2022 (arXiv:2210.02747); Liu, Gong and Liu, "Flow
    Straight and Fast", 2022 (arXiv:2209.03003).
    """

    sampler = "midpoint"
    steps = 10
