"""Tokenizers: characters, bytes, or byte pair encoding (BPE) trained on the texts.

Tokens 0 ... size - 1 stand for bytes of UTF-8; a codec's special tokens follow. A tokenizer is saved as its JSON state.
"""

from __future__ import annotations

import codecs
import functools
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from zaohua.core.advice import on_command_line, option
from zaohua.core.errors import ZaohuaError

REPLACEMENT = "�"
"""What stands for bytes that aren't UTF-8."""
WORD = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""Pattern of words, of which tokens are parts, as in GPT-2."""
LONGEST = 32
"""Number of characters after which a word is cut."""


class Tokenizer(ABC):
    """Base of the tokenizers."""

    unit: ClassVar[str]
    """Noun for what a text is divided into."""
    size: int
    """Size of the vocabulary."""

    @abstractmethod
    def encode(self, text: str, begins: bool = True) -> np.ndarray:
        """Encode a text as tokens, int32 (t,).

        Args:
            text: the text.
            begins: whether it begins a text, or goes on with one; to ours that is the same.

        Raises:
            ZaohuaError: a character can't be encoded; the message names it and its index.
        """

    def encodable(self, text: str) -> str:
        """Return a text that can be encoded: the text itself, where any can."""
        return text

    def known(self, text: str) -> np.ndarray:
        """Return which characters of a text can be encoded, bool (n,): all, where any can."""
        return np.ones(len(text), bool)

    @abstractmethod
    def bytes_of(self, token: int) -> bytes:
        """Return the bytes of UTF-8 that a token stands for, which may be a part of a character."""

    def decode(self, tokens: Iterable[int], begins: bool = True) -> str:
        """Decode tokens; invalid UTF-8 becomes replacement characters.

        Args:
            tokens: the tokens.
            begins: whether they begin a text, or go on with one.
        """
        text = b"".join(map(self.bytes_of, tokens)).decode("utf-8", "replace")
        return text.removeprefix(" ") if self.starts_with_space(begins) else text

    def starts_with_space(self, begins: bool) -> bool:
        """Return whether tokens begin with a space that isn't part of the text: of some published tokenizers."""
        return False

    @functools.cached_property
    def sizes(self) -> np.ndarray:
        """Number of bytes of each token in UTF-8, int64 (size,)."""
        return np.array([len(self.bytes_of(token)) for token in range(self.size)], np.int64)

    @abstractmethod
    def state(self) -> str | None:
        """Return the state for `restored`, as JSON values."""


