"""Describe an option in words: the title of its group, and its choices, bounds and default."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zaohua.cli import values as words
from zaohua.core.errors import ZaohuaError

if TYPE_CHECKING:
    from zaohua.cli.flags import Flag

TITLES = {
    "data": "data",
    "network": "network",
    "training": "training",
    "sampling": "sampling",
    "run": "run",
}
"""Groups of the help, in their order, and their titles."""


def check_bounds(option: str, flag: Flag, value: object) -> None:
    """Raise a `ZaohuaError` if the value of a flag, named so, is out of its bounds."""
    if flag.bounds is not None and isinstance(value, (int, float)) and value not in flag.bounds:
        raise ZaohuaError(f"{option} must be {flag.bounds}, not {words.in_words(value)}")


def described(flag: Flag, text: str) -> str:
    """Add the choices, bounds and default of a flag to its help text."""
    listed = words.choices(flag.type)
    more = [f"one of {', '.join(listed)}"] if listed and words.metavar(flag.type) == "NAME" else []
    more += [str(flag.bounds)] if flag.bounds is not None else []
    stated = "by default" in flag.help.casefold() or (flag.field is None and flag.default is None)
    if flag.type is not bool and not stated:
        more += [f"default: {words.in_words(flag.default)}"]
    text = re.sub(r"\bNone\b", "none", text)
    if not more:
        return text
    text = text if text.endswith("..") else text.removesuffix(".")
    return f"{text[:-1]}; {'; '.join(more)})." if text.endswith(")") else f"{text} ({'; '.join(more)})."
