"""Autoregressive models of pictures: probabilities sum to one, and samples are as frequent as they say."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

import zaohua as zh
from zaohua.families.likelihoods import LogisticMixture
from zaohua.nn.made import MaskedMLP
from zaohua.noise import BatchNoise
from zaohua.spec import DataSpec, Head

LABELS = DataSpec(axes=(), shape=(), heads=(Head("label", "category", size=3),))


def pictures(channels: int, height: int, width: int, levels: int) -> tuple[DataSpec, torch.Tensor]:
    """A spec, and every picture there is."""
    spec = DataSpec(("height", "width"), (height, width), (Head("pixel", "real", channels, levels),))
    values = torch.linspace(-1, 1, levels).tolist()
    every = torch.tensor(list(itertools.product(values, repeat=spec.size)))
    return spec, every.view(-1, channels, height, width)


@pytest.mark.parametrize(("shape", "levels"), [((1, 2, 3), 2), ((3, 1, 2), 2), ((1, 2, 2), 4), ((2, 1, 2), 3)])
@pytest.mark.parametrize("conditional", [False, True])
def test_probabilities_of_all_pictures_sum_to_one(shape: tuple[int, int, int], levels: int, conditional: bool) -> None:
    spec, x = pictures(*shape, levels)
    model = zh.MADE(hidden=32, components=2, dropout=0.0)
    model.spec_, model.y_spec_ = spec, LABELS if conditional else None
    torch.manual_seed(0)
    model.nets_ = model.build(spec, model.y_spec_).eval()
    with torch.no_grad():
        for p in model.nets_.parameters():
            p.add_(torch.randn_like(p))
        y = torch.full((len(x),), 2) if conditional else None
        p = model.log_prob(x, y, BatchNoise(0, len(x))).double().exp()
        assert p.sum() == pytest.approx(1, abs=1e-4) and p.std() > 0.1 * p.mean()
        n = 4000
        drawn = model.draw(BatchNoise(1, n), torch.full((n,), 2) if conditional else None)
    which = ((drawn[:, None] - x[None]).abs() < 1e-4).flatten(2).all(2)
    assert which.any(1).all()  # every sample is one of the pictures
    share = which.double().mean(0)
    assert (share - p).abs().max() < 5 * (p * (1 - p) / n).sqrt().max()


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


def test_learns_what_pixels_have_to_do_with_each_other() -> None:
    """A picture of which every row is the first one, or its negative: one bit a row, four for the first."""
    rng = np.random.default_rng(0)
    first, sign = rng.integers(0, 2, (3000, 1, 4)), rng.integers(0, 2, (3000, 3, 1))
    images = (np.concatenate([first, first ^ sign], axis=1) * 255).astype(np.uint8)
    model: Any = zh.MADE(hidden=256, dropout=0.0, max_steps=600, learning_rate=5e-3, random_state=0, device="cpu",
                         codec=zh.ImageCodec(binarize="static")).fit(images[:2800])
    assert -model.score(images[2800:]) == pytest.approx(7 * np.log(2), abs=0.2)
    rows = model.sample(50, random_state=0) > 127
    assert (rows[:, 1:] == rows[:, :1]).all(2).sum() + (rows[:, 1:] != rows[:, :1]).all(2).sum() > 0.95 * 150
