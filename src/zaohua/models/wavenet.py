"""Dilated convolutions over the samples of sounds."""

from __future__ import annotations

from typing import Annotated, ClassVar

from torch import nn

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.autoregressive.sounds import SoundModel
from zaohua.nn import wavenet


class WaveNet(SoundModel):
    """Dilated causal convolutions over waveforms, which predict each sample from those before it.

    Paper: van den Oord et al., "WaveNet: A Generative Model for Raw Audio", 2016 (arXiv:1609.03499).
    """

    finite_receptive_field: ClassVar[bool] = True
    default_steps: ClassVar[int] = 5000
    tiny: ClassVar[Json] = {
        "width": 8,
        "skip": 8,
        "layers": 3,
        "context": 64,
        "max_steps": 20,
        "max_tokens": 24,
        "batch_size": 8,
    }

    width: Annotated[int, Between(2)] = 32
    """Number of channels of the layers."""
    skip: Annotated[int, Between(1)] = 128
    """Number of channels of the skip connections."""
    layers: Annotated[int, Between(1, 16)] = 10
    """Number of layers of a stack, with dilations 1, 2, 4 ..."""
    stacks: Annotated[int, Between(1)] = 2
    """Number of stacks of layers."""
    context = 8192
    """Length of training and scoring windows in samples, at least twice the receptive field."""
    batch_size = 4
    learning_rate = 3e-3
    validation_fraction = 0.02
    validate_every = 500

    def _check(self) -> None:
        super()._check()
        reach = wavenet.reach(self.layers, self.stacks)
        if self.context < 2 * reach:
            raise ZaohuaError(
                f"WaveNet: {self.stacks} stacks of {self.layers} layers see {reach} samples, so the "
                f"context must be at least {2 * reach}, not {self.context}; or take fewer layers"
            )

    def network(self, vocabulary: int, y_spec: DataSpec | None) -> nn.Module:
        """Build stacks of gated, dilated convolutions."""
        return wavenet.WaveNet(
            vocabulary, y_spec, width=self.width, skip=self.skip, layers=self.layers, stacks=self.stacks, end=self._end
        )
