"""Likeness of waves, against values worked out by hand."""

import numpy as np
import pytest

from zaohua.metrics.restored_waves import FLOOR, MOST, log_spectral_distance, si_sdr

T = np.arange(4000)
WAVE, OTHER = np.sin(2 * np.pi * T / 40), np.sin(2 * np.pi * T / 16)  # whole periods: orthogonal, of one power


@pytest.mark.parametrize("ratio", [-20.0, 0.0, 7.5, 40.0])
def test_si_sdr_is_the_ratio_of_powers_whatever_the_level_and_mean(ratio: float) -> None:
    made = 0.3 * (WAVE + 10 ** (-ratio / 20) * OTHER) + 0.2
    assert si_sdr(made, WAVE - 0.1) == pytest.approx(ratio, abs=1e-9)


def test_si_sdr_of_equal_opposite_orthogonal_and_silent_waves() -> None:
    assert si_sdr(2 * WAVE, WAVE) == MOST and si_sdr(-WAVE, WAVE) == MOST
    assert si_sdr(OTHER, WAVE) == -MOST and si_sdr(0 * WAVE, WAVE) == -MOST and si_sdr(WAVE, 0 * WAVE) == -MOST
    assert si_sdr(0 * WAVE, 0 * WAVE) == MOST


def test_si_sdr_of_channels_counts_them_together() -> None:
    made = np.stack([WAVE + OTHER, WAVE], 1)
    # the real power is 2, that of the rest 1
    assert si_sdr(made, np.stack([WAVE, WAVE], 1)) == pytest.approx(10 * np.log10(2), abs=1e-9)


@pytest.mark.parametrize("gain", [0.1, 0.5, 3.0])
def test_log_spectral_distance_of_another_level_is_its_logarithm(gain: float) -> None:
    noise = np.random.default_rng(0).standard_normal(4000)
    assert log_spectral_distance(gain * noise, noise, 256) == pytest.approx(abs(2 * np.log10(gain)), abs=1e-9)


def test_log_spectral_distance_of_silence_is_that_to_the_floor() -> None:
    impulse = np.zeros(256)
    impulse[128] = 1  # all frequencies have the same power
    assert log_spectral_distance(0 * impulse, impulse, 256) == pytest.approx(-np.log10(FLOOR), abs=1e-9)
    assert log_spectral_distance(impulse[:100], impulse[:100], 256) == 0  # shorter than a window


def test_log_spectral_distance_counts_channels_as_frames() -> None:
    noise = np.random.default_rng(0).standard_normal((4000, 2))
    made = noise * [1, 10]
    assert log_spectral_distance(made, noise, 128) == pytest.approx(1.0, abs=0.02)  # the floor is the louder one's
