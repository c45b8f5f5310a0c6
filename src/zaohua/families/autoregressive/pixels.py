"""Autoregressive models of pictures: log p(x) = sum_i log p(x_i | x_<i), pixel by pixel in raster order.

One network gives the parameters of all those distributions in one pass, each from the pixels before it. Scores are
exact; samples are made number by number, from what the network keeps of those before where it can.

Sources: Germain et al., "MADE", 2015; van den Oord et al., "Pixel Recurrent Neural Networks", 2016.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn

from zaohua.core.noise import Noise
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.estimator.base import ScoreKind
from zaohua.families.autoregressive.decoding import Decoder, guided
from zaohua.families.guidance import Guided
from zaohua.families.likelihoods import ColourMixture, Likelihood, LogisticMixture, likelihood_of
from zaohua.modalities.images.codec import ImageCodec
from zaohua.nn.grids import check_axes
from zaohua.training.events import Batch


class PixelModel(Guided[ImageCodec]):
    """Nets: `net(x, y, keep) -> parameters (B, outputs, H, W)`, those of a pixel from the ones before it.

    For samples a network has `start` and `step` (see `decoding.Decoder`), where what is taken up are the numbers drawn
    last, in raster order and channel by channel within a pixel, float (B, t), none at first, and what follows are the
    parameters (B, ...) of the next one, or of all channels of the next pixel.
    """

    score_kind: ClassVar[ScoreKind] = "exact"
    score_chunk: ClassVar[int] = 64
    whole_pixels: ClassVar[bool] = False
    """Whether all channels of a pixel are drawn at once, and their likelihood couples them, not the network."""

    @abstractmethod
    def network(self, spec: DataSpec, y_spec: DataSpec | None, outputs: int) -> nn.Module:
        """The network, untrained, that gives so many numbers for each pixel."""

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """One network.

        Raises:
            ZaohuaError: the items aren't pictures.
        """
        check_axes(type(self).__name__, spec, 2)
        return nn.ModuleDict({"net": self.network(spec, y_spec, self.likelihood(spec).outputs(spec.channels))})

    @abstractmethod
    def likelihood(self, spec: DataSpec) -> Likelihood:
        """p(x_i | parameters), by what the data is."""

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """-log p(x), (B,) nats."""
        return -self.likelihood(self.spec_).log_prob(nets["net"](batch.x, batch.y, self.kept(batch)), batch.x)

    # ---- primitives

    def log_prob(self, x: Tensor, y: Tensor | None, noise: Noise) -> Tensor:
        """sum_i log p(x_i | x_<i), (B,) nats."""
        return self.likelihood(self.spec_).log_prob(self.nets_["net"](x, y), x)

    def draw(self, noise: Noise, y: Tensor | None) -> Tensor:
        """Number by number, (n, C, H, W) in [-1, 1]."""
        net: Any = self.nets_["net"]
        return self.draw_from(net, noise, y)

    def draw_from(self, net: Decoder, noise: Noise, y: Tensor | None) -> Tensor:
        """Pictures (n, C, H, W) in [-1, 1] as a decoder says what follows."""
        likelihood, (channels, height, width) = self.likelihood(self.spec_), self.spec_.tensor_shape
        net = net if y is None else guided(net, self.guidance)
        state, parts = net.start(noise.n, y), [torch.empty(noise.n, 0, device=self.device_)]
        for _ in range(height * width * (1 if self.whole_pixels else channels)):
            parts.append(likelihood.draw(net.step(parts[-1], state), noise))
        return torch.cat(parts, dim=1).view(noise.n, height, width, channels).permute(0, 3, 1, 2)


class MixturePixelModel(PixelModel):
    """A model that takes pixels of any kind: the likelihoods of VAEs, and mixtures of logistics."""

    components: Annotated[int, Between(1)] = 5
    """Logistics in the mixture of a pixel of many levels."""

    def likelihood(self, spec: DataSpec) -> Likelihood:
        """Bernoulli for two levels, a mixture of logistics for more, else a Gaussian."""
        levels = spec.levels
        if levels is None or levels == 2:
            return likelihood_of(spec)
        mixture = ColourMixture if self.whole_pixels and spec.channels > 1 else LogisticMixture
        return mixture(levels, self.components)


class UncachedDecoder:
    """A network without caches as a decoder: all of the picture goes through it anew for each number.

    Args:
        net: `net(x, y, keep)`, as a `PixelModel` has it.
        spec: the picture.
        whole_pixels: whether all channels of a pixel are taken up at once.
    """

    def __init__(self, net: nn.Module, spec: DataSpec, whole_pixels: bool):
        self.net, self.shape, self.whole_pixels = net, spec.tensor_shape, whole_pixels

    def start(self, n: int, y: Tensor | None = None, keep: Tensor | None = None) -> dict[str, Any]:
        """The picture, black so far."""
        channels, height, width = self.shape
        x = next(self.net.parameters()).new_zeros(n, height * width * channels)
        return {"x": x, "made": 0, "y": y, "keep": keep}

    def step(self, values: Tensor, state: dict[str, Any]) -> Tensor:
        """Takes up numbers (B, t); the parameters of what follows, (B, ...)."""
        channels, height, width = self.shape
        made = state["made"]
        state["x"][:, made : made + values.shape[1]] = values
        state["made"] = made = made + values.shape[1]
        x = state["x"].view(-1, height, width, channels).permute(0, 3, 1, 2)
        pixel, channel = divmod(made, channels)
        here = self.net(x, state["y"], state["keep"])[:, :, pixel // width, pixel % width]
        return here if self.whole_pixels else here[:, channel::channels]
