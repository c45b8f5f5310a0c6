"""Masks of pictures: which colour is the hole is the usual one, or as it is said, and it is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import gathered
from zaohua.modalities.images.masks import boxes, grown, read_mask

HOLE = np.zeros((4, 5), bool)
HOLE[1:3, 2:4] = True
GREY = np.where(HOLE, 255, 0).astype(np.uint8)


def read(path: Path, image: Image.Image, hole: object = None) -> tuple[np.ndarray, list[str]]:
    image.save(path)
    with gathered() as notes:
        return read_mask(path, hole), [*notes]  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "P", "RGBA", "LA"])
def test_white_is_the_hole_in_every_kind_of_picture(tmp_path: Path, mode: str):
    found, notes = read(tmp_path / "m.png", Image.fromarray(GREY).convert(mode))
    assert np.array_equal(found, HOLE) and found.dtype == np.float32
    assert notes[-1] == f"hole: where {tmp_path / 'm.png'} is white (20 % of the picture)"


def test_black_is_the_hole_if_that_is_said(tmp_path: Path):
    found, notes = read(tmp_path / "m.png", Image.fromarray(255 - GREY), "black")
    assert np.array_equal(found, HOLE) and "is black (20 %" in notes[-1]


def test_what_is_transparent_is_the_hole_where_all_else_is_alike(tmp_path: Path):
    layers = np.dstack([np.full((4, 5, 3), 200, np.uint8), 255 - GREY])
    found, notes = read(tmp_path / "m.png", Image.fromarray(layers))
    assert np.array_equal(found, HOLE) and "is transparent (20 %" in notes[-1]
    layers[0, 0] = 0, 0, 0, 255
    found, _ = read(tmp_path / "m.png", Image.fromarray(layers), "alpha")
    assert np.array_equal(found, HOLE)
    with pytest.raises(ZaohuaError, match="has no transparency"):
        read(tmp_path / "m.png", Image.fromarray(GREY), "alpha")


def test_grey_levels_are_soft_edges(tmp_path: Path):
    soft = GREY.copy()
    soft[0, 0] = 51
    assert read(tmp_path / "m.png", Image.fromarray(soft))[0][0, 0] == np.float32(0.2)
    deep = read(tmp_path / "d.png", Image.fromarray(soft.astype(np.uint16) * 257))[0]
    assert deep[0, 0] == np.float32(0.2) and deep.max() == 1


def test_the_lighter_of_two_colours_is_white(tmp_path: Path):
    found, notes = read(tmp_path / "m.png", Image.fromarray(HOLE.astype(np.uint8)))
    assert np.array_equal(found, HOLE) and "lighter of the two colours" in notes[0]


def test_boxes_are_holes_and_may_reach_beyond_the_picture():
    assert np.array_equal(boxes((4, 5), [(2, 1, 2, 2)]), HOLE)
    with gathered() as notes:
        found = boxes((4, 5), [(3, 2, 9, 9), (0, 0, 1, 1)])
    assert found.sum() == 5 and found[0, 0] == 1 and "reaches beyond the picture, which is 5 x 4" in notes[0]
    for box, message in (((0, 0, 0, 2), "is empty"), ((5, 0, 1, 1), "lies outside"), ((-3, 0, 2, 2), "lies outside")):
        with pytest.raises(ZaohuaError, match=message):
            boxes((4, 5), [box])


def test_holes_grow_in_all_directions():
    one = np.zeros((7, 7), np.float32)
    one[3, 3] = 1
    assert grown(one, 2).sum() == 13 and grown(one, 0) is one
    assert not grown(np.zeros((3, 3), np.float32), 2).any()
