"""`restore` with models whose posteriors are known, and what holds for any model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import zaohua as zh
from tests.tasks.restore.exact import DEVIATION, MEAN, Normal, fitted, pictures, tensors
from tests.trainings import digits, make
from zaohua.core.notes import DataNote
from zaohua.tasks.restore.masks import eased, extended


@pytest.fixture(scope="module")
def flow() -> Any:
    """A flow that was trained for a moment on labelled digits."""
    return make("Flow", 20, steps=3).fit(*digits())


@pytest.fixture(scope="module")
def lower() -> np.ndarray:
    """A mask of digits whose lower half is hidden."""
    return np.arange(8)[:, None].repeat(8, 1) < 4


def posterior(seen: np.ndarray, sigma: float) -> tuple[np.ndarray, float]:
    """Mean and deviation of pixels given noisy ones, in tensors' units."""
    gain = DEVIATION**2 / (DEVIATION**2 + sigma**2)
    return MEAN + gain * (seen - MEAN), float(np.sqrt(gain) * sigma)


# ---- exactness


@pytest.mark.parametrize("size", [8, 13])
def test_best_guess_of_noisy_pictures_is_the_posterior_mean_in_one_evaluation(size: int) -> None:
    model, truth = fitted(Normal), pictures(2, size, size)
    noisy = truth + np.random.default_rng(2).normal(0, 40, truth.shape)
    calls: list[int] = []
    restored = zh.restore(model, noisy, "noise 40", progress=lambda done, total: calls.append(total))
    mean, _ = posterior(tensors(noisy), 40 / 127.5)
    assert restored.best.dtype == np.uint8 and restored.best.shape == truth.shape
    assert np.abs(tensors(restored.best) - mean).max() < 0.51 / 127.5
    assert set(calls) == {1 if size == 8 else 2} and "one evaluation" in restored.how


def test_draws_from_noisy_pictures_have_mean_and_deviation_of_the_posterior() -> None:
    noisy = pictures(1, 16, 16) + np.random.default_rng(2).normal(0, 60, (1, 16, 16))
    restored = zh.restore(fitted(Normal), noisy, "noise 60", draws=True, n_samples=64, random_state=0)
    mean, deviation = posterior(tensors(noisy), 60 / 127.5)
    error = (tensors(restored.best) - mean) / (deviation / 8)
    assert abs(error.mean()) < 4 / 16 and abs((error**2).mean() - 1) < 0.3
    assert restored.deviation is not None and np.mean(restored.deviation) / 127.5 == pytest.approx(deviation, rel=0.06)


def test_draws_of_hidden_pixels_are_draws_from_the_model() -> None:
    model, truth = fitted(Normal), pictures(1, 16, 16)
    mask = np.arange(16) < 8
    restored = zh.restore(model, truth, mask=mask[None].repeat(16, 0), draws=True, n_samples=32, random_state=0)
    assert restored.deviation is not None
    assert (restored.deviation[..., :8] == 0).all()
    assert np.mean(restored.deviation[..., 8:]) / 127.5 == pytest.approx(DEVIATION, rel=0.05)
    assert tensors(restored.best[..., 8:]).mean() == pytest.approx(MEAN, abs=4 * DEVIATION / 64)


def test_small_pictures_are_made_larger_so_that_the_means_of_blocks_agree(flow: Any) -> None:
    images, _ = digits(3)
    small = images.reshape(3, 4, 2, 4, 2).mean((2, 4))
    restored = zh.restore(flow, small, "downscale 2", steps=4, random_state=0)
    means = restored.best.reshape(3, 4, 2, 4, 2).mean((2, 4))
    assert restored.best.shape == images.shape
    assert np.abs(means - small.clip(0, 16)).max() <= 2.5  # pixels are rounded, and clipped to the range


# ---- what is known stays


@pytest.mark.parametrize("shape", [(2, 8, 8), (1, 21, 5), (1, 1, 30)])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_seen_pixels_come_back_bit_by_bit(gamma: float, shape: tuple[int, ...]) -> None:
    truth = pictures(*shape)
    mask = np.random.default_rng(3).random(shape[1:]) < 0.5
    restored = zh.restore(fitted(Normal), truth, mask=mask, gamma=gamma, n_samples=2, steps=3)
    for answer in (restored.best, *restored.samples):
        assert np.array_equal(answer[:, mask], truth[:, mask]) and not np.array_equal(answer, truth)


