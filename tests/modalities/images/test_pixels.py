"""Every mode of Pillow's, converted pixel by pixel."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zaohua.modalities.images.files import ImageFiles
from zaohua.modalities.images.grid import EIGHT_BIT, Grid, find_grid
from zaohua.modalities.images.pixels import UnusableImage, convert_array, cover, resize_array, to_pixels

rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (5, 7), np.uint8)
RGB = rng.integers(0, 256, (5, 7, 3), np.uint8)
RGBA = rng.integers(0, 256, (5, 7, 4), np.uint8)


def through_file(image: Image.Image, path: Path, **options: object) -> Image.Image:
    image.save(path, **options)
    return Image.open(path)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp"])
def test_rgb_files_come_back_exactly(tmp_path: Path, suffix: str):
    options = {"lossless": True} if suffix == "webp" else {}
    image = through_file(Image.fromarray(RGB), tmp_path / f"a.{suffix}", **options)
    np.testing.assert_array_equal(to_pixels(image, "rgb"), RGB)


def test_grey_stays_grey_and_spreads_over_rgb(tmp_path: Path):
    image = through_file(Image.fromarray(GREY), tmp_path / "a.png")
    np.testing.assert_array_equal(to_pixels(image, "grey")[..., 0], GREY)
    np.testing.assert_array_equal(to_pixels(image, "rgb"), np.repeat(GREY[..., None], 3, -1))
    np.testing.assert_array_equal(to_pixels(image, "rgba")[..., 3], 255)


def test_one_bit(tmp_path: Path):
    bits = GREY > 127
    image = through_file(Image.fromarray(bits), tmp_path / "a.png")
    assert image.mode == "1"
    np.testing.assert_array_equal(to_pixels(image, "grey")[..., 0], bits * 255)


def test_alpha_is_laid_on_white_or_kept(tmp_path: Path):
    image = through_file(Image.fromarray(RGBA), tmp_path / "a.png")
    np.testing.assert_array_equal(to_pixels(image, "rgba"), RGBA)
    alpha = RGBA[..., 3:] / 255
    expected = RGBA[..., :3] * alpha + 255 * (1 - alpha)
    assert np.abs(to_pixels(image, "rgb") - expected).max() <= 1


def test_grey_with_alpha(tmp_path: Path):
    image = through_file(Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(RGBA[..., 3])]), tmp_path / "a.png")
    alpha = RGBA[..., 3] / 255
    assert np.abs(to_pixels(image, "grey")[..., 0] - (GREY * alpha + 255 * (1 - alpha))).max() <= 1


def test_palette_with_a_transparent_colour(tmp_path: Path):
    image = Image.fromarray((np.arange(35).reshape(5, 7) % 3).astype(np.uint8), "L")
    image = image.convert("P")
    image.putpalette([10, 20, 30, 200, 100, 0, 1, 2, 3])
    plain = through_file(image, tmp_path / "plain.png")
    assert plain.mode == "P"
    np.testing.assert_array_equal(to_pixels(plain, "rgb")[0, :3], [[10, 20, 30], [200, 100, 0], [1, 2, 3]])
    clear = through_file(image, tmp_path / "clear.png", transparency=1)
    np.testing.assert_array_equal(to_pixels(clear, "rgb")[0, :3], [[10, 20, 30], [255, 255, 255], [1, 2, 3]])


def test_cmyk(tmp_path: Path):
    image = Image.fromarray(RGB).convert("CMYK")
    np.testing.assert_array_equal(to_pixels(through_file(image, tmp_path / "a.tif"), "rgb"), RGB)
    flat = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    pixels = to_pixels(through_file(flat, tmp_path / "a.jpg", quality=95), "rgb")
    assert np.abs(pixels.astype(int) - (0, 255, 255)).max() <= 3


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path, suffix: str):
    deep = np.linspace(0, 65535, 35).astype(np.uint16).reshape(5, 7)
    image = through_file(Image.fromarray(deep), tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(to_pixels(image, "grey")[..., 0], np.rint(deep / 257))


def test_pixels_without_a_known_range_are_refused():
    with pytest.raises(UnusableImage, match="floating-point"):
        to_pixels(Image.fromarray(np.ones((2, 2), np.float32)), "grey")
    with pytest.raises(UnusableImage, match="32-bit"):
        to_pixels(Image.fromarray(np.full((2, 2), 70000, np.int32)), "grey")


TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_exif_orientation(tmp_path: Path, suffix: str, orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(RGB).save(tmp_path / f"a.{suffix}", exif=exif, **options)
    expected = TURNS[orientation](RGB)
    files = ImageFiles([tmp_path / f"a.{suffix}"])
    files.check_headers(10**6)
    assert files.common_size() == expected.shape[:2]
    np.testing.assert_array_equal(files[0], expected)


def test_exif_orientation_of_a_jpeg(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    halves = np.zeros((64, 96), np.uint8)
    halves[:32] = 255
    image = through_file(Image.fromarray(halves), tmp_path / "a.jpg", exif=exif, quality=95)
    assert np.abs(to_pixels(image, "grey")[..., 0].astype(int) - np.rot90(halves, -1)).max() <= 2
    small = to_pixels(Image.open(tmp_path / "a.jpg"), "grey", (24, 16))[..., 0]  # decoded at half its size
    assert small.shape == (24, 16)
    assert small[:, :7].max() <= 2 and small[:, 9:].min() >= 253


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_does_not_spoil_the_pixels(tmp_path: Path):
    image = through_file(Image.fromarray(RGB), tmp_path / "a.png", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    np.testing.assert_array_equal(to_pixels(image, "rgb"), RGB)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_of_animations_the_first_frame(tmp_path: Path, suffix: str):
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "blue", "green")]
    frames[0].save(
        tmp_path / f"a.{suffix}",
        save_all=True,
        append_images=frames[1:],
        **({"lossless": True} if suffix == "webp" else {}),
    )
    pixels = to_pixels(Image.open(tmp_path / f"a.{suffix}"), "rgb")
    assert pixels.shape == (4, 6, 3)
    assert (pixels == (255, 0, 0)).all()


def test_one_pixel():
    assert to_pixels(Image.new("RGB", (1, 1), "red"), "rgb").tolist() == [[[255, 0, 0]]]
    assert to_pixels(Image.new("RGB", (1, 1), "red"), "rgb", (3, 2)).tolist() == [[[255, 0, 0]] * 2] * 3


def test_scaling_down_is_antialiased_and_crops_the_centre():
    stripes = np.zeros((64, 96), np.uint8)
    stripes[:, ::2] = 255
    small = np.asarray(cover(Image.fromarray(stripes), (8, 8)))
    assert np.abs(small[:, 1:-1].astype(int) - 127).max() <= 6
    halves = np.zeros((10, 30), np.uint8)
    halves[:, 10:20] = 200
    assert (np.asarray(cover(Image.fromarray(halves), (10, 10))) == 200).all()


def test_large_jpegs_keep_their_look_when_scaled(tmp_path: Path):
    ramp = np.linspace(0, 255, 800)[None].repeat(600, 0).astype(np.uint8)
    image = through_file(Image.fromarray(ramp), tmp_path / "a.jpg", quality=95)
    small = to_pixels(image, "grey", (30, 40))[..., 0]
    expected = ramp.reshape(30, 20, 40, 20).mean((1, 3))
    assert np.abs(small - expected).max() <= 2


def test_scaling_keeps_values_on_their_grid():
    digits = rng.integers(0, 17, (3, 8, 8, 1)).astype(np.float64)
    small = resize_array(digits, (4, 6), find_grid(digits))
    assert small.shape == (3, 4, 6, 1)
    assert small.dtype == np.float64
    assert set(np.unique(small)) <= set(range(17))
    assert resize_array(digits > 8, (4, 4), Grid(0, 1, 2)).dtype == bool


def test_channels_of_arrays_as_of_pictures():
    for pixels, mode in ((RGB, "RGB"), (RGBA, "RGBA")):
        image = Image.fromarray(pixels)
        for channels in ("grey", "rgb", "rgba"):
            ours = convert_array(pixels[None], channels, EIGHT_BIT)[0].astype(int)
            assert np.abs(ours - to_pixels(image, channels)).max() <= 1, (mode, channels)
    np.testing.assert_array_equal(
        convert_array(GREY[None, ..., None], "rgba", EIGHT_BIT)[0], to_pixels(Image.fromarray(GREY), "rgba")
    )


@pytest.mark.parametrize(
    "values, dtype, expected",
    [
        ([0, 7, 255], np.uint8, EIGHT_BIT),
        ([3, 99], np.uint8, EIGHT_BIT),
        ([0, 0], np.uint8, EIGHT_BIT),
        ([0, 1], np.uint8, Grid(0, 1, 2)),
        ([0, 255], np.uint8, Grid(0, 255, 2)),
        ([0, 1], bool, Grid(0, 1, 2)),
        (range(17), np.float64, Grid(0, 16, 17)),
        (range(17), np.int64, Grid(0, 16, 17)),
        ([0, 3, 200], np.float32, EIGHT_BIT),
        ([0, 3, 300], np.int32, Grid(0, 65535, 65536)),
        ([0, 3, 5], np.uint16, Grid(0, 65535, 65536)),
        (np.array([0, 3, 254]) / 255, np.float32, Grid(0, 1, 256)),
        (np.array([0, 3, 254]) / 127.5 - 1, np.float32, Grid(-1, 1, 256)),
        ([0.1, 0.777, 0.9], np.float32, Grid(0, 1, None)),
        ([-0.1, 0.777, 0.9], np.float32, Grid(-1, 1, None)),
        ([-3.5, 9.25], np.float64, Grid(-3.5, 9.25, None)),
        ([0.3, 0.3], np.float64, Grid(0.3, 1.3, None)),
    ],
)
def test_grids(values: list[float], dtype: type, expected: Grid):
    pixels = np.resize(np.array(list(values), dtype), (4, 5, 5, 1))
    assert find_grid(pixels) == expected


@pytest.mark.parametrize("levels", [17, None])
def test_large_pictures_are_encoded_in_little_memory(levels: int | None) -> None:
    """What is converted at once is bounded in pixels, not in pictures."""
    pictures = np.random.default_rng(0).integers(0, 17, (24, 512, 512), np.uint8)
    tracemalloc.start()
    try:
        Grid(0, 16, levels).encode(pictures)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * pictures.size  # as 64-bit floats alone they would take 8 bytes each, several times
