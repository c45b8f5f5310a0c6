"""Negative log-likelihood of texts under a text model: nats per token, bits per byte, and token by token."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.evaluation.predictions import Parts
from zaohua.modalities.texts.codec import TextCodec

if TYPE_CHECKING:
    from torch import Tensor

    from zaohua.families.autoregressive.texts import TextModel


@dataclass(frozen=True)
class Surprise:
    """Negative log-likelihood of texts, including their END tokens; of dialogues, that of the answers.

    Attributes:
        texts: number of texts.
        tokens: number of predicted tokens.
        characters, size: number of characters of the texts (the answers), and of bytes in UTF-8.
        nats: sum of -log p over all tokens.
        context: number of tokens that a prediction may depend on.
        stride: distance between windows, in tokens: predictions beyond a text's first window depend on at least
            context - stride tokens.
    """

    texts: int
    tokens: int
    characters: int
    size: int
    nats: float
    context: int
    stride: int

    @property
    def per_token(self) -> float:
        """Nats per token."""
        return self.nats / self.tokens

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of UTF-8."""
        return self.nats / math.log(2) / self.size

    @property
    def bits_per_character(self) -> float:
        """Bits per character."""
        return self.nats / math.log(2) / self.characters


def surprise(
    model: TextModel,
    X: object,
    y: object = None,
    *,
    stride: int | None = None,
    each: Callable[[int, list[Json]], None] | None = None,
) -> Surprise:
    """Compute the negative log-likelihood of texts, each token given those before it in a sliding window.

    Args:
        model: a fitted model of texts.
        X: texts, as in `fit`.
        y: conditions, if the model was fitted with conditions.
        stride: distance between windows in tokens; default: half the context. Smaller is slower and scores better.
        each: called with each text's index and its tokens, `{"text": ..., "nats": ...}`; nats is None for tokens that
            aren't predicted.

    Raises:
        ZaohuaError: the model isn't of texts, the stride is invalid, or texts are empty or can't be encoded.
    """
    if not isinstance(getattr(model, "codec_", None), TextCodec):
        raise ZaohuaError(f"a {type(model).__name__} isn't a model of texts")
    stride = model.context // 2 if stride is None else stride
    if not 1 <= stride <= model.context:
        raise ZaohuaError(f"the stride must be from 1 to the context ({model.context}), not {stride}")
    total, texts, tokens, characters, size = 0.0, 0, 0, 0, 0
    for row, nats in scored(model, X, y, stride):
        total, tokens = total + float(nats.double().sum()), tokens + sum(token >= 0 for token in row)
        text = model.codec_.plain(row)
        characters, size = characters + len(text), size + len(text.encode())
        if each is not None:
            each(texts, _named(model.codec_, row, nats.tolist()))
        texts += 1
    if not size:
        raise ZaohuaError("there is nothing to predict: every text is empty")
    return Surprise(texts, tokens, characters, size, total, model.context, stride)


def scored(model: TextModel, X: object, y: object, stride: int) -> Iterator[tuple[list[int], Tensor]]:
    """Yield the predicted tokens of each text, and their -log p in nats, (t,).

    Tokens that are read but not predicted are negative, and have 0 nats.
    """
    encoded = model.encode_items(X, y)
    codes, y_codes = encoded.codes, encoded.y_codes
    model.require_conditions(y_codes)
    for i in range(len(codes)):
        row = codes[np.array([i])]
        yield row[0, 1:].tolist(), model.nats(row, None if y_codes is None else y_codes[np.array([i])], stride)


def surprise_by_part(model: TextModel, X: object, y: object = None, *, size: int, stride: int | None = None) -> Parts:
    """Divide texts into parts of a number of bytes, the same for every tokenizer, and compute the nats of each.

    A token belongs to the part in which its first byte is, and the end of a text to its last part.

    Args:
        model: a fitted model of texts.
        X: texts, as in `fit`.
        y: conditions, if the model was fitted with conditions.
        size: bytes of a part; the last part of a text has fewer.
        stride: as for `surprise`.

    Returns:
        The nats and the bytes of each part, without those of empty texts.
    """

    def texts() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for row, nats in scored(model, X, y, model.context // 2 if stride is None else stride):
            yield nats.double().cpu().numpy(), model.codec_.widths(np.array(row, np.int64))

    return in_parts(texts(), size)


def in_parts(texts: Iterable[tuple[np.ndarray, np.ndarray]], size: int) -> Parts:
    """Divide texts into parts of a number of bytes.

    Args:
        texts: the nats (t,) and the bytes (t,) of the tokens of each text.
        size: bytes of a part; the last part of a text has fewer.
    """
    found: list[Parts] = []
    for item, (nats, widths) in enumerate(texts):
        total = int(widths.sum())
        if not total:
            continue
        parts = -(-total // size)
        place = np.minimum((np.cumsum(widths) - widths) // size, parts - 1)
        sizes = np.minimum(size, total - size * np.arange(parts))
        found.append(Parts(np.bincount(place, nats, minlength=parts), sizes, np.full(parts, item)))
    if not found:
        raise ZaohuaError("there is nothing to predict: every text is empty")
    each = zip(*((part.nats, part.sizes, part.items) for part in found), strict=True)
    return Parts(*(np.concatenate(arrays) for arrays in each))


def _named(codec: TextCodec, tokens: list[int], nats: list[float]) -> list[Json]:
    """Return tokens with their text, or the name of special tokens, and their nats."""
    out = []
    for token, value in zip(tokens, nats, strict=True):
        plain = -2 - token if token < -1 else token
        out.append({"text": codec.name(plain), "nats": value if token >= 0 else None})
    return out
