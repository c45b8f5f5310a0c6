"""Options in messages, written as they are typed in the interface in use: Python or the command line."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_on_command_line: ContextVar[bool] = ContextVar("on_command_line", default=False)


@contextmanager
def command_line() -> Iterator[None]:
    """Write options as flags inside the context."""
    token = _on_command_line.set(True)
    try:
        yield
    finally:
        _on_command_line.reset(token)


def on_command_line() -> bool:
    """Return True if messages are read on the command line."""
    return _on_command_line.get()


def option(name: str, value: object = None, prefix: str = "") -> str:
    """Return an option as it is typed: `size=32` in Python, `--size 32` on the command line.

    On the command line a dictionary is written as names and values, numbers one after another, and several texts by
    several options: `--kinds 'Order ID' identifier`, `--size 32 48`, `--constraints 'a < b' --constraints 'b < c'`.

    Args:
        name: name of the field or argument.
        value: value to show; None to show the name alone, as in "give size=".
        prefix: what the flag begins with beside the name, as `--image-channels` of the field `channels` of a codec.
    """
    if not on_command_line():
        return f"{name}=" if value is None else f"{name}={value!r}"
    flag = f"--{prefix}{name}".replace("_", "-")
    if value is None or value is True:
        return flag
    if value is False:
        return f"--no-{flag[2:]}"
    if isinstance(value, Mapping):
        return " ".join([flag, *(_word(part) for pair in value.items() for part in pair)])
    if isinstance(value, (tuple, list)):
        if all(isinstance(part, str) for part in value):
            return " ".join(_attached(flag, part) for part in value)
        return " ".join([flag, *map(_word, value)])
    return _attached(flag, value)


def either(python: str, command: str) -> str:
    """Return advice for the interface in use, where it differs by more than an option.

    Args:
        python: what to call in Python.
        command: what to type on the command line, in which `quoted` writes the names of files.
    """
    return f"`{command if on_command_line() else python}`"


def quoted(path: object) -> str:
    """Return the name of a file as a shell takes it."""
    return shlex.quote(str(path))


def _attached(flag: str, value: object) -> str:
    """Write a flag and its value, with = between them if the value begins with a dash and is no number."""
    word = _word(value)
    return f"{flag}={word}" if isinstance(value, str) and value.startswith("-") else f"{flag} {word}"


def _word(value: object) -> str:
    """Write a value as one word for a shell."""
    return shlex.quote("none" if value is None else f"{value:g}" if isinstance(value, float) else str(value))
