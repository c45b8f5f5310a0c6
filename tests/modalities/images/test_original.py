"""Picture files that are changed and written again keep what they hold beside their pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import gathered
from zaohua.modalities.images.codec import ImageCodec
from zaohua.modalities.images.original import Picture
from zaohua.modalities.images.saving import BY_ENDING

GREY, RGB = (ImageCodec().fit(np.full((2, 4, 4, *more), 200, np.uint8)) for more in ((), (3,)))
RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)


def saved(path: Path, array: np.ndarray, mode: str | None = None, **options: object) -> Path:
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def again(picture: Picture, path: Path) -> Picture:
    picture.write(path)
    return Picture.read(path)


@pytest.mark.parametrize("ending", sorted(BY_ENDING))
def test_every_format_that_is_written_is_read_again(tmp_path: Path, ending: str):
    smooth = np.add.outer(np.arange(16), np.arange(16)).astype(np.uint8)[:, :, None] * np.array([4, 6, 8], np.uint8)
    source = Picture.read(saved(tmp_path / "a.png", smooth))
    with gathered():
        found = again(source, tmp_path / f"b{ending}").item
    assert found.shape == smooth.shape
    form = BY_ENDING[ending]
    assert np.array_equal(found, smooth) if form.exact else np.abs(found.astype(int) - smooth).max() < 40


def test_16_bits_of_grey_stay(tmp_path: Path):
    deep = RNG.integers(0, 65536, (5, 7), dtype=np.uint16)
    for ending in (".png", ".tif", ".pgm"):
        picture = Picture.read(saved(tmp_path / f"a{ending}", deep))
        assert picture.item.dtype == np.uint16 and np.array_equal(picture.item, deep)
        assert np.array_equal(again(picture, tmp_path / f"b{ending}").item, deep)
    with gathered() as notes:
        picture.write(tmp_path / "b.jpg")
    assert notes == ["reduced from 16 bits to 8 in a .jpg"]
    assert np.abs(Picture.read(tmp_path / "b.jpg").item.astype(float) - deep / 257).mean() < 9


def test_alpha_stays_where_the_format_has_it(tmp_path: Path):
    alpha = RNG.integers(0, 256, (6, 8), dtype=np.uint8)
    picture = Picture.read(saved(tmp_path / "a.png", np.dstack([COLOURS, alpha])))
    assert np.array_equal(picture.item, COLOURS) and np.array_equal(picture.alpha, alpha)
    for ending in (".png", ".webp", ".tif", ".tga"):
        assert np.array_equal(again(picture, tmp_path / f"b{ending}").alpha, alpha), ending
    with gathered() as notes:
        picture.write(tmp_path / "b.jpg")
    assert notes == ["transparency isn't kept in a .jpg"]
    assert again(picture.filled(), tmp_path / "c.png").alpha is None


@pytest.mark.parametrize(
    ("mode", "said"),
    [("P", "a palette to colours"), ("CMYK", "CMYK to RGB colours"), ("1", "black and white to grey levels")],
)
def test_other_modes_are_converted_and_that_is_said(tmp_path: Path, mode: str, said: str):
    with gathered() as notes:
        picture = Picture.read(saved(tmp_path / "a.tif", COLOURS, mode))
    assert notes == [f"{tmp_path / 'a.tif'} converted from {said}"]
    assert picture.item.shape == ((6, 8) if mode == "1" else (6, 8, 3))


def test_transparent_palettes_and_keys_are_alpha(tmp_path: Path):
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "a.png", transparency=1)
    with gathered():
        assert Picture.read(tmp_path / "a.png").alpha.tolist() == [[255, 0], [0, 255]]
    deep = np.array([[5, 9000]], np.uint16)
    saved(tmp_path / "b.png", deep, transparency=9000)
    picture = Picture.read(tmp_path / "b.png")
    assert np.array_equal(picture.item, deep) and picture.alpha.tolist() == [[255, 0]]


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp", ".tif"])
def test_metadata_stay_and_the_picture_is_upright(tmp_path: Path, ending: str):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0xA002], exif.get_ifd(0x8769)[0xA003] = 8, 6
    exif.get_ifd(0x8825)[1] = "N"
    stored = exif.tobytes()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = saved(tmp_path / f"a{ending}", COLOURS, exif=stored, icc_profile=profile, dpi=(300, 300))
    picture = Picture.read(path)
    assert picture.shape == (8, 6)
    larger = picture.extended((2, 0), (0, 0))
    larger.write(tmp_path / f"b{ending}")
    with Image.open(tmp_path / f"b{ending}") as image:
        found = image.getexif()
        assert image.size == (6, 10) and found.get(0x0112, 1) == 1
        assert found[0x010F] == "Maker" and found.get_ifd(0x8825)[1] == "N"
        assert (found.get_ifd(0x8769)[0xA002], found.get_ifd(0x8769)[0xA003]) == (6, 10)
        assert image.info["icc_profile"] == profile
        if ending != ".webp":
            assert [round(float(value)) for value in image.info["dpi"]] == [300, 300]


def test_texts_of_png_files_stay_and_profiles_of_other_colours_dont(tmp_path: Path):
    info = PngInfo()
    info.add_text("Title", "A cat")
    info.add_itxt("XML:com.adobe.xmp", "<x/>")
    picture = Picture.read(saved(tmp_path / "a.png", COLOURS, pnginfo=info))
    picture.write(tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as image:
        assert image.text["Title"] == "A cat" and image.text["XML:com.adobe.xmp"] == "<x/>"
    with gathered():
        picture = Picture.read(saved(tmp_path / "a.jpg", COLOURS, "CMYK", icc_profile=b"of CMYK"))
    assert picture.kept.profile is None


def test_a_model_is_shown_what_it_takes_and_grey_stays_grey():
    colours, grey = Picture(Path("a.png"), COLOURS), Picture(Path("b.png"), COLOURS[:, :, 0])
    assert np.array_equal(colours.seen(GREY), COLOURS)  # each colour is restored by itself
    assert np.array_equal(colours.with_item(COLOURS, GREY).item, COLOURS)
    assert grey.seen(RGB).shape == (6, 8, 3) and np.array_equal(grey.with_item(grey.seen(RGB), RGB).item, grey.item)
    assert np.array_equal(grey.seen(RGB, grey=True), grey.item)
    assert np.array_equal(grey.with_item(COLOURS, RGB, grey=True).item, COLOURS)
    with gathered() as notes:
        assert colours.seen(RGB, grey=True).shape == (6, 8)
    assert notes == ["colours of a.png aren't used"]
    assert np.array_equal(grey.with_item(grey.item[:, :, None], GREY).item, grey.item)


def test_other_units_than_8_bits_are_converted_there_and_back():
    codec = ImageCodec().fit(np.linspace(0, 16, 17).repeat(4).reshape(17, 2, 2))
    assert (codec.grid_.low, codec.grid_.high) == (0, 16)
    pixels = np.array([[0, 51], [102, 255]], np.uint8)
    picture = Picture(Path("a.png"), pixels)
    seen = picture.seen(codec)
    assert np.allclose(seen, [[0, 3.2], [6.4, 16]]) and np.array_equal(picture.with_item(seen, codec).item, pixels)
    deep = Picture(Path("a.png"), np.array([[0, 65535]], np.uint16))
    assert np.array_equal(deep.seen(GREY), deep.item)  # restore brings 16 bits to the units of 8


def test_larger_results_keep_alpha_and_extensions_are_opaque():
    alpha = np.array([[0, 255], [255, 255]], np.uint8)
    picture = Picture(Path("a.png"), COLOURS[:2, :2], alpha)
    larger = picture.with_item(COLOURS[:4, :4], RGB)
    assert larger.alpha.shape == (4, 4) and larger.alpha[0, 0] < 64 < 250 < larger.alpha[3, 3]
    extended = picture.extended((1, 0), (0, 2))
    assert extended.alpha.tolist() == [[255] * 4, [0, 255, 255, 255], [255] * 4]
    assert np.array_equal(extended.item[1:, :2], COLOURS[:2, :2])


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "not an image"), (b"no picture", "not an image"), (None, "not there"), ("cut", "truncated")],
)
def test_files_that_cannot_be_read_are_one_line(tmp_path: Path, content: bytes | str | None, message: str):
    path = tmp_path / "a.png"
    if content == "cut":
        saved(path, RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))
        path.write_bytes(path.read_bytes()[:2000])
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(ZaohuaError) as error:
        Picture.read(path)
    assert str(error.value) == f"{path}: can't be read: {message}"


def test_differences_are_a_picture_whose_white_is_said(tmp_path: Path):
    deviation = np.zeros((3, 4, 3))
    deviation[1, 2] = 6, 12, 30
    assert Picture(Path("a.png"), COLOURS).write_differences(deviation, tmp_path / "d.png") == 16
    drawn = np.asarray(Image.open(tmp_path / "d.png"))
    assert drawn.shape == (3, 4) and drawn[1, 2] == 255 and drawn.sum() == 255


def test_pages_of_several_are_said(tmp_path: Path):
    page = Image.fromarray(COLOURS)
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    with gathered() as notes:
        Picture.read(tmp_path / "a.tif")
    assert notes == [f"first page of 2 of {tmp_path / 'a.tif'}"]
    assert zh.read(tmp_path / "a.tif")[0][0].shape == COLOURS.shape
