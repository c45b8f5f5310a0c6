"""Fitted attributes that aren't tensors: declared in the class, saved to `model.json` and restored from there.

    class CTGAN(...):
        counts_ = Stored([], key="counts")

The declaration is all that is needed: `fit` starts with the default, the model's JSON contains the value, and loading
restores it before the tensors. If a run was saved before the attribute was declared, loading sets the default.
"""

from __future__ import annotations

import copy
from typing import Any, Generic, Self, TypeVar, overload

from zaohua.core.json import Json

T = TypeVar("T")


class Stored(Generic[T]):
    """Fitted attribute, of a type that JSON supports.

    Args:
        default: its value at the start of `fit`, and in a model loaded from a run without it.
        key: its name in `model.json`.
    """

    def __init__(self, default: T, key: str):
        self.default, self.key = default, key

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, obj: None, owner: type) -> Self: ...

    @overload
    def __get__(self, obj: object, owner: type) -> T: ...

    def __get__(self, obj: object | None, owner: type) -> Self | T:
        if obj is None:
            return self
        if self.name not in vars(obj):
            raise AttributeError(f"this {owner.__name__} isn't fitted, so it has no {self.name}")
        value: T = vars(obj)[self.name]
        return value

    def __set__(self, obj: object, value: T) -> None:
        vars(obj)[self.name] = value


def declared(cls: type) -> dict[str, Stored[Any]]:
    """Return the fitted attributes that a class declares or inherits, by name."""
    members = {name: value for parent in reversed(cls.__mro__) for name, value in vars(parent).items()}
    return {name: value for name, value in members.items() if isinstance(value, Stored)}


def reset(model: object) -> None:
    """Set every declared attribute to its default, at the start of `fit`."""
    restore(model, {})


def state_of(model: object) -> Json:
    """Return the values of all declared attributes, by their keys in `model.json`."""
    return {stored.key: getattr(model, name) for name, stored in declared(type(model)).items()}


def restore(model: object, state: Json) -> None:
    """Set every declared attribute to its value in the result of `state_of`, or else to its default.

    Raises:
        TypeError: a value is of another type than the default.
    """
    for name, stored in declared(type(model)).items():
        value = state.get(stored.key, copy.deepcopy(stored.default))
        kinds = (int, float) if isinstance(stored.default, float) else type(stored.default)
        if stored.default is not None and not isinstance(value, kinds):
            raise TypeError(f"{stored.key} is {value!r}")
        setattr(model, name, value)