class Characters(Tokenizer):
    """Tokenizer with one token per character of the training texts, sorted by code point."""

    unit = "character"

    def __init__(self, alphabet: str):
        self.alphabet, self.size = alphabet, len(alphabet)
        self.codes = np.frombuffer(alphabet.encode("utf-32-le"), dtype=np.uint32)

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> Characters:
        """Create a tokenizer from the characters that occur in texts; `size` is ignored."""
        seen: set[str] = set()
        for text in texts:
            as_utf8(text)
            seen.update(text)
        return cls("".join(sorted(seen)))

    def encode(self, text: str, begins: bool = True) -> np.ndarray:
        """Encode a text as indices into the alphabet."""
        indices, known = self._indices(text)
        if not known.all():
            at = int(np.argmin(known))
            raise ZaohuaError(
                f"the character {text[at]!r} (number {at} of a text) is none of the {self.size} that "
                f"the training texts have: leave it out, or train with {option('tokenizer', 'bytes')}"
            )
        return indices.astype(np.int32)

    def encodable(self, text: str) -> str:
        """Return a text of the same length with a character of the alphabet in place of each unknown one."""
        known = self.known(text)
        if known.all():
            return text
        return "".join(character if ok else self.alphabet[0] for character, ok in zip(text, known, strict=True))

    def known(self, text: str) -> np.ndarray:
        """Return which characters of a text are in the alphabet, bool (n,)."""
        return self._indices(text)[1]

    def _indices(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the index of each character, and which characters are in the alphabet, bool."""
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        indices = np.searchsorted(self.codes, points)
        known = indices < self.size
        known[known] = self.codes[indices[known]] == points[known]
        return indices, known

    def bytes_of(self, token: int) -> bytes:
        """Return the bytes of a character."""
        return self.alphabet[token].encode()

    def decode(self, tokens: Iterable[int], begins: bool = True) -> str:
        """Return the characters of tokens."""
        return "".join(self.alphabet[token] for token in tokens)

    def state(self) -> str | None:
        """Return the alphabet."""
        return self.alphabet


class Bytes(Tokenizer):
    """Tokenizer with the 256 byte values of UTF-8, for any text."""

    unit = "byte"
    size = 256

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> Bytes:
        """Create a tokenizer; there is nothing to learn."""
        return cls()

    def encode(self, text: str, begins: bool = True) -> np.ndarray:
        """Encode a text as its bytes."""
        return np.frombuffer(as_utf8(text), dtype=np.uint8).astype(np.int32)

    def bytes_of(self, token: int) -> bytes:
        """Return the byte."""
        return bytes([token])

    def decode(self, tokens: Iterable[int], begins: bool = True) -> str:
        """Decode bytes."""
        return bytes(tokens).decode("utf-8", "replace")

    def state(self) -> str | None:
        """Return None: there is no state."""
        return None


class Pieces(Tokenizer):
    """Byte-level BPE by the `tokenizers` library: frequent parts of words as tokens, for any text.

    Words are those of GPT-2, cut after 32 characters. So the time of training grows with the length of the text and not
    with the square of its longest word, and no token is longer, whatever the text is: DNA, base64, a row of spaces.

    Source: Sennrich, Haddow and Birch, 2016 (arXiv:1508.07909); on bytes as in GPT-2.
    """

    unit = "word piece"

    def __init__(self, state: str):
        from tokenizers import Tokenizer as Fast

        self.fast = Fast.from_str(state)
        self.size = self.fast.get_vocab_size()
        letters = byte_letters()
        pieces = [self.fast.id_to_token(token) or "" for token in range(self.size)]
        self._bytes = [bytes(map(letters.__getitem__, piece)) for piece in pieces]

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> Pieces:
        """Train a tokenizer on texts, with a vocabulary of at most `size`."""
        from tokenizers import Regex, decoders, models, pre_tokenizers, trainers
        from tokenizers import Tokenizer as Fast

        fast = Fast(models.BPE())
        fast.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(WORD), "isolated"),
                pre_tokenizers.Split(Regex(rf"[\s\S]{{1,{LONGEST}}}"), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        fast.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        watched = on_command_line() and sys.stderr is not None and sys.stderr.isatty()
        trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=watched)
        fast.train_from_iterator((as_utf8(text).decode() for text in texts), trainer)
        return cls(fast.to_str())

    def encode(self, text: str, begins: bool = True) -> np.ndarray:
        """Encode a text as tokens."""
        as_utf8(text)
        return np.array(self.fast.encode(text).ids, dtype=np.int32)

    def bytes_of(self, token: int) -> bytes:
        """Return the bytes of a piece, which the library writes with a letter for each."""
        return self._bytes[token]

    def state(self) -> str | None:
        """Return the library's JSON, as a string."""
        return self.fast.to_str()


TOKENIZERS: dict[str, Any] = {"chars": Characters, "bytes": Bytes, "bpe": Pieces}
"""Tokenizers by the name of the option."""


def restored(name: str, state: str | None) -> Tokenizer:
    """Create a tokenizer from its saved state."""
    return Bytes() if name == "bytes" else TOKENIZERS[name](state)


def byte_letters() -> dict[str, int]:
    """Return the letters by which byte-level tokenizers write bytes, each with its byte: those that can be seen, as in
    Latin-1, and the letters from number 256 on for the others.
    """
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in seen]
    return {**{chr(byte): byte for byte in seen}, **{chr(256 + i): byte for i, byte in enumerate(others)}}


def as_utf8(text: str) -> bytes:
    """Return a text as UTF-8; raise a `ZaohuaError` if it has half of a surrogate pair."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ZaohuaError(
            f"character number {error.start} of a text is half of a surrogate pair "
            f"({text[error.start]!r}), which can't be encoded: repair or leave out the text"
        ) from None


class Stream:
    """Incremental decoder: tokens are pushed one by one, and text is returned as soon as its bytes are complete.

    Args:
        tokenizer: the tokenizer.
        begins: whether the tokens begin a text, or go on with one.
    """

    def __init__(self, tokenizer: Tokenizer, begins: bool = True):
        self.bytes_of = tokenizer.bytes_of
        self.bytes = codecs.getincrementaldecoder("utf-8")("replace")
        self.surplus = tokenizer.starts_with_space(begins)

    def push(self, token: int) -> str:
        """Add a token; return the text that it completes."""
        return self._without_surplus(self.bytes.decode(self.bytes_of(token)))

    def finish(self) -> str:
        """Return the remaining text at the end."""
        return self._without_surplus(self.bytes.decode(b"", True))

    def _without_surplus(self, text: str) -> str:
        """Return text without the space before its beginning."""
        if not (self.surplus and text):
            return text
        self.surplus = False
        return text.removeprefix(" ")
