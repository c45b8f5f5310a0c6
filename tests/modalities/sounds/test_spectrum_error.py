"""The error of complex spectrograms, and their loudness."""

import numpy as np
import pytest
import torch

import zaohua as zh
from zaohua.core.noise import ItemNoise
from zaohua.modalities.sounds.spectrum import LEAST

WAVES = torch.randn(3, 1, 400, generator=torch.Generator().manual_seed(0)) / 10


@pytest.fixture(scope="module", params=[1.0, 0.5])
def codec(request: pytest.FixtureRequest) -> zh.SpectrumCodec:
    return zh.SpectrumCodec(power=request.param, seconds=0.1).fit([zh.Sound(wave[0], 4000) for wave in WAVES.numpy()])


@pytest.mark.parametrize("part", [-0.5, 0.1, 1.0])
def test_the_error_is_the_share_of_the_power_that_is_wrong_in_three_ways(codec: zh.SpectrumCodec, part: float) -> None:
    real = codec.prepare(WAVES, ItemNoise([0] * 3))
    wave = (1 + part) ** (1 / codec.power) - 1  # of numbers before they are raised
    expected = sum(np.log10(share**2 + LEAST) for share in (part, part, wave))
    np.testing.assert_allclose(codec.error((1 + part) * real, real), expected, atol=1e-3)


def test_other_phases_leave_magnitudes_right_and_silence_has_no_error(codec: zh.SpectrumCodec) -> None:
    real = codec.prepare(WAVES, ItemNoise([0] * 3))
    expected = 2 * np.log10(4 + LEAST) + np.log10(LEAST)
    np.testing.assert_allclose(codec.error(-real, real), expected, atol=1e-3)
    silent = torch.zeros_like(real).requires_grad_()
    error = codec.error(silent, 0 * real)
    error.sum().backward()
    assert torch.equal(error, torch.full((3,), 3 * np.log10(LEAST))) and silent.grad is not None
    assert silent.grad.isfinite().all()


def test_the_gain_makes_sounds_as_loud_as_those_of_training(codec: zh.SpectrumCodec) -> None:
    gains = codec.gain(0.25 * WAVES)
    np.testing.assert_allclose(gains, 4, rtol=0.1)  # each sound is about as loud as the mean of all
    np.testing.assert_allclose(codec.gain(WAVES * (gains / 4).view(-1, 1, 1)), 1, rtol=1e-4)


def test_waves_may_go_beyond_full_scale_until_they_are_sounds(codec: zh.SpectrumCodec) -> None:
    x = codec.prepare(20 * WAVES, ItemNoise([0] * 3))
    np.testing.assert_allclose(codec.unclipped(x)[..., 20:380], 20 * WAVES[..., 20:380], atol=1e-3)
    assert max(sound.peak for sound in codec.decode(x)) == 1
