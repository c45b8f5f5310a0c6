"""`zaohua read`: nothing of a folder goes unsaid; each file is an item, or told."""

from __future__ import annotations

import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.sounds import wav

import zaohua as zh
from zaohua.core.notes import DataNote
from zaohua.modalities import ImageCodec, TableCodec

rng = np.random.default_rng(0)
LEFT = np.full(200, 8000, "<i2")


def picture(path: Path, size: tuple[int, int] = (4, 4), **options: object) -> None:
    """A random picture in colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(path, **options)


def pictures(folder: Path, names: str) -> None:
    for name in names.split():
        picture(folder / f"{name}.png")


def other_endings(folder: Path) -> None:
    pictures(folder, "a b c")
    for name in ("d.psd", "e.psd", "README", "shot.mov"):
        (folder / name).write_bytes(b"?")
    for name in ("Thumbs.db", ".DS_Store", "__MACOSX", "._a.png"):
        (folder / name).write_bytes(b"of the system, not of the data")


def captions(folder: Path) -> None:
    pictures(folder, "a b c")
    for name in "abc":
        (folder / f"{name}.txt").write_text("a cat")


def splits(folder: Path) -> None:
    pictures(folder, "train/a train/b test/c val/d val/e extra/f")


def stray(folder: Path) -> None:
    pictures(folder, "top " + " ".join(f"{label}/{i}" for label in ("cat", "dog") for i in range(5)))


def many_stray(folder: Path) -> None:
    pictures(folder, "a b c cat/d dog/e")


def contradicting(folder: Path) -> None:
    pictures(folder, "a b c d")
    (folder / "labels.csv").write_text("file,label\na.png,x\nb.png,y\na.png,y\nc.png,y\nc.png,y\n")


def hugging_face(folder: Path) -> None:
    pictures(folder, "a b c")
    rows = [{"file_name": f"{name}.png", "label": i % 2} for i, name in enumerate("abc")]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "dataset.json").write_text('{"labels": null}')


def texts_of_pictures(folder: Path) -> None:
    pictures(folder, "a b")
    (folder / "metadata.csv").write_text("file_name,text\na.png,a red cat\nb.png,a dog\n")


def links_and_hidden(folder: Path) -> None:
    pictures(folder, "a b .hidden/c .d")
    (folder / "lost.png").symlink_to(folder / "gone.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "up").symlink_to(folder.resolve(), target_is_directory=True)


def pages(folder: Path) -> None:
    frames = [Image.new("RGB", (4, 4), (200, 20 * i, 0)) for i in range(3)]
    frames[0].save(folder / "a.tif", save_all=True, append_images=frames[1:])
    frames[0].save(folder / "b.gif", save_all=True, append_images=frames[1:])
    frames[0].save(folder / "c.png", save_all=True, append_images=frames[1:])


def odd_pictures(folder: Path) -> None:
    picture(folder / "a.png", (9, 4))
    Image.fromarray(np.full((4, 4, 4), 200, np.uint8)).save(folder / "b.png")
    Image.fromarray(np.full((4, 4), 4000, np.uint16)).save(folder / "c.png")
    Image.fromarray(np.full((2, 2, 3), 100, np.uint8)).save(folder / "d.png")


def sounds(folder: Path) -> None:
    stereo = np.stack([LEFT, -LEFT], 1).tobytes()
    for name, data in {
        "a": wav(LEFT.tobytes()),
        "b": wav(LEFT.tobytes()),
        "long": wav(LEFT.tobytes() * 9),
        "fast": wav(LEFT.tobytes(), rate=16000),
        "opposite": wav(stereo, channels=2),
        "silent": wav(bytes(400)),
    }.items():
        (folder / f"{name}.wav").write_bytes(data)
    (folder / "phone.m4a").write_bytes(b"?")
    (folder / "cover.jpg").write_bytes(b"?")


def archive(folder: Path) -> None:
    pictures(folder, "cat/a dog/b")
    with zipfile.ZipFile(folder / "in.zip", "w") as made:
        for name in ("cat/a.png", "dog/b.png"):
            made.write(folder / name, name)
    (folder / "cat" / "note.doc").write_text("?")


CASES: list[tuple[Callable[[Path], None], list[str], int, list[str]]] = [
    (
        other_endings,
        [],
        3,
        [
            "left out 2 .psd files: convert them to .png",
            "left out 1 file without an ending (README), 1 .mov file (shot.mov)",
        ],
    ),
    (captions, [], 3, []),
    (captions, ["--no-labels"], 3, ["left out 3 .txt files (captions, not read)"]),
    (
        splits,
        [],
        2,
        [
            "test/ (1 file) kept apart: --split test",
            "val/ (2 files) kept apart: --split val",
            "left out 1 .png file (extra/f.png)",
        ],
    ),
    (splits, ["--split", "val"], 2, []),
    (stray, [], 10, ["left out 1 of 11 images, which lie in no subfolder and so have no label (top.png)"]),
    (many_stray, [], 5, ["DATA: without labels: 3 of 5 images lie in no subfolder (a.png, b.png, c.png)"]),
    (
        contradicting,
        [],
        2,
        [
            "left out 1 of 3 files, whose rows in labels.csv contradict each other (a.png as 'x' and as 'y')",
            "labels.csv lists 1 file more than once, with the same label (c.png)",
            "DATA/labels.csv lists 2 of 4 images: the others are left out (a.png, d.png)",
        ],
    ),
    (hugging_face, [], 3, ["dataset.json not read"]),
    (hugging_face, ["--no-labels"], 3, ["dataset.json not read", "metadata.jsonl not read"]),
    (texts_of_pictures, [], 2, []),
    (texts_of_pictures, ["--no-labels"], 2, ["metadata.csv not read"]),
    (
        links_and_hidden,
        [],
        2,
        [
            "left out 2 hidden files (.d.png, .hidden/c.png)",
            "left out 2 files that can't be opened, such as links to what isn't there (lost.png, pipe.png)",
            "left out links to subfolders that are read already (up)",
        ],
    ),
    (
        pages,
        [],
        3,
        [f"first page of 1 {name} file of several (--pages all takes all)" for name in ("GIF", "PNG", "TIFF")],
    ),
    (pages, ["--pages", "all"], 9, []),
    (
        odd_pictures,
        ["--size", "4"],
        4,
        [
            "1 image laid on white where transparent (--image-channels rgba keeps it)",
            "1 image reduced from 16 bits to 8",
            "1 image cropped to the proportions asked for",
            "1 image enlarged",
            "values reach 4,000 of 65,535, 6.1 % of the range: --max-value 4095 makes 4,095 white",
        ],
    ),
    (
        sounds,
        [],
        6,
        [
            "left out 1 .m4a file: convert them to .wav, .flac or .mp3, as by `ffmpeg -i x.m4a x.wav`",
            "left out 1 .jpg file (cover.jpg)",
            "1 of 6 sounds mixed to mono (--sound-channels keep keeps the channels)",
            "1 of 6 sounds resampled to 8,000 Hz (1 from 16,000 Hz)",
            "nothing but silence in 1 of 6 sounds",
            "1 of 6 sounds silent once mixed, as their channels cancel out (--sound-channels keep keeps them)",
        ],
    ),
    (
        sounds,
        ["--seconds", "0.02", "--long", "cut"],
        6,
        [
            "left out 1 .m4a file: convert them to .wav, .flac or .mp3, as by `ffmpeg -i x.m4a x.wav`",
            "left out 1 .jpg file (cover.jpg)",
            "1 of 6 sounds mixed to mono (--sound-channels keep keeps the channels)",
            "1 of 6 sounds resampled to 8,000 Hz (1 from 16,000 Hz)",
            "the ends of 5 of 6 sounds left out (0.225 of 0.3375 s; --long windows reads all)",
            "nothing but silence in 1 of 6 sounds",
            "1 of 6 sounds silent once mixed, as their channels cancel out (--sound-channels keep keeps them)",
        ],
    ),
    (
        archive,
        [],
        2,
        [
            "left out 1 archive (in.zip): give it by itself, or unpack it",
            "left out 1 .doc file (cat/note.doc)",
        ],
    ),
]


@pytest.mark.parametrize(
    ("make", "options", "items", "notes"), CASES, ids=lambda value: getattr(value, "__name__", None)
)
def test_all_of_a_folder_is_read_or_told(zaohua, make, options: list[str], items: int, notes: list[str]) -> None:
    Path("DATA").mkdir()
    make(Path("DATA"))
    said = zaohua("read", "DATA", "--json", *options)
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    assert said.err == "" and facts["notes"] == notes and facts["items"] == items
    text = zaohua("read", "DATA", *options)
    assert [line for line in text.out.splitlines() if line.startswith("note: ")] == [f"note: {note}" for note in notes]


def test_archives_are_read_as_the_folder_in_them(zaohua) -> None:
    Path("DATA").mkdir()
    archive(Path("DATA"))
    facts = json.loads(zaohua("read", "DATA/in.zip", "--json").out)
    assert facts["items"] == 2 and facts["labels"] == {"cat": 1, "dog": 1} and facts["notes"] == []
    with tarfile.open("in.tar.gz", "w:gz") as made:
        made.add("DATA/cat", "photos/cat")
    facts = json.loads(zaohua("read", "in.tar.gz", "--json").out)
    assert facts["items"] == 1 and facts["notes"] == ["left out 1 .doc file (cat/note.doc)"]
    Path("bad.zip").write_bytes(b"PK\3\4")
    assert "bad.zip: can't be unpacked" in zaohua("read", "bad.zip").err


def test_archives_write_nothing_outside_of_their_folder(zaohua) -> None:
    pictures(Path("DATA"), "cat/a")
    for name, inside in (("up.tar", "../../up/a.png"), ("absolute.tar", "/photos/a.png")):
        with tarfile.open(name, "w") as made:
            member, link = made.gettarinfo("DATA/cat/a.png"), tarfile.TarInfo("photos/link.png")
            member.name, link.type, link.linkname = inside, tarfile.SYMTYPE, "/etc/hostname"
            made.addfile(link)
            with open("DATA/cat/a.png", "rb") as file:
                made.addfile(member, file)
    assert "up.tar: can't be unpacked (../../up/a.png lies outside of it)" in zaohua("read", "up.tar").err
    facts = json.loads(zaohua("read", "absolute.tar", "--json").out)
    assert facts["items"] == 1 and facts["notes"] == ["left out 1 symbolic link of the archive"]


def test_training_says_the_same_in_one_line_before_it_and_encodes_once(zaohua, monkeypatch) -> None:
    Path("DATA").mkdir()
    stray(Path("DATA"))
    encoded = []
    fit = ImageCodec.fit
    monkeypatch.setattr(ImageCodec, "fit", lambda self, items: encoded.append(items) or fit(self, items))
    line = (
        "read: 10 pictures of 4 x 4 pixels, 3 channels, 256 levels, 2 labels; left out 1 of 11 images, which lie in no "
        "subfolder and so have no label (top.png)"
    )
    tiny = ["--channels", "8", "--latent-dim", "2", "--device", "cpu"]
    for options in (["--max-steps", "1", *tiny], ["--max-steps", "2", "--resume"]):
        assert zaohua("train", "vae", "DATA", "--out", "run", *options).err.splitlines()[0] == line
    assert zaohua("train", "vae", "DATA", "--base", "run", "--max-steps", "1").err.splitlines()[0] == line
    assert zaohua("train", "gaussian", "DATA").err.splitlines()[0] == line
    assert len(encoded) == 3  # fine-tuning takes the codec of its base
    said = zaohua("train", "gaussian", "DATA", "--json", "--out", "other")
    assert said.err == "" and json.loads(said.out)["data"]["notes"] == [line.partition("; ")[2]]


def test_columns_of_a_table_are_shown_and_fitted_once(zaohua, monkeypatch) -> None:
    Path("a.csv").write_text("age,city\n" + "".join(f"{20 + i},{'xyz'[i % 3]}\n" for i in range(40)))
    fitted = []
    fit = TableCodec.fit
    monkeypatch.setattr(TableCodec, "fit", lambda self, items: fitted.append(items) or fit(self, items))
    lines = zaohua("train", "product-mixture", "a.csv", "--n-components", "2").err.splitlines()
    assert sorted(line.split()[0] for line in lines[:2]) == ["age", "city"] and len(fitted) == 1
    assert lines[3].startswith("read: 40 rows of 2 columns: ")
    assert zaohua("read", "a.csv").out.splitlines()[:2] == lines[:2]


def test_notes_of_refused_data_come_before_the_error(zaohua) -> None:
    Path("DATA").mkdir()
    odd_pictures(Path("DATA"))
    (Path("DATA") / "a.psd").write_bytes(b"?")
    lines = zaohua("read", "DATA").err.splitlines()
    assert lines[0] == "zaohua: warning: left out 1 .psd file: convert them to .png"
    assert lines[1].startswith("zaohua: error: sizes differ: ") and lines[1].endswith(
        "give --size to resize all of them"
    )


def test_in_python_notes_are_warnings() -> None:
    with pytest.warns(DataNote, match="values reach 4,080 of 65,535, 6.2 % of the range: max_value=4095 makes 4,095"):
        zh.Gaussian().fit((16 * rng.integers(0, 256, (99, 4, 4))).astype(np.uint16))
