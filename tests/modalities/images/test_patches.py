"""Patches of larger pictures: where they begin, labels and groups, augmentation, exact resume, and photographs."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import zaohua as zh
from zaohua import modalities
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise
from zaohua.core.notes import DataNote
from zaohua.modalities import ImageCodec, ImageFiles, read
from zaohua.modalities.images.patches import PatchCodes, cut, spans, turned

DATA = os.environ.get("ZAOHUA_DATA")


def numbered(height: int, width: int) -> np.ndarray:
    """A picture in which every pixel has a value of its own, (1, height, width)."""
    return np.arange(height * width, dtype=np.uint16).reshape(1, height, width)


def patches(codec: ImageCodec, items: Any, seed: int = 0, train: bool = True) -> np.ndarray:
    codes = codec.encode(items)
    return codec.decode(codec.prepare(codes[np.arange(len(codes))], BatchNoise(seed, len(codes)), train=train))


@pytest.mark.parametrize(("length", "patch"), [(4, 4), (5, 4), (7, 4), (8, 4), (11, 4), (481, 48), (9, 1)])
def test_windows_share_the_places_of_patches_evenly(length: int, patch: int):
    places = [np.arange(start, start + size - patch + 1) for start, size in spans(length, patch)]
    np.testing.assert_array_equal(np.concatenate(places), np.arange(length - patch + 1))
    counts = [len(place) for place in places]
    assert max(counts) <= patch and max(counts) - min(counts) <= 1


def test_every_place_is_drawn_as_often_as_its_window_says():
    codec = ImageCodec(patch=3, max_value=255).fit(numbered(9, 7))
    corners = np.concatenate([patches(codec, numbered(9, 7), seed)[:, 0, 0] for seed in range(200)])
    counts = np.bincount(corners, minlength=63).reshape(9, 7)
    assert not counts[7:].any() and not counts[:, 5:].any()
    shares = [np.concatenate([np.full(n - 2, 1 / (n - 2)) for _, n in spans(side, 3)]) for side in (9, 7)]
    expected = 200 * np.multiply.outer(*shares)
    assert ((counts[:7, :5] - expected) ** 2 / expected).sum() < 70  # chi squared of 34 degrees of freedom


def test_patches_are_cut_of_pictures_and_scores_take_their_centre():
    items = np.random.default_rng(0).integers(0, 256, (2, 10, 12, 3), np.uint8)
    codec = ImageCodec(patch=5).fit(items)
    assert codec.spec_.tensor_shape == (3, 5, 5)
    every = np.lib.stride_tricks.sliding_window_view(items, (5, 5), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
    known = {patch.tobytes() for patch in every.reshape(-1, 5, 5, 3)}
    for train in (True, False):
        assert {patch.tobytes() for patch in patches(codec, items, train=train)} <= known
    assert (patches(codec, items, 0) != patches(codec, items, 1)).any()
    np.testing.assert_array_equal(patches(codec, items, 0, False), patches(codec, items, 1, False))
    small = ImageCodec(patch=5).fit(items[:, :5, :6])
    np.testing.assert_array_equal(patches(small, items[:, :5, :6], train=False), items[:, :5, :5])


def test_continuous_pixels_and_other_places_are_told_apart():
    items = np.random.default_rng(0).normal(size=(3, 9, 9))
    codec = ImageCodec(patch=4).fit(items)
    assert np.isin(patches(codec, items).round(5), items.round(5)).all()


def test_a_patch_is_the_same_alone_and_in_a_batch():
    codec = ImageCodec(patch=3).fit(numbered(9, 7))
    codes = codec.encode(numbered(9, 7))
    every = np.arange(len(codes))
    whole = cut(codes[every], 3, BatchNoise(3, len(codes)), True)
    parts = [cut(codes[every[i : i + 2]], 3, BatchNoise(3, len(every[i : i + 2]), i, len(codes)), True) for i in (0, 2)]
    assert torch.equal(whole[:4], torch.cat(parts))


def test_turns_and_flips_reach_all_symmetries():
    item = torch.arange(9.0).view(1, 1, 3, 3).repeat(400, 1, 1, 1)
    found = {tuple(x.flatten().tolist()) for x in turned(item, BatchNoise(0, 400))}
    assert found == {tuple(item[0].rot90(k, (-2, -1)).flatten().tolist()) for k in range(4)}
    items = np.random.default_rng(0).integers(0, 256, (60, 3, 3), np.uint8)
    codec = ImageCodec(flip=True, turn=True).fit(items)
    codes = codec.encode(items)[:1].repeat(400, 1, 1, 1)
    assert len({x.numpy().tobytes() for x in codec.prepare(codes, BatchNoise(0, 400), train=True)}) == 8
    assert torch.equal(codec.prepare(codes, BatchNoise(0, 400)), codec.prepare(codes, BatchNoise(1, 400)))
    with pytest.raises(ZaohuaError, match="turn= turns square images, not 4 x 3: give patch= or size="):
        ImageCodec(turn=True).fit(items[:, :, :1].repeat(4, 2))


def folder_of(path: Path, sizes: list[tuple[int, int]]) -> Path:
    for i, size in enumerate(sizes):
        pixels = np.random.default_rng(i).integers(0, 256, size, np.uint8)
        (path / f"class{i % 2}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path / f"class{i % 2}" / f"{i:02d}.png")
    return path


def test_files_of_different_sizes(tmp_path: Path):
    sizes = [(8 + i, 9 + i) for i in range(11)]
    items, _ = read(folder_of(tmp_path, [*sizes, (3, 20)]), True)
    codec = ImageCodec(patch=4)
    with pytest.warns(
        DataNote, match=r"1 of 12 images \(.*11.png \(20 x 3 pixels, smaller than the patch of 4 x 4\)\) left out"
    ):
        codec.fit(items)
    parts = codec.parts(items)
    counts = [len(spans(h, 4)) * len(spans(w, 4)) for h, w in sizes]
    assert codec.describe(len(parts)).startswith(f"11 pictures as {sum(counts)} patches of 4 x 4 pixels, 1 channel")
    order = sorted(range(11), key=lambda i: (i % 2, i))  # that of the folders
    assert np.bincount(parts.groups).tolist() == [counts[i] for i in order]
    assert parts.labels == [f"class{i % 2}" for i in order for _ in range(counts[i])]
    assert parts.files[0].name == "00.png" and "00.png at 0, 0" in parts.paths[0]
    codes = codec.encode(parts)
    assert codes.at_hand and codes[:3].dtype == torch.int16
    lazy = ImageCodec(patch=4, memory=0.0).fit(ImageFiles(items.files))
    found = lazy.encode(ImageFiles(items.files))
    assert isinstance(found, PatchCodes) and not found.at_hand and torch.equal(found[:], codes[:])
    assert torch.equal(parts.take([5, 2]).codes[:], codes[[5, 2]])


def test_sizes_that_are_all_too_small_and_states():
    with pytest.raises(ZaohuaError, match="images are 7 x 9 pixels, smaller than the patch of 8 x 8"):
        ImageCodec(patch=8).fit(numbered(9, 7))
    with pytest.raises(ZaohuaError, match="can't be read: 5 x 5 pixels, smaller than the patch of 8 x 8"):
        ImageCodec(patch=8).fit(ImageFiles([Image.new("L", (5, 5))]))
    codec = ImageCodec(patch=3).fit(numbered(9, 7))
    again = modalities.from_json(codec.to_json())
    assert again.describe(6) == codec.describe(6) == "1 picture as 6 patches of 3 x 3 pixels, 1 channel, 65,536 levels"
    assert codec.describe() == "patches of 3 x 3 pixels, 1 channel, 65,536 levels"
    sized = ImageCodec(size=12, patch=4).fit(ImageFiles([Image.new("L", (30, 40)), Image.new("L", (20, 20))]))
    assert sized.pictures_ == (2, 18)


def test_training_resumes_exactly_and_holds_out_pictures(tmp_path: Path):
    X = np.random.default_rng(0).integers(0, 256, (6, 20, 17), np.uint8)
    settings: dict[str, Any] = {"lr_schedule": "constant", "channels": 8, "batch_size": 4, "random_state": 0}
    settings |= {"image_patch": 8, "turn": True, "flip": True, "validation_fraction": 0.3}
    whole = zh.Flow(**settings, max_steps=4).fit(X)
    zh.Flow(**settings, max_steps=2).fit(X, out=tmp_path / "run")
    resumed = zh.load(tmp_path / "run").set_params(max_steps=4).resume(tmp_path / "run", X)
    for name, tensor in whole.tensors().items():
        assert torch.equal(tensor, resumed.tensors()[name]), name
    assert whole.sample(2).shape == (2, 8, 8)
    encoded, _, parts = whole.encode_labelled(X, None)
    assert len(encoded) == len(parts) == whole.n_items_ == 6 * 2 * 2
    held_out, rest = whole.hold_out(24, 0, parts.groups)
    split = [set(parts.groups[rows]) for rows in (held_out, rest)]
    assert all(len(a & b) <= 1 for a, b in pairwise(split))


@pytest.mark.skipif(not DATA or not Path(DATA, "photos/bsd68").is_dir(), reason="ZAOHUA_DATA has no photos/bsd68")
def test_photographs():
    photos = sorted(Path(str(DATA), "photos/bsd68").glob("*.png"))[:4]
    codec = ImageCodec(patch=48, flip=True, turn=True).fit(ImageFiles(photos))
    assert codec.pictures_ == (4, 240) and codec.spec_.tensor_shape == (1, 48, 48)
    drawn = patches(codec, ImageFiles(photos))
    whole = np.asarray(Image.open(photos[0]))
    assert drawn.shape == (240, 48, 48) and abs(drawn[:60].mean() - whole.mean()) < 10
