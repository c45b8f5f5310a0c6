"""Arrays from outside: of any library, layout, byte order and type, brought to one form that torch takes, too.

Every method that takes an array passes it through `as_array` first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zaohua.core.errors import ZaohuaError, named


def as_array(value: Any, noun: str = "arrays of this kind", masked: bool = False) -> np.ndarray:
    """Return an array of any library (torch, jax, pandas ...) as one of numpy's that torch takes, too.

    Every array that comes from outside passes through here. Reversed views and arrays in another byte order are copied;
    types that torch or numpy lacks become the next larger one (bfloat16 float32, extended precision float64). Any other
    array is returned without a copy, and nothing is ever written to it.

    Args:
        value: the array.
        noun: what it holds, in the plural, for messages.
        masked: True to return a masked array as such, for `unmasked`.

    Raises:
        ZaohuaError: it can't be converted, or cells are masked and `masked` is False.
    """
    try:
        array = np.asanyarray(_on_cpu(value))
        if not isinstance(array, np.ma.MaskedArray):
            array = np.asarray(array)  # of subclasses such as np.matrix and np.memmap
        array = _of_own_type(array)
    except ZaohuaError:
        raise
    except Exception as error:  # whatever the other library raises
        reason = " ".join(str(error).split())
        raise ZaohuaError(f"{named(value)} can't be read as an array: {reason}") from error
    if isinstance(array, np.ma.MaskedArray) and not masked:
        array = unmasked(array, noun)
    if any(stride < 0 or stride % max(array.itemsize, 1) for stride in array.strides):
        array = array.copy()
    return array


def _on_cpu(value: Any) -> Any:
    """Return a tensor of torch as something that numpy takes; anything else unchanged."""
    if not hasattr(value, "detach"):
        return np.from_dlpack(value) if hasattr(value, "__dlpack__") and not hasattr(value, "__array__") else value
    tensor = value.detach()
    if "strided" not in str(getattr(tensor, "layout", "strided")):
        raise ZaohuaError("a sparse tensor can't be learnt from: give X.to_dense()")
    tensor = tensor.cpu().resolve_conj().resolve_neg()
    short = tensor.is_floating_point() and tensor.element_size() < 4 and "float16" != str(tensor.dtype)[-7:]
    return tensor.float() if short or "bfloat16" in str(tensor.dtype) else tensor


def _of_own_type(array: np.ndarray) -> np.ndarray:
    """Return an array of a type that torch has, too, in the machine's byte order."""
    dtype = array.dtype
    if dtype.names is not None:
        raise ZaohuaError(f"an array of records ({', '.join(dtype.names)}) is given as a frame: pandas.DataFrame(X)")
    if dtype.kind == "f" and dtype.itemsize > 8:
        return array.astype(np.float64)
    if dtype.kind == "V":  # bfloat16 and others of ml_dtypes, as jax has them
        return array.astype(np.float32)
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def unmasked(array: np.ndarray, noun: str, holes: bool = False) -> np.ndarray:
    """Return an array without a mask; where items may have holes, masked cells are missing ones.

    Args:
        array: an array, masked or not.
        noun: what it holds, for the message.
        holes: whether items may have missing values.

    Raises:
        ZaohuaError: cells are masked, and items can't have holes.
    """
    if not isinstance(array, np.ma.MaskedArray):
        return array
    mask = np.ma.getmaskarray(array)
    count = int(mask.sum())
    if not count:
        return np.asarray(array.data)
    if not holes:
        raise ZaohuaError(
            f"{count:,} of {mask.size:,} values are masked, but {noun} can't have missing values: fill them in "
            "(X.filled(value)), or leave those items out"
        )
    kind = array.dtype.kind
    values = array.data.astype(np.float64 if kind in "iu" else object if kind in "bUSO" else array.dtype)
    values[mask] = np.datetime64("NaT") if kind == "M" else None if values.dtype == object else np.nan
    return np.asarray(values)
