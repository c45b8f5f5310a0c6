"""Base of classes with fields: its constructor, and its documentation, are made from the fields."""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, dataclass_transform

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.params import Field, fields_of, make_fields, type_name

WIDTH = 100
"""Letters in a line of the documentation."""


class UnknownField(ZaohuaError, TypeError):
    """Constructor was given an argument that isn't a field; also a TypeError, as Python raises."""


@dataclass_transform(kw_only_default=True, eq_default=False)
class WithFields:
    """Base of classes with fields, which type checkers know, too."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        own_init, doc = "__init__" in vars(cls), vars(cls).get("__doc__")
        make_fields(cls)
        if not own_init:
            cls.__init__ = _checked(cls.__init__)  # type: ignore[method-assign]  # wrapped, not another
        if isinstance(doc, str):
            cls.__doc__ = FieldsDoc(doc)

    @classmethod
    def accepted(cls, values: Mapping[str, object]) -> Mapping[str, object]:
        """Return the fields that the keyword arguments of the constructor stand for; here they are the same.

        Raises:
            UnknownField: an argument is no field; the message suggests similar names.
        """
        for name in values:
            if name not in fields_of(cls):
                raise UnknownField(str(unknown(f"argument of {cls.__name__}:", name, fields_of(cls))))
        return values

    @classmethod
    def fields_text(cls) -> str:
        """Describe all fields, for the documentation of the class."""
        return section("Args", fields_of(cls))


def _checked(init: Callable[..., None]) -> Callable[..., None]:
    """Return a generated constructor that also takes what `accepted` knows, and suggests names for what it doesn't."""
    names = frozenset(inspect.signature(init).parameters) - {"self"}

    @functools.wraps(init)
    def __init__(self: WithFields, *args: Any, **values: Any) -> None:
        init(self, *args, **(values if values.keys() <= names else type(self).accepted(values)))

    return __init__


class FieldsDoc(str):
    """Docstring of a class, to which the fields are added when somebody reads it."""

    def __get__(self, obj: object, cls: type[WithFields]) -> str:
        return f"{inspect.cleandoc(self)}\n\n{cls.fields_text()}"


def section(title: str, fields: Mapping[str, Field], names: Mapping[str, str] | None = None) -> str:
    """Describe fields in the form of a docstring: "name (type, default): help".

    Args:
        title: title of the section.
        fields: the fields by name.
        names: names to show instead of their own.
    """
    lines = [f"{title}:"]
    for name, field in fields.items():
        text = f"{(names or {}).get(name, name)} ({type_name(field.type)}, default {field.default!r}): {field.help}"
        lines += textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="        ")
    return "\n".join(lines)
