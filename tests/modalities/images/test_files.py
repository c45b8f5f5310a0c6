"""Folders of pictures: classes, labels.csv, broken files, sets larger than memory."""

from __future__ import annotations

import io
import pickle
import shutil
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zaohua.core.errors import ZaohuaError, ZaohuaWarning
from zaohua.core.noise import BatchNoise
from zaohua.core.notes import DataNote
from zaohua.modalities import ImageCodec, ImageFiles, LabelCodec, read
from zaohua.modalities.images.files import EncodedImages

rng = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _no_stray_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", r"\d+ images? (cropped|enlarged)")
        yield


def picture(path: Path, size: tuple[int, int] = (6, 8), colour: bool = True) -> np.ndarray:
    """A random picture of (height, width) in a new file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = rng.integers(0, 256, (*size, 3) if colour else size, np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def classes(folder: Path, n: int = 12) -> dict[str, np.ndarray]:
    """n pictures in nested folders, named by path from the folder."""
    names = [f"{'boot' if i % 3 else 'bag'}/{'deep/' if i % 2 else ''}{i:02d}.png" for i in range(n)]
    return {name: picture(folder / name) for name in sorted(names)}


def decoded(X: object, codec: ImageCodec | None = None) -> np.ndarray:
    """All pictures of a source, through the whole codec."""
    items, _ = read(X)
    codec = (codec or ImageCodec()).fit(items)
    codes = codec.encode(items)
    return codec.decode(codec.prepare(codes[np.arange(len(codes))], BatchNoise(0, len(codes))))


def bomb(path: Path, width: int = 60_000, height: int = 60_000) -> None:
    """A PNG of a few hundred bytes that says it is enormous."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9999))) + chunk(b"IEND", b"")
    )


def test_nested_classes(tmp_path: Path):
    pixels = classes(tmp_path)
    (tmp_path / "boot" / "notes.txt").write_text("not a picture, and not counted")
    (tmp_path / ".hidden").mkdir()
    picture(tmp_path / ".hidden" / "x.png")
    with pytest.warns(DataNote) as notes:
        items, labels = read(tmp_path, y=True)
    assert [str(note.message) for note in notes] == [
        "left out 1 .txt file (boot/notes.txt)",
        "left out 1 hidden file (.hidden/x.png)",
    ]
    assert isinstance(items, ImageFiles) and len(items) == 12
    assert labels == [name.split("/")[0] for name in pixels]
    assert [Path(p).relative_to(tmp_path).as_posix() for p in items.paths] == list(pixels)
    np.testing.assert_array_equal(items[3], list(pixels.values())[3])
    (tmp_path / "boot" / "notes.txt").unlink()
    shutil.rmtree(tmp_path / ".hidden")
    np.testing.assert_array_equal(decoded(str(tmp_path)), np.stack(list(pixels.values())))


def test_links_that_lead_back_up_end(tmp_path: Path):
    pixels = classes(tmp_path, 3)
    (tmp_path / "boot" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a bag").symlink_to(tmp_path / "bag", target_is_directory=True)
    with pytest.warns(DataNote, match=r"^left out links to subfolders that are read already \(a bag, boot/up\)$"):
        items, labels = read(tmp_path, True)
    assert len(items) == len(pixels) and set(labels) == {"bag", "boot"}


def test_channels_are_grey_only_if_all_are(tmp_path: Path):
    grey = picture(tmp_path / "a.png", colour=False)
    np.testing.assert_array_equal(decoded(tmp_path), grey[None])
    colour = picture(tmp_path / "b.png")
    np.testing.assert_array_equal(decoded(tmp_path), np.stack([np.stack([grey] * 3, -1), colour]))
    assert decoded(tmp_path, ImageCodec(channels="rgba")).shape == (2, 6, 8, 4)
    assert decoded(tmp_path, ImageCodec(channels="grey")).shape == (2, 6, 8)


def test_labels_csv(tmp_path: Path):
    pixels = classes(tmp_path)
    names = list(pixels)
    rows = [f'{name},"kind, {i % 2}"' for i, name in enumerate(names)]
    full = ["\ufeffLabel_of_no_use,Filename,label", *("0," + row for row in rows)]
    (tmp_path / "labels.csv").write_text("\n".join(full))
    other = r"^labels are those of labels.csv, not the subfolders \(bag, boot\)$"
    unread = r"^1 column of labels.csv not read \(Label_of_no_use\)"
    with pytest.warns(DataNote, match=other), pytest.warns(DataNote, match=unread):
        assert read(tmp_path, y=True)[1] == [f"kind, {i % 2}" for i in range(12)]
    (tmp_path / "labels.csv").write_text("\n".join(rows))  # no header
    with pytest.warns(DataNote, match=other):
        assert read(tmp_path, y=True)[1] == [f"kind, {i % 2}" for i in range(12)]
    (tmp_path / "labels.csv").write_text("filename,label\n" + "\n".join(rows[:9]))
    with pytest.warns(DataNote, match=other), pytest.warns(ZaohuaWarning, match="lists 9 of 12 images"):
        items, labels = read(tmp_path, y=True)
    assert len(items) == len(labels) == 9


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is empty"),
        ("name,label\na.png,1", "has no column 'filename'; its columns: name, label"),
        ("filename,kind\na.png,1", "has no column 'label'"),
        ("filename,label\na.png,1\nlost.png,2\ngone.png,3", r"lists lost.png \(and 1 more\), which is not there"),
        ("filename;label\nx;1", "lists x, which could be b/x.jpg or x.png"),
        ("filename;label\nlost;1", "lists lost, which is not there"),
        ("filename,label\na.png,", "row 2 has no label"),
        ("filename,label\na.png", "row 2 has no label"),
    ],
)
def test_errors_of_labels_csv(tmp_path: Path, text: str, message: str):
    (tmp_path / "b").mkdir()
    for name in ("a.png", "x.png", "b/x.jpg"):
        picture(tmp_path / name)
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ZaohuaError, match=message):
        read(tmp_path, y=True)


