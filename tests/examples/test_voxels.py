"""3-D shapes in examples/voxels, a kind of data of a user's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from examples.voxels import Voxels
from examples.voxels.codec import VoxelCodec
from examples.voxels.drawing import draw
from examples.voxels.evaluation import features_of
from examples.voxels.files import read_binvox, write_binvox
from examples.voxels.shapes import KINDS, make
from tests.examples.kinds import (
    TINY,
    check_known_by_name,
    check_saved_and_loaded,
    check_the_command_line,
    folder_of,
    sorted_by_label,
)

import zaohua as zh
from zaohua.modalities.registry import unregister

unregister("voxels")  # importing it has registered it, and tests of other files shall not know it


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    zh.register(Voxels())
    yield
    unregister("voxels")


@pytest.fixture(scope="module")
def shapes() -> tuple[np.ndarray, list[str]]:
    return make(60, side=8)


def test_shapes_have_the_volumes_of_geometry() -> None:
    """Of many spheres, mean volume over the cube of mean extent is that of a ball in its box, pi / 6."""
    shapes, labels = make(400, side=16, seed=3)
    assert {label: labels.count(label) > 60 for label in KINDS} == dict.fromkeys(KINDS, True)
    full = {kind: [] for kind in KINDS}
    for shape, label in zip(shapes, labels, strict=True):
        places = np.argwhere(shape)
        full[label].append(len(places) / np.prod(np.ptp(places, axis=0) + 1))
    assert np.mean(full["sphere"]) == pytest.approx(np.pi / 6, abs=0.03)
    assert np.min(full["box"]) == 1


def test_files_are_binvox(tmp_path: Path) -> None:
    """Written by hand after the format's description: x is the slowest axis, then z, then y."""
    path = tmp_path / "a.binvox"
    path.write_bytes(b"#binvox 1\ndim 2 3 4\ntranslate 0 0 0\nscale 1\ndata\n" + bytes([0, 13, 1, 2, 0, 9]))
    shape = read_binvox(path)
    assert shape.shape == (2, 4, 3) and np.argwhere(shape).tolist() == [[1, 1, 0], [1, 2, 0]]
    long = np.ones((10, 11, 12), bool)
    long[3, 4, 5] = False
    for kept in (shape, long, ~long):
        assert np.array_equal(read_binvox(write_binvox(kept, path)), kept)
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(zh.ZaohuaError, match="announces 1320 voxels"):
        read_binvox(path)
    path.write_bytes(b"PNG")
    with pytest.raises(zh.ZaohuaError, match="a.binvox: is no .binvox file"):
        read_binvox(path)


def test_a_picture_shows_what_is_in_front() -> None:
    """One cube covers a hexagon; behind a nearer cube in the line of sight, another can't be seen."""
    shape = np.zeros((3, 3, 3), bool)
    shape[2, 2, 2] = True
    near = draw(shape)
    assert (near > 30).sum() == 48
    shape[1, 1, 1] = True
    assert np.array_equal(draw(shape), near)
    shape[2, 2, 2] = False
    assert not np.array_equal(draw(shape), near)


def test_features_tell_shapes_apart() -> None:
    solid, hollow = np.zeros((2, 8, 8, 8), bool)
    solid[2:6, 2:6, 2:6] = hollow[2:6, 2:6, 2:6] = True
    hollow[3:5, 3:5, 3:5] = False
    found = features_of(solid), features_of(hollow)
    assert found[0][1] == pytest.approx(6 * 16 / 64) and found[1][1] == pytest.approx((6 * 16 + 6 * 4) / 56)
    assert (found[0][13], found[1][13]) == (0, 1)  # cavities
    assert found[0][14] == 2 and features_of(np.zeros((8, 8, 8), bool)).shape == found[0].shape


def test_write_and_read(shapes: tuple[np.ndarray, list[str]], tmp_path: Path) -> None:
    items, labels = shapes
    path = zh.write(items, tmp_path / "all.npz", y=labels, modality="voxels")
    back, names = zh.read(path, True, modality="voxels")
    assert np.array_equal(back, items) and back.dtype == bool and names == labels
    folder = folder_of(VoxelCodec().fit(items), items, labels, tmp_path / "shapes")
    back, names = zh.read(folder, True)
    assert np.array_equal(back, sorted_by_label(*shapes)[0]) and names == sorted(labels)
    assert zh.write(items[:5], tmp_path / "sheet", modality="voxels") == tmp_path / "sheet.png"
    assert zh.modality("voxels").recognises(back) and zh.modality("images").recognises(back)  # so it must be said


def test_fit_sample_save_load(shapes: tuple[np.ndarray, list[str]], tmp_path: Path) -> None:
    model = zh.Flow(**TINY).fit(*shapes, modality="voxels")
    assert model.spec_.axes == ("x", "y", "z") and isinstance(model.codec_, VoxelCodec)
    made = model.sample(4, y="torus", random_state=0)
    assert made.shape == (4, 8, 8, 8) and made.dtype == bool
    by_codec = zh.Flow(**TINY, codec=VoxelCodec()).fit(*shapes)
    assert np.array_equal(by_codec.sample(4, y="torus", random_state=0), made)
    check_saved_and_loaded(model, "torus", tmp_path, np.testing.assert_array_equal)


def test_shapes_are_turned_in_training_only(shapes: tuple[np.ndarray, list[str]]) -> None:
    from zaohua.core.noise import BatchNoise

    codec = VoxelCodec(turn=True).fit(shapes[0])
    codes = codec.encode(shapes[0])
    plain, turned = (codec.prepare(codes, BatchNoise(0, len(codes)), train) for train in (False, True))
    assert np.array_equal(codec.decode(plain), shapes[0])
    kinds = [
        "kept" if np.array_equal(new, old) else "turned" if np.array_equal(new, np.rot90(old, axes=(0, 1))) else "other"
        for new, old in zip(codec.decode(turned), shapes[0], strict=True)
    ]
    assert "other" not in kinds and 15 < kinds.count("turned") < 45
    with pytest.raises(zh.ZaohuaError, match="can't be turned"):
        VoxelCodec(turn=True).fit(np.zeros((2, 3, 4, 5), bool))


def test_what_cannot_be_a_shape_is_told(shapes: tuple[np.ndarray, list[str]]) -> None:
    with pytest.raises(zh.ZaohuaError, match="not of shape"):
        zh.Flow(**TINY).fit(np.zeros((3, 8, 8), bool), modality="voxels")
    with pytest.raises(zh.ZaohuaError, match="hold other numbers"):
        zh.Flow(**TINY).fit(np.full((3, 8, 8, 8), 0.5), modality="voxels")
    with pytest.raises(zh.ZaohuaError, match="fitted on"):
        VoxelCodec().fit(shapes[0]).encode(np.zeros((3, 4, 4, 4), bool))


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    codec = VoxelCodec()
    for seed, split in enumerate(("train", "test")):
        items, labels = make(60, side=8, seed=seed)
        folder_of(codec.fit(items), items, labels, tmp_path / "data" / split)
    check_the_command_line("data", "cross", ".binvox", tmp_path, capsys, monkeypatch)


def test_the_data_set_is_known_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_known_by_name("voxels", "shapes", tmp_path, monkeypatch)
