"""Errors meant for people: one line that names the thing, what was wrong with it and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZaohuaError(ValueError):
    """A problem with what was asked for or given; the command line prints it as one line, without a traceback."""


class NotAvailable(ZaohuaError, AttributeError):
    """Something that this kind of model can't do; an AttributeError too, so that `hasattr` tells the truth."""


class CheckpointError(ZaohuaError):
    """A saved model or checkpoint that is damaged, incomplete or of an unknown format."""


class NoLabels(ZaohuaError):
    """Labels were asked of data that carry none."""


class ZaohuaWarning(UserWarning):
    """Something that went on otherwise than asked, said in one line: files left out, a set found elsewhere."""


def nearest(name: object, known: Iterable[object], n: int = 3) -> list[str]:
    """The known names most like `name`, best first; empty when none is close."""
    names = {str(k).casefold(): str(k) for k in known}
    close = difflib.get_close_matches(str(name).casefold(), list(names), n=n, cutoff=0.5)
    return [names[key] for key in close]


def unknown(kind: str, name: object, known: Iterable[object], do: str = "") -> ZaohuaError:
    """An error for a name that isn't one of `known`: it suggests the nearest, or lists them all when few.

    Args:
        kind: what the name is of, e.g. "model" or "label".
        name: the name that was given.
        known: the names there are.
        do: what to do about it, appended to the message.
    """
    known = list(known)
    close = nearest(name, known)
    if close:
        hint = "did you mean " + " or ".join(repr(k) for k in close) + "?"
    else:
        shown = ", ".join(str(k) for k in known[:20])
        hint = f"known: {shown}" + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    return ZaohuaError(f"unknown {kind} {str(name)!r}; {hint}" + (f" {do}" if do else ""))
