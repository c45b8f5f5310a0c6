"""Methods that exist on a model exactly if the primitive that they need does."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar, cast

from zaohua.core.errors import NotAvailable
from zaohua.core.registry import models_with

LACKS = {
    "draw": "it makes no new items",
    "log_prob": "it has no likelihood",
    "encode": "it has no latent representation",
    "decode": "it has no latent representation to decode",
    "denoise": "it doesn't learn to denoise",
    "complete": "it can't complete items of which parts are known",
    "restore": "it isn't trained for one task of restoration alone",
    "n_parameters": "it has no fixed number of parameters",
}
"""What a model without a primitive lacks, in words."""
Method = TypeVar("Method", bound=Callable[..., object])


class _Model(Protocol):
    def cannot(self, primitive: str) -> str | None: ...

    def supports(self, names: Iterable[str]) -> bool: ...


class available:
    """Decorator of a method that needs a primitive: the attribute exists exactly if the primitive does.

    So `hasattr(model, "score_samples")` is correct, and the error of a model without the primitive names models of the
    same data that have it.

    Args:
        primitive: primitive that the method needs.
        doing: what the method does, for the error; its name by default.
    """

    def __init__(self, primitive: str, doing: str = ""):
        self.primitive, self.doing = primitive, doing

    def __call__(self, method: Method) -> Method:
        """Return the method as a descriptor that raises where the primitive is missing."""
        return cast(Method, _Available(self.primitive, method, self.doing or method.__name__))


class _Available:
    def __init__(self, primitive: str, method: Callable[..., object], doing: str):
        self.primitive, self.method, self.doing = primitive, method, doing
        functools.update_wrapper(self, method)  # type: ignore[arg-type]  # not callable itself: a descriptor

    def __get__(self, obj: _Model | None, owner: type) -> Callable[..., object]:
        if obj is None:
            if hasattr(owner, self.primitive):
                return self.method
            raise AttributeError(f"{owner.__name__} has no {self.method.__name__}: it defines no {self.primitive}")
        reason = obj.cannot(self.primitive) if hasattr(type(obj), self.primitive) else LACKS[self.primitive]
        if reason is None:
            return types.MethodType(self.method, obj)
        able = [entry.name for entry in models_with(self.primitive) if obj.supports(entry.modalities)]
        others = [name for name in able if name != type(obj).__name__]
        alternatives = f"; models that can: {', '.join(others)}" if others else ""
        raise NotAvailable(f"{type(obj).__name__} can't {self.doing}: {reason}{alternatives}")
