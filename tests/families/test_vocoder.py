"""Vocoders: distances against what they must be, and models of spectrograms that learn one beside them."""

from __future__ import annotations

import copy
import functools
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import zaohua as zh
from tests.trainings import Killed, at_step, digits, ending, kill, make
from zaohua.core.errors import NotAvailable, ZaohuaError
from zaohua.core.noise import BatchNoise
from zaohua.families.vocoder import VocoderFamily
from zaohua.modalities import MelCodec
from zaohua.modalities.sounds.sound import Sound
from zaohua.tasks.evaluation.compare import compare
from zaohua.tasks.evaluation.evaluate import evaluate
from zaohua.training.events import Batch
from zaohua.training.step import Stepper

RATE = 4000


@functools.cache
def tones(n: int = 24, channels: int = 1) -> list[Sound]:
    """Tones of a quarter of a second that fade, of random pitch."""
    rng, t = np.random.default_rng(0), np.arange(1000) / RATE
    waves = [0.5 * np.sin(2 * np.pi * rng.uniform(200, 1500, (channels, 1)) * t) * np.exp(-3 * t) for _ in range(n)]
    return [Sound(wave[0] if channels == 1 else wave.T, RATE) for wave in waves]


@functools.cache
def vocoder() -> Any:
    """A tiny one, trained for a moment."""
    return make("Vocoder", 20).fit(tones())


@functools.cache
def flow() -> Any:
    """A tiny flow with a vocoder, trained for a moment."""
    return make("Flow", 3, channels=8).fit(tones())


def samples(sounds: Any) -> np.ndarray:
    return np.stack([sound.samples for sound in sounds])


def a_batch(model: Any, n: int = 8, seed: int = 0) -> Batch:
    codes, noise = model.codec_.encode(tones())[:n], BatchNoise(seed, n)
    return Batch(model.codec_.prepare(codes, noise), None, noise, codes=codes)


# ---- the loss


def test_the_distance_of_a_sound_to_itself_is_zero() -> None:
    waves = vocoder().codec_.waves(vocoder().codec_.encode(tones())).flatten(0, 1)
    assert vocoder().distance(waves, waves).abs().max() < 1e-5


def test_the_distance_of_a_sound_to_a_quieter_one_is_known() -> None:
    model, gain = vocoder(), 0.8
    noise = 0.05 * torch.randn(4, 16 * model.codec_.mel_.hop, generator=torch.Generator().manual_seed(0))
    expected = 2 * abs(math.log(gain)) + 1 - gain  # of log mel and log magnitudes, and the convergence
    assert torch.allclose(model.distance(noise, gain * noise), torch.full((4,), expected), rtol=1e-3)


def test_phases_do_not_matter_and_silence_does_no_harm() -> None:
    model = vocoder()
    waves = model.codec_.waves(model.codec_.encode(tones()))[:4, 0]
    assert model.distance(waves, -waves).abs().max() < 1e-5
    silence = torch.zeros(4, waves.shape[1], requires_grad=True)
    away = model.distance(silence.detach(), silence)
    away.sum().backward()
    assert away.abs().max() < 1e-3 and torch.isfinite(silence.grad).all()


def test_the_loss_is_one_number_for_each_item_and_reaches_every_weight() -> None:
    model = vocoder()
    nets = model.build(model.spec_, None)
    loss = model.loss(nets, a_batch(model), "vocoder")
    assert loss.shape == (8,) and torch.isfinite(loss).all()
    loss.sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in nets.parameters())


def test_a_network_that_knows_the_spectra_has_no_loss() -> None:
    model = make("Vocoder", 1, crop=1000).fit(tones())  # the whole sound
    batch = a_batch(model)
    codes = model.codec_.waves(batch.codes)[:, 0]
    frames = batch.x.shape[-1]
    codes = nn.functional.pad(codes, (0, (frames - 1) * model.codec_.mel_.hop - codes.shape[1]))
    nets = nn.ModuleDict({"vocoder": Knows(model.codec_.mel_.stft(codes))})
    assert model.loss(nets, batch, "vocoder").abs().max() < 1e-3


