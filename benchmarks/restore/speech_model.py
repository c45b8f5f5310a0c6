"""One pass of a U-Net from what is heard to what it was: the output is added to the input."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from zaohua.core.hardware import autocast
from zaohua.core.noise import Noise
from zaohua.core.params import Between
from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.modalities.sounds.spectrum import SpectrumCodec
from zaohua.nn.unet import UNet
from zaohua.training.events import Batch
from zaohua.training.trainable import Trainable


class SpeechRestorer(Trainable[SpectrumCodec]):
    """Regression of complex spectrograms by `SpectrumCodec.error`."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"restorer": ("net",)}

    channels: Annotated[int, Between(1)] = 32
    patch: Annotated[int, Between(1)] = 2
    learning_rate = 2e-3
    warmup_steps = 200
    max_grad_norm = 1.0
    batch_size = 8

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build a U-Net."""
        return nn.ModuleDict({"net": UNet(spec, None, channels=self.channels, blocks=1, patch=self.patch)})

    def hide_conditions(self, y: Condition, noise: Noise) -> Condition:
        """Return the conditions: nothing is restored without them."""
        return y

    def restored(self, net: nn.Module, y: Tensor) -> Tensor:
        """Return the spectrograms that those of what is heard come from, float32."""
        made: Tensor = y + net(y, torch.zeros(len(y), device=y.device)).float()
        return made

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return the error of each item, (B,)."""
        assert isinstance(batch.y, Tensor)
        made = self.restored(nets["net"], batch.y)
        with autocast(torch.float32, made.device):
            return self.codec_.error(made, batch.x)

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Return the prediction, which is no draw."""
        assert isinstance(y, Tensor)
        return self.restored(self.nets_["net"], y)