def test_pictures_of_16_bits_keep_them() -> None:
    deep = pictures(1, 8, 8).astype(np.uint16) * 257 + 3
    mask = np.arange(8)[None].repeat(8, 0) < 6
    restored = zh.restore(fitted(Normal), deep, mask=mask, steps=3)
    assert restored.best.dtype == np.uint16
    assert np.array_equal(restored.best[:, mask], deep[:, mask]) and restored.best[:, ~mask].max() > 255


def test_what_hidden_pixels_hold_changes_nothing(flow: Any, lower: np.ndarray) -> None:
    images, _ = digits(2)
    other = np.where(lower, images, 16 - images)
    first, second = (zh.restore(flow, given, mask=lower, random_state=0, steps=3) for given in (images, other))
    assert np.array_equal(first.best, second.best)


def test_soft_edges_are_mixed() -> None:
    truth = np.full((1, 8, 8), 255, np.uint8)
    mask = np.ones((8, 8))
    mask[:, :4] = 0
    soft = eased(mask, grow=1, soft=1)
    assert soft[0].tolist() == [0, 0, 0, 0, 0, 0.5, 1, 1]
    restored = zh.restore(fitted(Normal), truth, mask=soft, steps=3)
    assert (restored.best[:, :, 6:] == 255).all()
    assert 128 < restored.best[:, :, 5].min() and restored.best[:, :, 5].max() < 255


def test_a_canvas_is_extended() -> None:
    truth = pictures(1, 8, 8)
    larger, mask = extended(truth, top=3, right=5)
    restored = zh.restore(fitted(Normal), larger, mask=mask, steps=3)
    assert restored.best.shape == (1, 11, 13) and np.array_equal(restored.best[:, 3:, :8], truth)
    assert len(np.unique(restored.best[:, :3])) > 10


# ---- everything and nothing


def test_a_hidden_picture_is_a_sample_and_a_whole_one_stays(flow: Any, lower: np.ndarray) -> None:
    images, _ = digits(3)
    masks = np.stack([lower, lower | True, lower & False])
    with pytest.warns(DataNote, match="1 of 3 items hidden as a whole: sampled"):
        restored = zh.restore(flow, images, mask=masks, random_state=0, steps=3)
    assert np.array_equal(restored.best[1], images[1]) and not np.array_equal(restored.best[2], images[2])
    asked: list[int] = []
    whole = zh.restore(flow, images, mask=lower | True, progress=lambda done, total: asked.append(total))
    assert np.array_equal(whole.best, images) and asked == [0] and "Nothing is hidden" in whole.how
    assert np.array_equal(zh.restore(flow, images, "noise 0").best, images)


# ---- seeds


@pytest.mark.parametrize("draws", [False, True])
def test_seeds_repeat_and_neither_other_items_nor_more_answers_change_an_answer(
    flow: Any, lower: np.ndarray, draws: bool
) -> None:
    images, _ = digits(4)

    def restore(given: np.ndarray, n_samples: int, batch_size: int | None = None) -> zh.Restored:
        return zh.restore(
            flow, given, mask=lower, n_samples=n_samples, draws=draws, steps=3, random_state=5, batch_size=batch_size
        )

    three = restore(images[:3], 3)
    assert np.array_equal(three.best, restore(images[:3], 3, batch_size=2).best)
    for k, answers in enumerate(restore(images[[0, 3]], 2).samples):
        assert np.array_equal(answers[0], three.samples[k][0])
    assert not np.array_equal(three.samples[0], three.samples[1])
    other = zh.restore(flow, images[:3], mask=lower, n_samples=3, draws=draws, steps=3, random_state=6)
    assert not np.array_equal(other.best, three.best)


# ---- conditions


def test_conditions_are_unknown_or_given_and_guided(flow: Any, lower: np.ndarray) -> None:
    images, labels = digits(3)
    unknown, given, guided = (
        zh.restore(flow, images, mask=lower, steps=3, random_state=0, **more).best
        for more in ({}, {"y": labels[:3]}, {"y": labels[:3], "guidance": 4.0})
    )
    assert not np.array_equal(unknown, given) and not np.array_equal(given, guided)
    one = zh.restore(flow, images[:1], mask=lower, steps=3, random_state=0, y=labels[0], guidance=1).best
    assert np.array_equal(one[0], given[0])


# ---- sets and channels


def test_pictures_of_different_sizes_are_a_list(flow: Any) -> None:
    images, labels = digits(2)
    noisy = [images[0], images[1].repeat(2, 0)]
    done: list[tuple[int, int]] = []
    restored = zh.restore(
        flow, noisy, "noise 3", y=labels[:2], draws=True, n_samples=2, steps=2, progress=lambda *now: done.append(now)
    )
    assert [picture.shape for picture in restored.best] == [(8, 8), (16, 8)]
    assert [len(answers) for answers in restored.samples] == [2, 2] and len(restored.deviation or ()) == 2
    assert done[-1][0] == done[-1][1]


