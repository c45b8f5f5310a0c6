"""Models of series and of voxels: Flow, EDM and DDPM learn both, and their numbers are those of closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise, ItemNoise
from zaohua.core.spec import DataSpec, Feature
from zaohua.families.likelihoods import ColourMixture, GaussianLikelihood, LogisticMixture
from zaohua.models.ddpm import DDPM
from zaohua.models.edm import EDM
from zaohua.models.flow import Flow
from zaohua.models.image_gpt import ImageGPT
from zaohua.models.pixelcnn import PixelCNN
from zaohua.models.vae import VAE
from zaohua.models.vq_vae import VQVAE
from zaohua.training.events import Batch

SHAPES = [(14,), (3, 5, 2)]
NAMES = ("depth", "height", "width")


def grid(*shape: int, channels: int = 1, scale: float = 1.0, levels: int | None = None) -> DataSpec:
    feature = Feature("value", "real", channels, levels, scale)
    return DataSpec(("time",) if len(shape) == 1 else NAMES[-len(shape) :], shape, (feature,))


def fitted(model: Any, spec: DataSpec, net: nn.Module | None = None) -> Any:
    """A model as it is once it knows its data, with its own network or another one."""
    model.codec_, model.spec_, model.y_spec_ = None, spec, None  # tensors only: no codec is asked
    model.nets_ = model.build(spec, None) if net is None else nn.ModuleDict({"net": net})
    return model


def train(model: Any, batch: Callable[[], Tensor], steps: int) -> list[float]:
    """Losses of plain training."""
    optimizer = torch.optim.AdamW(model.nets_.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    losses = []
    for step in range(steps):
        x = batch()
        loss = model.loss(model.nets_, Batch(x, None, BatchNoise(step, len(x))), "denoiser").mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cls", [Flow, EDM, DDPM])
def test_one_item_is_learnt_by_heart(cls: type[Any], shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    model = fitted(cls(channels=16, precision="float32", device="cpu"), grid(*shape, channels=2, levels=256))
    item = torch.rand(2, *shape) * 2 - 1
    losses = train(model, lambda: item.expand(32, -1, *[-1] * len(shape)), 150)
    assert sum(losses[-20:]) < 0.3 * sum(losses[:20])
    with torch.no_grad():
        made = model.draw(ItemNoise(range(5)), None)
    assert made.shape == (5, 2, *shape)
    errors = (made - item).square().flatten(1).mean(1).sqrt()
    assert errors.median() < 0.15  # the noise that DDPM predicts, little trained, leads one of them astray


@pytest.mark.parametrize("shape", [(12,), (2, 3, 2)])
def test_the_loss_of_gaussian_numbers_falls_to_the_least_there_is(shape: tuple[int, ...]) -> None:
    """Of x ~ N(0, s^2) the variance of e - x given x_t = (1 - t) x + t e is s^2 / ((1 - t)^2 s^2 + t^2)."""
    torch.manual_seed(0)
    spread = 0.2
    model = fitted(Flow(channels=8, time_distribution="uniform", device="cpu"), grid(*shape))
    t = (torch.arange(10_000) + 0.5) / 10_000
    least = (spread**2 / (((1 - t) * spread) ** 2 + t**2)).mean().item()
    losses = train(model, lambda: spread * torch.randn(64, 1, *shape), 200)
    assert losses[0] == pytest.approx(1 + spread**2, rel=0.2)  # the network is silent at first
    assert sum(losses[-40:]) / 40 == pytest.approx(least, rel=0.1)


class Straight(nn.Module):
    """The velocity of the flow to N(0, s^2), in closed form."""

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.spread = nn.Parameter(torch.tensor(spread))

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None, keep: Tensor | None = None) -> Tensor:
        s, t = self.spread, (t / 1000).view(-1, *[1] * (x.ndim - 1))
        return (t - (1 - t) * s**2) / ((1 - t) ** 2 * s**2 + t**2) * x


@pytest.mark.parametrize("trace", ["exact", "hutchinson"])
@pytest.mark.parametrize("shape", SHAPES)
def test_likelihoods_and_latents_of_a_gaussian(shape: tuple[int, ...], trace: Literal["exact", "hutchinson"]) -> None:
    """Per unit of the item, of which one of the tensor is 4; both traces are exact where all directions are alike."""
    spread, spec = 0.6, grid(*shape, channels=2, scale=4.0)
    model = fitted(Flow(divergence=trace, score_steps=100, device="cpu"), spec, Straight(spread))
    x = spread * torch.randn(3, 2, *shape)
    expected = torch.distributions.Normal(0, 4 * spread).log_prob(4 * x).flatten(1).sum(1)
    found = model.log_prob(x, None, ItemNoise([1, 2, 3])).detach()
    torch.testing.assert_close(found.float(), expected, rtol=1e-3, atol=2e-2)
    with torch.no_grad():
        z = model.encode(x, None, ItemNoise([1, 2, 3]))
        assert z.shape == (3, model.latent_size) == (3, 2 * math.prod(shape))
        torch.testing.assert_close(z, x.flatten(1) / spread, rtol=2e-3, atol=2e-3)
        torch.testing.assert_close(model.decode(z, None), x, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_likelihoods_of_places_take_any_axes(shape: tuple[int, ...]) -> None:
    """As many numbers in a row: the axes make no difference."""
    n = math.prod(shape)
    for likelihood, levels in (
        (LogisticMixture(256, 3), 256),
        (ColourMixture(256, 3), 256),
        (GaussianLikelihood(grid(*shape, channels=2, scale=3.0)), None),
    ):
        x = torch.rand(4, 2, *shape) * 2 - 1
        x = x if levels is None else (x * 127.5 + 127.5).round() / 127.5 - 1
        parameters = torch.randn(4, likelihood.outputs(2), *shape)
        row = likelihood.log_prob(parameters.view(4, -1, 1, n), x.view(4, 2, 1, n))
        torch.testing.assert_close(likelihood.log_prob(parameters, x), row)
        drawn = likelihood.draw(parameters, ItemNoise([1, 2, 3, 4]))
        torch.testing.assert_close(
            drawn.view(4, 2, 1, n), likelihood.draw(parameters.view(4, -1, 1, n), ItemNoise([1, 2, 3, 4]))
        )


@pytest.mark.parametrize("shape", SHAPES)
def test_a_vae_of_perceptrons_takes_any_axes(shape: tuple[int, ...]) -> None:
    spec = grid(*shape, channels=2)
    nets = VAE(encoder="mlp", decoder="mlp", hidden=8, latent_dim=3).build(spec, None)
    assert nets["encoder"](torch.randn(5, 2, *shape)).shape == (5, 6)
    assert nets["decoder"](torch.randn(5, 3)).shape == (5, 4, *shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cls", [VAE, VQVAE, PixelCNN, ImageGPT])
def test_models_of_pictures_say_which_models_take_others(cls: type[Any], shape: tuple[int, ...]) -> None:
    with pytest.raises(ZaohuaError, match=f"2 axes, not items on {len(shape)} axes.*Flow, EDM and DDPM learn"):
        cls().build(grid(*shape, levels=256), None)
