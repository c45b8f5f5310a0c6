"""Turn the words of a command line, or the values of a file, into the values that a type asks for."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Union, get_args, get_origin

from zaohua.core.errors import ZaohuaError, nearest
from zaohua.core.params import Between, type_name, unwrap

LONG = 30
"""Letters of a list of choices beyond which it stands in the text of the help, not beside the option."""


class Unfit(Exception):
    """Words that aren't of a type: another type may take them."""


def plain(kind: object) -> object:
    """Return a type without None, which messages don't mention: people leave the option out instead."""
    kinds = [each for each in _members(kind) if each is not type(None)]
    return Union[tuple(kinds)] if len(kinds) > 1 else kinds[0]  # noqa: UP007 (of a tuple, which `|` can't join)


def takes_none(kind: object) -> bool:
    """Tell whether None is a value of the type."""
    return type(None) in _members(kind)


def takes_text(kind: object) -> bool:
    """Tell whether any text is a value of the type, or of one of its parts."""
    return any(each is str or str in get_args(each) for each in _members(kind))


def bounds_of(kind: object) -> Between | None:
    """Find the bounds that are written in a type, as in `Annotated[float, Between(above=0)]`."""
    extras = [extra for part in (kind, *get_args(kind)) for extra in unwrap(part)[1]]
    return next((extra for extra in extras if isinstance(extra, Between)), None)


def number_of_words(kind: object) -> str | None:
    """Return how many words a value takes, as argparse writes it: None for one, "+" for one or more."""
    several = any(get_origin(each) in (tuple, dict) for each in _members(kind))
    return "+" if several else None


def convert(option: str, kind: object, words: Sequence[str]) -> object:
    """Convert the words behind an option to its value.

    Args:
        option: as messages name it.
        kind: the type of the value.
        words: what was written behind the option.

    Raises:
        ZaohuaError: they are no value of that type; the message says what would be.
    """
    if takes_none(kind) and [word.casefold() for word in words] == ["none"]:
        return None
    for each in _members(plain(kind)):
        try:
            return _converted(each, words)
        except Unfit:
            continue
    shown = words[0] if len(words) == 1 else " ".join(words)
    raise ZaohuaError(f"{option} must be {wanted(plain(kind))}, not {shown!r}{_close(kind, shown)}")


def from_file(option: str, kind: object, value: object) -> object:
    """Convert a value of a configuration file to that of an option.

    A text where a number is wanted is read as on the command line: `1e-4` is a text to YAML.

    Raises:
        ZaohuaError: it is no value of that type.
    """
    if isinstance(value, str) and value.casefold() == "none" and takes_none(kind):
        return None
    for each in _members(kind):
        if (found := _taken(each, value)) is not _NOTHING:
            return found
    if isinstance(value, str):
        return convert(option, kind, [value])
    raise ZaohuaError(f"{option} must be {wanted(kind)}, not {value!r}")


def metavar(kind: object) -> str:
    """Return what stands for the value in the help, such as N or cosine|linear."""
    names = [_metavar(each) for each in _members(plain(kind))]
    return "N [N]" if names == ["N", "N N"] else "|".join(dict.fromkeys(names))


def choices(kind: object) -> list[str]:
    """List the values to choose from, if the type lists them."""
    return [str(value) for each in _members(kind) if get_origin(each) is Literal for value in get_args(each)]


