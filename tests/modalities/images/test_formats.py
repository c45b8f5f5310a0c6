"""Kinds of image files: formats, pages, transparency by what the file says, and ranges that aren't used."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise
from zaohua.core.notes import DataNote, gathered
from zaohua.modalities import ImageCodec, ImageFiles, read

rng = np.random.default_rng(0)
SMOOTH = np.add.outer(np.arange(32), np.arange(40)).astype(np.uint8)[..., None] * np.array([3, 2, 1], np.uint8)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(path: Path, row: bytes, depth: int, colour: int, key: tuple[int, ...] = (), extra: bytes = b"") -> Path:
    """A PNG of one row, byte by byte; `key` is its transparent colour or level."""
    width = len(row) * 8 // depth // (3 if colour == 2 else 1)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0))
    clear = chunk(b"tRNS", struct.pack(f">{len(key)}H", *key)) if key else b""
    body = chunk(b"IDAT", zlib.compress(b"\0" + row))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + extra + clear + body + chunk(b"IEND", b""))
    return path


def decoded(source: object, **options: object) -> np.ndarray:
    items, _ = read(source)
    codec = ImageCodec(**options).fit(items)
    codes = codec.encode(items)
    return codec.decode(codec.prepare(codes[np.arange(len(codes))], BatchNoise(0, len(codes))))


@pytest.mark.parametrize(
    ("ending", "name", "near"),
    [
        ("avif", "AVIF", 8),
        ("tga", "TGA", 0),
        ("jp2", "JPEG2000", 0),
        ("j2k", "JPEG2000", 0),
        ("dib", "DIB", 0),
        ("heic", "HEIF", 12),
    ],
)
def test_formats(tmp_path: Path, ending: str, name: str, near: int) -> None:
    if name == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    Image.fromarray(SMOOTH).save(tmp_path / f"a.{ending}", name)
    found = decoded(tmp_path)
    assert found.shape == (1, 32, 40, 3) and np.abs(found[0].astype(int) - SMOOTH).max() <= near


@pytest.mark.parametrize("ending", ["png", "jpg", "tga", "dib", "avif", "heic"])
def test_what_a_file_is_decides_what_is_decoded(tmp_path: Path, ending: str) -> None:
    """A program (EPS) is never run, whatever a file is called, and a text isn't taken for a picture."""
    for i, data in enumerate((b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", b"a text " * 99)):
        (tmp_path / f"{i}.{ending}").write_bytes(data)
    with pytest.raises(ZaohuaError, match="more than a tenth is broken"):
        decoded(tmp_path)


def test_heic_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zaohua.modalities.images import Images

    monkeypatch.setattr(Images, "suffixes", Images.suffixes - {".heic"})
    monkeypatch.setattr(Images, "convert", {**Images.convert, ".heic": "pip install 'zaohua[heic]' reads them"})
    (tmp_path / "b.heic").write_bytes(b"?")
    for source in (tmp_path, tmp_path / "b.heic"):
        with pytest.raises(ZaohuaError, match=r".heic files aren't read: pip install 'zaohua\[heic\]' reads them"):
            read(source)
    Image.fromarray(SMOOTH).save(tmp_path / "a.png")
    with pytest.warns(DataNote, match=r"left out 1 .heic file: pip install 'zaohua\[heic\]'"):
        read(tmp_path)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP", b"tEXt"])
def test_large_texts_and_profiles_of_a_png_are_no_damage(tmp_path: Path, kind: bytes) -> None:
    large = zlib.compress(bytes(3 << 20))
    body = {b"zTXt": b"a\0\0" + large, b"iTXt": b"a\0\1\0\0\0" + large, b"iCCP": b"a\0\0" + large}
    png(tmp_path / "a.png", bytes([1, 2, 250]), 8, 2, extra=chunk(kind, body.get(kind, b"a\0" + b"x" * (3 << 20))))
    assert decoded(tmp_path).tolist() == [[[[1, 2, 250]]]]


@pytest.mark.parametrize(
    ("row", "depth", "colour", "key", "rgba"),
    [
        (bytes([9, 9, 9, 0, 250, 3]), 8, 2, (9, 9, 9), [[9, 9, 9, 0], [0, 250, 3, 255]]),
        (bytes([200, 9]), 8, 0, (200,), [[200, 200, 200, 0], [9, 9, 9, 255]]),
        (struct.pack(">2H", 257 * 200, 257 * 9), 16, 0, (257 * 200,), [[200, 200, 200, 0], [9, 9, 9, 255]]),
        (
            struct.pack(">6H", *[257 * 200] * 3, *[257 * 9] * 3),
            16,
            2,
            (257 * 200,) * 3,
            [[200] * 3 + [0], [9] * 3 + [255]],
        ),
        (b"\x80", 1, 0, (1,), [[255] * 3 + [0], *[[0, 0, 0, 255]] * 7]),
        (b"\x1b", 2, 0, (2,), [[0, 0, 0, 255], [85] * 3 + [255], [170] * 3 + [0], [255] * 4]),
        (b"\x5a", 4, 0, (10,), [[85] * 3 + [255], [170] * 3 + [0]]),
    ],
)
def test_a_transparent_colour_is_laid_on_white_or_kept(
    tmp_path: Path, row: bytes, depth: int, colour: int, key: tuple[int, ...], rgba: list[list[int]]
) -> None:
    png(tmp_path / "a.png", row, depth, colour, key)
    with gathered() as notes:
        kept = decoded(tmp_path, channels="rgba")[0, 0]
    assert kept.tolist() == rgba and not [note for note in notes if "white" in note]
    with pytest.warns(DataNote, match="1 image laid on white where transparent"):
        white = decoded(tmp_path, channels="rgb")[0, 0]
    assert white.tolist() == [colour[:3] if colour[3] else [255] * 3 for colour in rgba]


def animation(path: Path, n: int = 3, **options: object) -> Path:
    frames = [Image.new("RGB", (5, 4), (0, 60 * i, 200)) for i in range(n)]
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    return path


@pytest.mark.parametrize("memory", [None, 0])
@pytest.mark.parametrize("ending", ["tif", "gif", "png", "webp"])
def test_pages_are_told_or_taken_with_the_label_of_their_file(
    tmp_path: Path, ending: str, memory: float | None
) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        animation(tmp_path / label / f"x.{ending}", **({"lossless": True} if ending == "webp" else {}))
        Image.new("RGB", (5, 4), (250, 0, 0)).save(tmp_path / label / "one.bmp")
    items, labels = read(tmp_path, True)
    with pytest.warns(DataNote, match=r"first page of 2 \w+ files of several \(pages='all' takes all\)"):
        assert len(ImageCodec(memory=memory).fit(items).encode(items)) == 4
    items, labels = read(tmp_path, True)
    codec = ImageCodec(pages="all", memory=memory)
    parts = codec.fit(items).parts(items)
    codes = codec.encode(parts)
    assert parts.labels == ["a"] * 4 + ["b"] * 4 and parts.groups.tolist() == [0, 1, 1, 1, 2, 3, 3, 3]
    assert codes[np.arange(8)][:, 1, 0, 0].tolist() == [0, 0, 60, 120] * 2
    assert parts.paths[3].endswith(f"x.{ending} page 3") and len(items) == 4


def test_a_model_learns_all_pages_and_their_labels(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        animation(tmp_path / label / "x.gif", 4)
    model = zh.Gaussian(codec=ImageCodec(pages="all")).fit(tmp_path, True)
    assert model.n_items_ == 8 and model.y_codec_.counts_ == [4, 4]
    frames = Image.open(tmp_path / "a" / "x.gif")
    assert len(ImageCodec(pages="all").fit(ImageFiles([frames])).encode(ImageFiles([frames]))) == 4


def deep(path: Path, top: int) -> None:
    """Sixteen levels from 0 to `top` in a PNG of 16 bits."""
    Image.fromarray((np.arange(16, dtype=np.uint16) * (top // 15)).reshape(4, 4)).save(path)


def test_a_range_that_is_hardly_used_is_told_and_can_be_given(tmp_path: Path) -> None:
    deep(tmp_path / "a.png", 4095)
    with pytest.warns(DataNote, match="values reach 4,095 of 65,535, 6.2 % of the range: max_value=4095 makes 4,095"):
        assert decoded(tmp_path).max() == 16
    with gathered() as notes:
        assert decoded(tmp_path, max_value=4095)[0].ravel().tolist() == [17 * i for i in range(16)]
    assert not [note for note in notes if "range" in note]
    with pytest.raises(ZaohuaError, match=r"pixels of 4095, above white \(max_value=1000"):
        decoded(tmp_path, max_value=1000)
    Image.new("RGB", (4, 4), "white").save(tmp_path / "b.png")  # another type doesn't hide it
    with pytest.warns(DataNote, match="values reach 4,095 of 65,535"):
        decoded(tmp_path)


@pytest.mark.parametrize(
    ("pixels", "told", "options", "levels", "high"),
    [
        (rng.integers(0, 14, (9, 4, 4, 3), np.uint8) * 2 + 1, "27 of 255, 11 %", {"max_value": 31}, 32, 31),
        ((16 * rng.integers(0, 256, (99, 4, 4))).astype(np.uint16), "4,080 of 65,535", {"max_value": 4095}, 4096, 4095),
        (rng.integers(0, 1000, (99, 4, 4)), "of 65,535, 1.5 %", {"max_value": 1023}, 1024, 1023),
        (rng.random((9, 4, 4)) * 7, "black is taken to be", {"max_value": 10.0}, None, 10),
        (rng.integers(0, 256, (9, 4, 4)) / 25.5, "black is taken to be", {"max_value": 10.0}, 256, 10),
    ],
)
def test_ranges_of_arrays(
    pixels: np.ndarray, told: str, options: dict[str, float], levels: int | None, high: float
) -> None:
    with pytest.warns(DataNote, match=told):
        ImageCodec().fit(pixels)
    with gathered() as notes:
        codec = ImageCodec(**options).fit(pixels)
        again = codec.decode(codec.prepare(codec.encode(pixels), BatchNoise(0, len(pixels))))
    assert not notes and (codec.grid_.levels, codec.grid_.high) == (levels, high)
    np.testing.assert_allclose(again, pixels, rtol=0, atol=1e-5)
    with pytest.raises(ZaohuaError, match="not from 0 to 2 "):
        ImageCodec(max_value=2).fit(pixels)


@pytest.mark.parametrize("pixels", [rng.integers(0, 17, (99, 4, 4)), rng.random((9, 4, 4)), np.ones((3, 4, 4), bool)])
def test_ranges_that_are_used_are_not_told(pixels: np.ndarray) -> None:
    with gathered() as notes:
        ImageCodec().fit(pixels)
    assert not notes


def test_floats_and_long_integers_are_read_if_white_is_given(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 0.5, 1]], np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ZaohuaError, match="floating-point pixels of unknown range; which is white"):
        decoded(tmp_path)
    assert decoded(tmp_path, max_value=1.0).tolist() == [[[0, 128, 255]]]


def test_jpegs_of_two_pictures_are_no_pages(tmp_path: Path) -> None:
    stream = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), "white"), Image.new("RGB", (4, 4))]
    frames[0].save(stream, "MPO", save_all=True, append_images=frames[1:])
    (tmp_path / "a.jpg").write_bytes(stream.getvalue())
    with pytest.warns(DataNote, match="only the main picture of 1 MPO file"):
        assert decoded(tmp_path, pages="all").shape == (1, 8, 8, 3)
