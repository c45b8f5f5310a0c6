"""Real texts of an evaluation, and what all models of a comparison can represent of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.evaluation.splits import Items, name_of
from zaohua.modalities.texts.dialogues import is_dialogue

MOST = 0.1
"""Largest fraction of the characters of test texts that may be left out."""
NAMED = 5
"""Number of characters that a remark names."""


@dataclass(frozen=True, eq=False)
class TextItems(Items):
    """Real texts, in memory or in their files.

    Attributes:
        values: the texts.
        labels: theirs, or None.
        left_out: what was left out of them, in words; empty for nothing.
    """

    most = math.inf

    values: Any
    labels: Sequence[Any] | None = None
    left_out: str = ""

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: np.ndarray) -> TextItems:
        """Return some of them, in the order of `rows`."""
        values = list(self.values)
        labels = None if self.labels is None else [self.labels[i] for i in rows]
        return replace(self, values=[values[i] for i in rows], labels=labels)


def without_unknown(models: Sequence[Any], test: TextItems) -> TextItems:
    """Return texts without the characters that some models can't encode; dialogues unchanged.

    Args:
        models: fitted models of texts.
        test: the texts.

    Raises:
        ZaohuaError: more than a tenth of the characters are left out.
    """
    tokenizers = [model.codec_.tokenizer_ for model in models]
    unknown: Counter[str] = Counter()
    total = 0
    for text in test.values:
        if is_dialogue(text):
            return test
        total += len(text)
        known = np.logical_and.reduce([tokenizer.known(text) for tokenizer in tokenizers])
        unknown.update(text[i] for i in np.flatnonzero(~known))
    if not unknown:
        return test
    count = sum(unknown.values())
    named = ", ".join(repr(character) for character, _ in unknown.most_common(NAMED))
    names = ", ".join(
        name_of(model)
        for model, tokenizer in zip(models, tokenizers, strict=True)
        if not tokenizer.known("".join(unknown)).all()
    )
    which = f"{count:,} of {total:,} characters of the test texts, which {names} never saw ({named}"
    which += f" and {len(unknown) - NAMED:,} others)" if len(unknown) > NAMED else ")"
    if count > MOST * total:
        raise ZaohuaError(f"can't measure by {which}: give other texts ({option('data')}), or train on bytes or bpe")
    note(f"left out {which}")
    values = [_without(text, unknown) for text in test.values]
    return replace(test, values=values, left_out=f"left out of what this is measured by: {which}")


def _without(text: str, characters: Counter[str]) -> str:
    return "".join(character for character in text if character not in characters)
