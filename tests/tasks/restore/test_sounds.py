"""Restoration of sounds: gaps by interpolation, windows, and models that were trained on pairs."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import gathered
from zaohua.tasks.restore.restoring import restore
from zaohua.tasks.restore.sound_denoiser import hidden_frames
from zaohua.tasks.restore.sounds.clipping import beyond, clip_level
from zaohua.tasks.restore.sounds.interpolation import coefficients, interpolated, least_errors, runs
from zaohua.tasks.restore.sounds.tracks import resampled
from zaohua.tasks.restore.sounds.windows import Windows

RATE = 4000
RNG = np.random.default_rng(0)


def tone(n: int, hertz: float = 200.0) -> np.ndarray:
    return np.float32(0.4 * np.sin(2 * np.pi * hertz * np.arange(n) / RATE))


@pytest.fixture(scope="module")
def model() -> zh.EDM:
    """A model of pairs that learnt next to nothing, of items of 0.1 s."""
    clean = [zh.Sound(tone(400, hertz), RATE) for hertz in (150, 200, 250, 300)]
    noisy = [zh.Sound(one.samples + np.float32(0.05 * RNG.standard_normal(400)), RATE) for one in clean]
    codec = zh.SpectrumCodec(seconds=0.1)
    made = zh.EDM(codec=codec, y_codec=codec, channels=8, max_steps=2, batch_size=2, steps=2, random_state=0)
    return made.fit(clean, noisy)


@pytest.fixture(scope="module")
def mel_model() -> zh.Flow:
    """A model of mel spectrograms that learnt next to nothing, and was trained on no pairs."""
    made = zh.Flow(codec=zh.MelCodec(seconds=0.1), channels=8, max_steps=2, batch_size=2, vocoder=False, random_state=0)
    return made.fit([zh.Sound(tone(400, hertz), RATE) for hertz in (150, 200, 250, 300)])


# ---- interpolation


def process(n: int, a: np.ndarray) -> np.ndarray:
    """Return the covariance of n samples of the process sum_k a_k x_(t-k) = e_t, by its impulse response."""
    response = np.zeros(2000)
    for t in range(len(response)):
        past = response[max(0, t - len(a) + 1) : t][::-1]
        response[t] = (t == 0) - a[1 : 1 + len(past)] @ past
    lags = np.array([response[: len(response) - lag] @ response[lag:] for lag in range(n)])
    return lags[np.abs(np.arange(n)[:, None] - np.arange(n))]


@pytest.mark.parametrize("missing", [slice(20, 28), slice(0, 5), slice(56, 60), [0, 20, 21, 25, 33, 59]])
def test_interpolation_is_the_mean_of_an_autoregressive_process_given_the_rest(missing: slice | list[int]) -> None:
    a = np.array([1, -1.5, 0.8])
    covariance = process(60, a)
    wave = np.linalg.cholesky(covariance) @ RNG.standard_normal(60)
    gap = np.zeros(60, bool)
    gap[missing] = True
    expected = covariance[np.ix_(gap, ~gap)] @ np.linalg.solve(covariance[np.ix_(~gap, ~gap)], wave[~gap])
    np.testing.assert_allclose(least_errors(wave, gap, a), expected, atol=1e-9)


def test_the_coefficients_of_a_process_are_found() -> None:
    a = np.array([1, -1.5, 0.8])
    errors, wave = RNG.standard_normal(20_000), np.zeros(20_000)
    for t in range(2, len(wave)):
        wave[t] = errors[t] - a[1:] @ wave[t - 2 : t][::-1]
    np.testing.assert_allclose(coefficients(wave, 2), a, atol=0.02)


@pytest.mark.parametrize(("start", "stop"), [(0, 40), (380, 400), (150, 190)])
def test_a_tone_goes_on_through_a_gap_inside_and_at_both_ends(start: int, stop: int) -> None:
    gap = np.zeros(400, bool)
    gap[start:stop] = True
    wave = tone(400)
    made = interpolated(np.where(gap, 9.0, wave), gap, 32)
    assert np.array_equal(made[~gap], wave[~gap])
    assert np.square(made - wave)[gap].mean() < 0.05 * np.square(wave[gap]).mean()


def test_waves_that_are_all_hidden_or_silent_or_short_are_filled_with_silence() -> None:
    assert not interpolated(tone(50), np.ones(50, bool), 32).any()
    assert not interpolated(np.zeros(200), np.arange(200) < 20, 32).any()
    assert np.isfinite(interpolated(tone(3), np.array([False, True, False]), 32)).all()


def test_the_ends_of_very_long_gaps_go_on_and_fade_to_silence() -> None:
    wave, gap = tone(3000), np.arange(3000) // 1000 == 1
    made = interpolated(wave, gap, 16)
    np.testing.assert_allclose(made[1000:1020], wave[1000:1020], atol=0.06)
    np.testing.assert_allclose(made[1980:2000], wave[1980:2000], atol=0.06)
    assert not made[1256:1744].any() and np.array_equal(made[~gap], wave[~gap].astype(float))


def test_gaps_nearer_than_the_order_are_one() -> None:
    gaps = np.zeros(50, bool)
    gaps[[3, 4, 9, 30]] = True
    assert runs(gaps) == [(3, 5), (9, 10), (30, 31)] and runs(gaps, 8) == [(3, 10), (30, 31)]
    assert runs(np.zeros(5, bool)) == []


# ---- clipping


def test_the_level_of_clipping_is_that_of_the_plateaus() -> None:
    wave = tone(400)
    assert clip_level(np.clip(wave, -0.25, 0.25)) == pytest.approx(0.25)
    rounded = np.round(np.clip(wave, -0.25, 0.25) * 32768) / 32768
    assert clip_level(rounded) == pytest.approx(0.25, abs=1e-4)
    assert clip_level(wave + np.float32(1e-3) * RNG.standard_normal(400)) is None and clip_level(np.zeros(9)) is None


def test_what_was_clipped_is_further_out_and_all_else_as_given() -> None:
    wave = np.clip(tone(400), -0.25, 0.25)
    made = beyond(np.zeros(400), wave, 0.25)
    assert np.array_equal(made, wave)  # zero would be inside
    made = beyond(tone(400) + 0.01, wave, 0.25)
    cut = np.abs(wave) == np.float32(0.25)
    assert np.array_equal(made[~cut], wave[~cut]) and (np.abs(made)[cut] >= 0.25).all() and np.abs(made).max() > 0.39


# ---- windows


@pytest.mark.parametrize("n", [1, 63, 64, 65, 200, 333])
def test_windows_that_are_left_as_they_are_add_up_to_the_recording(n: int) -> None:
    wave = RNG.standard_normal((2, n)).astype(np.float32)
    windows = Windows([wave], 64)
    (made,) = windows.joined(windows.cut(slice(None)))
    np.testing.assert_allclose(made, wave, atol=1e-6)


def test_windows_fade_without_a_jump_and_draws_keep_their_level() -> None:
    n, length = 4096, 256
    silence = np.zeros((1, n), np.float32)
    windows = Windows([silence], length)
    levels = np.ones((len(windows), 1, length)) * RNG.uniform(0.5, 1, (len(windows), 1, 1))  # windows that disagree
    (made,) = windows.joined(levels)
    assert np.abs(np.diff(made)).max() < 0.5 * np.pi / (length / 2)
    drawn = Windows([silence], length, alike=False)
    (made,) = drawn.joined(RNG.standard_normal((len(drawn), 1, length)))
    assert np.square(made).mean() == pytest.approx(1, abs=0.1)


def test_only_windows_with_something_to_find_are_made() -> None:
    wanted = np.zeros(1000, bool)
    wanted[500:520] = True
    windows = Windows([np.zeros((1, 1000), np.float32)] * 2, 64, [wanted, ~wanted & False])
    assert windows.places == [(0, 448), (0, 480), (0, 512)]


# ---- restore


def test_short_gaps_are_interpolated_and_all_else_is_as_given(model: zh.EDM) -> None:
    sound = zh.Sound(tone(1000), RATE)
    result = restore(model, [sound], mask=[(0.1, 0.11)])
    (made,) = result.best
    outside = np.r_[0:400, 440:1000]
    assert "autoregressive" in result.how and np.array_equal(made.samples[outside], sound.samples[outside])
    np.testing.assert_allclose(made.samples, sound.samples, atol=0.02)
    seen = np.ones(1000, bool)
    seen[400:440] = False
    assert restore(model, sound, mask=seen).best == [made]
    assert restore(model, sound, "mask gap 0.1 0.01").best == [made]


@pytest.mark.parametrize(("start", "stop"), [(0.0, 0.05), (0.05, 0.2), (0.2, 0.25)])
def test_long_gaps_are_filled_by_the_model_and_all_else_is_as_given(model: zh.EDM, start: float, stop: float) -> None:
    stereo = zh.Sound(np.stack([tone(1000), tone(1000, 300)], 1) + np.float32(0.1), RATE)
    result = restore(model, stereo, mask=[(start, stop), (0.22, 0.222)][: 1 if stop > 0.2 else 2], n_samples=2)
    made, inside = result.best[0].samples, slice(round(start * RATE), round(stop * RATE))
    assert "trained on pairs of such items" in result.how and made.shape == (1000, 2)
    changed = (made != stereo.samples).any(1)
    changed[inside] = changed[880:888] = False
    assert not changed.any() and np.isfinite(made).all() and (made[inside] != stereo.samples[inside]).any()


def test_an_item_is_restored_alike_alone_in_a_batch_and_among_more_answers(model: zh.EDM) -> None:
    some = [zh.Sound(tone(n) + np.float32(0.02 * RNG.standard_normal(n)), RATE) for n in (300, 900)]
    both = restore(model, some, "noise 0.05", draws=True, n_samples=2, random_state=1)
    alone = restore(model, some[:1], "noise 0.05", draws=True, random_state=1)
    np.testing.assert_allclose(both.samples[0][0].samples, alone.best[0].samples, rtol=1e-4, atol=1e-4)
    assert [len(one) for one in both.best] == [300, 900]
    assert np.abs(both.samples[1][0].samples - alone.best[0].samples).max() > 1e-3
    assert isinstance(both.deviation, list) and both.deviation[1].shape == (900,) and both.deviation[1].max() > 1e-3
    assert alone.deviation is None


def test_progress_is_told_and_batches_change_nothing(model: zh.EDM) -> None:
    sound, told = zh.Sound(tone(2000), RATE), list[tuple[int, int]]()
    one = restore(model, sound, "noise 0.05", batch_size=2, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (5, 5) and [done for done, _ in told] == [*range(6)]
    whole = restore(model, sound, "noise 0.05").best[0].samples
    np.testing.assert_allclose(one.best[0].samples, whole, rtol=1e-3, atol=1e-3)


def test_progress_counts_every_evaluation_of_draws_and_of_a_denoiser(model: zh.EDM, mel_model: zh.Flow) -> None:
    told = list[tuple[int, int]]()
    shared = {"n_samples": 2, "batch_size": 2, "progress": lambda done, total: told.append((done, total))}
    restore(model, zh.Sound(tone(800), RATE), "noise 0.05", draws=True, **shared)
    batches, evaluations = 2, 3  # windows begin at 0, 200 and 400; two steps of Heun's sampler, the last of Euler's
    assert told == [(done, 2 * batches * evaluations) for done in range(2 * batches * evaluations + 1)]
    told.clear()
    restore(mel_model, zh.Sound(tone(400), RATE), mask=[(0.03, 0.06)], steps=5, **shared)
    assert told == [(done, 10) for done in range(11)]


def test_guesses_of_a_model_with_one_answer_are_those_for_shifted_windows() -> None:
    clean = [zh.Sound(tone(400, hertz), RATE) for hertz in (150, 200, 250, 300)]
    restorer = zh.Restorer(codec=zh.SpectrumCodec(seconds=0.1), degrade="noise 0.05", channels=8, max_steps=2)
    restorer.set_params(batch_size=2, random_state=0).fit(clean)
    noisy = [zh.Sound(tone(900) + np.float32(0.02 * RNG.standard_normal(900)), RATE)]
    three = restore(restorer, noisy, "noise 0.05", n_samples=3)
    waves = [one[0].samples for one in three.samples]
    assert np.array_equal(waves[0], restore(restorer, noisy).best[0].samples)  # the first is that of the windows as are
    assert all(np.abs(a - b).max() > 1e-4 for a, b in ((waves[0], waves[1]), (waves[1], waves[2])))
    np.testing.assert_allclose(three.best[0].samples, np.mean(waves, 0), atol=1e-6)
    with pytest.raises(ZaohuaError, match="it was trained to undo 'noise 0.05', not 'clip 0.1'"):
        restore(restorer, noisy, "clip 0.1")


def test_level_and_mean_are_kept_and_silence_stays_silence(model: zh.EDM) -> None:
    noisy = tone(900) + np.float32(0.02 * RNG.standard_normal(900))
    given = [zh.Sound(wave, RATE) for wave in (noisy, 0.01 * noisy + np.float32(0.2), np.full(500, 0.3, np.float32))]
    loud, soft, silent = restore(model, given, "noise 0.05").best
    np.testing.assert_allclose((soft.samples - 0.2) * 100, loud.samples - loud.samples.mean(), atol=2e-3)
    assert silent == given[2]


def test_clipped_sounds_are_as_given_below_the_level_which_is_told_or_found(model: zh.EDM) -> None:
    sound = zh.Sound(np.clip(tone(900), -0.25, 0.25), RATE)
    told = restore(model, sound, "clip 0.25").best[0].samples
    with gathered() as notes:
        found = restore(model, sound, "clip").best[0].samples
    cut = np.abs(sound.samples) >= 0.2499
    assert np.array_equal(told, found) and "took 1 sound to be clipped at 0.25, where the wave is flat" in notes
    assert np.array_equal(told[~cut], sound.samples[~cut]) and (np.abs(told[cut]) >= 0.2499).all()
    with gathered() as notes:
        whole = zh.Sound(tone(900, 210) + np.float32(0.01) * RNG.standard_normal(900), RATE)
        beside = restore(model, [whole, sound], "clip").best
    assert "found no flat peaks in 1 sound: not clipped" in notes
    assert beside[0] == whole and np.array_equal(beside[1].samples, found)


def test_sounds_of_another_rate_keep_it_unless_they_are_to_have_more(model: zh.EDM) -> None:
    slow = zh.Sound(tone(900)[::2], RATE // 2)
    (made,) = restore(model, slow, "noise 0.05").best
    assert (made.rate, len(made)) == (RATE // 2, 450)
    (made,) = restore(model, slow, "resample 2000").best
    assert made.rate == RATE and abs(len(made) - 900) <= 2
    again = resampled(made.samples[None].astype(float), RATE, RATE // 2)[0]  # what is heard stays what it was
    np.testing.assert_allclose(again[50:400], slow.samples[50:400], atol=0.02 * np.abs(made.samples).max())
    fast = zh.Sound(tone(900), 2 * RATE)
    with gathered() as notes:
        (made,) = restore(model, fast, "noise 0.05").best
    assert (made.rate, len(made)) == (2 * RATE, 900) and "above 2,000 Hz is lost" in notes[0]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([(0.1, 0.05)], "from one second to a later one"),
        ([(9.0, 9.5)], "after the end"),
        (np.ones(7, bool), "the sound has 1000 samples"),
        (np.full(1000, 0.5), "not 0.5"),
        ([[(0.1, 0.2)], [(0.1, 0.2)]], "2 masks for 1 sound"),
        ("hole", "not a str"),
    ],
)
def test_masks_that_do_not_fit_are_one_line(model: zh.EDM, mask: object, message: str) -> None:
    with pytest.raises(ZaohuaError, match=message):
        restore(model, zh.Sound(tone(1000), RATE), mask=mask)


def test_files_are_restored_and_what_is_no_sound_is_one_line(model: zh.EDM, tmp_path: Path) -> None:
    sound = zh.Sound(np.round(tone(1000) * 32768) / 32768, RATE)
    for name in ("a", "b"):
        zh.write([sound], tmp_path / f"{name}.wav")
    (one,) = restore(model, sound, mask=[(0.1, 0.11)]).best
    assert restore(model, tmp_path, mask=[(0.1, 0.11)]).best == [one, one]
    assert restore(model, tmp_path / "a.wav", mask=[(0.1, 0.11)]).best == [one]
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    for X, message in ((tmp_path / "bad.wav", "bad.wav: "), ([sound, 3], "X holds "), (7, "not ")):
        with pytest.raises(ZaohuaError, match=message):
            restore(model, X, mask=[(0.1, 0.11)])
    with pytest.raises(ZaohuaError, match="NaN"):
        restore(model, zh.Sound(np.full(100, np.nan), RATE), "noise 0.1")


def test_a_gap_longer_than_an_item_is_filled_and_one_of_everything_is_silence(model: zh.EDM) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (made,) = restore(model, zh.Sound(tone(2000), RATE), mask=[(0.1, 0.4)], draws=True).best
        assert made.samples[800].any() and np.isfinite(made.samples).all()


# ---- models that weren't trained for it


def test_frames_are_hidden_that_see_a_hidden_sample() -> None:
    hidden = torch.zeros(1, 1, 40, dtype=torch.bool)
    hidden[..., 16] = True
    frames = hidden_frames(hidden, 8, 4, 11)[0, 0, 0]  # frame t sees samples 4 t - 4 ... 4 t + 3
    assert frames.nonzero()[:, 0].tolist() == [4, 5]
    assert hidden_frames(~hidden, 8, 4, 14).sum() == 11  # frames 11 to 13 see nothing of an item of 40 samples


def test_a_model_of_mel_spectrograms_fills_gaps_and_nothing_else(mel_model: zh.Flow) -> None:
    sound = zh.Sound(tone(1000), RATE)
    result = restore(mel_model, sound, mask=[(0.1, 0.15)], steps=2)
    made, again = result.best[0].samples, restore(mel_model, sound, mask=[(0.1, 0.15)], steps=2).best[0].samples
    assert "frames that are heard in 2 steps" in result.how and np.array_equal(made, again)
    outside = np.r_[0:400, 600:1000]
    assert np.array_equal(made[outside], sound.samples[outside]) and (made[400:600] != sound.samples[400:600]).any()
    with pytest.raises(ZaohuaError, match="trained to undo 'noise 0.1' fills gaps only"):
        restore(mel_model, sound, "noise 0.1")


def test_a_sound_of_which_nothing_is_heard_is_made_from_nothing(mel_model: zh.Flow) -> None:
    with gathered() as notes:
        (made,) = restore(mel_model, zh.Sound(tone(400), RATE), mask=np.zeros(400), steps=2).best
    assert made.samples.any() and notes == ["nothing is heard of a sound: made from nothing"]
