"""How well a model of texts predicts texts that it hasn't seen: nats per token, bits per byte, letter by letter."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.texts.codec import TextCodec


@dataclass(frozen=True)
class Surprise:
    """How well some texts are predicted, their ends included; of dialogues, the answers.

    Attributes:
        texts: how many.
        tokens: predicted.
        characters, size: of the texts (the answers); the size in bytes of UTF-8.
        nats: -log p of all tokens together.
        context: tokens that one may depend on.
        stride: tokens between two windows: all but those of a text's first window are given at least
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
    model: Any,
    X: Any,
    y: Any = None,
    *,
    stride: int | None = None,
    each: Callable[[int, list[dict[str, Any]]], None] | None = None,
) -> Surprise:
    """How well a model predicts some texts, each token given those before it within windows of its context.

    Args:
        model: of texts.
        X: texts as `fit` takes them.
        y: their conditions, if the model was fitted with conditions.
        stride: tokens between two windows; half the context when not given. Small ones take long and score better.
        each: is given each text's number and its tokens: `{"text": ..., "nats": ...}`, nats None for what is only read.

    Raises:
        ZaohuaError: the model isn't of texts, the stride is none, there is no text, or it can't be encoded.
    """
    if not isinstance(getattr(model, "codec_", None), TextCodec):
        raise ZaohuaError(f"a {type(model).__name__} is no model of texts")
    stride = model.context // 2 if stride is None else stride
    if not 1 <= stride <= model.context:
        raise ZaohuaError(f"a stride is from 1 to the context ({model.context}), not {stride}")
    encoded = model.encode_items(X, y)
    codes, y_codes = encoded.codes, encoded.y_codes
    model.require_conditions(y_codes)
    decode, total, tokens, characters, size = model.codec_.tokenizer_.decode, 0.0, 0, 0, 0
    for i in range(len(codes)):
        row, nats = codes[[i]], model.nats(codes[[i]], None if y_codes is None else y_codes[[i]], stride)
        total, tokens = total + float(nats.double().sum()), tokens + int((row[0, 1:] >= 0).sum())
        told = decode(token for token in row[0, 1:].tolist() if 0 <= token < model.codec_.end_)
        characters, size = characters + len(told), size + len(told.encode())
        if each is not None:
            each(i, _named(model.codec_, row[0, 1:].tolist(), nats.tolist()))
    if not size:
        raise ZaohuaError("there is nothing to predict: every text is empty")
    return Surprise(len(codes), tokens, characters, size, total, model.context, stride)


def _named(codec: Any, tokens: list[int], nats: list[float]) -> list[dict[str, Any]]:
    """Tokens by their text, special ones by their names."""
    out = []
    for token, value in zip(tokens, nats, strict=True):
        plain = -2 - token if token < -1 else token
        out.append({"text": codec.name(plain), "nats": value if token >= 0 else None})
    return out
