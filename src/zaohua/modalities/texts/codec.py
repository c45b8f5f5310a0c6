"""Codec from texts and dialogues to tokens."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from zaohua.core.errors import ZaohuaError, named
from zaohua.core.json import Json
from zaohua.core.notes import note
from zaohua.core.params import Between
from zaohua.core.spec import PAD, DataSpec, Feature
from zaohua.modalities.base import counted
from zaohua.modalities.sequences import Sequences, TokenCodec
from zaohua.modalities.texts import dialogues
from zaohua.modalities.texts.files import LocatedItem, TextFiles, TextsLike, Unreadable
from zaohua.modalities.texts.tokenizers import TOKENIZERS, Stream, Tokenizer, restored

SPECIALS = ("<|end|>", "<|user|>", "<|assistant|>", "<|prefix|>", "<|suffix|>", "<|middle|>")
"""Special tokens, which follow those of the tokenizer in this order. No text is ever encoded to one of them."""
END, USER, ASSISTANT, PREFIX, SUFFIX, MIDDLE = range(len(SPECIALS))
"""Indices of the special tokens after those of the tokenizer."""
SEPARATOR = "\n" + "-" * 40 + "\n"
"""Line between texts that are written to one file."""
MEMORY = 1 << 28
"""Maximum number of tokens in memory; larger data sets are stored in a memory-mapped file."""


class TextCodec(TokenCodec[TextsLike]):
    """Texts and dialogues <-> rows of tokens END, text, END.

    The text of a dialogue is USER, prompt, ASSISTANT, answer; further turns follow after an END. A system message
    precedes the first USER, and what a tool says is written like what the user says. Models learn the answers of a
    dialogue and the END after them, except those of weight 0; the rest is only read.

    Attributes:
        tokenizer_: the fitted tokenizer.
        end_: index of the END token.
    """

    modality: ClassVar[str] = "texts"
    representation: ClassVar[str] = "tokens"
    column: ClassVar[str] = "text"
    printed: ClassVar[bool] = True
    usual_number: ClassVar[int] = 1
    _item = "text"  # what was encoded last, for `describe`

    tokenizer: Literal["chars", "bytes", "bpe"] = "chars"
    """Unit of text: the characters that occur, bytes (for any text), or byte pair encoding trained on the texts."""
    vocabulary: Annotated[int, Between(257, 1 << 20)] = 4096
    """Maximum size of the vocabulary (bpe)."""

    def fit(self, items: TextsLike) -> Self:
        """Train the tokenizer.

        Raises:
            ZaohuaError: there is no text, or a text can't be encoded.
        """
        if not any(chunk for _, item in located(items) for chunk in chunks(item)):
            raise ZaohuaError("there is no text in the data: every text is empty")
        last = [""]

        def all_chunks() -> Iterator[str]:
            for last[0], item in located(items):
                yield from chunks(item)

        try:
            self._set(TOKENIZERS[self.tokenizer].train(all_chunks(), self.vocabulary))
        except ZaohuaError as error:
            raise _with_location(error, last[0]) from None
        return self

    def _set(self, tokenizer: Tokenizer) -> None:
        self.tokenizer_ = tokenizer
        size = tokenizer.size + len(SPECIALS)
        self.spec_ = DataSpec(
            axes=("position",), shape=None, features=(Feature("token", "category", size=size),), pad=PAD
        )

    @property
    def end_(self) -> int:
        """The END token."""
        return self.tokenizer_.size

    def encode(self, items: TextsLike) -> Sequences:
        """Encode items as tokens; more than 256 million are stored in a memory-mapped temporary file.

        Where one item ends in the token that the next begins with, both share it.
        """
        dtype: type[np.signedinteger] = np.int16 if self.spec_.channels < 1 << 15 else np.int32
        starts, stops, total, parts = [], [], 0, list[np.ndarray]()
        spill: IO[bytes] | None = None
        talks, last = 0, None
        for where, item in located(items):
            talks += dialogues.is_dialogue(item)
            for number, part in enumerate(self._row(item, where)):
                if not number:
                    shared = last is not None and len(part) == 1 and part[0] == last
                    starts.append(total - shared)
                    part = part[int(shared) :]
                parts.append(part.astype(dtype))
                total += len(part)
                last = int(part[-1]) if len(part) else last
                if total > MEMORY and spill is None:
                    spill = tempfile.TemporaryFile(prefix="zaohua-tokens-")  # stays open as long as its memory map
                if spill is not None:
                    spill.writelines(part.tobytes() for part in parts)
                    parts.clear()
            stops.append(total)
        if not starts:
            raise ZaohuaError("no texts: the list is empty")
        if spill is None:
            stream = np.concatenate(parts)
        else:
            spill.flush()
            stream = np.memmap(spill, dtype, mode="r+", shape=(total,))
        apart = talks > 0
        self._item = "dialogue" if apart else "text"
        if 0 < talks < len(starts):
            note(f"{len(starts) - talks:,} of {len(starts):,} are texts, not dialogues, and learnt as a whole")
        return Sequences(torch.from_numpy(stream), torch.tensor(starts), torch.tensor(stops), PAD, apart)

    def _row(self, item: LocatedItem, where: str) -> Iterator[np.ndarray]:
        """Yield the tokens of an item in parts: the token that it begins with, its own, END."""
        try:
            if dialogues.is_dialogue(item):
                yield from self._dialogue(dialogues.up_to_last_answer(item))
                return
            yield np.array([self.begin_])
            for number, chunk in enumerate(item):
                yield self.tokenizer_.encode(chunk, begins=not number)
            yield np.array([self.end_])
        except ZaohuaError as error:
            raise _with_location(error, where) from None

    def _dialogue(self, turns: Sequence[dialogues.Turn]) -> Iterator[np.ndarray]:
        """Yield the row of a dialogue in parts: tokens of answers and the END after them unchanged, others t as -2 - t.

        The first token, which nothing comes before, is unchanged, too.
        """
        yield np.array([self.end_])
        yield self._turns(turns)
        yield np.array([self.end_])

    def _turns(self, turns: Sequence[dialogues.Turn]) -> np.ndarray:
        """Encode the turns of a dialogue, without the END before and after them."""
        parts: list[ArrayLike] = []
        for i, (role, content, learnt) in enumerate(turns):
            tokens = self.tokenizer_.encode(content)
            if role != "system":
                parts.append([-2 - self._special(ASSISTANT if role == "assistant" else USER)])
            parts.append(tokens if learnt else -2 - tokens)
            if role == "assistant" and i + 1 < len(turns):
                parts.append([self.end_ if learnt else -2 - self.end_])
        return np.concatenate(parts)

    def _special(self, index: int) -> int:
        """Return a special token by its index: END, USER ..."""
        return self.tokenizer_.size + index

    def is_text(self, token: int) -> bool:
        """Return whether a token stands for text: it is neither special, nor padding, nor one that isn't learnt."""
        return 0 <= token < self.tokenizer_.size

    def plain(self, tokens: Iterable[int], begins: bool = True) -> str:
        """Decode the tokens that stand for text, which begin a text or go on with one."""
        return self.tokenizer_.decode(filter(self.is_text, tokens), begins)

    def widths(self, tokens: np.ndarray) -> np.ndarray:
        """Return the bytes of text of each token of a row after the first, int64 (t,); 0 for those that are no text."""
        texts = np.fromiter(map(self.is_text, tokens.tolist()), bool, len(tokens))
        out = np.where(texts, self.tokenizer_.sizes[np.where(texts, tokens, 0)], 0)
        if self.tokenizer_.starts_with_space(True) and len(first := np.flatnonzero(texts)):
            out[first[0]] -= self.tokenizer_.bytes_of(int(tokens[first[0]])).startswith(b" ")
        return out

    def name(self, token: int) -> str:
        """Return a readable token: its text, or the name of a special token."""
        size = self.tokenizer_.size
        return self.tokenizer_.decode([token], begins=False) if token < size else SPECIALS[token - size]

    @property
    def talks(self) -> bool:
        """Whether the tokens come from a model that answers in dialogues already."""
        return False

    def asking(self, turns: Sequence[dialogues.Turn]) -> list[int]:
        """Encode the messages of `dialogues.asked` as the prompt of an answer: END, the dialogue so far, ASSISTANT."""
        tokens = self._turns(turns)
        return [self.end_, *np.where(tokens < PAD, -2 - tokens, tokens).tolist(), self._special(ASSISTANT)]

    def without_oldest(self, turns: Sequence[dialogues.Turn]) -> list[dialogues.Turn]:
        """Return messages to answer without the oldest but the system's, and the last; all, if there are no others."""
        oldest = next((i for i, turn in enumerate(turns[:-1]) if turn.role != "system"), None)
        return [turn for i, turn in enumerate(turns) if i != oldest]

    @property
    def gap(self) -> tuple[int, int, int]:
        """The tokens PREFIX, SUFFIX and MIDDLE of a request to fill in the middle of a text.

        Raises:
            ZaohuaError: there are none.
        """
        return self._special(PREFIX), self._special(SUFFIX), self._special(MIDDLE)

    def decode(self, x: Tensor) -> list[str]:
        """Decode rows of tokens (b, t) up to END, without special tokens; a leading END is skipped."""
        return [self.text(row) for row in x.long().tolist()]

    def text(self, row: Sequence[int], begins: bool = True) -> str:
        """Decode one row of tokens, which begins a text or goes on with one."""
        row = row[1:] if row and row[0] == self.begin_ else row
        over = (*self.ends_, PAD)
        end = next((i for i, token in enumerate(row) if token in over), len(row))
        return self.plain(row[:end], begins)

    def streaming(self, begins: bool = True) -> Stream:
        """Return an incremental decoder of tokens that begin a text, or go on with one."""
        return Stream(self.tokenizer_, begins)

    def typed(self, text: str, several: bool = False) -> list[str]:
        """Return the text itself."""
        return [text]

    def as_items(self, y: object, n: int | None) -> list[str]:
        """Return n (or 1) copies of a single text; return a list of texts unchanged."""
        if isinstance(y, str):
            return [y] * (1 if n is None else n)
        if not isinstance(y, Iterable):
            raise ZaohuaError(f"texts are given as a text or as a list of them, not as {named(y)}")
        return list(y)

    def _write_texts(self, items: TextsLike, path: Path, y: Sequence[object] | None, columns: int | None) -> None:
        """Write texts to one file, with a line between them."""
        path.write_text(SEPARATOR.join(map(_plain, items)) + "\n", "utf-8")

    sheets = {".txt": _write_texts}

    def learns(self) -> str:
        """Return that it tells the tokens."""
        return {"bytes": "", "chars": "the characters of the texts"}.get(
            self.tokenizer, "the vocabulary, whose entries are parts of the texts"
        )

    def describe(self, n: int | None = None) -> str:
        """Describe the number of texts and the unit of their tokens."""
        return f"{counted(n, self._item)} in {counted(self.tokenizer_.size, self.tokenizer_.unit)}"

    def found(self) -> Json:
        """Return the size of the vocabulary."""
        return {"vocabulary": self.tokenizer_.size}

    def state(self) -> Json:
        """Return the tokenizer's state as JSON values."""
        return {"tokenizer": self.tokenizer_.state()} if hasattr(self, "spec_") else {}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self._set(restored(self.tokenizer, state["tokenizer"]))


