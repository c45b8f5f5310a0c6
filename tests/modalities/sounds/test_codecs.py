"""Sounds as items, waves and spectrograms: what goes in comes out, in files, in notebooks, as conditions."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from tests.sounds import RATE, tone

import zaohua as zh
from zaohua import modalities
from zaohua.core.errors import ZaohuaError
from zaohua.modalities import from_json, read
from zaohua.modalities.sounds.codec import SoundCodec
from zaohua.modalities.sounds.sheets import spectrograms

TONES = [zh.Sound(tone(60 + 30 * i, 0.1 + 0.01 * (i % 3)), RATE) for i in range(8)]
CODECS: list[SoundCodec] = [zh.WaveCodec(), zh.MelCodec(), zh.SpectrumCodec()]


def prepared(codec: Any, codes: Any) -> torch.Tensor:
    return codec.prepare(codes, None)  # it draws nothing


class TestSound:
    def test_whole_numbers_are_scaled_by_their_range(self) -> None:
        for kind in (np.int8, np.int16, np.int32):
            sound = zh.Sound(np.array([np.iinfo(kind).min, 0, np.iinfo(kind).max], kind), 8000)
            np.testing.assert_allclose(sound.samples, [-1, 0, 1], atol=0.01)
            assert sound.samples.dtype == np.float32

    @pytest.mark.parametrize(
        ("samples", "rate", "message"),
        [
            (np.zeros((2, 2, 2)), 8000, "samples must be real"),
            (["a"], 8000, "samples must be real"),
            (np.zeros(3), 0, "must be an integer from 100"),
            (np.zeros(3), 8000.5, "not 8000.5"),
            (np.zeros(3), 99, "from 100 to 768000 Hz, not 99"),
            (np.zeros(3), 768_001, "not 768001"),
            (
                np.zeros((2, 8000), np.float32),
                8000,
                r"8000 channels, but at most 32 .*: give \(n, channels\), such as x.T",
            ),
            (np.zeros((3, 0)), 8000, "0 channels"),
        ],
    )
    def test_mistakes(self, samples: Any, rate: Any, message: str) -> None:
        with pytest.raises(ZaohuaError, match=message):
            zh.Sound(samples, rate)

    def test_it_is_a_wav_and_a_player(self) -> None:
        sound = zh.Sound(np.array([[0.5, -0.5], [1.0, -1.5]]), 8000)
        with wave.open(io.BytesIO(sound.wav())) as file:
            assert file.getparams()[:4] == (2, 2, 8000, 2)
            assert np.frombuffer(file.readframes(2), "<i2").tolist() == [16384, -16384, 32767, -32768]
        assert sound._repr_html_().startswith('<audio controls preload="none" src="data:audio/wav;base64,UklGR')
        assert repr(sound) == "<Sound: 0.00025 s at 8000 Hz, 2 channels>" and (sound.channels, len(sound)) == (2, 2)

    def test_lists_show_players(self) -> None:
        sounds = zh.Sounds(TONES * 3)
        assert sounds._repr_html_().count("<audio") == 16 and "and 8 more" in sounds._repr_html_()
        assert isinstance(sounds[:2], zh.Sounds) and sounds[1] == TONES[1] and sounds[:2] == TONES[:2]


@pytest.mark.parametrize("seconds", [0.05, 0.0777, 0.1, 0.3])
@pytest.mark.parametrize("rate", [None, 900, 8000])
@pytest.mark.parametrize("codec", [zh.WaveCodec, zh.MelCodec, zh.SpectrumCodec])
def test_length_and_rate_come_back_as_declared(codec: Any, rate: int | None, seconds: float) -> None:
    codec = codec(seconds=seconds, rate=rate, long="cut")
    x = prepared(codec, codec.fit(TONES).encode(TONES))
    assert tuple(x.shape[1:]) == codec.spec_.tensor_shape
    assert isinstance(codec, zh.SpectrumCodec) or (x.min() >= -1 and x.max() <= 1)
    for sound in codec.decode(x):
        assert (len(sound), sound.rate, sound.channels) == (round(seconds * (rate or RATE)), rate or RATE, 1)


def test_what_networks_see_has_a_handy_size() -> None:
    wave, mel = (codec.fit(TONES).spec_ for codec in (zh.WaveCodec(seconds=0.1), zh.MelCodec(seconds=0.1)))
    assert wave.shape == (256,) and mel.shape == (8, 8)
    assert zh.WaveCodec(multiple=1, seconds=0.1).fit(TONES).spec_.shape == (100,)


def test_spectrograms_show_80_decibels_below_the_loudest() -> None:
    loud = [zh.Sound(tone(200) * scale, RATE) for scale in (1, 0.1, 0)]
    codec = zh.MelCodec().fit(loud)
    x = prepared(codec, codec.encode(loud))
    assert x[0].max() == pytest.approx(1, abs=1e-3) and x[2].eq(-1).all()
    assert (x[0].max() - x[1].max()) * 40 == pytest.approx(20, abs=0.1)  # decibels
    torch.testing.assert_close(codec.log_mel(x[:1])[0, 0].max(), torch.tensor(codec.top_), atol=2e-3, rtol=0)


def test_a_tone_keeps_its_pitch_and_loudness_through_a_spectrogram() -> None:
    t = np.arange(8000) / 8000
    sounds = [zh.Sound(0.4 * np.sin(2 * np.pi * f * t), 8000) for f in (440, 1000)]
    codec = zh.MelCodec(seconds=1).fit(sounds)
    for sound, f in zip(codec.decode(prepared(codec, codec.encode(sounds))), (440, 1000), strict=True):
        assert abs(np.abs(np.fft.rfft(sound.samples)).argmax() - f) < 25
        assert np.sqrt(np.mean(sound.samples[1000:-1000] ** 2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.15)


@pytest.mark.parametrize("options", [{}, {"power": 1.0}, {"n_fft": 40, "hop": 8, "channels": "keep"}], ids=str)
def test_complex_spectrograms_lose_nothing(options: Any) -> None:
    sounds = [zh.Sound(tone(100 + 50 * i, channels=2) * 0.1**i, RATE) for i in range(3)]
    codec = zh.SpectrumCodec(seconds=0.1, **options).fit([sounds[0]])
    x = prepared(codec, codec.encode(sounds))
    both = options.get("channels") == "keep"
    assert (
        x.shape == (3, *codec.spec_.tensor_shape) and len(codec.spec_.tensor_shape) == 3 and x.shape[1] == 2 + 2 * both
    )
    assert x[:1].square().mean().sqrt() == pytest.approx(0.5, abs=1e-3)
    for sound, again in zip(sounds, codec.decode(x), strict=True):
        expected = sound.samples if both else sound.samples.mean(1)
        np.testing.assert_allclose(again.samples, expected, atol=1e-4 * np.abs(expected).max() + 2 / 32768)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: type(codec).__name__)
def test_it_is_the_same_from_json(codec: Any) -> None:
    codec.fit(TONES)
    again: Any = from_json(codec.to_json())
    assert again.to_json() == codec.to_json() and again.form_ == codec.form_
    x = prepared(codec, codec.encode(TONES))
    assert torch.equal(prepared(again, again.encode(TONES)), x)
    assert again.decode(x[:2]) == codec.decode(x[:2])


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: type(codec).__name__)
def test_sheets_and_previews(tmp_path: Path, codec: SoundCodec) -> None:
    codec.fit(TONES)
    for ending in (".wav", ".flac", ".ogg"):
        samples, rate = soundfile.read(codec.write_sheet(TONES, tmp_path / f"a{ending}"))
        assert rate == RATE and len(samples) == sum(map(len, TONES)) + 7 * RATE // 10
    np.testing.assert_array_equal(soundfile.read(tmp_path / "a.flac")[0][:100], np.rint(tone(60) * 32768) / 32768)
    paths = codec.write_preview(TONES, tmp_path / "previews" / "0000004")
    assert [path.name for path in paths] == ["0000004.wav", "0000004.png"]
    assert Image.open(paths[1]).size[0] > 2 * 56
    with pytest.raises(ZaohuaError, match=r"a .wav or .flac or .ogg or .mp3 or .png file, not to .txt"):
        codec.write_sheet(TONES, tmp_path / "a.txt")
    with pytest.raises(ZaohuaError, match=r"a.mp3: <Sound: .* at 1000 Hz> can't be written in this format"):
        codec.write_sheet(TONES, tmp_path / "a.mp3")


def test_spectrograms_as_pictures_have_low_tones_below() -> None:
    t = np.arange(4000) / 8000
    low, high = spectrograms([zh.Sound(np.sin(2 * np.pi * f * t), 8000) for f in (200, 3000)])
    assert low.shape == (64, 33) and low.dtype == np.uint8 and low.max() == 255
    assert low[:, 16].argmax() > 50 and high[:, 16].argmax() < 14


class TestConditions:
    def test_sounds_as_conditions_of_pictures(self, tmp_path: Path) -> None:
        images = np.random.default_rng(0).integers(0, 256, (8, 8, 8), np.uint8)
        model = zh.VAE(random_state=0, **{**zh.VAE.tiny, "max_steps": 2}).fit(images, y=TONES)
        assert isinstance(model.y_codec_, zh.MelCodec)
        assert model.sample(2, y=TONES[0], random_state=0).shape == (2, 8, 8)
        with pytest.raises(ZaohuaError, match="given as a Sound, as the path of a file .* not int"):
            model.sample(2, y=3)
        model.save(tmp_path / "run")
        soundfile.write(tmp_path / "a.flac", TONES[0].samples, RATE)
        of_file = zh.load(tmp_path / "run").sample(2, y=tmp_path / "a.flac", random_state=0)
        np.testing.assert_array_equal(of_file, model.sample(2, y=TONES[0], random_state=0))
        with pytest.raises(ZaohuaError, match="number 0 is a str"):
            model.sample(y=["a"])

    def test_sounds_of_sounds(self) -> None:
        quiet = [zh.Sound(sound.samples / 4, RATE) for sound in TONES]
        model = zh.Flow(random_state=0, **{**zh.Flow.tiny, "max_steps": 2}).fit(TONES, y=quiet)
        assert model.spec_.axes == model.y_spec_.axes and len(model.sample(y=quiet[:3])) == 3

    @pytest.mark.parametrize("codec", [zh.MelCodec(hop=8), zh.SpectrumCodec(power=0.7)], ids=lambda c: type(c).__name__)
    @pytest.mark.parametrize("named", [False, True])
    def test_a_sound_over_a_sound_is_represented_as_it_is(self, codec: Any, named: bool) -> None:
        """Of half the rate and longer, it lies at the same times all the same."""
        noisy: Any = [zh.Sound(np.pad(sound.samples[::2], (0, 40)), RATE // 2) for sound in TONES]
        y = [{"noisy": sound, "by": "a"} for sound in noisy] if named else noisy
        model = zh.Flow(codec=codec, random_state=0, **{**zh.Flow.tiny, "max_steps": 1}).fit(TONES, y)
        other: Any = model.y_codec_.codecs_["noisy"] if named else model.y_codec_
        assert type(other) is type(codec) and other.spec_ == model.spec_ and other.form_ == model.codec_.form_
        assert model.nets_["net"].overlay is not None
        assert len(model.sample(y=y[:2], random_state=0)) == 2

    def test_waves_lie_over_waves(self) -> None:
        model = zh.DiffWave(random_state=0, **{**zh.DiffWave.tiny, "max_steps": 1}).fit(TONES, TONES)
        assert isinstance(model.y_codec_, zh.WaveCodec) and model.nets_["net"].overlay is not None

    def test_a_condition_is_never_cut_to_windows(self) -> None:
        images = np.zeros((3, 8, 8), np.uint8)
        long = [zh.Sound(tone(100, 6.0), RATE)] * 3
        model = zh.VAE(random_state=0, **{**zh.VAE.tiny, "max_steps": 1}).fit(images, y=long)
        assert model.y_codec_.form_.length >= 4 * RATE and len(model.sample(y=long)) == 3
        model = zh.VAE(y_codec=zh.MelCodec(seconds=1), **{**zh.VAE.tiny, "max_steps": 1}).fit(images, y=long)
        assert len(model.sample(y=long)) == 3


def test_lists_hold_sounds_only_and_labels_go_with_them() -> None:
    assert read(TONES, ["a"] * 8)[1] == ["a"] * 8
    with pytest.raises(ZaohuaError, match="the list holds sounds, but number 1 is a str"):
        read([TONES[0], "b"])
    with pytest.raises(ZaohuaError, match="8 items but 2 labels"):
        read(TONES, [1, 2])
    with pytest.raises(ZaohuaError, match="n_fft must be even and hop at most half"):
        zh.MelCodec(n_fft=33).fit(TONES)
    with pytest.raises(ZaohuaError, match="not 32 and 17"):
        zh.SpectrumCodec(n_fft=32, hop=17).fit(TONES)


@pytest.mark.parametrize(
    ("model", "codec", "message"),
    [
        (
            "DiffWave",
            zh.MelCodec(),
            "DiffWave learns waves, but MelCodec makes log-mel spectrograms: leave codec= out, or give a WaveCodec",
        ),
        ("WaveNet", zh.WaveCodec(), "WaveNet learns mu-law levels, but WaveCodec makes waves: .* give a MuLawCodec"),
        (
            "Flow",
            zh.WaveCodec(),
            "Flow learns log-mel .* but WaveCodec makes waves: .* give a MelCodec or SpectrumCodec",
        ),
        ("DiffWave", zh.ImageCodec(), "ImageCodec takes images, but the data are sounds"),
        ("GPT", zh.WaveCodec(), "the data are sounds, but GPT takes "),
    ],
)
def test_a_codec_that_is_not_the_models_own_is_named(model: str, codec: Any, message: str) -> None:
    with pytest.raises(ZaohuaError, match=message):
        getattr(zh, model)(codec=codec).fit(TONES)


def test_gans_do_not_learn_numbers_without_bounds() -> None:
    with pytest.raises(ZaohuaError, match="DCGAN makes numbers from -1 to 1, but complex spectrograms have no bounds"):
        zh.DCGAN(codec=zh.SpectrumCodec()).fit(TONES)


def test_other_kinds_than_the_codecs_own_are_named_too() -> None:
    with pytest.raises(ZaohuaError, match="GaussianCopula learns columns of any kind, but NumberCodec makes plain num"):
        zh.GaussianCopula(codec=modalities.NumberCodec()).fit(np.zeros((4, 2)))
