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
    if on_command_line():
        name = prefix + name
        flag = f"--{name.replace('_', '-')}"
        if value is None or value is True:
            return flag
        return f"--no-{name.replace('_', '-')}" if value is False else f"{flag} {' '.join(_words(value))}"
    return f"{name}=" if value is None else f"{name}={value!r}"


def _words(value: object) -> list[str]:
    """Return the words of a value on the command line, quoted where a shell needs it."""
    if isinstance(value, Mapping):
        return [shlex.quote(str(word)) for pair in value.items() for word in pair]
    if isinstance(value, (tuple, list)):
        return [shlex.quote(str(word)) for word in value]
    return [shlex.quote(str(value))]
