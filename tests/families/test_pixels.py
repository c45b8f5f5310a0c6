"""Autoregressive models of pictures: probabilities sum to one, and samples are as frequent as they say."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

import zaohua as zh
from zaohua.core.noise import BatchNoise, ItemNoise
from zaohua.core.spec import DataSpec, Feature
from zaohua.families.autoregressive.pixels import UncachedDecoder
from zaohua.families.likelihoods import ColourMixture, LogisticMixture
from zaohua.nn.made import MaskedMLP

LABELS = DataSpec(axes=(), shape=(), features=(Feature("label", "category", size=3),))


def pictures(channels: int, height: int, width: int, levels: int) -> tuple[DataSpec, torch.Tensor]:
    """A spec, and every picture there is."""
    spec = DataSpec(("height", "width"), (height, width), (Feature("pixel", "real", channels, levels),))
    values = torch.linspace(-1, 1, levels).tolist()
    every = torch.tensor(list(itertools.product(values, repeat=spec.size)))
    return spec, every.view(-1, channels, height, width)


MODELS: dict[str, dict[str, Any]] = {
    "MADE": {"hidden": 32, "components": 2},
    "PixelCNN": {"width": 8, "layers": 2, "components": 2},
    "ImageGPT": {"width": 16, "layers": 2, "heads": 2},
}
"""Every model of the family, small."""


def untrained(name: str, spec: DataSpec, conditional: bool, **fields: Any) -> Any:
    """A model with random weights."""
    model = getattr(zh, name)(**{"dropout": 0.0, **MODELS[name], **fields})
    model.spec_, model.y_spec_ = spec, LABELS if conditional else None
    torch.manual_seed(0)
    model.nets_ = model.build(spec, model.y_spec_).eval().requires_grad_(False)
    for p in model.nets_.parameters():
        p.add_(torch.randn_like(p) / max(1.0, p[0].numel() / 8) ** 0.5)
    return model


@pytest.mark.parametrize(("shape", "levels"), [((1, 2, 3), 2), ((3, 1, 2), 2), ((1, 2, 2), 4), ((2, 1, 2), 3)])
@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_probabilities_of_all_pictures_sum_to_one(
    name: str, shape: tuple[int, int, int], levels: int, conditional: bool
) -> None:
    spec, x = pictures(*shape, levels)
    model = untrained(name, spec, conditional)
    with torch.no_grad():
        y = torch.full((len(x),), 2) if conditional else None
        p = model.log_prob(x, y, BatchNoise(0, len(x))).double().exp()
        assert p.sum() == pytest.approx(1, abs=1e-4) and p.std() > 0.1 * p.mean()
        n = 4000
        drawn = model.draw(BatchNoise(1, n), torch.full((n,), 2) if conditional else None)
    which = ((drawn[:, None] - x[None]).abs() < 1e-4).flatten(2).all(2)
    assert which.any(1).all()  # every sample is one of the pictures
    share = which.double().mean(0)
    assert (share - p).abs().max() < 5 * (p * (1 - p) / n).sqrt().max()


@pytest.mark.parametrize(("channels", "levels"), [(1, 2), (3, 4), (1, 256), (3, 256)])
@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_decoding_gives_what_reading_the_whole_picture_gives(
    name: str, channels: int, levels: int, conditional: bool
) -> None:
    spec = DataSpec(("height", "width"), (5, 4), (Feature("pixel", "real", channels, levels),))
    model = untrained(name, spec, conditional, guidance=2.0 if conditional else 1.0)
    net, y = model.nets_["net"], torch.tensor([0, 2, 1]) if conditional else None
    with torch.no_grad():
        drawn = model.draw(ItemNoise([1, 2, 3]), y)
        naive = model.draw_from(UncachedDecoder(net, spec, model.whole_pixels), ItemNoise([1, 2, 3]), y)
        assert torch.equal(drawn, naive) and drawn.std() > 0.1
        alone = model.draw(ItemNoise([2]), None if y is None else y[1:2])
        assert torch.equal(alone, drawn[1:2])
        states = [decoder.start(3, y) for decoder in (net, UncachedDecoder(net, spec, model.whole_pixels))]
        group = channels if model.whole_pixels else 1
        numbers = drawn.permute(0, 2, 3, 1).flatten(1)
        for i in range(0, numbers.shape[1], group):
            last = numbers[:, max(0, i - group) : i]
            cached, whole = (
                net.step(last, states[0]),
                UncachedDecoder(net, spec, model.whole_pixels).step(last, states[1]),
            )
            assert torch.allclose(cached, whole, atol=1e-5)


@pytest.mark.parametrize("layers", [1, 3])
def test_masked_outputs_see_only_what_is_before(layers: int) -> None:
    spec, _ = pictures(2, 2, 2, 2)
    torch.manual_seed(0)
    net = MaskedMLP(spec, n_parameters=3, hidden=40, layers=layers)
    for p in net.parameters():
        torch.nn.init.normal_(p)
    x = torch.randn(1, 2, 2, 2)
    slopes = torch.autograd.functional.jacobian(net.eval(), x)[0, :, :, :, 0]  # (3 x 2, h, w, c, h, w)
    slopes = slopes.view(3, 2, 2, 2, 2, 2, 2).abs().sum(0)  # (c, h, w) of the output, (c, h, w) of the input
    order = torch.arange(8).view(2, 2, 2).permute(2, 0, 1)
    before = order[:, :, :, None, None, None] > order[None, None, None]
    assert torch.equal(slopes > 0, before)


def test_mixture_of_logistics_sums_to_one_and_draws_what_it_says() -> None:
    torch.manual_seed(0)
    mixture, levels = LogisticMixture(7, 3), torch.linspace(-1, 1, 7)
    parameters = torch.randn(1, 9, 1, 1)
    p = mixture.log_prob(parameters.expand(7, -1, -1, -1), levels.view(7, 1, 1, 1)).exp()
    assert p.sum() == pytest.approx(1, abs=1e-5)
    n = 20_000
    drawn = mixture.draw(parameters.expand(n, -1, -1, -1), BatchNoise(0, n)).flatten()
    share = torch.stack([(drawn - level).abs() < 1e-4 for level in levels]).double().mean(1)
    assert (share - p).abs().max() < 0.015 and share.sum() == pytest.approx(1)


def test_mixture_of_colours_couples_channels_sums_to_one_and_draws_what_it_says() -> None:
    torch.manual_seed(0)
    mixture = ColourMixture(3, 2)
    x = torch.tensor(list(itertools.product([-1.0, 0.0, 1.0], repeat=3))).view(27, 3, 1, 1)
    assert mixture.outputs(3) == 20
    parameters = torch.randn(1, 20, 1, 1)
    parameters.view(2, 10)[:, 4:7] += 1.5  # wide, so that all levels come
    p = mixture.log_prob(parameters.expand(27, -1, -1, -1), x).double().exp()
    assert p.sum() == pytest.approx(1, abs=1e-5)
    joint = p.view(3, 3, 3).sum(2)
    assert (joint - joint.sum(1, keepdim=True) * joint.sum(0)).abs().max() > 0.01
    n = 20_000
    drawn = mixture.draw(parameters.expand(n, -1, -1, -1), BatchNoise(0, n))
    share = ((drawn[:, None] - x).abs() < 1e-4).flatten(2).all(2).double().mean(0)
    assert (share - p).abs().max() < 0.015 and share.sum() == pytest.approx(1)


def test_mixture_of_one_channel_is_a_mixture_of_logistics() -> None:
    parameters, x = torch.randn(4, 6, 2, 2), torch.randint(0, 7, (4, 1, 2, 2)) / 3 - 1
    parts = parameters.unflatten(1, (3, 2)).transpose(1, 2).flatten(1, 2)
    assert torch.allclose(ColourMixture(7, 2).log_prob(parts, x), LogisticMixture(7, 2).log_prob(parameters, x))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("MADE", {"hidden": 256, "max_steps": 600, "learning_rate": 5e-3}),
        ("PixelCNN", {"width": 16, "layers": 4, "max_steps": 200, "learning_rate": 3e-2}),
        ("ImageGPT", {"width": 32, "layers": 2, "heads": 4, "max_steps": 350, "learning_rate": 1e-2}),
    ],
)
def test_learns_what_pixels_have_to_do_with_each_other(name: str, fields: dict[str, Any]) -> None:
    """A picture of which every row is the first one, or its negative: one bit a row, four for the first."""
    rng = np.random.default_rng(0)
    first, sign = rng.integers(0, 2, (3000, 1, 4)), rng.integers(0, 2, (3000, 3, 1))
    images = (np.concatenate([first, first ^ sign], axis=1) * 255).astype(np.uint8)
    model: Any = getattr(zh, name)(
        dropout=0.0, random_state=0, device="cpu", batch_size=64, **fields, codec=zh.ImageCodec(binarize="static")
    ).fit(images[:2800])
    assert -model.score(images[2800:]) == pytest.approx(7 * np.log(2), abs=0.2)
    rows = model.sample(50, random_state=0) > 127
    assert (rows[:, 1:] == rows[:, :1]).all(2).sum() + (rows[:, 1:] != rows[:, :1]).all(2).sum() > 0.95 * 150