def test_splits(tmp_path: Path):
    pixels = classes(tmp_path / "train", 4)
    classes(tmp_path / "test", 2)
    with pytest.warns(DataNote, match=r"^test/ \(2 files\) kept apart: split='test'$"):
        items, labels = read(tmp_path, y=True)
    assert len(items) == 4 and labels == [name.split("/")[0] for name in pixels]
    assert len(read(tmp_path, split="test")[0]) == 2
    with pytest.raises(ZaohuaError, match="no subfolder 'val'"):
        read(tmp_path, split="val")


def test_sizes_that_differ(tmp_path: Path):
    picture(tmp_path / "a.png", (6, 8))
    picture(tmp_path / "b.png", (6, 9))
    with pytest.raises(ZaohuaError, match=r"b\.png is 9 x 6 pixels, \S*a\.png 8 x 6; give size="):
        decoded(tmp_path)
    assert decoded(tmp_path, ImageCodec(size=5)).shape == (2, 5, 5, 3)
    codec = ImageCodec().fit(read([Image.new("RGB", (8, 6))])[0])
    with pytest.raises(ZaohuaError, match="the training images 8 x 6"):
        codec.encode(read(tmp_path)[0])


def test_pil_images_and_uneven_arrays():
    images = [Image.new("L", (4, 3), 100 * i) for i in range(3)]
    np.testing.assert_array_equal(decoded(images)[:, 0, 0], [0, 100, 200])
    images[1].getpixel((0, 0))  # still open
    assert decoded([np.zeros((4, 4), np.uint8), np.zeros((6, 9), np.uint8)], ImageCodec(size=4)).shape == (2, 4, 4)
    with pytest.raises(ZaohuaError, match="image 1 is 9 x 6 pixels, image 0 4 x 4"):
        decoded([np.zeros((4, 4), np.uint8), np.zeros((6, 9), np.uint8)])
    with pytest.raises(ZaohuaError, match="number 1 is a str"):
        read([images[0], "b.png"])


