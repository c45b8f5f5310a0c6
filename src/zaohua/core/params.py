"""Hyperparameters as fields of a class, declared once: type, default, bounds, and a line of help.

The declaration defines the keyword argument, the flag of the command line and the key in `model.json`. Bounds are part
of the type, `Annotated[int, Between(1)]`; the string under a field is its help.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
import functools
import inspect
import itertools
import math
import re
import sys
import textwrap
import types
import typing
import weakref
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from zaohua.core.errors import ZaohuaError, shown, unknown


@dataclasses.dataclass(frozen=True)
class Between:
    """Inclusive bounds of a number; `above` is an exclusive lower bound."""

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


@dataclasses.dataclass(frozen=True)
class Sampling:
    """Marker of a field that can also be passed to `sample`, to override its value for that call.

    Attributes:
        modality: name of the only kind of data whose samples it affects; empty for all kinds.
        scores: True if it affects scores and no samples.
    """

    modality: str = ""
    scores: bool = False


@dataclasses.dataclass(frozen=True)
class Field:
    """One hyperparameter, as the command line and messages need it.

    Attributes:
        name: name of the field.
        type: its type, without `Annotated`.
        default: its default value.
        bounds: bounds of a number; None for no bounds.
        sampling: True if `sample` accepts it, too.
        help: description for users.
        marker: marker of a field with `sampling`.
    """

    name: str
    type: Any
    default: Any
    bounds: Between | None
    sampling: bool
    help: str
    marker: Sampling | None = None

    def concerns(self, modality: str) -> bool:
        """Return False for a field of sampling that means something for other kinds of data only."""
        return self.marker is None or self.marker.modality in ("", modality)

    def affects_samples(self, modality: str) -> bool:
        """Return True if samples of a kind of data depend on it and `sample` accepts it."""
        return self.marker is not None and not self.marker.scores and self.marker.modality in ("", modality)


def unwrap(hint: object) -> tuple[object, tuple[object, ...]]:
    """Split `Annotated[T, a, b]` into (T, (a, b)); any other type into (type, ())."""
    if get_origin(hint) is Annotated:
        base, *extras = get_args(hint)
        return base, tuple(extras)
    return hint, ()


def make_fields(cls: type) -> None:
    """Give a class a keyword-only constructor with a field for each annotated name of the class and its bases.

    The type of a field is taken from the first class in the method resolution order that annotates it. Its default is
    `cls.name`, by ordinary attribute look-up: a plain `beta = 4.0`, in the class or in any mixin, overrides a parent's
    default. A dataclass, by contrast, would ignore a line without annotation, and copy all defaults of each base.

    Names that begin or end with an underscore and `ClassVar`s are no fields. A class can fix a parent's field by
    declaring it as a `ClassVar`.

    Raises:
        ZaohuaError: a field has no default.
    """
    _note_scope(cls)
    hints: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        hints.update(_declared(base))
    members = [(name, hint, _default(cls, name)) for name, hint in hints.items() if not _is_class_variable(hint)]
    source = vars(dataclasses.make_dataclass(cls.__name__, members, kw_only=True, eq=False, repr=False))
    for name in ("__dataclass_fields__", "__dataclass_params__"):
        setattr(cls, name, source[name])
    if "__init__" not in vars(cls):
        init = source["__init__"]
        init.__qualname__, init.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
        cls.__init__ = init  # type: ignore[misc]  # the constructor is what this function makes
    for name, value in list(vars(cls).items()):
        if isinstance(value, dataclasses.Field) and value.default is not dataclasses.MISSING:  # `field(default=4)`
            setattr(cls, name, value.default)


_scopes: weakref.WeakKeyDictionary[type, dict[str, object]] = weakref.WeakKeyDictionary()
"""Global names in whose scope a class was defined, if these aren't its module's."""


def _note_scope(cls: type) -> None:
    """Record the global names of a class that `exec` creates, which may belong to no module."""
    module = sys.modules.get(cls.__module__)
    frame = inspect.currentframe()
    while frame and (
        frame.f_code.co_name in ("_note_scope", "make_fields", "__init_subclass__")
        or frame.f_globals.get("__name__", "builtins") != cls.__module__
    ):
        frame = frame.f_back
    if frame and (module is None or frame.f_globals is not vars(module)):
        _scopes[cls] = frame.f_globals


def _default(cls: type, name: str) -> object:
    """Return the default of a field, as `dataclasses.make_dataclass` takes it."""
    missing = dataclasses.MISSING
    value = getattr(cls, name, missing)
    is_field = isinstance(value, dataclasses.Field)  # as `field(default_factory=...)`
    if value is missing or (is_field and value.default is missing and value.default_factory is missing):
        raise ZaohuaError(f"{cls.__name__}: {name} has no default: every field needs one (or is a ClassVar)")
    return copy.copy(value) if is_field else value


def _declared(cls: type) -> dict[str, object]:
    """Return the annotations of a class itself, of fields and class variables, as written (strings or types)."""
    if sys.version_info >= (3, 14):  # annotations may contain names that aren't defined yet
        import annotationlib

        hints = annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    else:
        hints = inspect.get_annotations(cls)
    return {name: hint for name, hint in hints.items() if not name.startswith("_") and not name.endswith("_")}


def _is_class_variable(hint: object) -> bool:
    if isinstance(hint, str):
        return re.match(r"\s*(\w+\s*\.\s*)?ClassVar\b", hint) is not None
    return hint is ClassVar or get_origin(hint) is ClassVar


def _evaluated(cls: type, hints: dict[str, object]) -> dict[str, object]:
    """Evaluate types that are strings (`from __future__ import annotations`)."""
    module = vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}
    names = {**vars(cls), **module, **_scopes.get(cls, {})}
    try:
        return typing.get_type_hints(types.SimpleNamespace(__annotations__=hints), names, include_extras=True)
    except NameError as error:
        raise ZaohuaError(f"{cls.__name__}: the type of a field can't be read, {error}") from None


@functools.cache
def _helps(cls: type) -> dict[str, str]:
    """Return the strings under the fields in the source of a class; an empty dict if there is no source."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    except (OSError, TypeError, SyntaxError):  # defined in a notebook, at a prompt, on stdin or by `exec`
        return {}
    if not isinstance(body, ast.ClassDef) or body.name != cls.__name__:  # `exec` in the name of another file
        return {}
    helps = {}
    for line, below in itertools.pairwise(body.body):
        targets = [line.target] if isinstance(line, ast.AnnAssign) else getattr(line, "targets", [None])
        target = targets[0]
        if isinstance(target, ast.Name) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            helps[target.id] = " ".join(str(below.value.value).split())
    return helps