def test_files_are_restored_in_their_own_sizes(tmp_path: Path) -> None:
    truth = [pictures(1, 8, 8)[0], pictures(1, 9, 20)[0]]
    for name, picture in zip("ab", truth, strict=True):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    restored = zh.restore(fitted(Normal), tmp_path, "noise 20")
    assert [picture.shape for picture in restored.best] == [(8, 8), (9, 20)]
    assert np.array_equal(restored.best[1], zh.restore(fitted(Normal), truth[1][None], "noise 20").best[0])


def test_colours_are_restored_by_themselves_if_asked_for() -> None:
    model, truth = fitted(Normal), pictures(2, 8, 8, 3)
    with pytest.raises(zh.ZaohuaError, match="3 channels.*by_channel=True"):
        zh.restore(model, truth, "noise 20")
    with pytest.warns(DataNote, match="each of the 3 colours"):
        restored = zh.restore(model, truth, "noise 20", by_channel=True, draws=True, n_samples=2, steps=2)
    assert restored.best.shape == truth.shape == np.shape(restored.deviation)
    with pytest.warns(DataNote):
        best = zh.restore(model, truth, "noise 20", by_channel=True).best
    assert np.array_equal(best[..., 1], zh.restore(model, truth[..., 1], "noise 20").best)


def test_colours_are_restored_jointly_from_grey() -> None:
    model, truth = fitted(Normal, channels=3), pictures(1, 8, 8, 3)
    grey = truth @ np.array([0.299, 0.587, 0.114])
    restored = zh.restore(model, grey, "grey", steps=5)
    assert restored.best.shape == truth.shape
    assert np.abs(restored.best @ np.array([0.299, 0.587, 0.114]) - grey).max() < 1


# ---- blind


def test_unknown_noise_is_estimated_for_each_picture_and_told() -> None:
    model = fitted(Normal, size=8)
    smooth = np.add.outer(np.arange(64.0), np.arange(64.0))[None].repeat(2, 0) + 60
    noisy = smooth + np.random.default_rng(0).normal(size=smooth.shape) * np.array([10, 30])[:, None, None]
    with pytest.warns(DataNote, match=r"noise of sigma (9|10)\S* to (29|30|31)\S* estimated"):
        blind = zh.restore(model, noisy, "noise")
    for picture, sigma, found in zip(noisy, (10, 30), blind.best, strict=True):
        known = zh.restore(model, picture[None], f"noise {sigma}").best[0]
        assert np.abs(known.astype(float) - found).mean() < 1


# ---- errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "what happened to X"),
        ({"mask": np.ones((4, 8), bool)}, r"mask is of shape \(4, 8\).*8 x 8"),
        ({"mask": np.full((8, 8), 255)}, "from 0 .* to 1 .*255"),
        ({"degradation": "noise 3 | blur 2"}, "can't restore that"),
        ({"degradation": "fog"}, "unknown degradation"),
        ({"degradation": "noise 3", "gamma": 2}, "gamma"),
        ({"degradation": "noise 3", "n_samples": 0}, "n_samples"),
        ({"degradation": "noise 3", "solver": "magic"}, "unknown solver"),
        ({"degradation": "noise 3", "y": "cat"}, "unknown label"),
        ({"degradation": "noise 3", "y": [1, 2]}, "one for all, or one for each"),
        ({"degradation": "noise 3", "steps": 0}, "steps"),
        ({"degradation": "noise 3", "guidence": 2}, "guidance"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(flow: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(zh.ZaohuaError, match=message) as error:
        zh.restore(flow, digits(3)[0], arguments.pop("degradation", None), **arguments)
    assert "\n" not in str(error.value)


def test_other_values_and_models_are_refused(flow: Any) -> None:
    images, _ = digits(3)
    with pytest.raises(zh.ZaohuaError, match="aren't pixels from 0 to 16"):
        zh.restore(flow, images * 9, "noise 3")
    with pytest.raises(zh.ZaohuaError, match="a GMM can't restore.*a denoiser"):
        zh.restore(zh.GMM(n_components=1, random_state=0).fit(images), images, "noise 3", solver="denoiser")
    with pytest.warns(DataNote, match="nearly black"):
        zh.restore(fitted(Normal), images / 16, "noise 3")
