"""Notes on data: what reading left out, reduced, cut or guessed. Nothing of that happens in silence.

Whatever reads or encodes data calls `note`. In Python each note is a warning; the command line gathers the notes and
shows them in one line with the description of the data (`zaohua read`, `zaohua train`).
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from zaohua.core.errors import ZaohuaWarning

SHOWN = 3
"""Maximum number of names in a note; the others are counted."""

_gathered: ContextVar[Notes | None] = ContextVar("gathered", default=None)


class DataNote(ZaohuaWarning):
    """Note on data that were read: something was left out, reduced, cut or guessed."""


class Notes(list[str]):
    """Notes that are gathered, until `take` is called; later ones are warnings again."""

    taken = False

    def take(self) -> list[str]:
        """Return the notes so far, and gather no more."""
        self.taken = True
        return [*self]


def note(text: str) -> None:
    """Say what was done to data: a warning in Python, part of one line on the command line.

    Args:
        text: a short clause with the number of items, such as "left out 8 .heic files" or "first page of 8 TIFF files".
    """
    gathered = _gathered.get()
    if gathered is None or gathered.taken:
        warnings.warn(text, DataNote, stacklevel=_depth())
    elif text not in gathered:
        gathered.append(text)


@contextmanager
def gathered() -> Iterator[Notes]:
    """Gather the notes that are made inside the context in a list, in order and each once, instead of warning."""
    notes = Notes()
    token = _gathered.set(notes)
    try:
        yield notes
    finally:
        _gathered.reset(token)


def shown(names: Sequence[object], most: int = SHOWN) -> str:
    """List some names, and how many more there are: "a.png, b.png, c.png and 5 more"."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def _depth() -> int:
    """Return the stack level of the first caller outside the package, so that a warning names the user's line."""
    frame, depth = inspect.currentframe(), 0
    while (
        frame is not None and frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "zaohua"
    ):
        frame, depth = frame.f_back, depth + 1
    return depth
