"""Autoregressive models of texts: prompts, infilling, streaming, stop sequences, chat, surprisal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, cast

import numpy as np
import torch
from torch import Tensor

from zaohua.core.advice import either, option
from zaohua.core.errors import ZaohuaError
from zaohua.core.hardware import threads_for_rows
from zaohua.core.json import Json
from zaohua.core.noise import ItemNoise, Noise
from zaohua.core.notes import note
from zaohua.core.params import Between, Sampling
from zaohua.core.record import Condition
from zaohua.core.seeds import RandomState
from zaohua.estimator.encoding import TrainingData
from zaohua.estimator.seen import QUOTED, token_hashes
from zaohua.families.autoregressive.beams import beam_search
from zaohua.families.autoregressive.decoding import BranchingDecoder
from zaohua.families.autoregressive.filling import Gap, filled
from zaohua.families.autoregressive.infilling import EXTRA, Marks, rearranged
from zaohua.families.autoregressive.tokens import TokenModel
from zaohua.families.autoregressive.writing import Text, Writer
from zaohua.modalities.base import Codes
from zaohua.modalities.condition_base import ConditionCodes
from zaohua.modalities.files.values import all_of
from zaohua.modalities.texts import dialogues
from zaohua.modalities.texts.codec import TextCodec


class TextModel(TokenModel[TextCodec]):
    """Base of models of texts: tokens are characters, bytes or word pieces. Of dialogues only answers are learnt."""

    quoted: ClassVar[float] = QUOTED

    fim: Annotated[float, Between(0, 1)] = 0.0
    """Fraction of training rows rearranged for fill-in-the-middle, which `suffix` needs."""
    prompt: Annotated[str, Sampling] = ""
    """Text that samples continue."""
    suffix: Annotated[str, Sampling] = ""
    """Text that samples end in: the gap between prompt and suffix is filled (needs `fim`)."""
    beams: Annotated[int, Between(1, 1000), Sampling] = 1
    """Beginnings that a beam search for the most likely text keeps, whatever `temperature` and `top_k` are; 1 draws
    texts at random instead."""
    candidates: Annotated[int, Between(1, 10_000), Sampling] = 64
    """Candidates for a gap, from which `fill` draws one by the likelihood of the text after it (without `fim`)."""
    stop: Annotated[tuple[str, ...] | str, Sampling] = ()
    """Stop sequences, or a single one: a sample ends before the first of them after the prompt."""

    def _check(self) -> None:
        super()._check()
        if self.fim and self.context <= EXTRA:
            raise ZaohuaError(f"{type(self).__name__}: fim needs a context above {EXTRA}, not of {self.context}")

    # ---- learning

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Prepare a batch as for all sequences, with a fraction of the rows rearranged for infilling."""
        x = super().prepare(codes, noise, train)
        if not train or not self.fim:
            return x
        return rearranged(x, noise, self.fim, self._marks())

    def rows(self, data: TrainingData) -> TrainingData:
        """Arrange texts as rows, see `TokenModel`; refuses `fim` if the codec has no special tokens for it."""
        if self.fim:
            self._marks()
        return super().rows(data)

    def _marks(self) -> Marks:
        return Marks(self.codec_.begin_, self.codec_.end_, *self.codec_.gap)

    def hash_items(self, codes: Codes, items: np.ndarray, key: int) -> np.ndarray:
        """Return keyed hashes of all runs of tokens of some texts, however they are divided."""
        return token_hashes(codes, items, key)

    # ---- writing

    def opening(self) -> list[int]:
        """Return the token before a text and the prompt; with a suffix PREFIX, the prompt, SUFFIX, the suffix, MIDDLE.

        Long prompts and suffixes are cut to half a context around the gap.
        """
        before = self.codec_.tokenizer_.encode(self.prompt).tolist()
        if not self.suffix:
            return [*super().opening(), *before]
        if not self.fim:
            raise ZaohuaError(
                f"this {type(self).__name__} wasn't trained to fill in, so it takes no suffix: train it "
                f"with a fraction of rearranged rows, such as {option('fim', 0.5)}"
            )
        after = self.codec_.tokenizer_.encode(self.suffix, begins=False).tolist()
        room = max(2, self.context // 2 - EXTRA)
        if len(before) + len(after) > room:
            note(f"of prompt and suffix only the {room:,} tokens around the gap are read, half a context")
        after = after[: max(room // 2, room - len(before))]
        before = before[max(0, len(before) - (room - len(after))) :]
        prefix, suffix, middle = self.codec_.gap
        return [*super().opening(), prefix, *before, suffix, *after, middle]

    def tokens(self, noise: Noise, y: Condition | None, opening: list[int] | None = None) -> Iterator[Tensor]:
        """Generate tokens as for all sequences; ends early when every row has reached a stop."""
        rows = super().tokens(noise, y, opening)
        first = next(rows)
        if first.shape[1] > self.context:
            note(f"the prompt is longer than the context: only its last {self.context:,} tokens are read")
        yield first
        room = self.room(first.shape[1], opening is not None)
        if self.beams > 1:
            yield from self._most_likely(first, y, room)
            return
        count = noise.n if self.stop else 0
        texts = [Text(self.codec_, self.stop, room, self._begins(opening)) for _ in range(count)]
        for _, row in zip(range(room), rows, strict=False):
            yield row
            for text, token in zip(texts, row.tolist() if texts else (), strict=True):
                if not text.finish:
                    text.add(token)
            if texts and all(text.finish for text in texts):
                return

    def _most_likely(self, first: Tensor, y: Condition | None, room: int) -> Iterator[Tensor]:
        """Yield the tokens after `first` that a beam search finds, as `tokens` does."""
        with threads_for_rows(self.nets_["net"], len(first) * self.beams):
            found = beam_search(
                cast(BranchingDecoder, self.decoder(y)),
                first,
                self.choice(),
                beams=self.beams,
                room=room,
                context=self.context,
                y=y,
            )
        new = found[:, first.shape[1] :]
        yield from new[:, (new >= 0).any(0)].unbind(1)

    def infill(
        self, before: str, after: str, noise: Noise, y: Condition | None = None, *, length: int | None, longest: int
    ) -> str | None:
        """Draw the text of a gap.

        A model that was trained with `fim` reads the text after the gap first; others weigh `candidates` by its
        likelihood, as far as it fits into a fourth of the context (see `filling`).

        Args:
            before: the text before the gap.
            after: the text after it; "" for the end of the text.
            noise: noise of one item.
            y: condition of the text, (1, ...).
            length: number of characters in the gap; None for any.
            longest: maximum number of characters in it.

        Returns:
            The text; None if no candidate of that length was found.
        """
        size, device, tokenizer = length or longest, self.device_, self.codec_.tokenizer_
        room = min(size * (4 if tokenizer.unit == "byte" else 1), self.context // 4)
        if self.fim and after:
            opening, follows = self.with_options(prompt=before, suffix=after).opening(), list[int]()
            room = min(room, self.context - len(opening) - 1)
        else:
            follows = tokenizer.encode(after, begins=False).tolist()[: max(1, self.context // 4)]
            opening = [*super().opening(), *tokenizer.encode(before).tolist()][-(self.context - room - len(follows)) :]

        def fits(tokens: list[int]) -> bool:
            count = len(self.codec_.plain(tokens, begins=not before))
            return count == length if length is not None else 0 < count <= longest

        gap = Gap(torch.tensor(opening, device=device), torch.tensor(follows, device=device), room, fits)
        count = self.candidates if follows or length is not None else 1
        net = self.decoder(y)
        with threads_for_rows(self.nets_["net"], count):
            found = filled(net, gap, self.choice(), noise.uniform(count, room)[0], noise.uniform()[0], y)
        return None if found is None else self.codec_.plain(found, begins=not before)

    def _items_of(self, x: Tensor) -> list[str]:
        """Decode tokens to prompt, generated text up to a stop, and suffix."""
        rows = x.long()[:, len(self.opening()) :].tolist()
        texts = [self.codec_.text(row, begins=not self.prompt) for row in rows]
        return [self.prompt + Writer(self.stop).push(text, last=True) + self.suffix for text in texts]

    def stream(self, *, y: object = None, random_state: RandomState = None, **options: object) -> Iterator[str]:
        """Generate one text piece by piece; the pieces together are what `sample` returns.

        Args:
            y: condition of the text, if the model was fitted with conditions.
            random_state: seed.
            options: options of `sample` (prompt, suffix, stop, temperature, max_tokens ...).
        """
        model = self.with_options(**options)
        parts = ((model.prompt,), model._written(None, y, random_state), (model.suffix,))
        yield from (text for part in parts for text in part if text)

    def _written(self, opening: list[int] | None, y: object, random_state: RandomState) -> Iterator[str]:
        """Generate the continuation of one text, piece by piece, up to its end or a stop."""
        _, codes = self.sample_conditions(1, y)
        noise = self.item_noise(1, random_state)
        with self.inference():
            if codes is None and self.y_codec_ is not None:
                codes = self.y_codec_.draw(noise)
            rows = self.tokens(noise, self.prepare_conditions(codes, noise), opening)
            length = next(rows).shape[1]
            text = Text(self.codec_, self.stop, self.room(length, opening is not None), self._begins(opening))
            for token in map(int, rows):
                if piece := text.add(token):
                    yield piece

    def room(self, opening: int, answers: bool = False) -> int:
        """Return the maximum number of tokens after so many others: with a suffix, all must fit into the context."""
        return min(self.max_tokens, self.context - opening) if self.suffix and not answers else self.max_tokens

    def _begins(self, opening: list[int] | None) -> bool:
        """Return whether new tokens begin a text, as answers do, or go on with the prompt."""
        return opening is not None or not self.prompt

    # ---- answering

    def answer(
        self, prompt: str | Sequence[Json], *, y: object = None, random_state: RandomState = None, **options: object
    ) -> str:
        """Return the answer to a prompt; see `chat`."""
        return self.chat(prompt, y=y, random_state=random_state, **options)

    def chat(
        self, messages: str | Sequence[Json], *, y: object = None, random_state: RandomState = None, **options: object
    ) -> str:
        """Return the answer to the last of some messages.

        Args:
            messages: the dialogue so far, `{"role": "user", "content": "..."}` and so on, ending with the user's, or
                the text of a single message; the oldest are dropped when they don't fit into the context.
            options: options of `stream`, except prompt and suffix.

        Raises:
            ZaohuaError: the model wasn't trained on dialogues, or the messages aren't one.
        """
        return "".join(self.chat_stream(messages, y=y, random_state=random_state, **options))

    def chat_stream(
        self, messages: str | Sequence[Json], *, y: object = None, random_state: RandomState = None, **options: object
    ) -> Iterator[str]:
        """Generate the answer of `chat` piece by piece."""
        model = self.with_options(**options)
        return model._written(model.asking(messages), y, random_state)

    def asking(self, messages: str | Sequence[Json]) -> list[int]:
        """Return the tokens to answer from; drops the oldest messages, except the system's, if there is no room.

        Raises:
            ZaohuaError: the model wasn't trained on dialogues, or the messages aren't one.
        """
        if not (self.apart_ or self.codec_.talks):
            name = type(self).__name__
            how = either("finetune('pairs.jsonl')", f"zaohua train {name.casefold()} pairs.jsonl --base RUN")
            raise ZaohuaError(
                f"this {name} learnt texts, not dialogues: fine-tune it on a .jsonl of prompts and answers ({how})"
            )
        asked = dialogues.asked(messages)
        opening: list[int] = self.codec_.asking(asked)
        room = self.context - min(self.max_tokens, self.context // 2)
        while len(opening) > room:
            fewer = self.codec_.without_oldest(asked)
            if len(fewer) == len(asked):
                break
            note(f"left out the oldest messages: the dialogue doesn't fit into the context of {self.context} tokens")
            asked, opening = fewer, self.codec_.asking(fewer)
        return opening

    # ---- measuring

    def surprisals(self, text: str, y: object = None) -> list[tuple[str, float]]:
        """Return pairs of each token's text and its -log p in nats; the last pair is the end of the text."""
        encoded = self.encode_items([text], None if y is None else [y])
        self.require_conditions(encoded.y_codes)
        row = encoded.codes[np.array([0])]
        names = [self.codec_.plain([token], begins=not i) for i, token in enumerate(row[0, 1:-1].tolist())]
        return list(zip([*names, ""], self.nats(row, encoded.y_codes).tolist(), strict=True))

    def nats(self, row: Tensor, y_codes: Condition | ConditionCodes | None, stride: int | None = None) -> Tensor:
        """Return -log p of every token but the first, float32 (t - 1,), of codes (1, t) of one text; see `windows`."""
        with self.inference():
            y = self.prepare_conditions(y_codes, ItemNoise([0], self.device_))
            return torch.cat([part[0] for part in self.windows(row.to(self.device_), y, stride)])

    def bits_per_byte(self, X: Sequence[str], y: object = None) -> float:
        """Return the mean negative `score_samples` of texts (not paths) in bits per byte of UTF-8, ends included."""
        if isinstance(X, str):
            raise ZaohuaError("bits_per_byte takes a list of texts, not one text or a path: give [text]")
        texts = all_of(X, str, "texts")
        size = sum(len(text.encode()) for text in texts)
        if not size:
            raise ZaohuaError("bits_per_byte: the texts are empty")
        return -float(self.score_samples(texts, y).sum()) / math.log(2) / size
