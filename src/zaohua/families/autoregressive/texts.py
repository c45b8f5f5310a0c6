"""Autoregressive models of texts: prompts, streams that stop in time, and how surprising a text is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

import torch

from zaohua.errors import ZaohuaError
from zaohua.families.autoregressive.tokens import TokenModel
from zaohua.fields import Sampling
from zaohua.noise import ItemNoise, seeds_for


class TextModel(TokenModel):
    """Tokens are letters, bytes or pieces of words, as the codec says."""

    modalities: ClassVar[tuple[str, ...]] = ("texts",)

    prompt: Annotated[str, Sampling] = ""
    """Text that samples go on from."""

    def opening(self) -> list[int]:
        """END and the prompt."""
        codec: Any = self.codec_
        return [codec.end_, *codec.tokenizer_.encode(self.prompt).tolist()]

    def stream(self, *, y: Any = None, random_state: int | None = None, stop: Sequence[str] = (), **options: Any
               ) -> Iterator[str]:
        """One new text, piece by piece as it is written; the pieces together are what `sample` gives.

        Args:
            y: its condition, if the model was fitted with conditions.
            random_state: seed.
            stop: texts at whose first occurrence behind the prompt it ends, before any of it is given.
            options: as for `sample` (prompt, temperature, max_tokens ...).
        """
        model = self._with_options(options)
        _, codes = model._conditions(1, y)
        noise = ItemNoise(seeds_for(self.random_state if random_state is None else random_state, 1), model._device())
        codec: Any = model.codec_
        pieces, held = codec.streaming(), ""
        with torch.no_grad():
            if codes is None and model.y_codec_ is not None:
                codes = model.y_codec_.draw(noise)
            rows = model.tokens(noise, model._prepare_y(codes, noise))
            next(rows)
            yield from (model.prompt,) if model.prompt else ()
            for token in map(int, rows):
                held += pieces.push(token) if token < codec.tokenizer_.size else ""
                found = [held.index(text) for text in stop if text in held]
                if found:
                    yield held[: min(found)]
                    return
                ready = len(held) - max((_overlap(held, text) for text in stop), default=0)
                if ready:
                    yield held[:ready]
                    held = held[ready:]
        held += pieces.finish()
        if held:
            yield held

    def surprisals(self, text: str, y: Any = None) -> list[tuple[str, float]]:
        """How surprising each token of a text is: pairs of its text and -log p in nats; the last is the text's end."""
        codes, y_codes = self._encode_items([text], None if y is None else [y])
        self._need_y(y_codes)
        x = codes[[0]].to(self._device())
        with torch.no_grad():
            y_x = None if y_codes is None else self.y_codec_.prepare(y_codes.to(x.device), ItemNoise([0]))  # type: ignore[union-attr]
            nats = torch.cat([part[0] for part in self.windows(x, y_x)]).tolist()
        codec: Any = self.codec_
        names = [codec.tokenizer_.decode([token]) for token in x[0, 1:-1].tolist()]
        return list(zip([*names, ""], nats, strict=True))

    def bits_per_byte(self, X: Sequence[str], y: Any = None) -> float:
        """Mean negative `score_samples` of some texts (not paths) in bits per byte of UTF-8, their ends included."""
        if isinstance(X, str):
            raise ZaohuaError("bits_per_byte takes a list of texts, not one text or a path: give [text]")
        texts = list(X)
        size = sum(len(text.encode()) for text in texts)
        if not size:
            raise ZaohuaError("bits_per_byte: the texts are empty")
        return -float(self.score_samples(texts, y).sum()) / math.log(2) / size


def _overlap(text: str, stop: str) -> int:
    """How many letters at the end of a text may be the beginning of the stop."""
    return next((n for n in range(min(len(text), len(stop)), 0, -1) if text.endswith(stop[:n])), 0)
