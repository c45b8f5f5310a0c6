"""Errors for users: one line that names the object, what is wrong with it and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZaohuaError(ValueError):
    """Invalid request or input. The command line prints it as one line, without a traceback."""


class NotAvailable(ZaohuaError, AttributeError):
    """Capability that a model lacks. It is also an AttributeError, so that `hasattr` returns False."""


class CheckpointError(ZaohuaError):
    """Saved model or checkpoint that is damaged, incomplete or of an unknown format."""


class NoLabels(ZaohuaError):
    """Labels were asked of data that carry none."""


class SomeLabels(NoLabels):
    """Labels were asked of data of which only some items carry one, so that none are taken."""


class ZaohuaWarning(UserWarning):
    """Warning that something was done differently from what was asked, such as files that were left out."""


def nearest(name: object, known: Iterable[object], n: int = 3) -> list[str]:
    """Return the known names most similar to `name`, best first; empty if none is close.

    Options are compared without their dashes, which would make all of them similar.
    """
    names = {str(k).casefold().lstrip("-"): str(k) for k in known}
    close = difflib.get_close_matches(str(name).casefold().lstrip("-"), list(names), n=n, cutoff=0.5)
    return [names[key] for key in close]


def unknown(kind: str, name: object, known: Iterable[object], do: str = "") -> ZaohuaError:
    """Create an error for a name that isn't one of `known`; it suggests similar names, or lists the known ones.

    Args:
        kind: kind of thing that the name stands for, such as "model" or "label".
        name: the unknown name.
        known: the valid names.
        do: advice appended to the message.
    """
    known = list(known)
    close = nearest(name, known)
    if close:
        hint = "did you mean " + " or ".join(repr(k) for k in close) + "?"
    else:
        shown = ", ".join(str(k) for k in known[:20])
        hint = f"known: {shown}" + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    return ZaohuaError(f"unknown {kind} {str(name)!r}; {hint}" + (f" {do}" if do else ""))


def shown(value: object, most: int = 60) -> str:
    """Write a value in one line for a message: arrays and frames by their shape, anything else shortened."""
    if getattr(value, "shape", None) is not None and getattr(value, "ndim", False):
        return named(value)
    text = " ".join(repr(value).split())
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def named(value: object) -> str:
    """Return what a value is, for a message: "an int", "a list", "None", "an ndarray of shape (3, 4)"."""
    if value is None:
        return "None"
    shape = getattr(value, "shape", None)
    kind = type(value).__name__
    article = "an" if kind[0] in "aeioAEIO" or kind.startswith("nd") else "a"
    return f"{article} {kind} of shape {tuple(shape)}" if shape is not None else f"{article} {kind}"
