"""Arguments of public functions are checked like fields."""

from __future__ import annotations

import numpy as np
import pytest

from zaohua.core.arguments import path_of, tensor, whole_number
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import seeds_for
from zaohua.core.seeds import seed_of


def test_a_random_state_is_what_it_is_in_scikit_learn() -> None:
    assert seed_of(None) is None and seed_of(7) == 7 == seed_of(np.int64(7))
    for make in (np.random.RandomState, np.random.default_rng):
        first, again = make(0), make(0)
        assert seed_of(first) == seed_of(again) != seed_of(first)
    assert seeds_for(np.random.RandomState(0), 3) == seeds_for(np.random.RandomState(0), 5)[:3]


@pytest.mark.parametrize("value", [-1, 1.5, "x", True, [1], np.zeros(3), np.random])
def test_any_other_random_state_is_refused(value: object) -> None:
    with pytest.raises(ZaohuaError, match="random_state must be a whole number of at least 0, a RandomState or"):
        seed_of(value)


def test_whole_numbers_paths_and_tensors() -> None:
    assert whole_number("n", np.int32(3)) == 3 and str(path_of("out", "a/b")) == "a/b"
    for value in (0, 1.0, True, "1", None, np.zeros((2, 2))):
        with pytest.raises(ZaohuaError, match="n must be a whole number of at least 1, not"):
            whole_number("n", value)
    for value in (None, 3, "", "a\0b", b"x", []):
        with pytest.raises(ZaohuaError, match="out must be a path, not"):
            path_of("out", value)
    with pytest.raises(ZaohuaError, match=r"x must be a tensor, not an ndarray of shape \(2,\): make one"):
        tensor("x", np.zeros(2), "make one")
