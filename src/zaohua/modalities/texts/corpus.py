"""Read some texts one after another, as copies are searched for in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from zaohua.metrics.copies import BETWEEN
from zaohua.modalities.texts.codec import pieces, places
from zaohua.modalities.texts.dialogues import is_dialogue


class Corpus:
    """The pieces of some texts one after another, from one character on and up to another; may be gone through again.

    Args:
        items: as `modalities.read` gives them.
        start, stop: places of characters; to the end when there is no stop.
    """

    def __init__(self, items: Any, start: int = 0, stop: int | None = None):
        self.items, self.start, self.stop = items, start, stop

    def __iter__(self) -> Iterator[str]:
        place = 0
        for _, item in places(self.items):
            for piece in (*pieces(item), BETWEEN) if is_dialogue(item) else _ended(item):
                low, high = self.start - place, len(piece) if self.stop is None else self.stop - place
                yield piece[max(0, low) : max(0, high)]
                place += len(piece)


def _ended(item: Any) -> Iterator[str]:
    yield from item
    yield BETWEEN


def alike(text: str, lengths: Sequence[int]) -> list[str]:
    """Return parts of a text with these lengths, evenly spread over it."""
    step = max(0, len(text) - max(lengths, default=0)) / max(1, len(lengths) - 1)
    return [text[round(i * step) : round(i * step) + length] for i, length in enumerate(lengths)]