def fields_of(cls: type) -> Mapping[str, Field]:
    """Return the fields of a class by name, in the order of their declaration."""
    return _fields_of(cls)


@functools.cache
def _fields_of(cls: type) -> Mapping[str, Field]:
    hints: dict[str, object] = {}
    helps: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        own = {name: hint for name, hint in _declared(base).items() if not _is_class_variable(hint)}
        hints.update(_evaluated(base, own))
        helps.update(_helps(base))
    out = {}
    for field in dataclasses.fields(cls):
        kind, extras = unwrap(hints[field.name])
        if get_origin(kind) in (Union, types.UnionType):  # as in `Annotated[int, Between(1)] | None`
            extras += tuple(extra for part in get_args(kind) for extra in unwrap(part)[1])
        bounds = next((e for e in extras if isinstance(e, Between)), None)
        marker = next((e for e in extras if isinstance(e, Sampling)), Sampling() if Sampling in extras else None)
        default = field.default_factory() if callable(field.default_factory) else field.default
        out[field.name] = Field(
            field.name, kind, default, bounds, marker is not None, helps.get(field.name, ""), marker
        )
    return out


def _fits(value: object, kind: object) -> bool:
    """Return True if a value has a (possibly nested) type; ints pass as floats, numbers of numpy as Python's."""
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
        is_integer = isinstance(value, int) or (number is not None and getattr(number, "kind", "x") in "iu")
        is_float = isinstance(value, float) or (number is not None and getattr(number, "kind", "x") == "f")
        return not isinstance(value, bool) and (is_integer or (is_float and kind is float))
    cls = origin or kind
    return isinstance(cls, type) and isinstance(value, cls)


def stored(value: Any) -> Any:
    """Return a field's value as JSON values: objects by their `to_json`."""
    return value.to_json() if hasattr(value, "to_json") else value


def restored(field: Field, value: Any) -> Any:
    """Return a field's value from what `stored` made of it and JSON of that: lists become tuples."""
    if isinstance(value, list):
        return tuple(value)
    classes = [arg for arg in get_args(field.type) or (field.type,) if hasattr(arg, "from_json")]
    return classes[0].from_json(value) if isinstance(value, dict) and classes else value


def type_name(kind: object) -> str:
    """Format a type for users: `int or None`, `'linear' or 'cosine'`."""
    kind, _ = unwrap(kind)
    if get_origin(kind) is Literal:
        return " or ".join(repr(a) for a in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(type_name(a) for a in get_args(kind))
    if kind is type(None):
        return "None"
    return str(getattr(kind, "__name__", kind)) if get_origin(kind) is None else str(kind).replace("typing.", "")


def check_field(owner: str, field: Field, value: Any) -> None:
    """Check the type and the bounds of a field's value.

    Args:
        owner: name of the class, for the message.
        field: the field.
        value: its value.

    Raises:
        ZaohuaError: the type is wrong, or the value is out of bounds.
    """
    if get_origin(field.type) is Literal and isinstance(value, str) and value not in get_args(field.type):
        raise unknown(f"value of {owner}'s {field.name}:", value, get_args(field.type))
    if field.type == tuple[str, ...] and isinstance(value, str):
        raise ZaohuaError(f"{owner}: {field.name} must be a list of texts, not a text: give [{value!r}]")
    if not _fits(value, field.type):
        raise ZaohuaError(f"{owner}: {field.name} must be {type_name(field.type)}, not {shown(value)}")
    is_number = isinstance(value, (int, float)) or hasattr(value, "dtype")
    if field.bounds is not None and is_number and value not in field.bounds:
        raise ZaohuaError(f"{owner}: {field.name} must be {field.bounds}, not {value!r}")
    if isinstance(value, float) and not math.isfinite(value) and field.default != value:
        raise ZaohuaError(f"{owner}: {field.name} must be a finite number, not {shown(value)}")


def check_fields(obj: object) -> None:
    """Check every field of an object; see `check_field`."""
    for name, field in fields_of(type(obj)).items():
        check_field(type(obj).__name__, field, getattr(obj, name))
