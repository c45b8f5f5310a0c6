"""What is exported of a model: its networks, what a sampler needs to know, and items to check the export by."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from zaohua import __version__
from zaohua.core.json import Json
from zaohua.core.noise import ItemNoise, Noise
from zaohua.modalities.base import Codec
from zaohua.modalities.images.codec import ImageCodec
from zaohua.modalities.labels.codec import LabelCodec
from zaohua.modalities.sounds.waves import WaveCodec
from zaohua.training.trainable import Trainable

ModelT = TypeVar("ModelT", bound=Trainable)
CHECKED = 3
"""Number of items that an export is checked by."""
EXAMPLES = 2
"""Number of items that networks are traced with; of one item, torch would take the batch to be always one."""


@dataclass(frozen=True)
class Network:
    """A network with free batch.

    Attributes:
        name: of its file, without the ending.
        net: the module whose weights it has.
        compute: function of tensors, the inputs, to a tensor or several, the outputs.
        inputs: an example of each input, of `EXAMPLES` items.
        outputs: names of the outputs.
        lengths: maximum length of the second axis of inputs where that is free too, by the name of the input.
    """

    name: str
    net: nn.Module
    compute: Callable[..., Tensor | tuple[Tensor, ...]]
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]
    lengths: Mapping[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of its weights."""
        tensors = {id(value): value for value in (*self.net.parameters(), *self.net.buffers())}
        return sum(value.numel() * value.element_size() for value in tensors.values())


@dataclass(frozen=True)
class Bundle:
    """What is exported of a model.

    Attributes:
        sampler: name of the module in `standalone` that makes items of the networks' outputs.
        networks: the networks, that of the sampler first.
        settings: what the sampler needs to know, as JSON values.
        check: noise, conditions and what the model made of them: arrays "noise", "y" (with labels), "made" and others.
        files: other files of the bundle, by name.
    """

    sampler: str
    networks: tuple[Network, ...]
    settings: Json
    check: dict[str, np.ndarray]
    files: dict[str, bytes] = field(default_factory=dict)


class Recorder:
    """Noise that remembers what was drawn."""

    def __init__(self, noise: Noise) -> None:
        self.noise, self.n = noise, noise.n
        self.drawn: list[Tensor] = []

    def normal(self, *shape: int) -> Tensor:
        """Draw standard normal numbers, float32 (n, *shape)."""
        return self._remembered(self.noise.normal(*shape))

    def uniform(self, *shape: int) -> Tensor:
        """Draw uniform numbers in [0, 1), float32 (n, *shape)."""
        return self._remembered(self.noise.uniform(*shape))

    def bernoulli(self, p: Tensor) -> Tensor:
        """Draw booleans that are True with probability p (n, *shape)."""
        return self._remembered(self.noise.bernoulli(p))

    def _remembered(self, draw: Tensor) -> Tensor:
        self.drawn.append(draw)
        return draw


def twin(model: ModelT, **fields: object) -> ModelT:
    """Return a copy of a model with float32 networks of its own on the CPU, and with other values of some fields."""
    other = copy.copy(model)
    other.nets_ = copy.deepcopy(model.nets_).to("cpu", torch.float32).eval().requires_grad_(False)
    other.precision = "float32"
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def made(model: Trainable) -> tuple[Tensor, list[Tensor], Tensor | None]:
    """Let a model make items of its own seed, as `sample` does.

    Returns:
        Their tensors, the random numbers that were drawn for them, and their labels, if the model has any.
    """
    noise = ItemNoise(model.seeds_for_sampling(model.seed_, CHECKED))
    recorder, y = Recorder(noise), None
    with torch.no_grad():
        if isinstance(model.y_codec_, LabelCodec):
            y = model.y_codec_.draw(noise)
        return model.draw(recorder, y), recorder.drawn, y


def arrays(**tensors: Tensor | None) -> dict[str, np.ndarray]:
    """Return tensors that are there as arrays."""
    return {name: tensor.numpy() for name, tensor in tensors.items() if tensor is not None}


def example_labels(model: Trainable) -> dict[str, Tensor]:
    """Return the inputs "y", an index of a label, and "keep", whether it is shown; none for a model without labels."""
    if model.y_spec_ is None:
        return {}
    return {"y": torch.zeros(EXAMPLES, dtype=torch.int64), "keep": torch.ones(EXAMPLES, dtype=torch.bool)}


def common_settings(model: Trainable) -> Json:
    """Return the settings that all samplers have: names, seed, labels and guidance."""
    labels, guide = model.y_codec_, getattr(model, "guide", None)
    known: Json | None = None
    if isinstance(labels, LabelCodec):
        total = sum(labels.counts_)
        known = {"names": list(map(str, labels.classes_)), "frequencies": [n / total for n in labels.counts_]}
    weights = None if guide is None else {"factors": list(guide.coefficients), "shown": guide.shown[:, 0].tolist()}
    return {
        "made with": f"zaohua {__version__}",
        "model": type(model).__name__,
        "seed": model.seed_,
        "labels": known,
        "guidance": weights if known else None,
        "items": items_of(model.codec_),
    }


def items_of(codec: Codec[Any]) -> Json:
    """Return how tensors become items, as JSON values; those of codecs that need more than arithmetic stay tensors."""
    if isinstance(codec, ImageCodec):
        grid = codec.grid_
        return {
            "are": "pixels",
            "low": grid.low,
            "high": grid.high,
            "levels": codec.spec_.levels,
            "type": codec.dtype_.name,
            "channel_axis": codec.channel_axis_,
        }
    if isinstance(codec, WaveCodec):
        return {"are": "waves", "mu": codec.mu, "rate": codec.form_.rate, "length": codec.form_.length}
    return {"are": "tensors"}
