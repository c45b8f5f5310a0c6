"""What licences of published models permit, as far as their names say."""

from __future__ import annotations

from zaohua.core.errors import ZaohuaError

LIMITS = {
    "cc-by-nc-nd": "isn't for commercial use, and mustn't be changed and passed on",
    "cc-by-nc": "isn't for commercial use",
    "cc-by-nd": "mustn't be changed and passed on",
    "gemma": "comes with Google's terms of use",
    "llama": "comes with Meta's terms of use",
    "other": "comes with terms of its own",
}
"""What licences don't permit to everybody, by the beginnings of their names, the longest first."""
FREE = ("apache-2.0", "mit", "bsd", "cc0", "unlicense", "isc", "cc-by-4.0", "cc-by-3.0")
"""Beginnings of the names of licences under which what is made of a work may have another one."""


def limit(licence: str | None) -> str | None:
    """Return what a licence doesn't permit to everybody; None if its name tells of nothing."""
    name = (licence or "").casefold()
    return next((what for beginning, what in LIMITS.items() if name.startswith(beginning)), None)


def of_derived(base: str | None, chosen: str | None, name: str, advice: str) -> str:
    """Return the licence of a model that was made from another one, or from nothing.

    Args:
        base: licence of the other one; None if there is none, or none is known.
        chosen: licence that was asked for, or None.
        name: name of the model that it was made from, or of itself, for messages.
        advice: the option by which a licence is given.

    Raises:
        ZaohuaError: the other one's forbids to pass on what is changed, or to choose another licence; or none is known.
    """
    if base is None:
        if chosen is None:
            raise ZaohuaError(f"which licence shall {name} have? Give {advice}")
        return chosen
    known = base.casefold()
    if "-nd" in known:
        raise ZaohuaError(f"{name} is published under {base}, which forbids to pass on what is made of it")
    if chosen is not None and chosen.casefold() != known and not known.startswith(FREE):
        raise ZaohuaError(f"{name} is published under {base}, which what is made of it must have, too: not {chosen}")
    return chosen or base
