"""A hyperparameter is declared once: type, default, bounds, and one line of help under it.

The same declaration is the keyword argument, the command line's flag, the form's field and the key in
`model.json`. Bounds are written in the type, `Annotated[int, Between(1)]`; the string under a field is its help.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import math
import textwrap
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from zaohua.core.errors import ZaohuaError, unknown


@dataclasses.dataclass(frozen=True)
class Between:
    """Inclusive bounds of a number; `above` is an exclusive lower bound instead."""

    low: float = -math.inf
    high: float = math.inf
    above: float | None = None

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high and (self.above is None or value > self.above)

    def __str__(self) -> str:
        if self.above is not None:
            return f"above {self.above:g}" + (f" and at most {self.high:g}" if self.high < math.inf else "")
        if self.high == math.inf:
            return f"at least {self.low:g}"
        return f"at most {self.high:g}" if self.low == -math.inf else f"between {self.low:g} and {self.high:g}"


class Sampling:
    """Marks a field that can also be given to `sample`, which then uses it instead of the stored one."""


@dataclasses.dataclass(frozen=True)
class Field:
    """One hyperparameter as forms and messages need it."""

    name: str
    type: Any
    default: Any
    bounds: Between | None
    sampling: bool
    help: str


def unwrap(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """`Annotated[T, a, b]` as (T, (a, b)); anything else as (hint, ())."""
    if get_origin(hint) is Annotated:
        base, *extras = get_args(hint)
        return base, tuple(extras)
    return hint, ()


def make_fields(cls: type) -> None:
    """Make `cls` a keyword-only dataclass in which a plain `beta = 4.0` overrides a parent's field.

    A bare dataclass would take such a line for a class attribute and ignore it silently.
    """
    own = cls.__dict__.get("__annotations__", {})
    for parent in cls.__mro__[1:]:
        if not dataclasses.is_dataclass(parent):
            continue
        hints = typing.get_type_hints(parent, include_extras=True)
        for field in dataclasses.fields(parent):
            if field.name in cls.__dict__ and field.name not in own:
                own = {**own, field.name: hints[field.name]}
    cls.__annotations__ = own
    dataclasses.dataclass(kw_only=True, eq=False, repr=False)(cls)


@functools.cache
def _helps(cls: type) -> dict[str, str]:
    """The strings that stand under the annotated fields of a class, parents included."""
    helps: dict[str, str] = {}
    for parent in reversed(cls.__mro__):
        if not dataclasses.is_dataclass(parent):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(parent))).body[0]
        assert isinstance(body, ast.ClassDef)
        for line, below in zip(body.body, body.body[1:], strict=False):
            targets = [line.target] if isinstance(line, ast.AnnAssign) else getattr(line, "targets", [None])
            target = targets[0]
            if isinstance(target, ast.Name) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                helps[target.id] = " ".join(str(below.value.value).split())
    return helps


def fields_of(cls: type) -> Mapping[str, Field]:
    """The fields of a dataclass made by `make_fields`, by name, in order of declaration."""
    return _fields_of(cls)


@functools.cache
def _fields_of(cls: type) -> Mapping[str, Field]:
    hints = typing.get_type_hints(cls, include_extras=True)
    helps = _helps(cls)
    out = {}
    for field in dataclasses.fields(cls):
        kind, extras = unwrap(hints[field.name])
        if get_origin(kind) in (Union, types.UnionType):  # as in `Annotated[int, Between(1)] | None`
            extras += tuple(extra for part in get_args(kind) for extra in unwrap(part)[1])
        bounds = next((e for e in extras if isinstance(e, Between)), None)
        sampling = any(isinstance(e, Sampling) or e is Sampling for e in extras)
        default = field.default_factory() if callable(field.default_factory) else field.default
        out[field.name] = Field(field.name, kind, default, bounds, sampling, helps.get(field.name, ""))
    return out


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a (possibly nested) annotated type; ints are accepted as floats, numpy's as Python's."""
    kind, _ = unwrap(kind)
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return value in args
    if origin in (Union, types.UnionType):
        return any(_fits(value, arg) for arg in args)
    if origin is tuple:
        if not isinstance(value, (tuple, list)):
            return False
        kinds = [args[0]] * len(value) if args[1:] == (...,) else args
        return len(kinds) == len(value) and all(map(_fits, value, kinds))
    if kind is Any:
        return True
    if kind is None or kind is type(None):
        return value is None
    if kind in (int, float):
        number = getattr(value, "dtype", None)
        whole = isinstance(value, int) or (number is not None and number.kind in "iu")
        real = isinstance(value, float) or (number is not None and number.kind == "f")
        return not isinstance(value, bool) and (whole or (real and kind is float))
    return isinstance(value, origin or kind)


def type_name(kind: Any) -> str:
    """A type as a person reads it: `int or None`, `'linear' or 'cosine'`."""
    kind, _ = unwrap(kind)
    if get_origin(kind) is Literal:
        return " or ".join(repr(a) for a in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(type_name(a) for a in get_args(kind))
    if kind is type(None):
        return "None"
    return getattr(kind, "__name__", str(kind)) if get_origin(kind) is None else str(kind).replace("typing.", "")


def check_field(owner: str, field: Field, value: Any) -> None:
    """Raise a `ZaohuaError` naming the field if `value` is of the wrong type or out of bounds."""
    if get_origin(field.type) is Literal and isinstance(value, str) and value not in get_args(field.type):
        raise unknown(f"value of {owner}'s {field.name}:", value, get_args(field.type))
    if not _fits(value, field.type):
        raise ZaohuaError(f"{owner}: {field.name} must be {type_name(field.type)}, not {value!r}")
    if field.bounds is not None and value is not None and value not in field.bounds:
        raise ZaohuaError(f"{owner}: {field.name} must be {field.bounds}, not {value!r}")


def check_fields(obj: Any) -> None:
    """Check every field of a dataclass instance; see `check_field`."""
    for name, field in fields_of(type(obj)).items():
        check_field(type(obj).__name__, field, getattr(obj, name))
