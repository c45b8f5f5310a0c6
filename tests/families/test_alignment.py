"""Models whose network sees a text laid along a sound: spoken words of known letters, in two voices."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainings import make, reloaded
from zaohua.core.notes import DataNote
from zaohua.modalities import MelCodec
from zaohua.modalities.records.codec import RecordCodec
from zaohua.modalities.sounds.sound import Sound

RATE, PITCH, SECONDS = 4000, {"a": 300, "b": 700, "c": 1200}, {"a": 0.06, "b": 0.08, "c": 0.1}


def spoken(word: str, voice: str) -> Sound:
    """A tone for each letter, of its own length; the second voice is quieter."""
    tones = [np.sin(2 * np.pi * PITCH[c] / RATE * np.arange(round(RATE * SECONDS[c]))) for c in word]
    return Sound((0.5 if voice == "loud" else 0.1) * np.concatenate(tones).astype(np.float32), RATE)


@functools.cache
def words(n: int = 48) -> tuple[list[Sound], list[dict[str, str]]]:
    rng = np.random.default_rng(0)
    y = [
        {"words": "".join(rng.choice(list("abc"), rng.integers(1, 5))), "voice": str(rng.choice(["loud", "quiet"]))}
        for _ in range(n)
    ]
    return [spoken(**{"word": item["words"], "voice": item["voice"]}) for item in y], y


def model(name: str = "Flow", steps: int = 80, **fields: Any) -> Any:
    codec = MelCodec(seconds=0.4, bands=16)
    y_codec = RecordCodec(parts={"words": "texts", "voice": "labels"})
    settings = {"channels": 8, "vocoder": False, "codec": codec, "y_codec": y_codec, "learning_rate": 3e-3, **fields}
    return make(name, steps, **settings)


@functools.cache
def flow() -> Any:
    return model().fit(*words())


def test_sounds_have_the_length_of_their_words_and_no_noise_behind() -> None:
    asked = [{"words": word, "voice": "loud"} for word in ("a", "cab", "bcb")]  # the last two weren't learnt
    sounds = flow().sample(y=asked)
    for sound, item in zip(sounds, asked, strict=True):
        assert sound.seconds == pytest.approx(sum(SECONDS[c] for c in item["words"]), abs=0.05)


def test_without_words_a_sound_has_the_length_of_all() -> None:
    assert [sound.seconds for sound in flow().sample(y=[{"voice": "quiet"}, {}])] == [0.4, 0.4]


def test_too_long_words_are_told() -> None:
    with pytest.warns(DataNote, match="1 of 2 conditions would take longer than an item of 32 frames"):
        sounds = flow().sample(y=[{"words": "cbc" * 5}, {"words": "a"}])
    assert len(sounds[0]) > 3 * len(sounds[1])


def test_words_of_others_move_nothing() -> None:
    short, long = {"words": "ab", "voice": "loud"}, {"words": "cccc", "voice": "quiet"}
    alone = flow().sample(y=[short], random_state=1)[0].samples
    beside = flow().sample(y=[short, long], random_state=1)[0].samples
    assert len(alone) == len(beside) and np.abs(alone - beside).max() < 1e-3


def test_guidance_and_the_denoiser_take_conditions_as_they_are() -> None:
    y = flow().condition([{"words": "ab", "voice": "loud"}])
    x = torch.randn(1, *flow().spec_.tensor_shape, generator=torch.Generator().manual_seed(0))
    plain, guided = (flow().with_options(guidance=g).denoiser(y)(x, torch.tensor(0.9))[0] for g in (1.0, 3.0))
    assert not torch.allclose(plain, guided)
    parts = flow().with_options(guidance={"words": 3.0, "voice": 3.0}).denoiser(y)(x, torch.tensor(0.9))[0]
    assert torch.allclose(parts, guided, atol=1e-5)


def test_right_words_are_likelier_than_wrong_ones() -> None:
    sounds = [spoken("acb", "loud"), spoken("cab", "loud")]
    right, wrong = (
        flow().score_samples(sounds, y=[{"words": w, "voice": "loud"} for w in order], score_steps=4)
        for order in (("acb", "cab"), ("bca", "bbc"))
    )
    assert (right > wrong).all()


def test_a_saved_model_says_the_same(tmp_path: Path) -> None:
    asked = {"words": "bac", "voice": "quiet"}
    again = reloaded(flow(), tmp_path / "run")
    assert np.array_equal(again.sample(y=asked)[0].samples, flow().sample(y=asked)[0].samples)


def test_a_resumed_training_is_the_same_bit_for_bit(tmp_path: Path) -> None:
    sounds, y = words()
    texts = [item["words"] for item in y]
    settings: dict[str, Any] = {"y_codec": "texts", "lr_schedule": "constant"}
    whole = model(steps=4, **settings).fit(sounds, texts)
    model(steps=2, **settings).fit(sounds, texts, out=tmp_path)
    resumed = model(steps=4, **settings).resume(tmp_path, sounds, texts)
    for name, tensor in whole.tensors().items():
        assert torch.equal(tensor, resumed.tensors()[name]), name


@pytest.mark.parametrize("name", ["DDPM", "EDM"])
def test_other_models_of_noise_take_texts_along_sounds(name: str) -> None:
    fitted = model(name, 2).fit(*words())
    assert "aligner" in fitted.nets_ and fitted.nets_["net"].overlay is not None
    assert fitted.sample(y={"words": "ab"})[0].seconds <= 0.4


def test_a_plain_text_is_laid_without_a_record() -> None:
    sounds, y = words()
    fitted = model(steps=2, y_codec="texts", vocoder=True).fit(sounds, [item["words"] for item in y])
    assert fitted.sample(y="abca")[0].seconds <= 0.4
    assert fitted.sample(y=["", "a"])[0].seconds == 0.4  # an empty text is no condition
