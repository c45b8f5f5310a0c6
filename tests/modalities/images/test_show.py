from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.images.show import grid, visible


def test_grid_places_and_enlarges():
    images = np.arange(6, dtype=np.uint8).reshape(6, 1, 1).repeat(4, 1).repeat(4, 2)
    sheet = grid(images, columns=3, gap=1, height=8)
    assert sheet.shape == (2 * 9 - 1, 3 * 9 - 1)
    assert sheet[0, 0] == 0 and sheet[7, 7] == 0 and sheet[0, 9] == 1 and sheet[9, 18] == 5
    assert (sheet[8] == 255).all() and (sheet[:, 8] == 255).all()


@pytest.mark.parametrize("shape", [(5, 30, 20, 3), (5, 30, 20, 4), (5, 30, 20, 1), (5, 80, 90)])
def test_grid_keeps_colours(shape: tuple[int, ...]):
    sheet = grid(np.zeros(shape, np.uint8))
    assert sheet.shape[2:] == (shape[3:] if shape[3:] not in ((1,), ()) else ())


def test_grid_refuses_what_is_no_picture():
    with pytest.raises(ZaohuaError, match="uint8 images"):
        grid(np.zeros((2, 3, 3)))


def test_visible_maps_the_range_of_the_data():
    model = SimpleNamespace(codec_=SimpleNamespace(grid_=SimpleNamespace(low=0, high=16)))
    assert visible(model, np.array([0, 8, 16, 17])).tolist() == [0, 128, 255, 255]
