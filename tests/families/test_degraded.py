"""Models that are trained to undo a degradation: y made of x in each batch, and restoring with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zaohua as zh
from tests.sounds import RATE, tone
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise
from zaohua.evaluation.results import load
from zaohua.evaluation.summaries import summary_lines
from zaohua.modalities.images.observed import ObservedImages
from zaohua.operators.degradation import Degradation
from zaohua.tasks.evaluation.compare import compare
from zaohua.tasks.evaluation.evaluate import evaluate

rng = np.random.default_rng(0)
X = (40 + 170 * rng.random((64, 1, 1)) + np.linspace(-30, 30, 8)).round().repeat(8, 1).astype(np.uint8)
"""Pictures with a slope from left to right, each of a brightness of its own."""
SETTINGS: dict[str, Any] = {"channels": 16, "batch_size": 16, "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def denoiser() -> zh.Restorer:
    return zh.Restorer(**SETTINGS, degrade="noise 40", max_steps=60, learning_rate=5e-3).fit(X)


@pytest.fixture(scope="module")
def enlarger() -> zh.Flow:
    return zh.Flow(**SETTINGS, degrade="downscale 2 | noise 5", max_steps=12, steps=3).fit(X)


def noisy(x: np.ndarray, sigma: float) -> np.ndarray:
    return x + sigma * np.random.default_rng(1).normal(size=x.shape)


def test_a_restorer_finds_the_mean(denoiser: zh.Restorer):
    seen = noisy(X, 40)
    restored = zh.restore(denoiser, seen)
    assert restored.best.dtype == np.uint8 and restored.best.shape == X.shape
    error = np.square(restored.best.astype(float) - X).mean()
    assert error < 0.25 * np.square(seen - X).mean()
    assert (
        restored.how == "One pass of this Restorer, which was trained to undo 'noise 40'."
        and restored.deviation is None
    )
    np.testing.assert_array_equal(zh.restore(denoiser, seen[3:4]).best, restored.best[3:4])
    assert not hasattr(denoiser, "sample") and not hasattr(denoiser, "score_samples")


def test_other_sizes_are_restored_in_tiles(denoiser: zh.Restorer):
    large = np.hstack([np.vstack([X[0], X[1]]), np.vstack([X[2], X[3]])])[:13, :15]
    for x in (large, X[0, :5, :7]):
        restored = zh.restore(denoiser, noisy(x[None], 40))
        assert restored.best.shape == (1, *x.shape)
        assert np.square(restored.best[0].astype(float) - x).mean() < 0.6 * 40**2


def test_it_says_what_it_was_trained_for(denoiser: zh.Restorer, enlarger: zh.Flow):
    with pytest.raises(ZaohuaError, match="it was trained to undo 'noise 40', not 'noise 20'"):
        zh.restore(denoiser, X, "noise 20")
    with pytest.raises(ZaohuaError, match="seen as a whole, without a mask"):
        zh.restore(denoiser, X, mask=np.ones((8, 8)), degradation="noise 40")
    assert "this Flow, which was trained to undo" in zh.restore(enlarger, X[:, ::2, ::2], n_samples=2, draws=True).how
    assert "denoiser" in zh.restore(enlarger, X[:2], "noise 20").how  # as a model that was trained for nothing


def test_draws_given_what_is_seen(enlarger: zh.Flow):
    seen = X[:, ::2, ::2] + rng.normal(size=(64, 4, 4)) * 5
    assert enlarger.y_spec_ is not None and enlarger.y_spec_.tensor_shape == (1, 4, 4)
    assert enlarger.sample(y=seen[:3]).shape == (3, 8, 8) and enlarger.sample(2, y=seen[0]).shape == (2, 8, 8)
    restored = zh.restore(enlarger, seen, n_samples=2, draws=True, random_state=3)
    assert len(restored.samples) == 2 and restored.deviation.shape == X.shape
    again = zh.restore(enlarger, seen[5:6], draws=True, random_state=3)
    assert again.best.shape == (1, 8, 8)
    wide = zh.restore(enlarger, np.hstack([seen[0], seen[1]])[None], draws=True)
    assert wide.best.shape == (1, 8, 16)
    with pytest.raises(ZaohuaError, match=r"height, width and channels \(4, 4, 1\) in this model, not \(8, 8, 1\)"):
        enlarger.sample(y=X[:2])
    with pytest.raises(ZaohuaError, match="whole numbers from 300 to 300 aren't pixels from 0 to 255"):
        enlarger.sample(y=np.full((1, 4, 4), 300))


def test_training_goes_on_exactly_and_is_saved(tmp_path: Path):
    settings = {**SETTINGS, "degrade": "mask random 0.5", "lr_schedule": "constant", "validation_fraction": 0.2}
    whole = zh.Restorer(**settings, max_steps=4).fit(X, out=tmp_path / "whole")
    zh.Restorer(**settings, max_steps=2).fit(X, out=tmp_path / "run")
    resumed = zh.load(tmp_path / "run").set_params(max_steps=4).resume(tmp_path / "run", X)
    for name, tensor in whole.tensors().items():
        assert torch.equal(tensor, resumed.tensors()[name]), name
    loaded = zh.load(tmp_path / "whole")
    assert loaded.degrade == "mask random 0.5" and loaded.y_codec_.describe() == whole.y_codec_.describe()
    mask = np.random.default_rng(0).random(X.shape) > 0.5
    restored = [zh.restore(model, X, mask=mask).best for model in (whole, loaded)]
    np.testing.assert_array_equal(*restored)
    np.testing.assert_array_equal(restored[0][mask], X[mask])
    tuned = whole.finetune(X[:20], max_steps=1)
    assert isinstance(tuned.y_codec_, ObservedImages) and tuned.y_codec_.told


def test_a_network_is_told_what_is_hidden():
    codec = zh.ImageCodec().fit(X)
    degradation = Degradation.parse("mask random 0.5")
    x = codec.prepare(codec.encode(X), BatchNoise(0, 64))
    y = codec.observe(codec.encode(X), x, degradation, BatchNoise(1, 64))
    assert y.shape == (64, 2, 8, 8) and y.isfinite().all() and set(y[:, 1].unique().tolist()) == {-1.0, 1.0}
    seen = y[:, :1].where(y[:, 1:] > 0, torch.nan)
    assert torch.equal(seen.isnan(), y[:, 1:] < 0) and torch.equal(y[:, :1][y[:, 1:] > 0], x[y[:, 1:] > 0])
    given = np.where(y[:, 1].numpy() > 0, X, np.nan)
    observed = codec.observation(degradation)
    torch.testing.assert_close(observed.prepare(observed.encode(given)), y)
    assert not codec.observation(Degradation.parse("mask random 0.5 | blur 1")).told
    parts = [
        codec.observe(codec.encode(X[i : i + 32]), x[i : i + 32], degradation, BatchNoise(1, 32, i, 64))
        for i in (0, 32)
    ]
    assert torch.equal(torch.cat(parts), y)


def test_pairs():
    model = zh.Restorer(**SETTINGS, max_steps=30).fit(X, X[:, ::2, ::2])
    assert zh.restore(model, X[:2, ::2, ::2]).best.shape == (2, 8, 8)
    colour = zh.Restorer(**SETTINGS, max_steps=2, degrade="grey").fit(X[..., None].repeat(3, -1))
    assert zh.restore(colour, X[:2]).best.shape == (2, 8, 8, 3)


def test_sounds_are_degraded_as_waves():
    sounds = [zh.Sound(tone(200 + 30 * i), RATE) for i in range(6)]
    for codec in (zh.SpectrumCodec(), zh.WaveCodec()):
        codec.fit(sounds)
        codes = codec.encode(sounds)[:]
        x = codec.prepare(codes, BatchNoise(0, 6))
        for text in ("noise 0.1", "clip 0.3"):
            y = codec.observe(codes, x, Degradation.parse(text), BatchNoise(0, 6))
            assert y.shape == x.shape and not torch.allclose(x, y)
    model = zh.Restorer(**{**SETTINGS, "batch_size": 2}, codec=zh.SpectrumCodec(), degrade="noise 0.1", max_steps=1)
    model.fit(sounds)
    assert len(zh.restore(model, sounds[:1], "noise 0.1").best) == 1


def test_what_is_missing_or_too_much_is_said():
    with pytest.raises(ZaohuaError, match="learns to undo something: give degrade='noise 25', or y"):
        zh.Restorer().fit(X)
    with pytest.raises(ZaohuaError, match="degrade= makes y of x: give that, or y, and not both"):
        zh.Flow(degrade="noise 25").fit(X, [1] * len(X))
    with pytest.raises(ZaohuaError, match="downscale"):
        zh.Flow(degrade="downscal 2").fit(X)
    with pytest.raises(ZaohuaError, match="so y must be of the kind of the items, not"):
        zh.Restorer().fit(X, [str(i % 2) for i in range(len(X))])


@pytest.mark.parametrize("degrade", ["noise 60", "downscale 2", "grey", "mask random 0.5 | noise 2"])
def test_evaluate_measures_what_is_restored(degrade: str) -> None:
    x = X if degrade != "grey" else np.stack([X, X // 2, X // 3], -1)
    model = zh.Restorer(**SETTINGS, degrade=degrade, max_steps=30, learning_rate=5e-3).fit(x[:40])
    found = evaluate(model, data=x[40:], samples=20)
    restored, nothing = found.figures["restored_psnr"], found.references["doing nothing"]["restored_psnr"]
    assert found.lead == "restored_psnr" and found.n == restored.n == 20 and found.cost.network_evaluations == 1
    gain = found.figures["restored_gain"]
    assert gain.value == pytest.approx(restored.value - nothing.value) and gain.low < gain.value < gain.high
    assert gain.low > 0 and found.figures["restored_ssim"].high <= 1
    again = evaluate(model, data=x[40:], samples=20)
    assert again.figures == found.figures and again.references == found.references


def test_evaluate_measures_draws_of_nothing_else(denoiser: zh.Restorer, tmp_path: Path) -> None:
    denoiser.save(tmp_path / "run")
    denoiser.save(tmp_path / "other")
    with pytest.raises(ZaohuaError, match="`zaohua evaluate` measures what it restores"):
        compare([tmp_path / "run", tmp_path / "other"])
    evaluate(denoiser, data=X[:12], run=tmp_path / "run").save(tmp_path / "run")
    lines = summary_lines(load(tmp_path / "run"))
    assert any(line.startswith("PSNR of doing nothing: ") for line in lines)
    assert any("degraded by 'noise 40' with a fixed seed" in line for line in lines)