class Knows(nn.Module):
    """Gives the spectra that it was told."""

    def __init__(self, spectra: torch.Tensor):
        super().__init__()
        self.spectra = spectra

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.spectra


def test_crops_of_spectrogram_and_wave_are_of_one_place_where_it_is_loud() -> None:
    model = VocoderFamily(crop=4)
    model.codec_ = SimpleNamespace(mel_=SimpleNamespace(hop=2))
    n, frames = 200, 32
    x = torch.full((n, 2, 3, frames), -1.0)
    x[..., 20:24] = 1.0
    marked = x + 1e-6 * torch.arange(frames)
    waves = torch.arange((frames - 1) * 2.0).expand(n, 2, -1)
    crops, parts = model._crops(marked, waves, BatchNoise(0, n))
    assert crops.shape == (n, 2, 3, 4) and parts.shape == (n, 2, 6)
    first = parts[:, 0, 0].long() // 2
    assert torch.equal(crops, torch.stack([row[..., i : i + 4] for row, i in zip(marked, first.tolist(), strict=True)]))
    assert torch.equal(parts[:, 1], 2 * first[:, None] + torch.arange(6.0))
    assert ((first >= 18) & (first <= 22)).float().mean() > 0.9 and len(first.unique()) > 3


def test_of_a_share_of_the_sounds_the_loss_is_as_much_more() -> None:
    model, some = vocoder(), make("Vocoder", 1, batch_fraction=0.5)
    some.codec_ = model.codec_
    whole = model.loss(model.nets_, a_batch(model, 24), "vocoder")
    part = some.loss(model.nets_, a_batch(model, 24), "vocoder")
    looked = part != 0
    assert 0 < looked.sum() < 24 and torch.allclose(part[looked], 2 * whole[looked], rtol=1e-3)
    nobody = make("Vocoder", 1, batch_fraction=1e-9)
    nobody.codec_ = model.codec_
    nets = model.build(model.spec_, None)
    nothing = nobody.loss(nets, a_batch(model), "vocoder")
    nothing.sum().backward()
    assert nothing.abs().max() == 0 and all(p.grad.abs().max() == 0 for p in nets.parameters())


# ---- the model by itself


def test_transforms_to_spectrograms_and_back_to_sounds() -> None:
    model = vocoder()
    z = model.transform(tones()[:3])
    x = model.codec_.spectrograms(model.codec_.waves(model.codec_.encode(tones()[:3])))
    assert np.allclose(z, x.flatten(1)) and z.dtype == np.float32
    made = model.inverse_transform(z)
    assert all(sound.rate == RATE and len(sound) >= 1000 for sound in made)
    assert np.allclose(samples(model.inverse_transform(z[1:])), samples(made)[1:], atol=1e-5)


def test_learns_nothing_of_labels_and_makes_nothing_new() -> None:
    with pytest.raises(ZaohuaError, match="leave y out"):
        make("Vocoder", 1).fit(tones(), [str(i % 2) for i in range(24)])
    with pytest.raises(NotAvailable, match="models that can: "):
        vocoder().sample()
    with pytest.raises(ZaohuaError, match="images, but Vocoder takes sounds"):
        make("Vocoder", 1).fit(digits()[0])


def test_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    message = r"models are measured by their samples, but Vocoder can't sample: .*; models that can: [^\n]*Flow"
    vocoder().save(tmp_path / "run")
    told: list[str] = []
    with pytest.raises(ZaohuaError, match=message) as error:
        evaluate(vocoder(), log=told.append)
    assert "Gaussian" not in str(error.value) and "GPT" not in str(error.value)  # which take no sounds
    flow().save(tmp_path / "flow")
    for runs in (["run", "flow"], ["flow", "run"]):
        with pytest.raises(ZaohuaError, match=f"{tmp_path / 'run'}: {message}"):
            compare([tmp_path / run for run in runs], log=told.append)
    assert not told


