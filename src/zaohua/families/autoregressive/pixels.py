"""Autoregressive models of images: log p(x) = sum_i log p(x_i | x_<i), pixel by pixel in raster order.

One network predicts the parameters of all these distributions in one pass, each from the pixels before it. Scores are
exact; samples are drawn number by number, with caches where the network has them.

Unknown pixels are drawn in the same order. Where all known pixels come before them (the upper rows are given, the lower
ones are drawn) that is exact; otherwise it is sequential Monte Carlo (see `particles`).

Sources: Germain et al., "MADE", 2015; van den Oord et al., "Pixel Recurrent Neural Networks", 2016.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, cast

import torch
from torch import Tensor, nn

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import ItemNoise, Noise
from zaohua.core.params import Between, Sampling
from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.estimator.methods import ScoreKind
from zaohua.families.autoregressive.decoding import BranchingDecoder, Decoder, guided
from zaohua.families.autoregressive.particles import ParticleNoise, Particles
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

    particles: Annotated[int, Between(1), Sampling] = 32
    """Number of particles that fill gaps before known pixels; more look further ahead."""

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

    def nats_by_place(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return -log p(x_i | x_<i) of each number, or of all channels of a pixel together, nats (B, C or 1, H, W)."""
        return -self.likelihood(self.spec_).terms(self.nets_["net"](x, y), x)

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Draw images number by number, (n, C, H, W) in [-1, 1]."""
        return self.draw_from(cast(Decoder, self.nets_["net"]), noise, y)

    def draw_from(self, net: Decoder, noise: Noise, y: Condition | None) -> Tensor:
        """Draw images (n, C, H, W) in [-1, 1] with a given decoder."""
        likelihood = self.likelihood(self.spec_)
        net = net if y is None else guided(net, self.guide)
        state, parts = net.start(noise.n, y), [torch.empty(noise.n, 0, device=self.device_)]
        for _ in range(self.spec_.size // self._group):
            parts.append(likelihood.draw(net.step(parts[-1], state), noise))
        return self._images(torch.cat(parts, dim=1))

    def complete(self, x: Tensor, known: Tensor, noise: Noise, y: Condition | None, no_missing: bool) -> Tensor:
        """Draw the unknown pixels of images given the known ones, exactly where these come first, else by `particles`.

        Args:
            x: images (n, C, H, W) in [-1, 1].
            known: mask of the known pixels, bool (n, 1 or C, H, W).
            noise: noise of the n images.
            y: condition of each.
            no_missing: no meaning here, as no pixel is missing.

        Raises:
            ZaohuaError: channels of a pixel are known apart, and the model draws them together.
        """
        x = x.float().to(self.device_)
        values, given = self._numbers(x), self._numbers(known.to(x.device).expand_as(x))
        if bool((given != given[:, :, :1]).any()):
            raise ZaohuaError(
                f"a {type(self).__name__} draws all channels of a pixel together, so a pixel is known or hidden as a "
                "whole: hide all channels, or take ImageGPT or MADE"
            )
        out, exact = values.clone(), self.completes_exactly(known)
        for rows, count in ((exact, 1), (~exact, self.particles)):
            if not rows.any():
                continue
            part = noise if bool(rows.all()) else cast(ItemNoise, noise).take(rows.numpy())
            chosen = torch.nonzero(rows)[:, 0].to(x.device)
            out[chosen] = self._completed(
                values[chosen], given[chosen, :, 0], part, None if y is None else y[chosen], count
            )
        return self._images(out.flatten(1))

    def completes_exactly(self, known: Tensor) -> Tensor:
        """Return for which masks (n, 1 or C, H, W) `complete` is exact: no known number comes after an unknown one."""
        order = known.permute(0, 2, 3, 1).flatten(1).cpu()
        return ~(order & (~order).cumsum(1).bool()).any(1)

    def _completed(self, x: Tensor, given: Tensor, noise: Noise, y: Condition | None, count: int) -> Tensor:
        """Draw the numbers (n, steps, group) that aren't given, bool (n, steps), with so many particles each."""
        likelihood, net = self.likelihood(self.spec_), cast(BranchingDecoder, self.nets_["net"])
        several = ParticleNoise(noise, count)
        if y is not None:
            y = y.repeat_interleave(count, 0)
            net = cast(BranchingDecoder, guided(net, self.guide))
        particles, turn = Particles(len(x), count, x.device), noise.uniform(x.shape[1]) if count > 1 else None
        rows, state, last = x.repeat_interleave(count, 0), net.start(several.n, y), x.new_empty(several.n, 0)
        for i, is_given in enumerate(given.unbind(1)):
            parameters, each = net.step(last, state), is_given.repeat_interleave(count)
            drawn = likelihood.draw(parameters, several)  # also where it isn't needed: an item is the same alone
            rows[:, i] = torch.where(each[:, None], rows[:, i], drawn)
            if turn is not None and is_given.any():
                particles.weigh(likelihood.log_prob(parameters, rows[:, i]) * each)
                chosen = particles.resample(turn[:, i])
                if chosen is not None:
                    net.select(state, chosen)
                    rows = rows[chosen]
            last = rows[:, i]
        return rows if turn is None else rows[particles.last(several.noise.uniform())]

    @property
    def _group(self) -> int:
        """Number of numbers that are drawn at once."""
        return self.spec_.channels if self.whole_pixels else 1

    def _numbers(self, x: Tensor) -> Tensor:
        """Arrange images (n, C, H, W) in the order of drawing, (n, steps, group)."""
        return x.permute(0, 2, 3, 1).reshape(len(x), -1, self._group)

    def _images(self, numbers: Tensor) -> Tensor:
        """Arrange numbers (n, H W C) in the order of drawing as images (n, C, H, W)."""
        channels, height, width = self.spec_.tensor_shape
        return numbers.view(len(numbers), height, width, channels).permute(0, 3, 1, 2)


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
