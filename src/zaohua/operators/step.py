"""What operators and noise have in common: a name, values in the items' own units, and random choices."""

from __future__ import annotations

import copy
from abc import ABC
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.core.params import check_field, fields_of
from zaohua.core.with_fields import WithFields


@dataclass(frozen=True)
class Units:
    """Item's own units of tensors: an item's value is low + (x + 1) * scale.

    Attributes:
        low: the item's value at x = -1, such as black.
        scale: size of one unit of x, 127.5 for 8-bit pictures.
        rate: values per second along the last axis; None if it isn't time.
    """

    low: float = -1.0
    scale: float = 1.0
    rate: float | None = None

    def to_tensor(self, value: float) -> float:
        """Return x of an item's value."""
        return (value - self.low) / self.scale - 1


class Step(WithFields, ABC):
    """One step of a degradation: an operator or noise. Its fields are the values of its text, in their order."""

    name: ClassVar[str] = ""
    """What it is called in texts, such as "downscale" of "downscale 4"."""
    chooses: ClassVar[bool] = False
    """Whether it makes random choices that what is seen doesn't tell, such as where values are hidden."""

    def in_units(self, units: Units) -> Self:
        """Return the step for tensors, given values in the items' own units; by default the same."""
        return self

    def drawn(self, shape: tuple[int, ...], noise: Noise) -> Step:
        """Return the step with its choices made for `noise.n` items of a shape (C, *axes); by default the same."""
        return self

    def replaced(self, **values: object) -> Self:
        """Return a copy with other values."""
        other = copy.copy(self)
        vars(other).update(values)
        return other

    def check(self) -> None:
        """Check the fields' types and bounds.

        Raises:
            ZaohuaError: a value is wrong.
        """
        for name, field in fields_of(type(self)).items():
            check_field(f"{self.name or type(self).__name__!r}", field, getattr(self, name))

    def __str__(self) -> str:
        """Write the step as text: the name, the first value, and others up to the last that isn't its default."""
        fields = fields_of(type(self))
        values = [getattr(self, name) for name in fields]
        while values and values[-1] == list(fields.values())[len(values) - 1].default:
            if len(values) == 1 and values[-1] is not None:
                break
            values.pop()
        given = "" if fields or not vars(self) else "(given)"
        return " ".join(filter(None, [self.name or type(self).__name__, *map(_written, values), given]))

    def __eq__(self, other: object) -> bool:
        """Return True for a step of the same class with the same values."""
        if type(self) is not type(other):
            return NotImplemented
        mine, theirs = vars(self), vars(other)
        return mine.keys() == theirs.keys() and all(_same(mine[key], theirs[key]) for key in mine)

    def __hash__(self) -> int:
        return hash(type(self))


def _written(value: object) -> str:
    """Write a value so that it is read again as the same."""
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


def _same(a: object, b: object) -> bool:
    """Return True if values are equal; tensors as a whole."""
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return isinstance(a, Tensor) and isinstance(b, Tensor) and a.shape == b.shape and torch.equal(a, b)
    return bool(a == b)
