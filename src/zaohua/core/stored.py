"""Fitted state that isn't a tensor: declared once in the class, saved to `model.json` and restored from there.

    class CTGAN(...):
        counts_ = Stored([], key="counts")

The declaration is all there is to do: `fit` begins with the default, the model's JSON holds the value, and loading sets
it again before the tensors are. A run saved before the attribute was declared gets the default.
"""

from __future__ import annotations

import copy
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class Stored(Generic[T]):
    """One fitted attribute, of a type that JSON can hold.

    Args:
        default: its value when learning begins, and in a model from a run that doesn't hold it.
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
        return vars(obj)[self.name]

    def __set__(self, obj: object, value: T) -> None:
        vars(obj)[self.name] = value


def declared(cls: type) -> dict[str, Stored[Any]]:
    """The fitted attributes that a class and its parents declare, by name; the nearest declaration of each counts."""
    found = {name: value for parent in reversed(cls.__mro__) for name, value in vars(parent).items()}
    return {name: value for name, value in found.items() if isinstance(value, Stored)}


def reset(model: object) -> None:
    """Set every declared attribute to its default: learning begins."""
    restore(model, {})


def state_of(model: object) -> dict[str, Any]:
    """The values of all declared attributes, by their keys in `model.json`."""
    return {stored.key: getattr(model, name) for name, stored in declared(type(model)).items()}


def restore(model: object, state: dict[str, Any]) -> None:
    """Set every declared attribute from what `state_of` gave, or to its default where that is silent.

    Raises:
        TypeError: a value is of another type than the default.
    """
    for name, stored in declared(type(model)).items():
        value = state.get(stored.key, copy.deepcopy(stored.default))
        kinds = (int, float) if isinstance(stored.default, float) else type(stored.default)
        if stored.default is not None and not isinstance(value, kinds):
            raise TypeError(f"{stored.key} is {value!r}")
        setattr(model, name, value)
