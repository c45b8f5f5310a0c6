"""Regression: one pass of a network from what is seen to the mean of what it may have been, E[x | y].

The network predicts the difference of x from y, which is resized to x (Zhang et al., 2017, arXiv:1608.03981). Least
squares make the mean: no other guess has a smaller error, but where much is unknown it is blurred.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.hardware import autocast
from zaohua.core.json import Json
from zaohua.core.noise import Noise
from zaohua.core.params import Between
from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.estimator.encoding import Base, CodecT, TrainingData
from zaohua.families.degraded import Degraded
from zaohua.modalities.base import Codec, GridCodec
from zaohua.nn.grids import resize
from zaohua.nn.overlay import lies_over
from zaohua.nn.unet import UNet
from zaohua.training.events import Batch


class Regression(Degraded[CodecT]):
    """Base of models that predict items from what is seen of them."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"restorer": ("net",)}
    tiny: ClassVar[Json] = {"channels": 16, "blocks": 1, "max_steps": 20, "batch_size": 16}

    channels: Annotated[int, Between(1)] = 32
    """Channels of the network at its highest resolution: 32 for small images on a CPU, 96 on a GPU."""
    blocks: Annotated[int, Between(1)] = 1
    """Residual blocks at each resolution."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.0
    """Dropout in the residual blocks."""
    learning_rate = 2e-3
    warmup_steps = 200

    def _begin(
        self, X: object, y: object, base: Base | None = None, modality: str | None = None, codec: Codec | None = None
    ) -> TrainingData:
        if self.degrade is None and y is None:
            raise ZaohuaError(
                f"a {type(self).__name__} learns to undo something: give {option('degrade', 'noise 25')}, or y, what "
                "is seen of each item"
            )
        data = super()._begin(X, y, base, modality, codec)
        if not lies_over(self.y_spec_, self.spec_):
            assert self.y_codec_ is not None
            raise ZaohuaError(
                f"a {type(self).__name__} restores what y shows, so y must be of the kind of the items, not "
                f"{self.y_codec_.describe()}"
            )
        return data

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build a U-Net, over whose input y lies."""
        net = UNet(spec, y_spec, channels=self.channels, blocks=self.blocks, dropout=self.dropout)
        return nn.ModuleDict({"net": net})

    def hide_conditions(self, y: Condition, noise: Noise) -> Condition:
        """Return what is seen: there is nothing to restore without it."""
        return y

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return the error of each item as its codec measures it, by default the mean square, (B,)."""
        made = self._guess(nets["net"], batch.y)
        with autocast(torch.float32, made.device):
            return self.codec_.error(made, batch.x) if isinstance(self.codec_, GridCodec) else _square(made, batch.x)

    def _guess(self, net: nn.Module, y: Condition | None) -> Tensor:
        """Return E[x | y], float32."""
        assert isinstance(y, Tensor)
        start = over(y, self.spec_)
        out: Tensor = start + net(start, torch.zeros(len(y), device=y.device), y).float()
        return out

    # ---- primitives

    def restore(self, y: Tensor) -> Tensor:
        """Return the mean of the items (B, ...) of which y (B, ...) is seen."""
        return self._guess(self.nets_["net"], y)


def over(y: Tensor, spec: DataSpec) -> Tensor:
    """Return what is seen, (B, C', *axes), as a first guess of x: resized, with as many channels."""
    assert spec.shape is not None
    seen, shape = y[:, : spec.channels], tuple(spec.shape)
    if seen.shape[1] < spec.channels:
        seen = seen.mean(1, keepdim=True).expand(-1, spec.channels, *seen.shape[2:])
    if len(shape) == 2 and all(old <= new for old, new in zip(seen.shape[2:], shape, strict=True)):
        return seen if tuple(seen.shape[2:]) == shape else F.interpolate(seen, shape, mode="bicubic")
    return resize(seen, shape)


def _square(made: Tensor, real: Tensor) -> Tensor:
    return (made - real).square().flatten(1).mean(1)
