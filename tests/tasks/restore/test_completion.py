"""Holes in pictures by models that draw pixel by pixel: what is seen comes back, and how it was done is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import zaohua as zh

X = (np.random.default_rng(0).random((40, 4, 4)) < 0.4).astype(np.uint8) * 255
UPPER = np.zeros((4, 4), bool)
UPPER[:2] = True


@pytest.fixture(scope="module", params=["PixelCNN", "MADE", "ImageGPT"])
def model(request: pytest.FixtureRequest) -> Any:
    kind = getattr(zh, request.param)
    return kind(**{**kind.tiny, "max_steps": 3}, random_state=0).fit(X)


@pytest.mark.parametrize(("mask", "said"), [(UPPER, "exact"), (~UPPER, "sequential Monte Carlo with 32 particles")])
def test_holes_are_filled_and_the_rest_is_as_given(model: Any, mask: np.ndarray, said: str) -> None:
    found = zh.restore(model, X[:3], mask=mask, n_samples=3, random_state=0)
    assert said in found.how and type(model).__name__ in found.how
    assert found.deviation is not None and (found.deviation[:, mask] == 0).all()
    for items in (found.best, *found.samples):
        assert items.dtype == np.uint8 and np.array_equal(items[:, mask], X[:3, mask])
    again = zh.restore(model, X[:2], mask=mask, n_samples=2, random_state=0)
    assert all(np.array_equal(a, b[:2]) for a, b in zip(again.samples, found.samples, strict=False))


def test_what_it_cannot_do_is_said(model: Any) -> None:
    with pytest.raises(zh.ZaohuaError, match="fills holes only, and doesn't undo 'noise 5'"):
        zh.restore(model, X[:1], "noise 5")
    with pytest.raises(zh.ZaohuaError, match="pictures of its own size, 4 x 4"):
        zh.restore(model, np.zeros((1, 5, 4), np.uint8), mask=np.ones((5, 4), bool))
