"""read: arrays, .npz, .npy, IDX files, names, and errors that say what to give."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import DataNote
from zaohua.modalities import ImageFiles, read
from zaohua.modalities.files.arrays import read_idx, read_npz

rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (6, 4, 5), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.uint8)


def idx(array: np.ndarray, kind: int = 0x08) -> bytes:
    """The bytes of an IDX file."""
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def test_arrays_and_their_labels():
    items, labels = read(IMAGES)
    assert items is IMAGES and labels is None
    assert read(IMAGES, LABELS)[1] == LABELS.tolist()
    assert read(torch.from_numpy(IMAGES))[0].dtype == np.uint8
    np.testing.assert_array_equal(read(list(IMAGES))[0], IMAGES)
    assert read(IMAGES, False)[1] is None
    assert read(IMAGES, IMAGES)[1].shape == IMAGES.shape
    assert isinstance(read(IMAGES, [Image.new("L", (3, 3))] * 6)[1], ImageFiles)
    files, labels = read([Image.new("L", (3, 3))] * 2, ["a", "b"])
    assert read(files, True)[1] == ["a", "b"]


@pytest.mark.parametrize("images, labels", [("images", "labels"), ("x", "y"), ("X", "y"), ("arr_0", None)])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path: Path, images: str, labels: str | None, save: Any):
    save(tmp_path / "a.npz", **{images: IMAGES}, **({labels: LABELS} if labels else {}))
    items, found = read(tmp_path / "a.npz", y=True if labels else None)
    np.testing.assert_array_equal(items, IMAGES)
    assert found == (LABELS.tolist() if labels else None)
    if not labels:
        with pytest.raises(ZaohuaError, match="carries no labels: give y"):
            read(tmp_path / "a.npz", y=True)


def test_what_else_an_npz_holds_is_told(tmp_path: Path):
    np.savez(tmp_path / "a.npz", images=IMAGES, x_test=IMAGES, labels_test=LABELS)
    with pytest.warns(DataNote, match="^a.npz: left out x_test, labels_test$"):
        read(tmp_path / "a.npz")


def test_a_single_image_is_read_as_all_files_are(tmp_path: Path):
    Image.new("L", (3, 3)).save(tmp_path / "a.png")
    assert len(read(tmp_path / "a.png")[0]) == 1


def test_npy_in_either_order(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.asfortranarray(IMAGES))
    np.testing.assert_array_equal(read(str(tmp_path / "a.npy"))[0], IMAGES)


def npy(shape: tuple[int, ...], body: bytes = b"") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return stream.getvalue() + body


@pytest.mark.parametrize(
    "shape, message",
    [((10**6, 10**6), "GiB at hand"), ((10, 9), "90 bytes of data, but 3"), ((-1, 4), r"shape \(-1, 4\)")],
)
def test_npz_whose_header_lies(tmp_path: Path, shape: tuple[int, ...], message: str):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("images.npy", npy(shape, b"abc"))
    with pytest.raises(ZaohuaError, match=message):
        read(tmp_path / "a.npz")


def test_npz_that_is_damaged_or_foreign(tmp_path: Path):
    np.savez(tmp_path / "a.npz", images=np.array([{}, []], dtype=object))
    with pytest.raises(ZaohuaError, match="never unpickled"):
        read(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", faces=IMAGES)
    with pytest.raises(ZaohuaError, match="needs images under one of .*; it holds faces"):
        read(tmp_path / "b.npz")
    whole = (tmp_path / "b.npz").read_bytes()
    for at, broken in enumerate((b"", b"not a zip", whole[: len(whole) // 2])):
        (tmp_path / f"{at}.npz").write_bytes(broken)
        with pytest.raises(ZaohuaError, match="can't be read"):
            read(tmp_path / f"{at}.npz")
    np.savez(tmp_path / "c.npz", images=IMAGES)
    with pytest.raises(ZaohuaError, match="GiB at hand"):
        read_npz(tmp_path / "c.npz", max_bytes=IMAGES.nbytes - 1)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx(tmp_path: Path, pack: Any):
    for start, n in (("train", 6), ("t10k", 2)):
        (tmp_path / f"{start}-images-idx3-ubyte").write_bytes(pack(idx(IMAGES[:n])))
        (tmp_path / f"{start}-labels-idx1-ubyte").write_bytes(pack(idx(LABELS[:n])))
    for source in (tmp_path, tmp_path / "train-images-idx3-ubyte"):
        items, labels = read(source, y=True)
        np.testing.assert_array_equal(items, IMAGES)
        assert labels == LABELS.tolist()
    assert len(read(tmp_path, split="test")[0]) == 2


def test_idx_of_other_types(tmp_path: Path):
    (tmp_path / "a.idx").write_bytes(idx(IMAGES.astype(">f4"), 0x0D))
    out = read_idx(tmp_path / "a.idx")
    assert out.dtype == np.float32 and out.dtype.isnative
    np.testing.assert_array_equal(out, IMAGES)


@pytest.mark.parametrize(
    "data, message",
    [
        (idx(IMAGES)[:-1], "announces 120 bytes of data, but 119 follow"),
        (idx(IMAGES) + b"x", "but more follow"),
        (b"\0\0\x08\x03\0\0", "ends within its header"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "GiB at hand"),
        (b"PK", "not an IDX file"),
        (gzip.compress(idx(IMAGES), mtime=0)[:-30], "can't be read"),
        (gzip.compress(idx(IMAGES) + bytes(10**6), mtime=0), "but more follow"),
    ],
)
def test_idx_whose_header_lies(tmp_path: Path, data: bytes, message: str):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(ZaohuaError, match=message):
        read_idx(tmp_path / "a")


def test_names_and_paths_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "holiday").mkdir()
    with pytest.raises(ZaohuaError, match="'holidays' is neither a file .* set; did you mean 'holiday'"):
        read("holidays")
    with pytest.raises(ZaohuaError, match="did you mean 'fashion-mnist'"):
        read("fashion-minst")
    with pytest.raises(ZaohuaError, match="data sets: digits, mnist, fashion-mnist"):
        read("qqqqqq/wwwwww")
    with pytest.raises(ZaohuaError, match="unknown split of digits: 'val'"):
        read("digits", split="val")
    for source in ("holiday/*.wav", "[ab]/?.png"):
        with pytest.raises(ZaohuaError, match=r"\?|\*.*: no file has such a name"):
            read(source)
    np.savez(tmp_path / "digits", images=IMAGES)
    (tmp_path / "digits").mkdir()
    with pytest.raises(ZaohuaError, match="the folder is empty"):  # what exists goes before names
        read("digits")


def test_files_that_are_no_data(tmp_path: Path):
    Image.new("L", (3, 3)).save(tmp_path / "a.png")
    (tmp_path / "b.exe").write_text("words")
    (tmp_path / "c.gz").write_bytes(b"\x1f\x8bnot gzip")
    for name, message in (
        ("b.exe", "can't be read as data"),
        ("c.gz", "can't be read as data"),
    ):
        with pytest.raises(ZaohuaError, match=message):
            read(tmp_path / name)


@pytest.mark.parametrize(
    "X, y, message",
    [
        ([], None, "the list is empty"),
        (IMAGES, [1], "6 items but 1 labels"),
        (IMAGES, True, "carries no labels"),
        (IMAGES, "boot", "y must be True, or a list"),
        (IMAGES, 3, "y must be True, or a list"),
        ([np.zeros((3, 3)), np.zeros((3, 4))], None, r"different shapes: \(3, 3\) and \(3, 4\)"),
        (Image.new("L", (3, 3)), None, "give a list"),
    ],
)
def test_errors(X: Any, y: Any, message: str):
    with pytest.raises(ZaohuaError, match=message):
        read(X, y)
    with pytest.raises(ZaohuaError, match="split='test' can be taken of"):
        read(IMAGES, split="test")


@pytest.mark.parametrize("labelled", [True, None])
def test_a_pair_of_items_and_labels_is_told_from_items(labelled: bool | None) -> None:
    with pytest.raises(ZaohuaError, match=r"pair \(items, labels\).*give fit\(items, labels\)"):
        zh.VAE(max_steps=1).fit(zh.read("digits", y=labelled))


@pytest.mark.parametrize("y", [3, "eight", object()])
def test_a_condition_that_is_no_image_is_refused(y: object) -> None:
    images, _ = zh.read("digits", y=True)
    model = zh.Flow(max_steps=1, channels=8, random_state=0).fit(images[:8], images[8:16])
    with pytest.raises(ZaohuaError, match="conditions are images: give an image or several as y, not "):
        model.sample(2, y=y)
    assert model.sample(y=images[3]).shape == (1, 8, 8)
