"""Arrays from outside come in one form: of any library, layout, byte order and type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from zaohua.core.arrays import as_array, unmasked
from zaohua.core.errors import ZaohuaError, shown

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 24


class Jax:
    """An array of another library, which has the protocol only."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return X if dtype is None else X.astype(dtype)


READ_ONLY = X.copy()
READ_ONLY.flags.writeable = False
FORMS = {
    "reversed": X[..., ::-1][..., ::-1][::-1],
    "fortran": np.asfortranarray(X),
    "read-only": READ_ONLY,
    "big-endian": X.astype(">f4"),
    "extended": X.astype(np.longdouble),
    "field": np.array([(1.0, b"x"), (2.0, b"y")], dtype=[("a", "<f4"), ("b", "S1")])["a"],
    "protocol": Jax(),
    "tensor": torch.from_numpy(X).flip(0),
    "gradient": torch.from_numpy(X).requires_grad_(),
    "negative": torch.from_numpy(X).to(torch.complex64).conj().imag,
    "no mask": np.ma.array(X),
}


@pytest.mark.parametrize("form", FORMS)
def test_any_array_becomes_one_that_torch_takes(form: str) -> None:
    given: Any = FORMS[form]
    array = as_array(given)
    assert type(array) is np.ndarray and array.dtype.isnative
    expected = given.detach().resolve_neg().numpy() if isinstance(given, torch.Tensor) else np.asarray(given)
    assert np.array_equal(torch.from_numpy(array.copy() if form in ("read-only", "protocol") else array), expected)


def test_what_needs_no_change_is_no_copy() -> None:
    assert np.shares_memory(as_array(X), X) and np.shares_memory(as_array(X.T), X)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e5m2])
def test_short_floats_become_float32(dtype: torch.dtype) -> None:
    assert as_array(torch.from_numpy(X).to(dtype)).dtype == np.float32


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (torch.eye(3).to_sparse(), r"give X\.to_dense\(\)"),
        (np.zeros(2, dtype=[("a", int)]), r"records \(a\) .* pandas"),
        (np.ma.array([1, 2], mask=[0, 1]), "1 of 2 values are masked, but sounds can't have missing values"),
        ([[1], [1, 2]], "can't be read as an array"),
        (torch.zeros(2, device="meta"), "can't be read as an array"),
    ],
)
def test_what_is_no_array_is_refused_in_one_line(given: object, line: str) -> None:
    with pytest.raises(ZaohuaError, match=line) as caught:
        as_array(given, "sounds")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "values", [[1, 2], [1.5, 2.5], [True, False], ["a", "b"], np.array(["2020-01-01", "2020-01-02"], "M8[D]")]
)
def test_masked_cells_are_missing_where_there_are_holes(values: Any) -> None:
    filled = unmasked(np.ma.array(values, mask=[False, True]), "tables", holes=True)
    assert filled[0] == values[0] and pd.isna(filled[1]) and type(filled) is np.ndarray


@pytest.mark.parametrize("value", [np.zeros((3, 2)), "a\nb" * 100, list(range(100))])
def test_values_are_shown_in_one_short_line(value: object) -> None:
    assert "\n" not in shown(value) and len(shown(value)) < 80
