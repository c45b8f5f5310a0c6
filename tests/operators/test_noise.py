"""Noise: its size, what an observation tells of it, and damage."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from tests.operators.cases import normal
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise, ItemNoise
from zaohua.operators.damage import Clicks, Damaged, Scratches
from zaohua.operators.masks import Mask
from zaohua.operators.noise import (
    GaussianNoise,
    NoiseAtRatio,
    NoiseStep,
    PoissonNoise,
    RecordedNoise,
    SaltAndPepper,
    poisson,
)

RECORDING = torch.sin(torch.arange(50.0)).view(1, 50)
NOISES: dict[str, NoiseStep] = {
    "normal": GaussianNoise(sigma=0.3),
    "poisson": PoissonNoise(peak=20.0),
    "salt and pepper": SaltAndPepper(share=0.3),
    "at a ratio": NoiseAtRatio(ratio=3.0),
    "recorded": RecordedNoise(RECORDING, ratio=3.0),
    "clicks": Clicks(share=0.05, length=3),
}


@pytest.mark.parametrize("name", NOISES)
def test_noise_of_an_item_depends_on_its_seed_only(name: str) -> None:
    x, step = normal(3, 1, 40).float().clamp(-1, 1), NOISES[name]
    together = step(x, ItemNoise([5, 6, 7]))
    assert torch.equal(step(x[1:2], ItemNoise([6])), together[1:2])
    assert not torch.equal(together, x)
    assert together.dtype == x.dtype and torch.equal(step(x, ItemNoise([5, 6, 7])), together)


@pytest.mark.parametrize("mean", [0.2, 3.0, 29.0, 60.0, 400.0])
def test_poisson_numbers_are_distributed_so(mean: float) -> None:
    n = 20000
    u = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    counts = poisson(torch.full((n,), mean, dtype=torch.float64), u).numpy()
    exact = stats.poisson.ppf(u.numpy(), mean)
    assert np.mean(counts != exact) < (0.0 if mean < 30 else 0.05) + 1e-9
    assert np.abs(counts - exact).max() <= 1


@pytest.mark.parametrize("name", ["poisson", "at a ratio", "recorded"])
def test_observation_tells_the_size_of_its_noise(name: str) -> None:
    step, x = NOISES[name], 0.9 * torch.sin(torch.arange(4000) / 40.0).expand(8, 1, 4000)
    seen = step(x, BatchNoise(0, 8))
    told = torch.as_tensor(step.deviation(seen)).expand(x.shape)
    error = (seen - x) / told
    assert float(error.square().mean()) == pytest.approx(1, abs=0.05)
    dark, light = error[x < -0.5], error[x > 0.5]
    assert float(dark.square().mean()) == pytest.approx(float(light.square().mean()), abs=0.15)


def test_ratio_of_signal_to_noise_is_kept_whatever_the_level() -> None:
    x = torch.cat([torch.sin(torch.arange(4000) / 40.0).view(1, 1, -1) * scale + 0.2 for scale in (0.01, 1.0)])
    for step in (NOISES["at a ratio"], NOISES["recorded"]):
        noise = step(x, BatchNoise(0, 2)) - x
        ratio = 10 * torch.log10((x - 0.2).square().mean(2) / noise.var(2))
        torch.testing.assert_close(ratio, torch.full((2, 1), 3.0), rtol=0, atol=0.05)


def test_silence_stays_silent() -> None:
    x = torch.zeros(1, 1, 30)
    for step in (NOISES["at a ratio"], NOISES["recorded"]):
        assert torch.equal(step(x, BatchNoise(0, 1)), x)


def test_recordings_are_as_they_are_and_repeated_where_short() -> None:
    x = normal(4, 1, 120).float()
    noise = NOISES["recorded"](x, BatchNoise(0, 4)) - x
    assert float((noise[..., :70] - noise[..., 50:]).abs().max()) < 1e-5  # repeats after 50 values
    long = RecordedNoise(RECORDING)(x[..., :20], BatchNoise(0, 4)) - x[..., :20]
    assert all(
        any(abs(np.corrcoef(row, RECORDING[0, k : k + 20])[0, 1]) > 0.999 for k in range(31))
        for row in long[:, 0].numpy()
    )


def test_extreme_values_are_hidden() -> None:
    x = normal(1, 1, 64, 64).float().clamp(-0.9, 0.9)
    seen = SaltAndPepper(share=0.2)(x, BatchNoise(0, 1))
    mask = SaltAndPepper(share=0.2).mask(seen)
    assert isinstance(mask, Mask) and torch.equal(mask.seen, seen == x)
    for value in (-1, 1):
        assert float((seen == value).float().mean()) == pytest.approx(0.1, abs=0.02)


def test_drawn_damage_is_known() -> None:
    for step, shape in ((Scratches(count=3, width=2.0), (3, 20, 31)), (Clicks(share=0.02, length=4), (2, 400))):
        x = normal(2, *shape).float().clamp(-0.9, 0.9)
        drawn = step.drawn(shape, ItemNoise([1, 2]))
        assert step.chooses and not drawn.chooses and isinstance(drawn, Damaged)
        seen = drawn(x, ItemNoise([3, 4]))
        mask = drawn.mask(seen)
        assert isinstance(mask, Mask)
        assert torch.equal(seen[mask.seen.expand_as(x)], x[mask.seen.expand_as(x)])
        changed = 1 - float(mask.seen.float().mean())
        assert 0.02 < changed < 0.5
        alone = step.drawn(shape, ItemNoise([2]))
        assert torch.equal(alone.hidden[0], drawn.hidden[1])


def test_clicks_last_their_length() -> None:
    hidden = Clicks(share=0.01, length=4).drawn((1, 2000), ItemNoise([0])).hidden[0, 0].int()
    edges = torch.diff(hidden, prepend=hidden[:1] * 0, append=hidden[:1] * 0).nonzero()[:, 0].view(-1, 2)
    lengths = edges[:, 1] - edges[:, 0]
    assert lengths[:-1].min() == 4 and len(lengths) > 5


def test_damage_of_another_kind_of_data_is_one_line() -> None:
    with pytest.raises(ZaohuaError, match="'scratches 5' are of pictures; 'clicks' are of sounds"):
        Scratches()(torch.zeros(1, 1, 50), BatchNoise(0, 1))
    with pytest.raises(ZaohuaError, match="'clicks 0.001' are of sounds; 'scratches' are of pictures"):
        Clicks()(torch.zeros(1, 1, 5, 5), BatchNoise(0, 1))
