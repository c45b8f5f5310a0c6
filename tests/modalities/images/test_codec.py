"""ImageCodec: what goes in comes out, augmentation, options, errors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zaohua import modalities
from zaohua.core.errors import CheckpointError, ZaohuaError
from zaohua.core.noise import BatchNoise, ItemNoise
from zaohua.modalities import ImageCodec, ImageFiles, read

rng = np.random.default_rng(0)

ARRAYS = {
    "uint8": rng.integers(0, 256, (12, 6, 9), np.uint8),
    "uint8 one channel": rng.integers(0, 256, (12, 6, 9, 1), np.uint8),
    "rgb": rng.integers(0, 256, (12, 6, 9, 3), np.uint8),
    "rgba": rng.integers(0, 256, (12, 6, 9, 4), np.uint8),
    "digits": rng.integers(0, 17, (12, 8, 8)).astype(np.float64),
    "bool": rng.random((12, 6, 9)) > 0.5,
    "black and white": (rng.random((12, 6, 9)) > 0.5).astype(np.uint8) * np.uint8(255),
    "uint16": rng.integers(0, 65536, (12, 6, 9), np.uint16),
    "uint16 rgb": rng.integers(0, 65536, (12, 6, 9, 3), np.uint16),
    "8-bit in [0, 1]": (rng.integers(0, 256, (12, 6, 9)) / 255).astype(np.float32),
    "8-bit in [-1, 1]": rng.integers(0, 256, (12, 6, 9)) / 127.5 - 1,
    "int64": rng.integers(0, 256, (12, 6, 9)),
}


def round_trip(codec: ImageCodec, items: Any) -> np.ndarray:
    x = codec.prepare(codec.encode(items)[np.arange(len(items))], BatchNoise(0, len(items)))
    assert x.dtype == torch.float32
    assert x.shape[1:] == codec.spec_.tensor_shape
    assert x.min() >= -1 and x.max() <= 1
    return codec.decode(x)


@pytest.mark.parametrize("name", ARRAYS)
def test_what_goes_in_comes_out(name: str):
    items = ARRAYS[name]
    out = round_trip(ImageCodec().fit(items), items)
    assert out.dtype == items.dtype and out.shape == items.shape
    np.testing.assert_allclose(out, items, rtol=0, atol=1e-12 if "-1" in name else 0)


@pytest.mark.parametrize("items", [rng.random((5, 4, 6)).astype(np.float32), rng.normal(size=(5, 4, 6, 3)) * 40 + 7])
def test_continuous_pixels(items: np.ndarray):
    codec = ImageCodec().fit(items)
    assert codec.spec_.levels is None
    out = round_trip(codec, items)
    assert out.dtype == items.dtype
    np.testing.assert_allclose(out, items, atol=1e-6 * np.abs(items).max())


def test_codes_are_compact_and_8_bit_arrays_are_not_copied():
    items = ARRAYS["uint8"].copy()
    codes = ImageCodec().fit(items).encode(items)
    assert codes.dtype == torch.uint8
    assert codes.data_ptr() == items.ctypes.data
    assert ImageCodec().fit(ARRAYS["digits"]).encode(ARRAYS["digits"]).dtype == torch.uint8


def test_spec_says_levels_and_scale():
    spec = ImageCodec().fit(ARRAYS["digits"]).spec_
    assert (spec.axes, spec.shape, spec.levels, spec.features[0].scale) == (("height", "width"), (8, 8), 17, 8.0)
    assert ImageCodec(binarize="dynamic").fit(ARRAYS["uint8"]).spec_.levels == 2
    assert ImageCodec().fit(ARRAYS["rgb"]).spec_.tensor_shape == (3, 6, 9)


@pytest.mark.parametrize("name", ["uint8", "digits", "rgb"])
def test_decode_takes_the_nearest_value_and_refuses_what_is_none(name):
    codec = ImageCodec().fit(ARRAYS["uint8"])
    x = torch.tensor([-9.0, -1, 0.0, 0.5019, 1, 9] * 54).reshape(6, 1, 6, 9)
    assert codec.decode(x).reshape(-1)[:6].tolist() == [0, 0, 128, 191, 255, 255]
    other = ImageCodec().fit(ARRAYS[name])
    for value in (float("nan"), float("inf")):
        with pytest.raises(ZaohuaError, match="pixels are NaN or infinite"):
            other.decode(torch.full((1, *other.spec_.tensor_shape), value))


OPTIONS = [ImageCodec(), ImageCodec(size=(4, 6), channels="grey"), ImageCodec(binarize="static")]


@pytest.mark.parametrize("codec", OPTIONS)
def test_json_round_trip(codec: ImageCodec):
    items = ARRAYS["rgb"]
    option = modalities.from_json(json.loads(json.dumps(codec.to_json())))
    assert option.get_params() == codec.get_params() and not hasattr(option, "spec_")
    codec.fit(items)
    again = modalities.from_json(json.loads(json.dumps(codec.to_json())))
    assert json.loads(json.dumps(codec.to_json())) == codec.to_json() == again.to_json()
    assert again.spec_ == codec.spec_ and again.get_params() == codec.get_params()
    np.testing.assert_array_equal(round_trip(again, items), round_trip(codec, items))


def test_saved_codecs_name_ours_only():
    for bad in (
        {"codec": "os.system"},
        {"codec": "ImageCodec", "options": {"rm": 1}, "spec": None},
        {"codec": "ImageCodec", "options": {"flip": 3}, "spec": None},
    ):
        with pytest.raises(CheckpointError):
            modalities.from_json(bad)


def test_dynamic_binarisation_is_bernoulli_of_the_grey():
    items = np.stack([np.full((8, 8), 64, np.uint8), np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8)])
    codec = ImageCodec(binarize="dynamic").fit(items)
    codes = codec.encode(items)
    draws = torch.stack([codec.prepare(codes, BatchNoise(seed, 2)) for seed in range(3000)])
    assert set(draws.unique().tolist()) == {-1.0, 1.0}
    np.testing.assert_allclose((draws.mean(0)[:, 0] + 1) / 2, items / 255, atol=0.04)
    assert (draws[:, 1, 0, 0, 0] == -1).all()
    assert set(np.unique(codec.decode(draws[0]))) == {0, 255}


def test_binarisation_does_not_depend_on_the_place_in_a_batch():
    codec = ImageCodec(binarize="dynamic").fit(ARRAYS["uint8"])
    codes = codec.encode(ARRAYS["uint8"])
    together = codec.prepare(codes[:3], ItemNoise([1, 2, 3]))
    torch.testing.assert_close(codec.prepare(codes[2:3], ItemNoise([3])), together[2:], rtol=0, atol=0)


def test_static_binarisation_cuts_at_half():
    items = ARRAYS["uint8"]
    np.testing.assert_array_equal(round_trip(ImageCodec(binarize="static").fit(items), items), (items >= 128) * 255)


def test_flips_half_in_training_only():
    items = np.tile(np.arange(9, dtype=np.uint8) * 20, (400, 6, 1))
    codec = ImageCodec(flip=True).fit(items)
    codes = codec.encode(items)
    plain = codec.prepare(codes, BatchNoise(0, 400))
    trained = codec.prepare(codes, BatchNoise(0, 400), train=True)
    flipped = (trained == plain.flip(-1)).flatten(1).all(1)
    assert ((trained == plain).flatten(1).all(1) ^ flipped).all()
    assert 150 < flipped.sum() < 250
    np.testing.assert_array_equal(codec.decode(plain), items)


def test_size_and_channels_of_arrays():
    codec = ImageCodec(size=4, channels="grey").fit(ARRAYS["rgb"])
    assert codec.spec_.tensor_shape == (1, 4, 4)
    assert round_trip(codec, ARRAYS["rgb"]).shape == (12, 4, 4, 1)
    assert round_trip(ImageCodec(channels="rgb").fit(ARRAYS["uint8"]), ARRAYS["uint8"]).shape == (12, 6, 9, 3)
    assert round_trip(ImageCodec(size=(5, 3)).fit(ARRAYS["digits"]), ARRAYS["digits"]).shape == (12, 5, 3)


@pytest.mark.parametrize("name", ["uint8", "rgb", "rgba", "digits", "bool", "uint16", "8-bit in [0, 1]"])
def test_written_files_hold_the_pictures(tmp_path: Path, name: str):
    items = ARRAYS[name]
    codec = ImageCodec().fit(items)
    paths = codec.write(items, tmp_path / "new", [f"{i:03d}" for i in range(len(items))])
    assert [path.name for path in paths][:2] == ["000.png", "001.png"]
    back = np.stack([np.asarray(Image.open(path)) for path in paths]).astype(np.float64)
    top = 65535 if name == "uint16" else 255
    expected = (items - codec.grid_.low) / (codec.grid_.high - codec.grid_.low)
    np.testing.assert_allclose(back / top, expected, atol=0.5 / top)
    sheet = np.asarray(Image.open(codec.write_sheet(items[:5], tmp_path / "previews" / "a.png"))) / 255
    scale = math.ceil(56 / min(items.shape[1:3]))  # as high as can be seen
    h, w = scale * items.shape[1], scale * items.shape[2]
    assert sheet.shape[:2] == (2 * h + 2, 3 * w + 4)
    shown = sheet[h + 2 :: scale, w + 2 : 2 * w + 2 : scale]
    np.testing.assert_allclose(shown, expected[4].reshape(shown.shape), atol=0.5 / 255)


@pytest.mark.parametrize(
    "items, message",
    [
        (np.zeros((0, 4, 4), np.uint8), "no images"),
        (np.zeros((3, 4, 4), complex), "must be numbers"),
        (np.array([[["a"]]]), "must be numbers"),
        (np.zeros((480, 640, 3), np.uint8), "looks like a single image"),
        (np.zeros((5, 3, 32, 32), np.uint8), r"transpose it with \(0, 2, 3, 1\)"),
        (np.stack([np.zeros((4, 4)), np.full((4, 4), np.nan)]), "image 1 has pixels that are NaN"),
        (np.full((2, 4, 4), np.inf), "image 0 has pixels"),
        (np.full((2, 4, 4), -5), "from 0 to 65535"),
    ],
)
def test_arrays_that_are_no_images(items: np.ndarray, message: str):
    with pytest.raises(ZaohuaError, match=message):
        ImageCodec().fit(items)


def test_errors_of_encode_name_what_differs():
    codec = ImageCodec().fit(ARRAYS["digits"])
    with pytest.raises(ZaohuaError, match=r"\(6, 9, 1\).*\(8, 8, 1\)"):
        codec.encode(ARRAYS["uint8"])
    with pytest.raises(ZaohuaError, match="image 2 has a pixel of value 17"):
        codec.encode(np.stack([np.zeros((8, 8)), np.ones((8, 8)), np.full((8, 8), 17.0)]))
    with pytest.raises(ZaohuaError, match="files are 8-bit"):
        codec.encode(read([Image.new("L", (8, 8))])[0])
    with pytest.raises(ZaohuaError, match="size must be from 1 to 65,500 pixels, not 0"):
        ImageCodec(size=0).fit(ARRAYS["uint8"])


def test_codec_for_says_what_is_accepted():
    assert isinstance(modalities.codec_for(ARRAYS["rgb"], (ImageCodec,)), ImageCodec)
    option = ImageCodec(size=16).fit(ARRAYS["rgb"])
    fresh = modalities.codec_for(ARRAYS["rgb"], (ImageCodec,), option)
    assert fresh is not option and fresh.get_params() == option.get_params() and not hasattr(fresh, "spec_")
    for items, message in (
        (np.zeros((5, 3)), "tables"),
        (["once upon"], "texts"),
        (3, "can't learn from an int:"),
        (np.zeros(4), "tables"),
    ):
        with pytest.raises(ZaohuaError, match=message):
            modalities.codec_for(items, (ImageCodec,))
    with pytest.raises(ZaohuaError, match="this model takes sounds"):
        modalities.codec_for(ARRAYS["rgb"], (modalities.WaveCodec,))
    with pytest.raises(ZaohuaError, match="flip must be bool"):
        modalities.codec_for(ARRAYS["rgb"], (ImageCodec,), ImageCodec(flip="yes"))
    with pytest.raises(ZaohuaError, match="LabelCodec takes labels"):
        modalities.codec_for(ARRAYS["rgb"], (ImageCodec,), modalities.LabelCodec())


def test_pictures_as_conditions():
    codec = modalities.condition_codec(ARRAYS["rgb"]).fit(ARRAYS["rgb"])
    assert isinstance(codec, ImageCodec)
    assert codec.as_items(ARRAYS["rgb"][0], 3).shape == (3, 6, 9, 3)
    assert len(codec.as_items(ARRAYS["rgb"], None)) == 12
    assert codec.draw(ItemNoise([1])) is None and codec.log_prior() is None
    assert isinstance(modalities.condition_codec(["a", "b"]), modalities.LabelCodec)
    assert isinstance(modalities.condition_codec(ImageFiles([])), ImageCodec)
