"""What conditions consist of: plain ones of one kind, or the named parts of records, each of its kind."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

MANY_CLASSES = 1000
"""Number of different labels above which they are no classes, if no model says that they are."""
Kind = Literal["labels", "tags", "numbers", "texts", "tensors", ""]


@dataclass(frozen=True, eq=False)
class Given:
    """Conditions of one kind, or a part of records of them.

    Attributes:
        name: name of the part; empty for conditions that aren't records.
        kind: "labels", "tags" (several labels), "numbers", "texts", or "tensors" of one shape; empty for others, to
            which fidelity isn't measured.
        to_values: function from a list of conditions to what judges see: for tensors an array (n, ...), for others a
            list.
        axes: names of the axes of tensors, after the channels.
    """

    name: str
    kind: Kind
    to_values: Callable[[Sequence[object]], Sequence[object] | np.ndarray]
    axes: tuple[str, ...] = ()

    def of(self, conditions: Sequence[object]) -> list[object]:
        """Return the part of each condition, None where it is missing."""
        return [
            condition.get(self.name) if isinstance(condition, Mapping) else None if self.name else condition
            for condition in conditions
        ]

    @property
    def suffix(self) -> str:
        """What is appended to the names of measures of the part."""
        return f":{self.name}" if self.name else ""


def kinds_of(given: Sequence[Given]) -> list[tuple[str, str]]:
    """Return the names and kinds of the parts: models are compared in their fidelity if these are equal."""
    return [(part.name, part.kind) for part in given]


def class_part(given: Sequence[Given]) -> Given | None:
    """Return the part that says of which class an item is: the first that is a label; None for none."""
    return next((part for part in given if part.kind == "labels"), None)


def classes_of(conditions: Sequence[object] | None, given: Sequence[Given]) -> list[Hashable] | None:
    """Return the classes of items, by their conditions.

    Args:
        conditions: one for each item, or None.
        given: parts of the conditions; none if no model has any, and then a few different names are classes.

    Returns:
        The labels; None if there are none, or if some items lack theirs.
    """
    if conditions is None or not len(conditions):
        return None
    if not given:
        plain = all(isinstance(one, (str, int, float, tuple, np.generic)) for one in conditions)
        few = plain and len(set(conditions)) <= min(MANY_CLASSES, max(len(conditions) // 2, 1))
        return list(conditions) if few else None
    part = class_part(given)
    found = None if part is None else part.of(conditions)
    return None if found is None or any(label is None for label in found) else found


def key_of(condition: object) -> object:
    """Return a value that is equal for equal conditions, and hashable."""
    if isinstance(condition, Mapping):
        return tuple(sorted((name, key_of(part)) for name, part in condition.items() if part is not None))
    if isinstance(condition, np.ndarray):
        return condition.shape, condition.tobytes()
    if isinstance(condition, (set, frozenset)):
        return frozenset(map(key_of, condition))
    if isinstance(condition, (list, tuple)):
        return tuple(map(key_of, condition))
    samples = getattr(condition, "samples", getattr(condition, "notes", None))
    return condition if samples is None else key_of(np.asarray(samples))


def numbers_of(conditions: Sequence[object]) -> np.ndarray:
    """Return a number for each condition, the same for equal ones, int64 (n,)."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(key_of(one), len(numbers)) for one in conditions], np.int64)
