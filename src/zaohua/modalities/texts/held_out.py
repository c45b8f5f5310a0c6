"""Texts that training held out: the end of a stream of texts, or whole texts where these are learnt one by one.

Models with other tokenizers or contexts hold out ends of other lengths of the same texts. What all of them held out is
the shortest of these ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.evaluation.splits import held_out_rows, name_of
from zaohua.modalities.files.items import groups_of
from zaohua.modalities.texts.dialogues import is_dialogue
from zaohua.modalities.texts.tokenizers import REPLACEMENT

Division = tuple[list[Any], list[Any], Sequence[Any] | None, Sequence[Any] | None]


def divided(models: Sequence[Any], items: Any, labels: Sequence[Any] | None = None) -> Division | None:
    """Divide texts into those that models were trained on, and those that all of them held out.

    Args:
        models: fitted models of texts.
        items: all texts or dialogues that they were given.
        labels: one for each, or None.

    Returns:
        The texts of training, the held-out ones, and the labels of either; None if nothing was held out.

    Raises:
        ZaohuaError: the models held out other texts.
    """
    texts = list(items)
    places = [_place(model, texts) for model in models]
    if all(place is None for place in places):
        held, kept = held_out_rows(models, len(texts), groups_of(labels))
        if not len(held):
            return None
        of_labels = [None if labels is None else [labels[i] for i in rows] for rows in (kept, held)]
        return [texts[i] for i in kept], [texts[i] for i in held], of_labels[0], of_labels[1]
    if any(place is None for place in places):
        raise ZaohuaError(
            f"{', '.join(map(name_of, models))} held out other texts, some whole texts and some the end of all: give "
            f"some that are new ({option('data')})"
        )
    item, at = max(place for place in places if place is not None)
    if item >= len(texts):
        return None
    before = [*texts[:item], *([texts[item][:at]] if at else [])]
    after = [*([texts[item][at:]] if at < len(texts[item]) else []), *texts[item + 1 :]]
    return (before, after, None, None) if after else None


def _place(model: Any, texts: Sequence[Any]) -> tuple[int, int] | None:
    """Return the text and the character at which a model's held-out end begins; None if it holds out whole texts."""
    if texts and is_dialogue(texts[0]):
        return None
    codes = model.codec_.encode([model.codec_.tokenizer_.encodable(text) for text in texts])
    token = model.held_out_token(codes)
    if token is None:
        return None
    if token >= len(codes.stream):
        return len(texts), 0
    item = int(np.searchsorted(codes.starts.numpy(), token, "right")) - 1
    rest = codes.stream[token : int(codes.stops[item])].tolist()
    end = model.codec_.plain(rest, begins=False)
    end = end.lstrip(REPLACEMENT)  # the rest of a character whose first bytes were trained on
    return item, max(0, len(texts[item]) - len(end))
