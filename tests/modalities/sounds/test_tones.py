"""The sounds that are made on the spot: what they are, seen by their spectra."""

from __future__ import annotations

import time

import numpy as np
import pytest

from zaohua.modalities import MelCodec, datasets, read
from zaohua.modalities.sounds import tones
from zaohua.modalities.sounds.sound import Sound

KINDS = ["tone", "chirp-up", "chirp-down", "drum", "bell", "siren"]


@pytest.fixture(scope="module")
def kinds() -> dict[str, list[Sound]]:
    sounds, labels = datasets.load("tones", "test")
    return {kind: [sound for sound, label in zip(sounds, labels, strict=True) if label == kind] for kind in KINDS}


def peaks(sound: Sound, width: int = 512) -> np.ndarray:
    """The frequency that is loudest in each window of 64 ms, half a window apart, in hertz."""
    windows = np.lib.stride_tricks.sliding_window_view(sound.samples, width)[:: width // 2] * np.hanning(width)
    return np.abs(np.fft.rfft(windows, 4096)).argmax(1) * sound.rate / 4096


def energy(sound: Sound) -> float:
    """Share of the energy in the first quarter."""
    power = sound.samples.astype(float) ** 2
    return float(power[: len(power) // 4].sum() / power.sum())


def test_splits_are_balanced_apart_and_the_same_each_time():
    began = time.process_time()
    (train, labels), (test, other) = datasets.load("tones"), datasets.load("tones", "test")
    assert time.process_time() - began < 3  # about 0.2 s on an idle core
    assert (len(train), len(test)) == (900, 180)
    assert {labels.count(kind) for kind in KINDS} == {150} and {other.count(kind) for kind in KINDS} == {30}
    assert set(labels) == set(KINDS)
    assert len({sound.samples.tobytes() for sound in [*train, *test]}) == 1080
    assert datasets.load("tones", "test")[0] == test and tones.make("train") == (train, labels)


def test_what_was_made_when_the_set_was_published_is_made_today():
    sounds, labels = tones.make("test")
    assert labels[:2] == ["tone", "chirp-up"] and [len(sound) for sound in sounds[:3]] == [2868, 3468, 3215]
    assert float(np.abs(sounds[0].samples).sum()) == pytest.approx(488.0793, rel=1e-5)


def test_no_global_random_state_is_touched():
    before = np.random.get_state()[1].copy()
    tones.make("test")
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_sounds_are_short_begin_and_end_in_silence_and_differ_in_loudness(kinds: dict[str, list[Sound]]):
    sounds = [sound for same in kinds.values() for sound in same]
    loud = np.array([np.abs(sound.samples).max() for sound in sounds])
    assert loud.min() >= 0.14 and loud.max() <= 0.61 and loud.std() > 0.1
    assert all(0.25 <= sound.seconds <= 0.48 and sound.rate == 8000 for sound in sounds)
    assert all(abs(sound.samples[0]) == 0 == abs(sound.samples[-1]) for sound in sounds)


def test_a_tone_stays_and_has_harmonics(kinds: dict[str, list[Sound]]):
    for sound in kinds["tone"]:
        found = peaks(sound)
        assert np.ptp(found) < 10 and 145 < found[0] < 605
        spectrum = np.abs(np.fft.rfft(sound.samples * np.hanning(len(sound)), 8000))  # a bin for each hertz
        pitch, about = round(found.mean()), 8
        for k in (2, 3):
            here, between = spectrum[k * pitch - about : k * pitch + about], spectrum[round((k + 0.5) * pitch)]
            assert here.max() > 5 * between


def test_chirps_rise_and_fall_by_two_octaves_and_more(kinds: dict[str, list[Sound]]):
    for kind, way in (("chirp-up", 1), ("chirp-down", -1)):
        for sound in kinds[kind]:
            found = peaks(sound)[::way]
            assert (np.diff(found) > 0).all() and found[-1] / found[0] > 2.4, kind  # windows reach over the ends


def test_a_drum_is_loud_at_first_and_low_behind(kinds: dict[str, list[Sound]]):
    for sound in kinds["drum"]:
        assert energy(sound) > 0.7 and peaks(sound)[1] < 200
    assert np.mean([energy(sound) for sound in kinds["tone"]]) < 0.3


def test_a_bell_dies_away_and_its_partials_are_no_harmonics(kinds: dict[str, list[Sound]]):
    for sound in kinds["bell"]:
        assert 0.35 < energy(sound) < 0.95
        spectrum = np.abs(np.fft.rfft(sound.samples * np.hanning(len(sound)), 8000))
        pitch = 390 + spectrum[390:810].argmax()
        assert spectrum[round(1.67 * pitch) - 9 : round(1.67 * pitch) + 9].max() > 3 * spectrum[2 * pitch]


def test_a_siren_wavers(kinds: dict[str, list[Sound]]):
    for sound in kinds["siren"]:
        found = np.log2(peaks(sound, 256))
        turns = (np.diff(np.sign(np.diff(found))) != 0).sum()
        assert 0.4 < np.ptp(found) < 1.3 and turns >= 1


def test_it_is_read_as_any_set_of_sounds():
    sounds, labels = read("tones", y=True, split="test")
    codec = MelCodec().fit(sounds)
    assert codec.spec_.shape == (64, 32) and labels[:6] == KINDS and codec.form_.rate == 8000
