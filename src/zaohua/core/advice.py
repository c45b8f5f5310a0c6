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

    Several values are words there: `--leave-out id name`, and `--kinds 'order id' identifier` for a dictionary.

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
    if isinstance(value, str) and value.startswith("-"):
        return f"{flag}={quoted(value)}"
    return f"{flag} {' '.join(map(quoted, _words(value)))}"


def either(python: str, command: str) -> str:
    """Return advice for the interface in use, where it differs by more than an option.

    Args:
        python: what to call in Python.
        command: what to type on the command line, in which `quoted` writes the names of files.
    """
    return f"`{command if on_command_line() else python}`"


def quoted(word: object) -> str:
    """Return a word, such as the name of a file, as a shell takes it."""
    return shlex.quote(str(word))


def _words(value: object) -> list[object]:
    """Return the words of a value on the command line."""
    if isinstance(value, Mapping):
        return [word for pair in value.items() for word in pair]
    if isinstance(value, (tuple, list)):
        return list(value)
    return [f"{value:g}" if isinstance(value, float) else value]
