"""Words of texts in any script, for the measures of captions and of speech.

Words are what stands between spaces. Chinese and Japanese have no spaces, so each of their characters is a word, as in
the evaluation of translations (Post, "A call for clarity in reporting BLEU scores", 2018). Nothing else is changed:
make both texts lower case and take their punctuation away, if these don't matter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from zaohua.core.errors import ZaohuaError

UNSPACED = r"\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"
"""Ranges of the characters of Chinese and Japanese, with their punctuation."""
WORD = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")


def words_of(text: str) -> list[str]:
    """Divide a text into words: at spaces, and around every Chinese or Japanese character."""
    return WORD.findall(text)


def check_pairs(texts: Sequence[str], references: Sequence[object]) -> None:
    """Raise a `ZaohuaError` unless there is a reference for each of one or more texts."""
    if isinstance(texts, str) or isinstance(references, str):
        raise ZaohuaError("give a list of texts and a list of references, not one text: give [text]")
    if not texts or len(texts) != len(references):
        raise ZaohuaError(f"each text needs its references: there are {len(texts):,} and {len(references):,}")
