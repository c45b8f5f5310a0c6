"""Spectra against scipy's, their exact inverse, mel bands, Griffin and Lim, mu-law."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.signal
import torch

from zaohua.modalities.sounds.spectra import (
    FLOOR,
    MelScale,
    mel_filters,
    mu_law,
    mu_law_compress,
    mu_law_expand,
    mu_law_inverse,
)

SCALES = [MelScale(8000, 256, 128, 64), MelScale(8000, 64, 16, 8), MelScale(1000, 32, 10, 4)]


def noise(n: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(2, n)).astype(np.float32) * 0.1)


@pytest.mark.parametrize("scale", SCALES[:2])
def test_stft_is_scipys(scale: MelScale) -> None:
    waves = noise(20 * scale.hop)
    *_, expected = scipy.signal.stft(
        waves.numpy(),
        window="hann",
        nperseg=scale.n_fft,
        padded=False,
        noverlap=scale.n_fft - scale.hop,
        boundary="zeros",
    )
    ours = scale.stft(waves).numpy() / 2  # scipy's has a half for a sine of amplitude one
    assert ours.shape[-2:] == (scale.n_fft // 2 + 1, 21)
    np.testing.assert_allclose(ours, expected[..., :21], atol=1e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_istft_is_the_inverse(scale: MelScale) -> None:
    waves = noise(30 * scale.hop)
    torch.testing.assert_close(scale.istft(scale.stft(waves)), waves, atol=1e-5, rtol=0)


def test_a_full_sine_has_magnitude_one_and_its_frequency() -> None:
    scale = SCALES[0]
    wave = torch.sin(2 * math.pi * 1000 * torch.arange(20 * scale.hop) / 8000)
    middle = scale.stft(wave).abs()[:, 10]
    assert middle.max() == pytest.approx(1, abs=1e-4) and middle.argmax() == 1000 / (8000 / 256)


@pytest.mark.parametrize(("rate", "n_fft", "bands"), [(8000, 256, 64), (44_100, 2048, 80), (8000, 64, 64), (99, 16, 4)])
def test_mel_bands_sum_to_one_and_none_is_empty(rate: int, n_fft: int, bands: int) -> None:
    filters = mel_filters(rate, n_fft, bands, "cpu")
    torch.testing.assert_close(filters.sum(1), torch.ones(bands))
    assert (filters >= 0).all() and (filters.max(1).values > 0).all()
    centres = (filters @ torch.arange(n_fft // 2 + 1, dtype=torch.float32)).tolist()
    assert centres == sorted(centres)


def test_silence_is_the_floor_and_louder_is_more() -> None:
    scale = SCALES[1]
    assert scale.log_mel(torch.zeros(160)).eq(math.log(FLOOR)).all()
    waves = noise(320)
    torch.testing.assert_close(scale.log_mel(waves * 4), scale.log_mel(waves) + math.log(4))


@pytest.mark.parametrize("rate", [100, 1000, 8000, 16_000, 44_100, 768_000])
def test_the_usual_scale(rate: int) -> None:
    scale = MelScale.default(rate)
    assert scale.n_fft % 2 == 0 and scale.hop == scale.n_fft // 2 and scale.bands <= scale.n_fft // 4
    assert MelScale.default(rate, 512, 100, 20) == MelScale(rate, 512, 100, 20)


def test_magnitudes_have_the_mel_bands_they_are_of() -> None:
    scale = SCALES[0]
    log_mel = scale.log_mel(noise(128 * 16))
    magnitudes = scale.magnitudes(log_mel)
    assert (magnitudes >= 0).all()
    torch.testing.assert_close((scale.filters(log_mel.device) @ magnitudes).log(), log_mel, atol=0.05, rtol=0)


def test_griffin_lim_comes_nearer_with_each_round_and_is_the_same_each_time() -> None:
    scale = SCALES[0]
    t = torch.arange(128 * 24) / 8000
    wave = 0.5 * torch.sin(2 * math.pi * (300 + 900 * t) * t) + noise(len(t))[0]
    wanted = scale.stft(wave).abs()

    def error(rounds: int) -> float:
        return float((scale.stft(scale.griffin_lim(wanted, rounds)).abs() - wanted).norm() / wanted.norm())

    errors = [error(rounds) for rounds in (1, 8, 60)]
    assert errors[0] > 1.3 * errors[1] and errors[1] > 1.3 * errors[2] and errors[2] < 0.1, errors
    assert torch.equal(scale.griffin_lim(wanted, 3), scale.griffin_lim(wanted, 3))


@pytest.mark.parametrize("levels", [256, 1024])
def test_mu_law_there_and_back(levels: int) -> None:
    codes = torch.arange(levels)
    assert torch.equal(mu_law(mu_law_inverse(codes, levels), levels), codes)
    waves = torch.linspace(-1.2, 1.2, 10_001)
    again = mu_law_inverse(mu_law(waves, levels), levels)
    mu, clipped = levels - 1, waves.clamp(-1, 1)
    step = math.log1p(mu) * (1 + mu * clipped.abs()) / mu / mu  # half of a code's width there, to first order
    assert ((again - clipped).abs() <= 1.1 * step).all()


@pytest.mark.parametrize("mu", [0.0, 31.0, 255.0])
def test_bending_there_and_back(mu: float) -> None:
    waves = torch.arange(-1000, 1001) / 1000
    bent = mu_law_compress(waves, mu)
    torch.testing.assert_close(mu_law_expand(bent, mu), waves, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(bent[[0, 1000, 2000]], torch.tensor([-1.0, 0.0, 1.0]), atol=1e-6, rtol=0)
    assert (bent.diff() > 0).all()
    slope = float(bent[1001] - bent[1000]) * 1000
    assert slope == pytest.approx(mu / math.log1p(mu) if mu else 1.0, rel=0.2)


def test_24_bits_come_back_bent() -> None:
    """Within a step of 2^-23, though what is bent is kept in single precision; mu as waves have it by default."""
    waves = torch.rand(100_000, generator=torch.Generator().manual_seed(0)) * 1.98 - 0.99
    assert float((mu_law_expand(mu_law_compress(waves, 31), 31) - waves).abs().max()) <= 2**-23
