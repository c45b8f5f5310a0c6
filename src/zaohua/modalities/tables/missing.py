"""Words for missing cells."""

from __future__ import annotations

import pandas as pd

MISSING = frozenset(["", "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>"])
"""Texts that count as missing in every column of a file."""
WORDS = frozenset(
    [
        *(word.casefold() for word in MISSING),
        *("-", "--", "---", "\u2013", "\u2014", "\u2015", "\u2212", ".", "..", "...", "\u2026", "??", "(null)", "nil"),
        *(
            "n.a.",
            "n.a",
            "n. a.",
            "na.",
            "n/d",
            "n.d.",
            "nd",
            "k.a.",
            "k. a.",
            "#n/a",
            "#na",
            "#n/a n/a",
            "-nan",
            "nat",
        ),
        *("missing", "unknown", "unk", "not available", "not applicable", "no data", "(blank)", "blank", "empty"),
        *("#value!", "#ref!", "#div/0!", "#num!", "#name?", "#null!", "1.#ind", "1.#qnan", "-1.#ind", "-1.#qnan"),
    ]
)
"""Texts, in small letters, that also count as missing among numbers, dates or times."""


def is_word(text: str) -> bool:
    """Return True if a text stands for a missing number, date or time."""
    return text.casefold() in WORDS


def said(words: pd.Series) -> list[str]:
    """Say which words count as missing, other than the usual ones, as a list of at most one clause."""
    counts = words[~words.isin(MISSING)].value_counts()
    cells = ", ".join(f"{count:,} x {word!r}" for word, count in counts.items())
    return [f"counted as missing: {cells}"] if cells else []
