"""Identifiers in tables: never learnt, and generated anew in the way that the given ones are written."""

from __future__ import annotations

import math
import re
import string
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

NAMED = re.compile(r"(^|[_\s-])(id|uuid|guid|key)$|ID$", re.IGNORECASE)
FEWEST = 20
"""Rows in which texts that all differ are identifiers."""
CLASSES = {
    "d": string.digits,
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "l": string.ascii_lowercase,
    "u": string.ascii_uppercase,
    "a": string.ascii_letters,
    "x": string.ascii_letters + string.digits,
}
"""Kinds of letters, narrow ones first."""


def looks_like_identifiers(present: pd.Series) -> bool:
    """Whether all cells differ, and are texts of a fair number, whole numbers in a row, or called an identifier."""
    if len(present) < 2 or not present.is_unique:
        return False
    texts = sum(isinstance(value, str) for value in present)
    if 0 < texts < len(present):
        return False
    if not texts:
        in_a_row = len(present) >= FEWEST and bool((present.diff().iloc[1:] == 1).all())
        return in_a_row or bool(NAMED.search(str(present.name)))
    return texts >= FEWEST


@dataclass
class IdentifierPattern:
    """How identifiers are written.

    Attributes:
        places: for each place the letters that may stand there, a name of `CLASSES` or "=" and the letter itself; none
            for whole numbers.
        start: the first number, or the first of the texts to be made.
    """

    places: list[str]
    start: int = 0

    @classmethod
    def of(cls, present: pd.Series) -> IdentifierPattern:
        """The pattern of the usual length of some identifiers."""
        values = [v if isinstance(v, str) else int(v) for v in present]
        texts = [v for v in values if isinstance(v, str)]
        if not texts:
            return cls([], 1 + max((v for v in values if isinstance(v, int)), default=0))
        lengths = pd.Series([len(text) for text in texts])
        length = int(lengths.mode().iloc[0])
        usual = [text for text in texts if len(text) == length]
        return cls([_place({text[i] for text in usual}) for i in range(length)], len(texts))

    def some(self, n: int) -> list[Any]:
        """n identifiers that differ from each other."""
        if not self.places:
            return list(range(self.start, self.start + n))
        letters = [place[1:] if place[0] == "=" else CLASSES[place] for place in self.places]
        room = math.prod(map(len, letters))
        if room < n:  # too few letters vary: digits behind them
            letters += [string.digits] * math.ceil(math.log10(n / room) + 1)
            room = math.prod(map(len, letters))
        stride = next(s for s in range(max(1, int(room * 0.618)), room + 2) if math.gcd(s, room) == 1)
        return [_written((self.start + (i + 1) * stride) % room, letters) for i in range(n)]

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> IdentifierPattern:
        """The inverse of `to_json`."""
        return cls(**data)


def _place(seen: set[str]) -> str:
    """What may stand where these letters stood."""
    if len(seen) == 1:
        return "=" + next(iter(seen))
    return next((name for name, letters in CLASSES.items() if seen <= set(letters)), "x")


def _written(number: int, letters: list[str]) -> str:
    """A number in the number system whose digits at each place are these letters."""
    out = []
    for choice in reversed(letters):
        number, digit = divmod(number, len(choice))
        out.append(choice[digit])
    return "".join(reversed(out))
