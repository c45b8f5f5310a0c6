"""Codec from sets of labels, several for each item, to tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import ClassVar, Self, TypeAlias

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError, named, unknown
from zaohua.core.json import Json
from zaohua.core.spec import PAD, DataSpec, Feature
from zaohua.modalities.base import Codec, counted
from zaohua.modalities.sequences import Sequences

TagsLike: TypeAlias = Sequence[Iterable[str | int]]
"""Sets of labels as the codec takes them: a list with a set or a list of names for each item."""


class TagCodec(Codec[TagsLike]):
    """Codec from sets of labels to tokens: one for each label, in any order, and one that every set has.

    So an empty set is a condition of its own, unlike no condition.

    Attributes:
        tags_: all labels that occur, sorted.
    """

    modality: ClassVar[str] = "labels"
    representation: ClassVar[str] = "sets"
    column: ClassVar[str] = "labels"

    def fit(self, items: TagsLike) -> Self:
        """Determine the labels.

        Raises:
            ZaohuaError: an item isn't a set or a list of names or integers, or no item has any.
        """
        counts = Counter(tag for tags in checked(items) for tag in tags)
        if not counts:
            raise ZaohuaError("no item has a label: y holds empty sets only")
        self._set(sorted(counts, key=lambda tag: (isinstance(tag, str), tag)))
        return self

    def _set(self, tags: list[str | int]) -> None:
        self.tags_ = tags
        self._index = {tag: code for code, tag in enumerate(tags)}
        self._by_text = {str(tag): code for code, tag in reversed(list(enumerate(tags)))}
        feature = Feature("label", "category", size=len(tags) + 1)
        self.spec_ = DataSpec(axes=("member",), shape=None, features=(feature,), pad=PAD)

    def encode(self, items: TagsLike) -> Sequences:
        """Encode sets of labels; the last code stands in every set.

        Raises:
            ZaohuaError: a label is unknown; the message suggests similar ones.
        """
        parts = [[*(self._code(tag) for tag in sorted(tags, key=str)), len(self.tags_)] for tags in checked(items)]
        ends = torch.tensor([len(part) for part in parts]).cumsum(0)
        starts = ends - torch.tensor([len(part) for part in parts])
        return Sequences(torch.tensor([code for part in parts for code in part]), starts, ends, PAD, apart=True)

    def _find(self, tag: str | int) -> int | None:
        found = self._index.get(tag)
        return self._by_text.get(str(tag)) if found is None else found

    def _code(self, tag: str | int) -> int:
        found = self._find(tag)
        if found is None:
            raise unknown("label", tag, self.tags_)
        return found

    def decode(self, x: Tensor) -> list[set[str | int]]:
        """Return the labels of each row of codes (n, L)."""
        return [{self.tags_[code] for code in row if 0 <= code < len(self.tags_)} for row in x.long().tolist()]

    def as_items(self, y: object, n: int | None) -> list[set[str | int]]:
        """Return n (or 1) copies of one set, or of the labels in a text, apart by commas; a list of sets unchanged."""
        if isinstance(y, str):
            y = self.typed(y)[0]
        if isinstance(y, (list, tuple)) and (not y or not isinstance(y[0], str | int)):
            return checked([self.typed(one)[0] if isinstance(one, str) else one for one in y])
        return checked([y]) * (1 if n is None else n)

    def typed(self, text: str, several: bool = False) -> list[set[str | int]]:
        """Return the set of the labels in a text, apart by commas unless the text is the name of one.

        Raises:
            ZaohuaError: a label is unknown; the message suggests similar ones.
        """
        whole = self._find(text) is not None
        names = [text] if whole else [name.strip() for name in text.split(",") if name.strip()]
        return [{self.tags_[self._code(name)] for name in names}]

    def learns(self) -> str:
        """Return that it tells the tags."""
        return "names and frequencies of the tags"

    def describe(self, n: int | None = None) -> str:
        """Describe the number of different labels."""
        return f"{counted(n, 'set')} of {counted(len(self.tags_), 'label')}"

    def state(self) -> Json:
        """Return the labels as JSON values."""
        return {"tags": self.tags_} if hasattr(self, "spec_") else {}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self._set(list(state["tags"]))


def checked(items: object) -> list[set[str | int]]:
    """Return a list of sets of names or integers.

    Raises:
        ZaohuaError: an item is something else; the message names it.
    """
    if not isinstance(items, Iterable) or isinstance(items, (str, bytes)):
        raise ZaohuaError(f"sets of labels are given as a list with one for each item, not as {named(items)}")
    sets = []
    for i, item in enumerate(items):
        tags = item.tolist() if hasattr(item, "tolist") else item
        if isinstance(tags, (str, bytes)) or not isinstance(tags, Iterable):
            raise ZaohuaError(f"item {i} is {named(item)}: give a set or a list of labels for each item")
        tags = list(tags)
        wrong = [tag for tag in tags if isinstance(tag, bool) or not isinstance(tag, (str, int))]
        if wrong:
            raise ZaohuaError(f"item {i} has the label {wrong[0]!r}: labels in sets are texts or integers")
        sets.append(set(tags))
    return sets
