"""Texts <-> tokens."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.core.spec import PAD, DataSpec, Feature
from zaohua.modalities.base import counted
from zaohua.modalities.sequences import Sequences, TokenCodec
from zaohua.modalities.texts import dialogues
from zaohua.modalities.texts.files import TextFiles
from zaohua.modalities.texts.tokenizers import TOKENIZERS, Stream, Tokenizer, restored

SPECIALS = ("<|end|>", "<|user|>", "<|assistant|>", "<|prefix|>", "<|suffix|>", "<|middle|>")
"""Tokens behind those of the tokeniser, in this order. No text is ever encoded to one of them."""
END, USER, ASSISTANT, PREFIX, SUFFIX, MIDDLE = range(len(SPECIALS))
"""Their places behind those of the tokeniser."""
BETWEEN = "\n" + "-" * 40 + "\n"
"""What stands between texts that are shown together."""
MEMORY = 1 << 28
"""Tokens beyond which they are kept in a file that is mapped into memory."""


class TextCodec(TokenCodec):
    """Texts and dialogues <-> rows of tokens END, text, END.

    A dialogue's text is USER, prompt, ASSISTANT, answer, and END and so on if it goes on; what a system says stands
    before the first USER. Of a dialogue, answers and the END behind them are learnt, and the rest is read.

    Attributes:
        tokenizer_: what cuts texts.
    """

    modality: ClassVar[str] = "texts"
    representation: ClassVar[str] = "tokens"
    printed: ClassVar[bool] = True
    usual_number: ClassVar[int] = 1

    tokenizer: Literal["chars", "bytes", "bpe"] = "chars"
    """Unit of text: the characters that occur, bytes (any text), or pieces learnt from the texts."""
    vocabulary: Annotated[int, Between(257, 1 << 20)] = 4096
    """Pieces to learn at most (bpe)."""

    def fit(self, items: Any) -> Self:
        """Learn the tokeniser.

        Raises:
            ZaohuaError: there is no text, or one that can't be encoded.
        """
        if not any(piece for _, item in places(items) for piece in pieces(item)):
            raise ZaohuaError("there is no text in the data: every text is empty")
        last = [""]

        def said() -> Iterator[str]:
            for last[0], item in places(items):
                yield from pieces(item)

        try:
            self._set(TOKENIZERS[self.tokenizer].train(said(), self.vocabulary))
        except ZaohuaError as error:
            raise _placed(error, last[0]) from None
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

    def encode(self, items: Any) -> Sequences:
        """Items -> their tokens; beyond 256 million of them in a temporary file that is mapped into memory."""
        dtype: Any = np.int16 if self.spec_.channels < 1 << 15 else np.int32
        starts, total, parts, end = [], 0, list[np.ndarray](), np.array([self.end_], dtype)
        spill: Any = None
        apart = False
        for where, item in places(items):
            starts.append(total)
            apart = apart or dialogues.is_dialogue(item)
            for part in itertools.chain((end,), self._encoded(item, where)):
                parts.append(part.astype(dtype))
                total += len(part)
                if total > MEMORY and spill is None:
                    spill = tempfile.TemporaryFile(prefix="zaohua-tokens-")  # open as long as the map of it
                if spill is not None:
                    spill.writelines(part.tobytes() for part in parts)
                    parts.clear()
        if not starts:
            raise ZaohuaError("no texts: the list is empty")
        if spill is None:
            stream = np.concatenate([*parts, end])
        else:
            spill.write(end.tobytes())
            spill.flush()
            stream = np.memmap(spill, dtype, mode="r+", shape=(total + 1,))
        stops = torch.tensor([*starts[1:], total]) + 1  # behind the END that the next one begins with
        return Sequences(torch.from_numpy(stream), torch.tensor(starts), stops, PAD, apart)

    def _encoded(self, item: Any, where: str) -> Iterator[np.ndarray]:
        """The tokens of an item, part by part, without the END before and behind it."""
        try:
            if dialogues.is_dialogue(item):
                yield self._dialogue(dialogues.taught(item))
            else:
                yield from map(self.tokenizer_.encode, item)
        except ZaohuaError as error:
            raise _placed(error, where) from None

    def _dialogue(self, turns: Sequence[dialogues.Turn]) -> np.ndarray:
        """A dialogue's tokens: those of answers and the END between them as they are, the others as -2 - t."""
        parts: list[Any] = []
        for i, (role, content) in enumerate(turns):
            tokens = self.tokenizer_.encode(content)
            learnt = role == "assistant"
            if role != "system":
                parts.append([-2 - self.special(ASSISTANT if learnt else USER)])
            parts.append(tokens if learnt else -2 - tokens)
            if learnt and i + 1 < len(turns):
                parts.append([self.end_])
        return np.concatenate(parts)

    def special(self, place: int) -> int:
        """A special token by its place behind the tokeniser's: END, USER ..."""
        return self.tokenizer_.size + place

    def name(self, token: int) -> str:
        """A token as people read it: its text, or the name of a special one."""
        size = self.tokenizer_.size
        return self.tokenizer_.decode([token]) if token < size else SPECIALS[token - size]

    def asking(self, messages: Any) -> list[int]:
        """What an answer to some messages goes on from: END, the dialogue so far, ASSISTANT.

        Raises:
            ZaohuaError: they are no dialogue, or the last one isn't the user's.
        """
        turns = dialogues.turns(messages)
        if turns[-1].role != "user":
            raise ZaohuaError(f"the last message is to be the user's, but is the {turns[-1].role}'s")
        said = self._dialogue(turns)
        return [self.end_, *np.where(said < PAD, -2 - said, said).tolist(), self.special(ASSISTANT)]

    @property
    def gap(self) -> tuple[int, int, int]:
        """The tokens PREFIX, SUFFIX and MIDDLE, by which a middle is asked for."""
        return self.special(PREFIX), self.special(SUFFIX), self.special(MIDDLE)

    def decode(self, x: Tensor) -> list[str]:
        """Rows of tokens (b, t) -> texts: what stands before END (a first one aside), without special tokens."""
        return [self.text(row) for row in x.long().tolist()]

    def text(self, row: Sequence[int]) -> str:
        """The text of one row of tokens."""
        row = row[1:] if row and row[0] == self.end_ else row
        until = next((i for i, token in enumerate(row) if token in (self.end_, PAD)), len(row))
        return self.tokenizer_.decode(token for token in row[:until] if 0 <= token < self.tokenizer_.size)

    def streaming(self) -> Stream:
        """Turns tokens into text one by one."""
        return Stream(self.tokenizer_)

    def as_items(self, y: Any, n: int | None) -> list[str]:
        """One text as a list of n (or 1), a list of texts as it is."""
        return [y] * (1 if n is None else n) if isinstance(y, str) else list(y)

    def _write_texts(self, items: Any, path: Path, y: Sequence[Any] | None, columns: int | None) -> None:
        """Texts below each other, a line between them."""
        path.write_text(BETWEEN.join(items) + "\n", "utf-8")

    sheets = {".txt": _write_texts}

    def describe(self, n: int | None = None) -> str:
        """What the texts are cut into."""
        unit = {"Characters": "character", "Bytes": "byte", "Pieces": "word piece"}[type(self.tokenizer_).__name__]
        return f"{counted(n, 'text')} in {counted(self.tokenizer_.size, unit)}"

    def state(self) -> dict[str, Any]:
        """The tokeniser."""
        return {"tokenizer": self.tokenizer_.state()} if hasattr(self, "spec_") else {}

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        self._set(restored(self.tokenizer, state["tokenizer"]))


def places(items: Any) -> Iterator[tuple[str, Any]]:
    """Where each item is, as messages name it, and the item: a text as its pieces, or a dialogue."""
    if isinstance(items, TextFiles):
        yield from items.places()
        return
    for i, item in enumerate(items):
        if not isinstance(item, str) and not dialogues.is_dialogue(item):
            raise ZaohuaError(f"the list holds texts, or dialogues, but number {i} is a {type(item).__name__}")
        yield f"item {i}", iter((item,)) if isinstance(item, str) else item


def pieces(item: Any) -> Iterable[str]:
    """All the text in an item."""
    return (turn.content for turn in dialogues.turns(item)) if dialogues.is_dialogue(item) else item


def _placed(error: ZaohuaError, place: str) -> ZaohuaError:
    """An error that says where; one of reading a file says so already."""
    return error if str(error).startswith(place) else ZaohuaError(f"{place}: {error}")
