"""Checks of the arguments of public functions, with messages like those of fields (`core.params`)."""

from __future__ import annotations

import os
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

from zaohua.core.errors import ZaohuaError, named, shown

if TYPE_CHECKING:
    from torch import Tensor


def whole_number(name: str, value: object, low: int = 1) -> int:
    """Return an argument that is a whole number.

    Args:
        name: name of the argument.
        value: its value.
        low: least value.

    Raises:
        ZaohuaError: it isn't one, or is below `low`.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < low:
        raise ZaohuaError(f"{name} must be a whole number of at least {low}, not {shown(value)}")
    return int(value)


def path_of(name: str, value: object) -> Path:
    """Return an argument that is a path.

    Raises:
        ZaohuaError: it is neither a text nor a path, or it is empty.
    """
    if not isinstance(value, (str, os.PathLike)) or not str(value) or "\0" in str(value):
        raise ZaohuaError(f"{name} must be a path, not {shown(value)}")
    return Path(value)


def tensor(name: str, value: object, advice: str) -> Tensor:
    """Return an argument that is a tensor.

    Args:
        name: name of the argument.
        value: its value.
        advice: how to get a tensor, for the message.

    Raises:
        ZaohuaError: it isn't one.
    """
    from torch import Tensor

    if not isinstance(value, Tensor):
        raise ZaohuaError(f"{name} must be a tensor, not {named(value)}: {advice}")
    return value
