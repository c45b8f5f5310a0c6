"""DiffWave: diffusion of waveforms."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from torch import nn

from zaohua.fields import Between
from zaohua.models.edm import EDM
from zaohua.nn.diffwave import DilatedNet
from zaohua.spec import DataSpec


class DiffWave(EDM):
    """Diffusion of waveforms by gated dilated convolutions that look both ways, with EDM's objective.

    Paper: Kong, Ping, Huang, Zhao and Catanzaro, "DiffWave: A Versatile Diffusion Model for Audio Synthesis", 2020
    (arXiv:2009.09761).
    """

    modalities: ClassVar[tuple[str, ...]] = ("waves",)
    tiny: ClassVar[dict[str, Any]] = {"channels": 8, "blocks": 4, "max_steps": 20, "batch_size": 16, "steps": 4}

    channels = 96
    blocks = 20
    cycle: Annotated[int, Between(1, 20)] = 7
    """Layers after which the dilation, which doubles from layer to layer, is 1 again."""
    patch: Annotated[int, Between(1, 256)] = 16
    """Neighbouring samples that become channels; 1 is the paper's network, at many times the cost."""

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """One dilated network."""
        return nn.ModuleDict({"net": DilatedNet(spec, y_spec, channels=self.channels, layers=self.blocks,
                                                cycle=self.cycle, patch=self.patch)})
