"""Autoregressive models of texts: prompts, gaps to fill, streams that stop in time, answers, surprise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import ItemNoise, Noise, seeds_for
from zaohua.core.params import Between, Sampling
from zaohua.families.autoregressive.infilling import EXTRA, Marks, rearranged
from zaohua.families.autoregressive.tokens import TokenModel
from zaohua.families.autoregressive.writing import Writer
from zaohua.modalities.texts.codec import TextCodec


class TextModel(TokenModel[TextCodec]):
    """Tokens are letters, bytes or pieces of words, as the codec says. Of dialogues only the answers are learnt."""

    fim: Annotated[float, Between(0, 1)] = 0.0
    """Share of the rows of texts that are learnt with their middle last, so that `suffix` can ask for it."""
    prompt: Annotated[str, Sampling] = ""
    """Text that samples go on from."""
    suffix: Annotated[str, Sampling] = ""
    """Text that samples are to end in: what is made fills the gap between the prompt and it (needs `fim`)."""
    stop: Annotated[tuple[str, ...], Sampling] = ()
    """Texts at the first of which, behind the prompt, a sample ends, before any of it."""

    def _check(self) -> None:
        super()._check()
        if self.fim and self.context <= EXTRA:
            raise ZaohuaError(f"{type(self).__name__}: fim needs a context above {EXTRA}, not of {self.context}")

    # ---- learning

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """As of all sequences, with a share of the rows rearranged for filling in."""
        x = super().prepare(codes, noise, train)
        if not train or not self.fim:
            return x
        return rearranged(x, noise, self.fim, Marks(self.codec_.end_, *self.codec_.gap))

    # ---- writing

    def opening(self) -> list[int]:
        """END and the prompt; with a suffix PREFIX, the prompt, SUFFIX, the suffix, MIDDLE.

        Of a long prompt and suffix only the half context around the gap is taken.
        """
        before = self.codec_.tokenizer_.encode(self.prompt).tolist()
        if not self.suffix:
            return [self.codec_.end_, *before]
        if not self.fim:
            raise ZaohuaError(
                f"this {type(self).__name__} didn't learn to fill in, so it takes no suffix: train it "
                "with a share of rearranged rows, such as fim=0.5"
            )
        behind = self.codec_.tokenizer_.encode(self.suffix).tolist()
        room = max(2, self.context // 2 - EXTRA)
        behind = behind[: max(room // 2, room - len(before))]
        before = before[max(0, len(before) - (room - len(behind))) :]
        prefix, suffix, middle = self.codec_.gap
        return [self.codec_.end_, prefix, *before, suffix, *behind, middle]

    def tokens(self, noise: Noise, y: Tensor | None, opening: list[int] | None = None) -> Iterator[Tensor]:
        """As of all sequences; ends early when every row has met a stop, and a gap is filled within the context."""
        rows = super().tokens(noise, y, opening)
        first = next(rows)
        yield first
        room = self.context - first.shape[1] if self.suffix and opening is None else self.max_tokens
        texts = [(self.codec_.streaming(), Writer(self.stop)) for _ in range(noise.n if self.stop else 0)]
        for _, row in zip(range(room), rows, strict=False):
            yield row
            for (pieces, writer), token in zip(texts, row.tolist() if texts else (), strict=True):
                writer.over = writer.over or token in (-1, self.codec_.end_)
                writer.push("" if writer.over else pieces.push(token))
            if texts and all(writer.over for _, writer in texts):
                return

    def decode_tensors(self, x: Tensor) -> list[str]:
        """Prompt, what was made up to a stop, and the suffix."""
        made = [self.codec_.text(row) for row in x.long()[:, len(self.opening()) :].tolist()]
        return [self.prompt + Writer(self.stop).push(text, last=True) + self.suffix for text in made]

    def stream(self, *, y: Any = None, random_state: int | None = None, **options: Any) -> Iterator[str]:
        """One new text, piece by piece as it is written; the pieces together are what `sample` gives.

        Args:
            y: its condition, if the model was fitted with conditions.
            random_state: seed.
            options: as for `sample` (prompt, suffix, stop, temperature, max_tokens ...).
        """
        model = self.with_options(**options)
        written = model._written(None, y, random_state)
        yield from (text for text in (model.prompt,) if text)
        yield from written
        yield from (text for text in (model.suffix,) if text)

    def _written(self, opening: list[int] | None, y: Any, random_state: int | None) -> Iterator[str]:
        """What one text goes on with, piece by piece, up to its end or a stop."""
        _, codes = self.sample_conditions(1, y)
        noise = ItemNoise(seeds_for(self.random_state if random_state is None else random_state, 1), self.device_)
        pieces, writer = self.codec_.streaming(), Writer(self.stop)
        with torch.no_grad():
            if codes is None and self.y_codec_ is not None:
                codes = self.y_codec_.draw(noise)
            rows = self.tokens(noise, self.prepare_conditions(codes, noise), opening)
            next(rows)
            for token in map(int, rows):
                text = writer.push(pieces.push(token) if token < self.codec_.tokenizer_.size else "")
                if text:
                    yield text
                if writer.over:
                    return
        text = writer.push(pieces.finish(), last=True)
        if text:
            yield text

    # ---- answering

    def answer(self, prompt: str, **options: Any) -> str:
        """The answer to a prompt; see `chat`."""
        return self.chat([{"role": "user", "content": prompt}], **options)

    def chat(self, messages: Sequence[dict[str, str]], **options: Any) -> str:
        """The answer to the last of some messages.

        Args:
            messages: the dialogue so far, `{"role": "user", "content": "..."}` and so on, the user's last; the oldest
                are forgotten when they don't fit into the context.
            options: as for `stream`, prompt and suffix aside.

        Raises:
            ZaohuaError: the model was not trained on dialogues, or the messages are no dialogue.
        """
        return "".join(self.chat_stream(messages, **options))

    def chat_stream(
        self, messages: Sequence[dict[str, str]], *, y: Any = None, random_state: int | None = None, **options: Any
    ) -> Iterator[str]:
        """The answer as `chat` gives it, piece by piece as it is written."""
        model = self.with_options(**options)
        if not model.apart_:
            name = type(self).__name__
            raise ZaohuaError(
                f"this {name} learnt texts, not dialogues, so it can't answer: fine-tune it on a .jsonl "
                f"of prompts and answers (`zaohua train {name.casefold()} pairs.jsonl --base RUN`)"
            )
        return model._written(model._asking(list(messages)), y, random_state)

    def _asking(self, messages: list[dict[str, str]]) -> list[int]:
        """Tokens to answer from; the oldest messages, the system's aside, are left out if they would leave no room."""
        opening: list[int] = self.codec_.asking(messages)
        room = self.context - min(self.max_tokens, self.context // 2)
        while len(opening) > room:
            said = [i for i, message in enumerate(messages[:-1]) if message["role"] != "system"]
            if not said:
                break
            del messages[said[0]]
            opening = self.codec_.asking(messages)
        return opening

    # ---- measuring

    def surprisals(self, text: str, y: Any = None) -> list[tuple[str, float]]:
        """How surprising each token of a text is: pairs of its text and -log p in nats; the last is the text's end."""
        encoded = self.encode_items([text], None if y is None else [y])
        self.require_conditions(encoded.y_codes)
        row = encoded.codes[[0]]
        names = [self.codec_.tokenizer_.decode([token]) for token in row[0, 1:-1].tolist()]
        return list(zip([*names, ""], self.nats(row, encoded.y_codes).tolist(), strict=True))

    def nats(self, row: Tensor, y_codes: Tensor | None, stride: int | None = None) -> Tensor:
        """-log p of every token but the first, float32 (t - 1,), of codes (1, t) of one text; see `windows`."""
        with torch.no_grad():
            y = self.prepare_conditions(y_codes, ItemNoise([0], self.device_))
            return torch.cat([part[0] for part in self.windows(row.to(self.device_), y, stride)])

    def bits_per_byte(self, X: Sequence[str], y: Any = None) -> float:
        """Mean negative `score_samples` of some texts (not paths) in bits per byte of UTF-8, their ends included."""
        if isinstance(X, str):
            raise ZaohuaError("bits_per_byte takes a list of texts, not one text or a path: give [text]")
        texts = list(X)
        size = sum(len(text.encode()) for text in texts)
        if not size:
            raise ZaohuaError("bits_per_byte: the texts are empty")
        return -float(self.score_samples(texts, y).sum()) / math.log(2) / size