def test_comes_closer_to_the_sounds_with_training() -> None:
    model = make("Vocoder", 150, learning_rate=3e-3, log_every=50).fit(tones())
    first, *_, last = (record["loss/vocoder"] for record in model.history_)
    assert last < 0.75 * first
    saved = samples(model.inverse_transform(model.transform(tones()[:2])))
    assert np.abs(saved).max() > 0.1


def test_keeps_channels_apart() -> None:
    model = make("Vocoder", 2, codec=MelCodec(channels="keep")).fit(tones(8, channels=2))
    z = model.transform(tones(8, channels=2)[:2])
    left, swapped = model.inverse_transform(z)[0], z.reshape(2, 2, -1)[:, ::-1].reshape(2, -1)
    assert np.allclose(model.inverse_transform(swapped)[0].samples, left.samples[:, ::-1], atol=1e-6)


# ---- beside other models


@pytest.mark.parametrize("name", ["Flow", "EDM", "DDPM", "VAE", "DCGAN", "WGANGP", "R3GAN", "VQVAE"])
def test_models_of_spectrograms_learn_a_vocoder_last_in_each_step(name: str) -> None:
    model = make(name, 1).fit(tones())
    assert "vocoder" in model.nets_ and [*model.plan(), "vocoder"] == [*Stepper(model).plan]
    assert [sound.rate for sound in model.sample(2, random_state=0)] == [RATE, RATE]


def test_samples_and_latents_become_sounds_by_it() -> None:
    model = flow()
    calls = []
    model.nets_["vocoder"].register_forward_hook(lambda net, x, out: calls.append(len(out)))
    made, again = model.sample(3, random_state=0), model.sample(3, random_state=0, vocoder=False)
    assert calls == [3] and samples(made).shape == samples(again).shape
    assert not np.allclose(samples(made), samples(again), atol=1e-3)
    model.inverse_transform(model.transform(tones()[:2]))
    assert calls == [3, 2]


def test_without_it_sounds_are_griffin_and_lims() -> None:
    model = make("Flow", 2, channels=8, vocoder=False).fit(tones())
    assert list(model.nets_) == ["net"] and len(model.sample(1)) == 1
    with pytest.raises(ZaohuaError, match="trained without a vocoder: sample with vocoder=False"):
        model.sample(1, vocoder=True)


def test_models_of_pictures_are_as_they_would_be_without_it() -> None:
    images, labels = digits()
    with_it, without = (make("Flow", 3, channels=8, vocoder=which).fit(images, labels) for which in (True, False))
    assert list(with_it.nets_) == ["net"]
    for a, b in zip(with_it.nets_.parameters(), without.nets_.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", ["Vocoder", "Flow", "R3GAN"])
def test_resumed_training_ends_bit_for_bit_as_it_would_have(name: str, tmp_path: Path) -> None:
    fields: dict[str, Any] = {"checkpoint_every": 2, "log_every": 2, "batch_size": 8}
    make(name, 4, **fields).fit(tones(), out=tmp_path / "whole")
    with pytest.raises(Killed):
        make(name, 4, **fields).fit(tones(), out=tmp_path / "parts", callbacks=[at_step(3, kill)])
    model = make(name, 4, **fields).resume(tmp_path / "parts", tones())
    assert ending(tmp_path / "parts") == ending(tmp_path / "whole")
    again = zh.load(tmp_path / "parts")
    z = model.codec_.prepare(model.codec_.encode(tones()[:2]), BatchNoise(0, 2))
    assert again.decode_tensors(z) == model.decode_tensors(z)


def test_micro_batches_give_the_same_vocoder() -> None:
    runs = [make("Flow", 3, channels=8, grad_accumulation=n, log_every=1).fit(tones()).history_ for n in (1, 4)]
    for whole, parts in zip(*runs, strict=True):
        assert parts["loss/vocoder"] == pytest.approx(whole["loss/vocoder"], rel=1e-4)


def test_its_learning_rate_and_clipping_are_its_own() -> None:
    stepper = Stepper(copy.copy(flow()))
    assert stepper.learners["vocoder"].learning_rate == VocoderFamily.learning_rate != flow().learning_rate
    assert stepper.learners["denoiser"] is stepper.model
