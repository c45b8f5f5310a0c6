"""Sounds in files: every format, what is broken or absurd, hours of length, labels."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tests.sounds import RATE, folder, tone, wav

import zaohua as zh
from zaohua.core.errors import ZaohuaError, ZaohuaWarning
from zaohua.modalities import LabelCodec, MelCodec, Sound, SoundFiles, WaveCodec, read
from zaohua.modalities.sounds.clips import Clip
from zaohua.modalities.sounds.files import WaveCodes
from zaohua.modalities.sounds.formats import mpeg

FORMATS = [  # ending, subtype, what is lost of what the file has, half a step of its quantisation
    ("wav", "PCM_U8", 0, 2**-8),
    ("wav", "PCM_16", 0, 2**-16),
    ("wav", "PCM_24", 0, 2**-24),
    ("wav", "PCM_32", 2**-25, 2**-25),
    ("wav", "FLOAT", 0, 2**-25),
    ("wav", "DOUBLE", 2**-25, 2**-25),
    ("flac", "PCM_16", 0, 2**-16),
    ("flac", "PCM_24", 0, 2**-24),
    ("aiff", "PCM_16", 0, 2**-16),
    ("au", "PCM_16", 0, 2**-16),
    ("ogg", "VORBIS", 2**-16, 0.03),
    ("mp3", "MPEG_LAYER_III", 2**-16, 0.03),
]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("ending", "subtype", "lost", "near"), FORMATS, ids=lambda value: str(value))
def test_round_trip_of_a_format(
    tmp_path: Path, ending: str, subtype: str, lost: float, near: float, channels: int
) -> None:
    waves = [tone(200 + 40 * i, 0.25, 8000, channels) for i in range(2)]
    for i, wave in enumerate(waves):
        soundfile.write(tmp_path / f"{i}.{ending}", wave, 8000, subtype=subtype)
    codec = WaveCodec(seconds=0.25, channels="keep", mu=0)
    codes = codec.fit(read(tmp_path)[0]).encode(read(tmp_path)[0])
    sounds = codec.decode(codec.prepare(codes, None))
    for i, path in enumerate(codec.write(sounds, tmp_path / "again", ["0", "1"])):
        again, rate = soundfile.read(path)
        assert rate == 8000 and again.shape == waves[i].shape and sounds[i].channels == channels
        there, _ = soundfile.read(tmp_path / f"{i}.{ending}")
        assert np.abs(again - there).max() <= lost
        assert np.abs(again - waves[i]).max() <= 3 * near


@pytest.mark.parametrize(("subtype", "lost"), [("PCM_16", 0), ("FLOAT", 2**-21)])
def test_bent_waves_come_back(tmp_path: Path, subtype: str, lost: float) -> None:
    """Whole numbers of 16 bits exactly; deeper ones as exactly as a float32 near 1 can say that is bent."""
    soundfile.write(tmp_path / "0.wav", np.linspace(-1, 1 - 2**-15, 65536), 32768, subtype=subtype)
    codec = WaveCodec(mu=255.0)
    codes = codec.fit(read(tmp_path)[0]).encode(read(tmp_path)[0])
    sounds = codec.decode(codec.prepare(codes, None))
    codec.write(sounds, tmp_path / "again", ["0"])
    there, again = (soundfile.read(path)[0] for path in (tmp_path / "0.wav", tmp_path / "again" / "0.wav"))
    assert np.abs(again - there).max() <= lost


def test_the_extensible_header_too(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(200), RATE, subtype="PCM_24", format="WAVEX")
    np.testing.assert_allclose(read(tmp_path)[0][0].samples, tone(200), atol=2**-23)


def test_channels_are_mixed_or_kept_or_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(200, channels=2), RATE)
    codes = WaveCodec().fit(read(tmp_path)[0]).encode(read(tmp_path)[0])
    np.testing.assert_allclose(codes[0, 0, :100] / 32768, tone(200) * 0.75, atol=2**-14)
    soundfile.write(tmp_path / "b.wav", tone(200), RATE)
    with pytest.raises(ZaohuaError, match=r"channels differ, .*a.wav has 2, .*b.wav has 1; take channels='mono'"):
        WaveCodec(channels="keep").fit(read(tmp_path)[0])
    (tmp_path / "b.wav").unlink()
    codec = WaveCodec(channels="keep").fit(read(tmp_path)[0])
    mono = codec.encode([Sound(tone(200), RATE)])
    np.testing.assert_allclose(mono[0, :, :100] / 32768, [tone(200)] * 2, atol=2**-15)
    with pytest.raises(ZaohuaError, match="sound 0: can't be read: 3 channels instead of 2"):
        codec.encode([Sound(tone(200, channels=3), RATE)])


def test_a_folder_of_mixed_rates(tmp_path: Path) -> None:
    for i, rate in enumerate((8000, 8000, 44_100, 11_025)):
        soundfile.write(tmp_path / f"{i}.wav", tone(440, 0.5, rate), rate)
    files = read(tmp_path)[0]
    codec = WaveCodec(seconds=0.5).fit(files)
    waves = codec.waves(codec.encode(files))
    assert codec.form_.rate == 8000 and waves.shape == (4, 1, 4000)
    inner = slice(100, 3900)  # resampling rings at the ends
    np.testing.assert_allclose(waves[2, 0, inner], waves[0, 0, inner], atol=2e-3)
    np.testing.assert_allclose(waves[3, 0, inner], waves[0, 0, inner], atol=2e-3)
    assert WaveCodec(rate=4000, seconds=0.5).fit(read(tmp_path)[0]).form_ == (4000, 2000, 1, False)


ABSURD = {
    "cut": (wav()[:-500], "cut off: 500 bytes are missing by its header"),
    "promises": (wav(length=2_000_000_000), "cut off: 1999998000 bytes are missing by its header"),
    "empty": (b"", "empty"),
    "text": (b"These are words, " * 40, "Format not recognised"),
    "header": (wav(b""), "no samples"),
    "half": (wav()[:20], "not a sound that can be read"),
    "rate0": (wav(rate=0), "not a sound that can be read"),
    "rate": (wav(rate=2_000_000_000), "1 channels at 2000000000 Hz"),
    "channels": (wav(b"\1\0" * 3000, channels=1000), "1000 channels at 8000 Hz"),
    "many": (wav(channels=60_000), "not a sound that can be read"),
    "nan": (wav(np.array([0, np.nan, 1], "<f4").tobytes(), kind=3, bits=32), "samples that are NaN or infinite"),
}


def test_each_broken_file_is_named_with_its_reason(tmp_path: Path) -> None:
    clips = []
    for name, (data, _) in ABSURD.items():
        (tmp_path / f"{name}.wav").write_bytes(data)
        clips.append(Clip(tmp_path / f"{name}.wav"))
    good = [Sound(tone(100 + i), RATE) for i in range(110)]
    files = SoundFiles([*good, *clips], [*range(110), *ABSURD])
    with pytest.warns(ZaohuaWarning, match=r"11 of 121 sounds \(.*and 6 more\) left out"):
        codec = WaveCodec().fit(files)
    assert len(codec.encode(files)) == len(files) == 110 and files.labels == [*range(110)]
    reasons = {Path(name).stem: reason for name, reason in files.skipped}
    for name, (_, expected) in ABSURD.items():
        assert expected in reasons[name], (name, reasons[name])


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFF000, 0xFFFFFFFF - 36])
def test_lengths_that_a_pipe_could_not_know_are_no_damage(tmp_path: Path, length: int) -> None:
    (tmp_path / "a.wav").write_bytes(wav(length=length))
    assert len(read(tmp_path)[0].headers) == 1 and len(read(tmp_path)[0][0]) == 1000


def test_chunks_before_and_behind_the_samples_are_no_damage(tmp_path: Path) -> None:
    extra = b"LIST" + (7).to_bytes(4, "little") + b"INFOxyz\0"
    (tmp_path / "a.wav").write_bytes(wav(extra=extra) + extra[:10])
    assert read(tmp_path)[0].headers[0].frames == 1000


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("flac", {}),
        ("ogg", {}),
        ("aiff", {}),
        ("au", {}),
        ("caf", {}),
        ("mp3", {}),
        ("w64", {}),
        ("wav", {"format": "RF64"}),
    ],
)
def test_files_of_other_formats_that_are_cut_off(tmp_path: Path, ending: str, options: dict[str, Any]) -> None:
    soundfile.write(tmp_path / f"a.{ending}", np.random.default_rng(0).normal(size=40_000) / 9, 16_000, **options)
    whole = (tmp_path / f"a.{ending}").read_bytes()
    WaveCodec().fit(read(tmp_path)[0])
    (tmp_path / f"a.{ending}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ZaohuaError, match=rf"a\.{ending}: can't be read: "):
        WaveCodec().fit(read(tmp_path)[0])


def mp3(path: Path, rate: int, wave: np.ndarray) -> bytes:
    """Writes a file; what it is without the first frame, which says how many there are."""
    soundfile.write(path, wave, rate)
    whole = path.read_bytes()
    first = mpeg.parse_frame(whole[:4])
    assert (
        first is not None and b"Xing" in whole[: first.size] and mpeg.parse_frame(whole[first.size :][:4]) is not None
    )
    return whole[first.size :]


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100])
def test_an_mp3_that_would_be_read_short_is_left_out(tmp_path: Path, rate: int) -> None:
    """One whose bit rate falls, so that it has more frames than libsndfile guesses by the first one."""
    path, noise = tmp_path / "a.mp3", np.random.default_rng(0).normal(size=2 * rate) / 9
    frames = mp3(path, rate, np.concatenate([noise, np.zeros(6 * rate)]))
    assert SoundFiles([path]).headers[0].frames == 8 * rate
    for start in (b"", b"ID3\4\0\0\0\0\1\2" + bytes(130)):
        path.write_bytes(start + frames)
        assert soundfile.info(path).frames < 7 * rate  # else there is nothing to notice
        with pytest.raises(
            ZaohuaError, match="a.mp3: can't be read: an MP3 of varying bit rate whose header doesn't say"
        ):
            _ = SoundFiles([path]).headers


def test_an_mp3_of_one_bit_rate_needs_no_such_header(tmp_path: Path) -> None:
    frames = mp3(tmp_path / "a.mp3", 8000, tone(200, 4, 8000))
    one = mpeg.parse_frame(frames[:4])
    assert one is not None
    (tmp_path / "a.mp3").write_bytes(frames[: one.size] * 50)
    assert abs(SoundFiles([tmp_path / "a.mp3"]).headers[0].frames - 50 * 576) <= mpeg.GUESSED


@pytest.mark.parametrize(("total", "reason"), [(0, "doesn't say how long it is"), (2**36 - 1, "68719476735 samples")])
def test_flac_whose_header_lies(tmp_path: Path, total: int, reason: str) -> None:
    soundfile.write(tmp_path / "a.flac", tone(200), 8000)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] = data[21] & 0xF0 | total >> 32
    data[22:26] = (total & 0xFFFFFFFF).to_bytes(4, "big")
    (tmp_path / "a.flac").write_bytes(data)
    with pytest.raises(ZaohuaError, match=reason):
        WaveCodec().fit(read(tmp_path)[0])


@pytest.mark.parametrize("memory", [None, 0])
def test_labels_stay_aligned_when_files_are_left_out(tmp_path: Path, memory: float | None) -> None:
    waves = folder(tmp_path, each=12)
    (tmp_path / "a" / "03.wav").write_bytes(b"")
    (tmp_path / "b" / "05.wav").write_bytes(wav()[:-10])
    items, labels = read(tmp_path, True)
    with pytest.warns(ZaohuaWarning, match=r"2 of 24 sounds \(.*a/03.wav \(empty\), .*b/05.wav \(cut off.*left out"):
        codec = WaveCodec(memory=memory).fit(items)
    codes, labels = codec.encode(items), items.labels
    assert len(codes) == len(labels) == len(LabelCodec().fit(labels).encode(labels)) == 22
    for i, path in enumerate(items.paths):
        name = "/".join(Path(path).parts[-2:])
        np.testing.assert_allclose(codes[[i]][0, 0, :100] / 32768, waves[name], atol=2**-15)
        assert labels[i] == name[0]
    for i in range(3):
        (tmp_path / "a" / f"1{i % 2}.wav").write_bytes(b"")
    with pytest.raises(ZaohuaError, match="4 of 24 sounds .*: more than a tenth is broken"):
        WaveCodec().fit(read(tmp_path)[0])


def sparse(path: Path, hours: float, rate: int = 8000) -> int:
    """A WAV file of silence that takes no room on the disk; its samples."""
    n = round(hours * 3600 * rate)
    path.write_bytes(wav(b"", rate=rate, length=2 * n))
    with path.open("r+b") as file:
        file.truncate(44 + 2 * n)
    return n


def test_two_hours_are_windowed_and_never_loaded_whole(tmp_path: Path) -> None:
    n = sparse(tmp_path / "a.wav", 2)
    with (tmp_path / "a.wav").open("r+b") as file:
        file.seek(44 + 2 * 40_000 * 300)
        file.write(np.arange(1, 101, dtype="<i2").tobytes())
    tracemalloc.start()
    files, labels = read(tmp_path / "a.wav")[0], None
    codec = WaveCodec(seconds=5, memory=0, multiple=1).fit(files)
    codes = codec.encode(files)
    batch = codes[np.array([299, 300])]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert labels is None and len(codes) == n // 40_000 == 1440 and codec.windows_
    assert batch.shape == (2, 1, 40_000) and not batch[0].any()
    assert batch[1, 0, :100].tolist() == list(range(1, 101)) and not batch[1, 0, 100:].any()
    assert peak < 2**24 < 2 * n / 6  # bytes; the file has 115 million


def test_only_the_beginning_of_a_long_file_is_read_when_the_rest_is_cut_off(tmp_path: Path) -> None:
    sparse(tmp_path / "a.wav", 2)
    tracemalloc.start()
    codec = WaveCodec(seconds=1, long="cut", rate=4000).fit(read(tmp_path)[0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert codec.form_.length == 4000 and peak < 2**20


def test_windows_take_their_labels_with_them(tmp_path: Path) -> None:
    for name, seconds in (("a", 1.0), ("b", 2.6), ("c", 0.2)):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "x.wav", tone(100, seconds), RATE)
    items, labels = read(tmp_path, True)
    codec = WaveCodec(seconds=0.5, long="windows").fit(items)
    assert codec.parts(items).labels == ["a", "a", "b", "b", "b", "b", "b", "c"] and len(codec.encode(items)) == 8
    assert labels == ["a", "b", "c"]
    assert codec.parts(items).paths[1].endswith("x.wav from 0.5 s")


def test_trimming_leaves_what_sounds(tmp_path: Path) -> None:
    wave = np.concatenate([np.zeros(400), tone(100, 0.3), np.zeros(800)])
    for i in range(12):
        soundfile.write(tmp_path / f"{i}.wav", wave, RATE)
    files = read(tmp_path)[0]
    codec = WaveCodec(trim=True, multiple=1).fit(files)
    assert 0.2 < codec.form_.length / RATE <= 0.31
    np.testing.assert_allclose(codec.encode(files)[0, 0, :200] / 32768, tone(100, 0.3)[:200], atol=2**-15)
    soundfile.write(tmp_path / "11.wav", np.zeros(100), RATE)
    with pytest.warns(ZaohuaWarning, match=r"11.wav \(silence\)"):
        WaveCodec(trim=True).fit(read(tmp_path)[0])


def test_sounds_are_read_on_the_fly_alike(tmp_path: Path) -> None:
    folder(tmp_path)
    items = read(tmp_path)[0]
    kept, lazy = (MelCodec(memory=memory).fit(items).encode(items) for memory in (None, 0))
    assert isinstance(kept, torch.Tensor) and isinstance(lazy, WaveCodes)
    lazy = pickle.loads(pickle.dumps(lazy))
    for rows in (np.array([4, 1, 12]), torch.tensor([2, 2]), slice(3, 9), np.arange(16) % 2 == 0):
        torch.testing.assert_close(lazy[rows], kept[rows])
    Path(items.paths[5]).unlink()
    with pytest.raises(ZaohuaError, match=f"{items.paths[5]}: can't be read any more"):
        lazy[np.array([5])]


def test_a_cover_does_not_make_a_record_a_folder_of_pictures(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "cover.jpg").write_bytes(b"not looked at")
    assert isinstance(read(tmp_path)[0], SoundFiles)


class TestLabels:
    def test_of_a_table(self, tmp_path: Path) -> None:
        folder(tmp_path, "a", each=4)
        (tmp_path / "labels.csv").write_text("audio,label\n" + "".join(f"a/0{i}.wav,x{i % 2}\n" for i in range(3)))
        with pytest.warns(ZaohuaWarning, match=r"labels.csv lists 3 of 4 sounds: .*left out \(03.wav\)"):
            items, labels = read(tmp_path, True)
        assert labels == ["x0", "x1", "x0"] and len(items) == 3

    def test_there_are_none(self, tmp_path: Path) -> None:
        soundfile.write(tmp_path / "a.wav", tone(100), RATE)
        with pytest.raises(ZaohuaError, match="carries no labels"):
            read(tmp_path, True)
        assert read(tmp_path)[1] is None

    def test_of_file_names(self, tmp_path: Path) -> None:
        for name in ("0_ann_0", "0_bob_1", "12_ann_0", "readme", "a_b_c_d"):
            soundfile.write(tmp_path / f"{name}.wav", tone(100), RATE)
        source = f"{tmp_path}/{{label}}_{{speaker}}_{{i}}.wav"
        with pytest.warns(ZaohuaWarning, match=r"fits 3 of 5 sounds: .* left out \(a_b_c_d.wav, readme.wav\)"):
            items, labels = read(source, True)
        assert labels == ["0", "0", "12"] and [Path(path).name for path in items.paths] == [
            "0_ann_0.wav",
            "0_bob_1.wav",
            "12_ann_0.wav",
        ]
        with pytest.raises(ZaohuaError, match=r"no file in .* has a name of this form: there is 0_ann_0.wav"):
            read(f"{tmp_path}/{{label}}-{{i}}.wav", True)


def test_what_is_given_stays_as_it_is(tmp_path: Path) -> None:
    """One codec's windows and trimming aren't seen by the next, nor by whoever gave the sounds."""
    for i in range(4):
        soundfile.write(tmp_path / f"{i}.wav", np.concatenate([np.zeros(RATE // 4), tone(200 + 20 * i, 1.9)]), RATE)
    items, labels = read(tmp_path)[0], ["a", "b", "a", "b"]
    before = list(items.sources)
    for seconds, parts in [(0.5, 4), (1.0, 2)]:
        codec = MelCodec(seconds=seconds, long="windows", trim=True)
        given = read(items, labels)[0]
        codec.fit(given)
        for _ in range(2):  # what `fit` has kept, and anew
            found = codec.parts(given)
            assert found.labels == [label for label in labels for _ in range(parts)]
            codes = codec.encode(found)
            assert len(codes) == len(found) == 4 * parts
            torch.testing.assert_close(codes, codec.encode(codec.parts(found)), rtol=0, atol=0)
            assert codec.encode(given).shape == codes.shape
        assert given.sources == items.sources == before and given.labels == labels and items.labels is None


def test_labels_given_apart_follow_what_is_fitted_again(tmp_path: Path) -> None:
    for i in range(11):
        soundfile.write(tmp_path / f"{i:02}.wav", tone(200 + 20 * i, 1.0), RATE)
    (tmp_path / "00.wav").write_bytes(b"no sound")
    items, labels = read(tmp_path)[0], list("abababababa")
    for seconds in (0.5, 1.0):
        model = zh.Flow(**{**zh.Flow.tiny, "max_steps": 1}, codec=MelCodec(seconds=seconds, long="windows"))
        with pytest.warns(ZaohuaWarning, match="1 of"):
            model.fit(items, labels)
        assert model.y_codec_.counts_ == [int(5 / seconds), int(5 / seconds)]
        assert len(items) == 11 and items.labels is None


def test_sounds_that_are_read_show_players_and_their_number() -> None:
    sounds, _ = read("tones", True)
    assert repr(sounds).startswith(f"<{len(sounds):,} sounds: ") and repr(sounds).endswith(" ...>")
    html = sounds._repr_html_()
    assert 1 < html.count("<audio") < len(sounds) and f"and {len(sounds) - html.count('<audio'):,} more" in html