def in_words(value: object) -> str:
    """Write a value as people read it."""
    if value is None or value == () or value == {}:
        return "none"
    if value == "":
        return "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {in_words(part)}" for name, part in value.items())
    if isinstance(value, (tuple, list)):
        return " ".join(in_words(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def wanted(kind: object) -> str:
    """Say in words what values of a type are: "a number", "2 whole numbers", "'linear' or 'cosine'"."""
    return " or ".join(dict.fromkeys(_wanted(each) for each in _members(kind)))


_NOTHING = object()
_CONVERTERS: dict[object, Callable[[str], object]] = {int: int, float: float, str: str}
_METAVARS: dict[object, str] = {int: "N", float: "X", str: "TEXT"}
_SINGULARS: dict[object, str] = {int: "a whole number", float: "a number", str: "a text"}
_PLURALS: dict[object, str] = {int: "whole numbers", float: "numbers", str: "texts"}


def _members(kind: object) -> list[object]:
    """List the types that a union is made of, without their bounds."""
    kind, _ = unwrap(kind)
    if get_origin(kind) in (Union, types.UnionType):
        return [member for part in get_args(kind) for member in _members(part) if _can_be_typed(member)]
    return [kind]


def _can_be_typed(kind: object) -> bool:
    """Tell whether values of a type can be written in words: unlike objects, such as generators of random numbers."""
    return get_origin(kind) is not None or kind in (bool, type(None), *_CONVERTERS)


def _converted(kind: object, words: Sequence[str]) -> object:
    """Convert words to a value of a type that is no union, or raise `Unfit`."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is dict:
        if len(words) % 2:
            raise Unfit
        return {name: _of_any(inner[1], word) for name, word in zip(words[::2], words[1::2], strict=True)}
    if origin is tuple:
        kinds = [inner[0]] * len(words) if inner[1:] == (...,) else list(inner)
        if len(kinds) != len(words):
            raise Unfit
        return tuple(_converted(unwrap(each)[0], [word]) for each, word in zip(kinds, words, strict=True))
    if len(words) != 1:
        raise Unfit
    if origin is Literal:
        found = [value for value in inner if str(value) == words[0]]
        if not found:
            raise Unfit
        return found[0]
    if kind not in _CONVERTERS:
        raise Unfit
    try:
        return _CONVERTERS[kind](words[0])
    except ValueError:
        raise Unfit from None


def _of_any(kind: object, word: str) -> object:
    """Convert a word to a value of any of the types of a union, or raise `Unfit`."""
    for each in _members(kind):
        try:
            return _converted(each, [word])
        except Unfit:
            continue
    raise Unfit


def _taken(kind: object, value: object) -> object:
    """Take a value of a file as one of a type that is no union; _NOTHING if it isn't."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return value if value in inner else _NOTHING
    if origin is dict:
        return _taken_parts(inner[1], value) if isinstance(value, dict) else _NOTHING
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            return _NOTHING
        kinds = [inner[0]] * len(value) if inner[1:] == (...,) else list(inner)
        parts = [_taken(unwrap(each)[0], part) for each, part in zip(kinds, value, strict=False)]
        return tuple(parts) if len(kinds) == len(value) and _NOTHING not in parts else _NOTHING
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int, float) and isinstance(value, bool):
        return _NOTHING
    return value if isinstance(kind, type) and isinstance(value, kind) else _NOTHING


def _taken_parts(kind: object, values: dict[object, object]) -> object:
    """Take a dictionary of a file as one with values of a type; _NOTHING if one isn't."""
    if kind is str:
        return {str(name): str(value) for name, value in values.items()}
    found = {str(name): next(_fitting(kind, value), _NOTHING) for name, value in values.items()}
    return _NOTHING if _NOTHING in found.values() else found


def _fitting(kind: object, value: object) -> Iterator[object]:
    """Yield what a value of a file is taken for by each type of a union that takes it."""
    return (taken for each in _members(kind) if (taken := _taken(each, value)) is not _NOTHING)


def _metavar(kind: object) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        listed = "|".join(map(str, inner))
        return listed if len(listed) <= LONG else "NAME"
    if origin is dict:
        return "COLUMN VALUE ..." if inner[1] is str else f"PART {_METAVARS.get(inner[1], 'NAME')} ..."
    if origin is tuple:
        return _metavar(inner[0]) if inner[1:] == (...,) else " ".join(_metavar(unwrap(each)[0]) for each in inner)
    return _METAVARS.get(kind, "VALUE")


def _wanted(kind: object) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        several = _PLURALS.get(unwrap(inner[0])[0], "values")
        return several if inner[1:] == (...,) else f"{len(inner)} {several}"
    if origin is dict:
        return f"names and {_PLURALS.get(inner[1], 'values')}"
    if kind is bool:
        return "true or false"
    if kind is type(None):
        return "none"
    return _SINGULARS.get(kind) or type_name(kind)


def _close(kind: object, word: str) -> str:
    """Suggest the nearest of the values to choose from."""
    close = nearest(word, choices(kind), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
