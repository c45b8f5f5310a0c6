"""Methods that exist on a model exactly when the primitive that they need does."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from zaohua.core.errors import NotAvailable
from zaohua.core.registry import models_with

Method = TypeVar("Method", bound=Callable[..., Any])


class available:
    """Decorator of a method that needs a primitive: the attribute exists exactly when the primitive does.

    `hasattr(model, "score_samples")` is then true to fact, and the error of a model that can't names those of the
    same data that can.

    Args:
        primitive: what the method needs.
        doing: what the method does, as the error says it; its name when not given.
    """

    def __init__(self, primitive: str, doing: str = ""):
        self.primitive, self.doing = primitive, doing

    def __call__(self, method: Method) -> Method:
        """The method, as a descriptor that is there only where the primitive is."""
        return cast(Method, _Available(self.primitive, method, self.doing or method.__name__))


class _Available:
    def __init__(self, primitive: str, method: Callable[..., Any], doing: str):
        self.primitive, self.method, self.doing = primitive, method, doing
        functools.update_wrapper(self, method)  # type: ignore[arg-type]  # not callable itself: a descriptor

    def __get__(self, obj: Any, owner: type) -> Any:
        if obj is None:
            if hasattr(owner, self.primitive):
                return self.method
            raise AttributeError(f"{owner.__name__} has no {self.method.__name__}: it defines no {self.primitive}")
        why = obj.cannot(self.primitive) if hasattr(type(obj), self.primitive) else f"it has no {self.primitive}"
        if why is None:
            return self.method.__get__(obj, owner)
        others = [entry.name for entry in models_with(self.primitive) if obj.supports(entry.modalities)]
        able = f"; models that can: {', '.join(others)}" if others else ""
        raise NotAvailable(f"{type(obj).__name__} can't {self.doing}: {why}{able}")
