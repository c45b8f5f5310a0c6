"""Lists of files, and sounds that aren't read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.sounds import wav

from zaohua.core.errors import ZaohuaError, ZaohuaWarning
from zaohua.modalities import ImageFiles, MidiFiles, SoundFiles, TextFiles, WaveCodec, read


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two files of each kind."""
    monkeypatch.chdir(tmp_path)
    for i in "ab":
        (tmp_path / f"{i}.wav").write_bytes(wav())
        Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / f"{i}.png")
        (tmp_path / f"{i}.txt").write_text(f"text {i}")
        (tmp_path / f"{i}.m4a").write_bytes(b"?")
        (tmp_path / f"{i}.mid").write_bytes(b"?")
    return tmp_path


@pytest.mark.parametrize("of", [str, Path])
@pytest.mark.parametrize(
    ("suffix", "kind"), [("wav", SoundFiles), ("png", ImageFiles), ("mid", MidiFiles), ("txt", TextFiles)]
)
def test_a_list_of_files_is_these_files(of: Any, suffix: str, kind: type) -> None:
    items, labels = read([of(f"b.{suffix}"), of(f"a.{suffix}")], ["x", "y"])
    assert isinstance(items, kind) and labels == ["x", "y"]
    assert [Path(path).name for path in items.paths] == [f"b.{suffix}", f"a.{suffix}"]


def test_files_are_learnt_from_and_can_be_conditions() -> None:
    assert len(WaveCodec().fit(read(("a.wav", "b.wav"))[0]).encode(read(["a.wav"])[0])) == 1
    assert isinstance(read([Path("a.png")] * 2, [Path("a.wav"), Path("b.wav")])[1], SoundFiles)


def test_other_texts_stay_texts() -> None:
    for texts in (["a.wav", "or b"], ["c.wav", "d.wav"], ["x" * 5000 + ".wav"], ["\0.wav"], ["a.doc"], ["a", "b.wav"]):
        assert read(texts)[0] == texts


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["a.wav", "c.wav"], r"c.wav: there is no such file \(number 1 of the list\)"),
        ([Path("c.wav")], "c.wav: there is no such file"),
        ([Path("a.wav"), "b.png"], "the list holds files of sounds, but number 1 is b.png"),
        ([Path("a.wav"), 3], "the list holds files, but number 1 is an int"),
        ([Path(".")], "is a folder: give it by itself"),
        ([Path("a.wav"), Path("a.m4a")], "a.m4a: .m4a files aren't read: convert"),
        (["a.m4a", "b.m4a"], "a.m4a: .m4a files aren't read: convert"),
    ],
)
def test_mistakes_in_a_list_of_files(files: list[Any], message: str) -> None:
    with pytest.raises(ZaohuaError, match=message):
        read(files)


def test_other_files_in_a_list(here: Path) -> None:
    (here / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(
        ZaohuaError, match="a.csv: can't be read as one of a list of files, which hold one item each .images, texts"
    ):
        read([Path("a.csv")])


def test_sounds_that_are_not_read_say_how_they_can_be(here: Path) -> None:
    (here / "wma").mkdir()
    for name in ("1.wma", "2.WMA", "3.m4a"):
        (here / "wma" / name).write_bytes(b"?")
    (here / "wma" / "cover.png").write_bytes((here / "a.png").read_bytes())
    (here / "wma" / "notes.txt").write_text("from the phone")
    (here / "mixed").mkdir()
    for name in ("1.m4a", "2.m4a", "3.wav"):
        (here / "mixed" / name).write_bytes(wav())
    with pytest.warns(ZaohuaWarning, match=r"^left out 2 .m4a files: convert them to .wav"):
        assert len(read("mixed")[0]) == 1
    convert = r"files aren't read: convert them to .wav, .flac or .mp3, as by `ffmpeg -i x"
    for source, suffix in (("wma", ".wma"), ("a.m4a", ".m4a"), ("{label}.m4a", ".m4a")):
        with pytest.raises(ZaohuaError, match=rf"{suffix} {convert}{suffix} x.wav`"):
            read(source)
