"""Texts <-> numbers: characters, bytes, or pieces learnt from the texts (BPE).

Numbers 0 .. size - 1 are pieces of text; a codec puts its special tokens behind them. A tokeniser is its JSON state.
"""

from __future__ import annotations

import codecs
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np

from zaohua.core.errors import ZaohuaError

REPLACEMENT = "�"


class Tokenizer(ABC):
    """One way to cut texts."""

    size: int
    """Number of different tokens."""

    @abstractmethod
    def encode(self, text: str) -> np.ndarray:
        """Text -> int32 (t,).

        Raises:
            ZaohuaError: a character can't be encoded; the message names it and its place.
        """

    @abstractmethod
    def decode(self, tokens: Iterable[int]) -> str:
        """Tokens -> text; bytes that are no UTF-8 become replacement characters."""

    @abstractmethod
    def state(self) -> Any:
        """What `restored` makes the tokeniser of, as JSON values."""


class Characters(Tokenizer):
    """A token for each character of the training texts, in the order of their code points."""

    def __init__(self, alphabet: str):
        self.alphabet, self.size = alphabet, len(alphabet)
        self.codes = np.frombuffer(alphabet.encode("utf-32-le"), dtype=np.uint32)

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> Characters:
        """The alphabet of some texts."""
        seen: set[str] = set()
        for text in texts:
            _utf8(text)
            seen.update(text)
        return cls("".join(sorted(seen)))

    def encode(self, text: str) -> np.ndarray:
        """Places in the alphabet."""
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        places = np.searchsorted(self.codes, points)
        known = places < self.size
        known[known] = self.codes[places[known]] == points[known]
        if not known.all():
            at = int(np.argmin(known))
            raise ZaohuaError(
                f"the character {text[at]!r} (number {at} of a text) is none of the {self.size} that "
                "the training texts have: leave it out, or train with tokenizer='bytes'"
            )
        return places.astype(np.int32)

    def decode(self, tokens: Iterable[int]) -> str:
        """The characters."""
        return "".join(self.alphabet[token] for token in tokens)

    def state(self) -> Any:
        """The alphabet."""
        return self.alphabet


class Bytes(Tokenizer):
    """The 256 bytes of UTF-8: any text of any language."""

    size = 256

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> Bytes:
        """There is nothing to learn."""
        return cls()

    def encode(self, text: str) -> np.ndarray:
        """The bytes of the text."""
        return np.frombuffer(_utf8(text), dtype=np.uint8).astype(np.int32)

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of the bytes."""
        return bytes(tokens).decode("utf-8", "replace")

    def state(self) -> Any:
        """Nothing."""
        return None


class Pieces(Tokenizer):
    """Byte-level BPE by the `tokenizers` library: frequent pieces of words, any text of any language.

    Source: Sennrich, Haddow and Birch, 2016 (arXiv:1508.07909); on bytes as in GPT-2.
    """

    def __init__(self, state: str):
        from tokenizers import Tokenizer as Fast

        self.fast = Fast.from_str(state)
        self.size = self.fast.get_vocab_size()

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> Pieces:
        """`size` pieces at most, learnt from some texts."""
        from tokenizers import Tokenizer as Fast
        from tokenizers import decoders, models, pre_tokenizers, trainers

        fast = Fast(models.BPE())
        fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        fast.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
        fast.train_from_iterator((_utf8(text).decode() for text in texts), trainer)
        return cls(fast.to_str())

    def encode(self, text: str) -> np.ndarray:
        """The pieces of the text."""
        _utf8(text)
        return np.array(self.fast.encode(text).ids, dtype=np.int32)

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of the pieces."""
        return self.fast.decode(list(tokens))

    def state(self) -> Any:
        """The library's own JSON, as text."""
        return self.fast.to_str()


TOKENIZERS: dict[str, Any] = {"chars": Characters, "bytes": Bytes, "bpe": Pieces}
"""Every tokeniser by the name that people choose it by."""


def restored(name: str, state: Any) -> Tokenizer:
    """The tokeniser of a saved state."""
    return Bytes() if name == "bytes" else TOKENIZERS[name](state)


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ZaohuaError(
            f"character number {error.start} of a text is half of a surrogate pair "
            f"({text[error.start]!r}), which no encoding has: mend or leave out the text"
        ) from None


class Stream:
    """Texts from tokens that arrive one by one: nothing is given out before its bytes are whole."""

    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer, self.tokens, self.given = tokenizer, list[int](), 0
        self.bytes = codecs.getincrementaldecoder("utf-8")("replace") if isinstance(tokenizer, Bytes) else None

    def push(self, token: int) -> str:
        """Takes up a token; the text that is certain now and wasn't before."""
        if self.bytes is not None:
            return self.bytes.decode(bytes([token]))
        self.tokens.append(token)
        if isinstance(self.tokenizer, Characters):
            return self.tokenizer.decode([token])
        text = self.tokenizer.decode(self.tokens)
        if text.endswith(REPLACEMENT):  # in the middle of a character
            return ""
        new, self.tokens, self.given = text[self.given :], self.tokens[-8:], 0
        self.given = len(self.tokenizer.decode(self.tokens))
        return new

    def finish(self) -> str:
        """What is left at the end."""
        if self.bytes is not None:
            return self.bytes.decode(b"", True)
        return self.tokenizer.decode(self.tokens)[self.given :] if not isinstance(self.tokenizer, Characters) else ""
