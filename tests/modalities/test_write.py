"""write: items of each kind of data to one file, and what is read back of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.modalities.music.midi import MidiFiles
from zaohua.modalities.sounds.files import SoundFiles

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5), np.uint8)
FRAME = pd.DataFrame({"age": [31, 47, 22], "height": [1.75, 1.6, 1.82], "city": ["Bern", "Oslo, N", 'said "x"']})


def test_images_come_back_from_npz_with_their_labels(tmp_path: Path) -> None:
    path = zh.write(IMAGES, tmp_path / "new" / "a.npz", y=list("abcabc"))
    items, labels = zh.read(path, True)
    np.testing.assert_array_equal(items, IMAGES)
    assert items.dtype == np.uint8 and labels == list("abcabc")
    with np.load(zh.write(IMAGES[..., None].repeat(3, -1), tmp_path / "b.npz")) as stored:
        assert stored.files == ["images"]  # no labels were given
        np.testing.assert_array_equal(stored["images"], IMAGES[..., None].repeat(3, -1))


def test_a_sheet_of_images_shows_each_pixel(tmp_path: Path) -> None:
    path = zh.write(IMAGES, tmp_path / "a")
    assert path == tmp_path / "a.png"
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet)
    assert pixels.dtype == np.uint8 and pixels.ndim == 2
    assert set(IMAGES.ravel().tolist()) <= set(pixels.ravel().tolist())


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_sounds_come_back_one_behind_the_other(tmp_path: Path, suffix: str) -> None:
    levels = np.arange(-400, 400, dtype=np.int16) * 40
    sounds = [zh.Sound(levels, 8000), zh.Sound(levels[::-1], 8000)]
    zh.write(sounds, tmp_path / f"a{suffix}")
    items, _ = zh.read(tmp_path)
    assert isinstance(items, SoundFiles) and len(items) == 1 and items[0].rate == 8000
    silence = np.zeros(800, np.float32)  # a tenth of a second
    expected = np.concatenate([levels / np.float32(32768), silence, levels[::-1] / np.float32(32768)])
    np.testing.assert_array_equal(items[0].samples, expected)


def test_texts_are_parted_by_a_line(tmp_path: Path) -> None:
    path = zh.write(["Zeile\neins", "二"], tmp_path / "a")
    assert path == tmp_path / "a.txt"
    assert list(zh.read(path)[0]) == ["Zeile\neins\n" + "-" * 40 + "\n二\n"]


def test_dialogues_are_written_with_their_roles(tmp_path: Path) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    answer = {"role": "assistant", "content": "Hello"}
    path = zh.write([("2 + 2?", "4"), [*messages, answer]], tmp_path / "a.txt")
    expected = "user: 2 + 2?\nassistant: 4\n" + "-" * 40 + "\nsystem: Be brief.\nuser: Hi\nassistant: Hello\n"
    assert path.read_text("utf-8") == expected


def test_pieces_come_back_from_midi_one_behind_the_other(tmp_path: Path) -> None:
    first, second = np.array([[60, 48], [60, 50], [62, 50]]), np.array([[64, 52], [65, 53]])
    path = zh.write([zh.Piece.from_voices(first), zh.Piece.from_voices(second)], tmp_path / "a.mid")
    items, _ = zh.read(path)
    assert isinstance(items, MidiFiles) and len(items) == 1
    rest = np.full((16, 2), -1)  # a whole note
    np.testing.assert_array_equal(items[0].pitches(), np.concatenate([first, rest, second]))


def test_pieces_are_played_in_a_wav(tmp_path: Path) -> None:
    path = zh.write([zh.Piece.from_voices(np.array([[69]] * 8))], tmp_path / "a.wav")  # a' for two quarters
    (sound,) = zh.read([path])[0]
    loudness = np.abs(np.fft.rfft(sound.samples))
    assert np.argmax(loudness) * sound.rate / len(sound.samples) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_come_back(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("pyarrow")
    path = zh.write(FRAME, tmp_path / f"a{suffix}")
    pd.testing.assert_frame_equal(zh.read(path)[0], FRAME)
    items, labels = zh.read(zh.write(FRAME, tmp_path / f"b{suffix}", y=["x", "y", "x"]), "label")
    pd.testing.assert_frame_equal(items, FRAME)
    assert labels == ["x", "y", "x"]


def test_arrays_and_lists_of_numbers_are_tables(tmp_path: Path) -> None:
    numbers = [0.1, -2.5, 1e-12]
    assert zh.read(zh.write(numbers, tmp_path / "a"))[0].to_numpy().ravel().tolist() == numbers
    array = np.arange(6).reshape(3, 2)
    np.testing.assert_array_equal(zh.read(zh.write(array, tmp_path / "b.csv"))[0].to_numpy(), array)


@pytest.mark.parametrize(
    "items, name, message",
    [
        (IMAGES, "a.wav", r"a\.wav: .*written to a folder, or to a \.png or \.npz or \.gif file, not to \.wav"),
        (["text"], "a.csv", r"a\.csv: .*\.txt file, not to \.csv"),
        (FRAME, "a.png", r"a\.png: .*\.csv or \.parquet file, not to \.png"),
        ([object()], "a.txt", "isn't recognised as any kind of data: say which"),
    ],
)
def test_what_cannot_be_written_is_named(tmp_path: Path, items: object, name: str, message: str) -> None:
    with pytest.raises(ZaohuaError, match=message):
        zh.write(items, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["new/", "there"])
def test_a_folder_gets_a_file_for_each_item(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    folder = zh.write(IMAGES[:2], f"{tmp_path}/{name}", y=["a b", Path("x/dog.png")])
    names = [".zaohua.json", "00000-a_b.png", "00001-dog.png", "metadata.csv"]
    assert sorted(path.name for path in folder.glob("*")) == names
    assert (folder / "metadata.csv").read_text() == "file_name,label\n00000-a_b.png,a b\n00001-dog.png,\n"
    np.testing.assert_array_equal(np.asarray(Image.open(folder / "00000-a_b.png")), IMAGES[0])


def test_generations_of_items_are_never_mixed(tmp_path: Path) -> None:
    folder = zh.write(IMAGES, f"{tmp_path / 'new'}/")
    with pytest.raises(ZaohuaError, match=r"files that were written before .*: overwrite=True replaces them"):
        zh.write(IMAGES[:2], folder, overwrite=False)
    zh.write(IMAGES[:2], folder)
    assert sorted(path.name for path in folder.glob("[!.]*")) == ["00000.png", "00001.png"]
    (folder / "00001.png").write_bytes(b"mine")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ZaohuaError, match=r"holds other files \(00001.png, notes.txt\): nothing was written"):
        zh.write(IMAGES[:1], folder)
    assert len(list(folder.iterdir())) == 4 and (folder / "00001.png").read_bytes() == b"mine"


def test_a_file_that_is_there_stays_if_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(ZaohuaError, match=r"a\.csv is there already: overwrite=True replaces it"):
        zh.write(FRAME, tmp_path / "a", overwrite=False)
    assert (tmp_path / "a.csv").read_text() == "mine"
    assert zh.write(FRAME, tmp_path / "a").read_text().startswith("age,")