def break_files(folder: Path) -> dict[str, str]:
    """Files broken in every way; name -> why they are left out."""
    picture(folder / "boot" / "zz1.png", (40, 40))
    whole = (folder / "boot" / "zz1.png").read_bytes()
    (folder / "boot" / "zz1.png").write_bytes(whole[: len(whole) // 2])
    (folder / "boot" / "zz2.jpg").write_bytes(b"")
    (folder / "boot" / "zz3.gif").write_text("this is text")
    (folder / "boot" / "zz4.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    bomb(folder / "boot" / "zz5.png")
    bomb(folder / "boot" / "zz6.png", 9000, 8000)
    return {
        "zz1.png": "truncated",
        "zz2.jpg": "empty",
        "zz3.gif": "not an image",
        "zz4.png": "not an image",
        "zz5.png": "too many pixels",
        "zz6.png": "9000 x 8000 pixels, more than 64 million",
    }


@pytest.mark.parametrize("memory", [None, 0])
def test_broken_files_are_left_out_counted_and_named_and_their_labels_too(tmp_path: Path, memory: float | None):
    pixels = classes(tmp_path, 60)
    reasons = break_files(tmp_path)
    items, labels = read(tmp_path, y=True)
    assert len(labels) == 66
    codec = ImageCodec(size=(6, 8), memory=memory)
    with pytest.warns(ZaohuaWarning, match=r"6 of 66 images \(.*zz2.jpg \(empty\).*\) left out") as caught:
        codec.fit(items)
    assert len(caught) == 1 and "\n" not in str(caught[0].message)
    assert {Path(name).name: reason for name, reason in items.skipped} == reasons
    codes, labels = codec.encode(items), items.labels
    assert len(codes) == len(labels) == len(LabelCodec().fit(labels).encode(labels)) == 60
    np.testing.assert_array_equal(codes[np.arange(60)].permute(0, 2, 3, 1), np.stack(list(pixels.values())))
    assert labels == [name.split("/")[0] for name in pixels]


def test_labels_given_apart_go_with_their_files(tmp_path: Path):
    names = list(classes(tmp_path, 60))
    (tmp_path / names[7]).write_bytes(b"")
    items, labels = read(tmp_path, y=np.arange(60))
    with pytest.warns(ZaohuaWarning):
        ImageCodec().fit(items)
    assert items.labels == [i for i in range(60) if i != 7]
    again, own = read(items, labels)  # the labels are of all files that there were
    assert len(again) == 59 and own == again.labels == items.labels
    with pytest.raises(ZaohuaError, match="60 items but 3 labels"):
        read(tmp_path, y=[1, 2, 3])


def test_more_than_a_tenth_broken_is_an_error(tmp_path: Path):
    classes(tmp_path, 40)
    break_files(tmp_path)
    with pytest.raises(ZaohuaError, match=r"5 of 46 images .*: more than a tenth is broken"):
        decoded(tmp_path, ImageCodec(size=8))


def test_a_lower_limit_of_pixels(tmp_path: Path):
    for i in range(20):
        picture(tmp_path / f"{i:02d}.png")
    picture(tmp_path / "large.png", (100, 200))
    with pytest.warns(ZaohuaWarning, match="200 x 100 pixels, more than 0.01 million"):
        assert len(decoded(tmp_path, ImageCodec(max_pixels=10_000))) == 20


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "webp", "tif", "ppm"])
def test_flipped_and_missing_bytes_never_crash(tmp_path: Path, suffix: str):
    stream = io.BytesIO()
    kinds = {"jpg": "JPEG", "tif": "TIFF"}
    Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(stream, kinds.get(suffix, suffix.upper()))
    whole = np.frombuffer(stream.getvalue(), np.uint8)
    for i in range(60):
        data = whole.copy()
        data[rng.integers(0, min(len(data), 80), 3)] ^= rng.integers(1, 256, 3, np.uint8)
        (tmp_path / f"{i:03d}.{suffix}").write_bytes(data[: len(data) - (i % 4) * 20].tobytes())
    for i in range(600, 1200):
        (tmp_path / f"{i}.{suffix}").symlink_to(picture_once(tmp_path.parent / f"whole.{suffix}"))
    items, _ = read(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZaohuaWarning)
        codes = ImageCodec(size=16).fit(items).encode(items)
    assert len(codes) == len(items) >= 600
    assert len(items) + len(items.skipped) == 660


def picture_once(path: Path) -> Path:
    """A small picture in a file that is made at the first call."""
    if not path.exists():
        picture(path)
    return path


def test_sets_larger_than_memory_are_decoded_on_the_fly(tmp_path: Path):
    classes(tmp_path, 30)
    items, _ = read(tmp_path)
    kept, lazy = (ImageCodec(memory=memory).fit(items).encode(items) for memory in (None, 0))
    assert isinstance(kept, torch.Tensor) and isinstance(lazy, EncodedImages)
    lazy = pickle.loads(pickle.dumps(lazy))
    assert len(lazy) == len(kept) == 30
    for rows in (np.array([4, 1, 29]), torch.tensor([2, 2]), slice(3, 9), np.arange(30) % 2 == 0):
        assert lazy[rows].dtype == torch.uint8
        torch.testing.assert_close(lazy[rows], kept[rows])
    Path(items.paths[5]).unlink()
    with pytest.raises(ZaohuaError, match=f"{items.paths[5]}: can't be read any more"):
        lazy[np.array([5])]


def test_workers_gather_from_files(tmp_path: Path):
    classes(tmp_path, 12)
    items, _ = read(tmp_path)
    codes = ImageCodec(memory=0).fit(items).encode(items)

    class Batches(torch.utils.data.Dataset[torch.Tensor]):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, i: int) -> torch.Tensor:
            return codes[np.arange(4 * i, 4 * i + 4)].contiguous()

    loader = torch.utils.data.DataLoader(Batches(), batch_size=None, num_workers=1)
    torch.testing.assert_close(torch.cat(list(loader)), codes[np.arange(12)])


def test_folders_without_pictures(tmp_path: Path):
    with pytest.raises(ZaohuaError, match="the folder is empty"):
        read(tmp_path)
    for name in ("a.exe", "b.exe", "c.xyz", "README"):
        (tmp_path / name).write_text("words")
    with pytest.raises(
        ZaohuaError, match=r"no files that are read from folders \(2 \.exe, .*\): it must hold images \(\.bmp"
    ):
        read(tmp_path)


def test_folders_without_labels(tmp_path: Path):
    picture(tmp_path / "a.png")
    with pytest.raises(ZaohuaError, match="carries no labels"):
        read(tmp_path, y=True)
    picture(tmp_path / "boot" / "b.png")
    with pytest.raises(ZaohuaError, match=r"1 of 2 images lie in no subfolder \(a.png\)"):
        read(tmp_path, y=True)