def located(items: TextsLike) -> Iterator[tuple[str, LocatedItem]]:
    """Yield (location, item) for each item; a text is an iterator of chunks, a dialogue is unchanged."""
    if isinstance(items, TextFiles):
        yield from items.located()
        return
    for i, item in enumerate(items):
        if not isinstance(item, str) and not dialogues.is_dialogue(item):
            raise Unreadable(f"item {i} is neither a text nor a dialogue, but {named(item)}: leave it out")
        yield f"item {i}", iter((item,)) if isinstance(item, str) else item


def chunks(item: LocatedItem) -> Iterable[str]:
    """Return the text of an item in chunks."""
    return (turn.content for turn in dialogues.turns(item)) if dialogues.is_dialogue(item) else item


def _plain(item: str | dialogues.Dialogue) -> str:
    """Return a text as it is, and a dialogue as its messages below the name of their role."""
    if isinstance(item, str):
        return item
    return "\n".join(f"{turn.role}: {turn.content}" for turn in dialogues.turns(item))


def _with_location(error: ZaohuaError, location: str) -> ZaohuaError:
    """Prefix an error's message with the location, unless it has it already."""
    has = isinstance(error, Unreadable) or str(error).startswith(location)
    return error if has else ZaohuaError(f"{location}: {error}")
