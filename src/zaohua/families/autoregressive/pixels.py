"""Autoregressive models of images: log p(x) = sum_i log p(x_i | x_<i), pixel by pixel in raster order.

One network predicts the parameters of all these distributions in one pass, each from the pixels before it. Scores are
exact; samples are drawn number by number, with caches where the network has them.

Sources: Germain et al., "MADE", 2015; van den Oord et al., "Pixel Recurrent Neural Networks", 2016.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, cast

import torch
from torch import Tensor, nn

from zaohua.core.noise import Noise
from zaohua.core.params import Between
from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.estimator.methods import ScoreKind
from zaohua.families.autoregressive.decoding import Decoder, guided
from zaohua.families.guidance import Guided
from zaohua.families.likelihoods import ColourMixture, Likelihood, LogisticMixture, likelihood_of
from zaohua.modalities.images.codec import ImageCodec
from zaohua.nn.grids import check_axes
from zaohua.training.events import Batch


class PixelModel(Guided[ImageCodec]):
    """Base of models of pixels, with `net(x, y, keep) -> parameters (B, outputs, H, W)`, each given the pixels before.

    For sampling a network has `start` and `step` (see `decoding.Decoder`). `step` reads the numbers drawn last, float
    (B, t), in raster order and channel by channel within a pixel, none at first; it returns the parameters (B, ...) of
    the next number, or of all channels of the next pixel.
    """

    score_kind: ClassVar[ScoreKind] = "exact"
    score_chunk: ClassVar[int] = 64
    whole_pixels: ClassVar[bool] = False
    """Whether all channels of a pixel are drawn at once, so that the likelihood couples them instead of the network."""

    @abstractmethod
    def network(self, spec: DataSpec, y_spec: DataSpec | None, outputs: int) -> nn.Module:
        """Build the network, with `outputs` numbers for each pixel."""

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build the network.

        Raises:
            ZaohuaError: the items aren't images.
        """
        check_axes(type(self).__name__, spec, 2)
        return nn.ModuleDict({"net": self.network(spec, y_spec, self.likelihood(spec).outputs(spec.channels))})

    @abstractmethod
    def likelihood(self, spec: DataSpec) -> Likelihood:
        """Return p(x_i | parameters) for the data's type."""

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return -log p(x), (B,) nats."""
        return -self.likelihood(self.spec_).log_prob(nets["net"](batch.x, batch.y, self.condition_mask(batch)), batch.x)

    # ---- primitives

    def log_prob(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return sum_i log p(x_i | x_<i), (B,) nats."""
        return self.likelihood(self.spec_).log_prob(self.nets_["net"](x, y), x)

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Draw images number by number, (n, C, H, W) in [-1, 1]."""
        return self.draw_from(cast(Decoder, self.nets_["net"]), noise, y)

    def draw_from(self, net: Decoder, noise: Noise, y: Condition | None) -> Tensor:
        """Draw images (n, C, H, W) in [-1, 1] with a given decoder."""
        likelihood, (channels, height, width) = self.likelihood(self.spec_), self.spec_.tensor_shape
        net = net if y is None else guided(net, self.guide)
        state, parts = net.start(noise.n, y), [torch.empty(noise.n, 0, device=self.device_)]
        for _ in range(height * width * (1 if self.whole_pixels else channels)):
            parts.append(likelihood.draw(net.step(parts[-1], state), noise))
        return torch.cat(parts, dim=1).view(noise.n, height, width, channels).permute(0, 3, 1, 2)


class MixturePixelModel(PixelModel):
    """Base of models of pixels of any type: the likelihoods of VAEs, and mixtures of logistics."""

    components: Annotated[int, Between(1)] = 5
    """Number of logistics in the mixture of a quantised pixel."""

    def likelihood(self, spec: DataSpec) -> Likelihood:
        """Return Bernoulli for two levels, a mixture of logistics for more, else a Gaussian."""
        levels = spec.levels
        if levels is None or levels == 2:
            return likelihood_of(spec)
        mixture = ColourMixture if self.whole_pixels and spec.channels > 1 else LogisticMixture
        return mixture(levels, self.components)


@dataclass
class PixelState:
    """State of an `UncachedDecoder`.

    Attributes:
        x: the numbers of the images, (B, H W C), black where they aren't drawn yet.
        y, keep: the condition, and where it is shown.
        count: how many numbers of each image are drawn.
    """

    x: Tensor
    y: Condition | None
    keep: Tensor | None
    count: int = 0


class UncachedDecoder:
    """Decoder around a network without caches: the whole image is read again for each number.

    Args:
        net: network of a `PixelModel`, `net(x, y, keep)`.
        spec: description of the image.
        whole_pixels: whether all channels of a pixel are read at once.
    """

    def __init__(self, net: nn.Module, spec: DataSpec, whole_pixels: bool):
        self.net, self.shape, self.whole_pixels = net, spec.tensor_shape, whole_pixels

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> PixelState:
        """Return a state with an empty image."""
        channels, height, width = self.shape
        x = next(self.net.parameters()).new_zeros(n, height * width * channels)
        return PixelState(x, y, keep)

    def step(self, values: Tensor, state: PixelState) -> Tensor:
        """Read numbers (B, t); return the parameters of the next ones, (B, ...)."""
        channels, height, width = self.shape
        state.x[:, state.count : state.count + values.shape[1]] = values
        state.count += values.shape[1]
        x = state.x.view(-1, height, width, channels).permute(0, 3, 1, 2)
        pixel, channel = divmod(state.count, channels)
        here = self.net(x, state.y, state.keep)[:, :, pixel // width, pixel % width]
        out: Tensor = here if self.whole_pixels else here[:, channel::channels]
        return out
