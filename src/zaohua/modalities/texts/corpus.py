"""Read some texts one after another, as copies are searched for in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from zaohua.metrics.text_overlap import SEPARATOR
from zaohua.modalities.texts.codec import chunks, located
from zaohua.modalities.texts.dialogues import is_dialogue
from zaohua.modalities.texts.files import TextsLike


class Corpus:
    """Characters `start` to `stop` of some texts, one text after another; may be iterated over several times.

    Args:
        items: texts or dialogues, as `modalities.read` gives them.
        start: index of the first character.
        stop: index after the last character; None for the end.
    """

    def __init__(self, items: TextsLike, start: int = 0, stop: int | None = None):
        self.items, self.start, self.stop = items, start, stop

    def __iter__(self) -> Iterator[str]:
        position = 0
        for _, item in located(self.items):
            for piece in (*chunks(item), SEPARATOR) if is_dialogue(item) else _with_separator(item):
                low, high = self.start - position, len(piece) if self.stop is None else self.stop - position
                yield piece[max(0, low) : max(0, high)]
                position += len(piece)


def _with_separator(item: Iterable[str]) -> Iterator[str]:
    yield from item
    yield SEPARATOR


def alike(text: str, lengths: Sequence[int]) -> list[str]:
    """Return parts of a text with these lengths, evenly spread over it."""
    step = max(0, len(text) - max(lengths, default=0)) / max(1, len(lengths) - 1)
    return [text[round(i * step) : round(i * step) + length] for i, length in enumerate(lengths)]
