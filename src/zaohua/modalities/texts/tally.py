"""Counts of what reading texts and dialogues leaves out or reads as something else, told as notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from zaohua.core.notes import note, shown
from zaohua.modalities.base import counted

EMPTY: tuple[object, ...] = (None, "", [], {})
"""Values of a field that say nothing, so that nothing is lost if it isn't read."""


class Tally:
    """Counts that are told in a few notes, however many items they are of."""

    def __init__(self) -> None:
        self._fields, self._events = Counter[str](), Counter[tuple[str, str, str]]()

    def add(self, verb: str, noun: str, rest: str) -> None:
        """Count one event, such as ("left out", "message", " without content"); `rest` follows the noun."""
        self._events[verb, noun, rest] += 1

    def unread(self, record: dict[str, object], read: Iterable[str], of: str = "") -> None:
        """Count the fields of a record that aren't read; `of` says whose they are, such as " of messages"."""
        self._fields.update(f"{name}{of}" for name in record.keys() - set(read) if record[name] not in EMPTY)

    def update(self, other: Tally) -> None:
        """Add the counts of another one."""
        if other._fields:
            self._fields.update(other._fields)
        if other._events:
            self._events.update(other._events)

    def report(self) -> None:
        """Make a note of each kind of event, and one of all fields that weren't read."""
        for (verb, noun, rest), n in self._events.items():
            note(f"{verb} {counted(n, noun, rest)}")
        if self._fields:
            fields = sorted(self._fields.items(), key=lambda pair: (-pair[1], pair[0]))
            note(f"fields not read: {shown([f'{name} ({n:,})' for name, n in fields], most=12)}")
