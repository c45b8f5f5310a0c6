"""DiffWave: diffusion of waveforms."""

from __future__ import annotations

from typing import Annotated, ClassVar

from torch import nn

from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.diffusion import KarrasDiffusion
from zaohua.modalities.sounds.waves import WaveCodec
from zaohua.nn.diffwave import DilatedNet


class DiffWave(KarrasDiffusion[WaveCodec]):
    """Diffusion of waveforms by bidirectional gated dilated convolutions, trained and sampled as EDM.

    Paper: Kong, Ping, Huang, Zhao and Catanzaro, "DiffWave: A Versatile Diffusion Model for Audio Synthesis", 2020
    (arXiv:2009.09761).
    """

    tiny: ClassVar[Json] = {"channels": 8, "blocks": 3, "max_steps": 20, "batch_size": 16, "steps": 4}

    channels: Annotated[int, Between(1)] = 96
    """Width of the layers; 64 to 256 in the paper."""
    blocks: Annotated[int, Between(1)] = 14
    """Number of gated convolutions; 30 in the paper."""
    cycle: Annotated[int, Between(1, 20)] = 7
    """Period of the dilations, which double from layer to layer."""
    patch: Annotated[int, Between(1, 256)] = 32
    """Number of neighbouring samples folded into channels; 1 is the paper's network, at many times the cost."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.0
    """Dropout probability after the gates."""
    sigma_data = 0.15
    sigma_min = 0.001
    sigma_max = 20.0
    noise_mean = -2.5
    steps = 13
    guidance = 1.5
    guidance_above = 0.2
    batch_size = 16

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build one dilated network."""
        return nn.ModuleDict(
            {
                "net": DilatedNet(
                    spec,
                    y_spec,
                    channels=self.channels,
                    layers=self.blocks,
                    cycle=self.cycle,
                    patch=self.patch,
                    dropout=self.dropout,
                )
            }
        )
