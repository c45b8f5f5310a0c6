"""What a spec says of items on 1, 2 and 3 axes."""

from __future__ import annotations

import math

import pytest

from zaohua.core.spec import DataSpec, Feature

NAMES = ("depth", "height", "width")


@pytest.mark.parametrize("shape", [(5,), (4, 3), (2, 3, 4)])
def test_grids_of_real_numbers(shape: tuple[int, ...]) -> None:
    features = (Feature("temperature", "real", 1, scale=10.0), Feature("wind", "real", 2, scale=0.5))
    spec = DataSpec(NAMES[: len(shape)], shape, features)
    places = math.prod(shape)
    assert spec.channels == 3 and spec.size == 3 * places and spec.tensor_shape == (3, *shape)
    assert spec.log_volume == pytest.approx(places * (math.log(10) + 2 * math.log(0.5)))
    assert not spec.is_row and not spec.is_category and spec.levels is None
    assert DataSpec.from_json(spec.to_json()) == spec


def test_grids_of_codes() -> None:
    spec = DataSpec(NAMES, (2, 3, 4), (Feature("tissue", "category", 6),))
    assert spec.is_category and spec.size == 24 and spec.tensor_shape == (2, 3, 4) and spec.log_volume == 0


def test_ragged_items_have_no_size() -> None:
    spec = DataSpec(("time",), None, (Feature("value", "real", 1),))
    with pytest.raises(ValueError, match="no fixed size"):
        _ = spec.size
    with pytest.raises(ValueError, match="no fixed shape"):
        _ = spec.tensor_shape
