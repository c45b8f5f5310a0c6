"""Tokenizers that others have published, as the JSON of the `tokenizers` library: byte-level BPE, BPE with byte
fallback, and Unigram.

No text is ever encoded to a special token, whatever is written in it: whoever writes "<|im_end|>" in a message can't
end it. Special tokens are put by the codec alone.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.modalities.texts.tokenizers import Tokenizer, as_utf8, byte_letters

SPACE = "▁"
"""What stands for a space in pieces that aren't byte-level."""
BYTE = re.compile(r"<0x([0-9A-F]{2})>")
"""Pieces that stand for a byte of a character without a piece of its own."""


class Added(NamedTuple):
    """Token that was added to a vocabulary, and is found in texts before they are divided into words.

    Attributes:
        token: its number.
        content: its text.
        special: whether it is special.
        pattern: regular expression of what it takes of a text: its own, a group, and perhaps white space around it.
    """

    token: int
    content: str
    special: bool
    pattern: str


class PublishedTokenizer(Tokenizer):
    """Tokenizer of a `tokenizer.json`, whose special tokens no text is encoded to.

    Args:
        state: the JSON.
        size: size of the vocabulary of the model, which may have more tokens than the tokenizer.
        controls: tokens that are special besides those that the JSON says to be.

    Attributes:
        controls: the special tokens.
        always: whether a part of a text after a special token begins with a surplus space, too.

    Raises:
        ZaohuaError: the JSON isn't that of a tokenizer that is supported, or the vocabulary is too small.
    """

    unit = "word piece"

    def __init__(self, state: str, size: int, controls: Iterable[int] = ()):
        self._json, self.size = state, size
        tree = _tree(state)
        added = list(map(_added, tree.get("added_tokens") or ()))
        self.controls = frozenset(controls) | {each.token for each in added if each.special}
        without = _without_space(tree)
        self._first = _fast(tree)
        self._within = self._first if without == tree else _fast(without)
        self.always = self._first is not self._within and _space_everywhere(tree)
        self._bytes = self._table(tree, {each.token: each.content for each in added})
        self._special = np.isin(np.arange(size), list(self.controls))
        unknown = tree["model"].get("unk_token")
        self._unknown = self._first.token_to_id(unknown) if unknown is not None else None
        if self._unknown is None and tree["model"].get("unk_id") is not None:
            self._unknown = int(tree["model"]["unk_id"])

    def _table(self, tree: Json, added: Mapping[int, str]) -> list[bytes]:
        """Return the bytes of each token; none of special tokens, and of numbers that are no token."""
        vocabulary: dict[str, int] = self._first.get_vocab(with_added_tokens=True)
        most = max(vocabulary.values(), default=-1)
        if most >= self.size:
            raise ZaohuaError(f"the tokenizer has a token number {most:,}, but the model only {self.size:,} tokens")
        written, table = _spelling(tree), [b""] * self.size
        for piece, token in vocabulary.items():
            if token not in self.controls:
                table[token] = written(added.get(token, piece), token in added)
        return table

    # ---- encoding

    def encode(self, text: str, begins: bool = True) -> np.ndarray:
        """Encode a text as tokens, none of them special."""
        as_utf8(text)
        found = (self._first if begins else self._within).encode(text, add_special_tokens=False)
        tokens = np.array(found.ids, np.int32)
        if self._special[tokens].any() or not self.complete:
            return self.located(text, begins)[0]
        return tokens

    def located(self, text: str, begins: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Encode a text as tokens, and return the index of the character at which each begins, too."""
        if not self.complete and not (known := self.known(text)).all():
            at = int(np.argmin(known))
            raise ZaohuaError(f"the character {text[at]!r} (number {at} of a text) is none that the tokenizer knows")
        found = (self._first if begins else self._within).encode(text, add_special_tokens=False)
        tokens, places = np.array(found.ids, np.int32), np.array(found.offsets, np.int64).reshape(-1, 2)
        special = np.flatnonzero(self._special[tokens])
        if not len(special):
            return tokens, places[:, 0]
        # a token that the JSON doesn't say to be special, or a piece that looks like one: parts of it are encoded apart
        low, high = places[special[0]].tolist()
        if high - low < 2:
            raise ZaohuaError(f"the text {text[low:high]!r} is a special token of the tokenizer: leave it out")
        head, tail = self.located(text[: low + 1], begins), self.located(text[low + 1 :], False)
        return np.concatenate([head[0], tail[0]]), np.concatenate([head[1], tail[1] + low + 1])

    @functools.cached_property
    def complete(self) -> bool:
        """Whether any text can be encoded: every byte has a token."""
        single = {piece for piece in self._bytes if len(piece) == 1}
        return len(single) == 256

    def known(self, text: str) -> np.ndarray:
        """Return which characters of a text can be encoded, bool (n,)."""
        if self.complete:
            return np.ones(len(text), bool)
        known = {character: self._knows(character) for character in set(text)}
        return np.array([known[character] for character in text], bool)

    def _knows(self, character: str) -> bool:
        tokens = self._within.encode(character, add_special_tokens=False).ids
        return bool(tokens) and self._unknown not in tokens and bool(self.decode(tokens, False))

    def encodable(self, text: str) -> str:
        """Return a text of the same length with a character that is known in place of each unknown one."""
        known = self.known(text)
        if known.all():
            return text
        other = next(character for character in map(chr, range(32, 1 << 16)) if self._knows(character))
        return "".join(character if ok else other for character, ok in zip(text, known, strict=True))

    # ---- decoding

    def bytes_of(self, token: int) -> bytes:
        """Return the bytes that a token stands for; none for special tokens, and for numbers that are no token."""
        return self._bytes[token]

    def starts_with_space(self, begins: bool) -> bool:
        """Return whether tokens begin with a space that isn't part of the text: some write one before each text."""
        return begins and self._first is not self._within

    def is_text(self, token: int) -> bool:
        """Return whether a token stands for text."""
        return 0 <= token < self.size and bool(self._bytes[token])

    def name(self, token: int) -> str:
        """Return the text of a token, or the name of a special one."""
        return (
            self.decode([token], False) if self._bytes[token] else str(self._first.id_to_token(token) or f"<{token}>")
        )

    def adds(self, token: int | None) -> bool:
        """Return whether the tokenizer itself puts a special token before each text."""
        return token is not None and self._first.encode("a").ids[:1] == [token]

    def state(self) -> str:
        """Return the JSON that the tokenizer was made of."""
        return self._json


# ---- the JSON


def added_tokens(state: str, named: Iterable[int] = ()) -> list[Added]:
    """Return the added tokens of a tokenizer, and some others of its vocabulary by number, as special ones.

    Args:
        state: the JSON of the tokenizer.
        named: numbers of tokens.
    """
    tree = _tree(state)
    found = list(map(_added, tree.get("added_tokens") or ()))
    others = set(named) - {each.token for each in found}
    if others:
        vocabulary = tree["model"]["vocab"]
        pieces = vocabulary.items() if isinstance(vocabulary, dict) else ((p[0], i) for i, p in enumerate(vocabulary))
        found += [Added(i, piece, True, f"({re.escape(piece)})") for piece, i in pieces if i in others]
    return found


def _tree(state: str) -> Json:
    """Read the JSON of a tokenizer, without what cuts, pads or changes texts at random."""
    try:
        tree = json.loads(state)
        kind = tree["model"]["type"] if "type" in tree["model"] else "BPE"
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise ZaohuaError(
            f"the tokenizer can't be read: it isn't the JSON of the tokenizers library ({error})"
        ) from None
    if kind not in ("BPE", "Unigram"):
        raise ZaohuaError(f"the tokenizer is of the type {kind!s:.40}, which isn't supported: only BPE and Unigram are")
    model = {**tree["model"], **({"dropout": None} if kind == "BPE" else {})}
    return {**tree, "model": model, "truncation": None, "padding": None}


def _fast(tree: Json) -> Any:
    """Return the tokenizer of the library, to which special tokens in a text are text."""
    from tokenizers import Tokenizer as Fast

    try:
        fast = Fast.from_str(json.dumps(tree))
    except Exception as error:  # the library raises plain exceptions
        raise ZaohuaError(f"the tokenizer can't be read: {str(error).splitlines()[0]:.200}") from None
    fast.encode_special_tokens = True
    return fast


def _added(entry: Json) -> Added:
    content = str(entry["content"])
    before, after = (r"\s*" if entry.get(side) else "" for side in ("lstrip", "rstrip"))
    word = (r"(?<!\w)", r"(?!\w)") if entry.get("single_word") else ("", "")
    pattern = f"{before}{word[0]}({re.escape(content)}){word[1]}{after}"
    return Added(int(entry["id"]), content, bool(entry.get("special")), pattern)


def components(tree: object) -> Iterator[Json]:
    """Yield the components of a normalizer, pre-tokenizer or decoder, in the order in which they are applied."""
    if isinstance(tree, dict):
        inner = next((tree[key] for key in ("normalizers", "pretokenizers", "decoders") if key in tree), None)
        if inner is None:
            yield tree
        else:
            for component in inner:
                yield from components(component)


def _without_space(tree: Json) -> Json:
    """Return the JSON of the same tokenizer that puts no space before a text."""

    def changed(part: object) -> object:
        if not isinstance(part, dict):
            return part
        for key in ("normalizers", "pretokenizers"):
            if key in part:
                kept = [changed(each) for each in part[key] if each.get("type") != "Prepend"]
                return {**part, key: kept}
        if part.get("type") == "Prepend":
            return None
        if part.get("type") == "Metaspace":
            never = {"prepend_scheme": "never"} if _prepends(part) else {}
            return {**{k: v for k, v in part.items() if never == {} or k != "add_prefix_space"}, **never}
        return {**part, "add_prefix_space": False} if part.get("add_prefix_space") else part

    return {**tree, **{key: changed(tree.get(key)) for key in ("normalizer", "pre_tokenizer") if key in tree}}


def _prepends(metaspace: Json) -> bool:
    return metaspace.get("prepend_scheme", "always") != "never" and metaspace.get("add_prefix_space", True) is not False


def _space_everywhere(tree: Json) -> bool:
    """Return whether a space is put after each special token, too, and not only at the beginning of a text."""
    parts = [*components(tree.get("normalizer")), *components(tree.get("pre_tokenizer"))]
    return not any(part.get("type") == "Metaspace" and part.get("prepend_scheme") == "first" for part in parts)


def _spelling(tree: Json) -> Callable[[str, bool], bytes]:
    """Return the function from a piece, and whether it was added, to its bytes, by the tokenizer's decoder."""
    kinds = {part.get("type") for part in components(tree.get("decoder"))}
    letters = byte_letters()

    def by_bytes(piece: str, added: bool) -> bytes:
        plain = added or not letters.keys() >= set(piece)
        return piece.encode() if plain else bytes(map(letters.__getitem__, piece))

    def by_spaces(piece: str, added: bool) -> bytes:
        byte = BYTE.fullmatch(piece) if "ByteFallback" in kinds and not added else None
        return bytes([int(byte[1], 16)]) if byte else piece.replace(SPACE, " ").encode()

    if "ByteLevel" in kinds:
        return by_bytes
    if kinds == {"Fuse"}:
        return lambda piece, added: piece.encode()
    if not kinds & {"Metaspace", "Replace"} or kinds - {"Metaspace", "Replace", "ByteFallback", "Fuse", "Strip"}:
        names = ", ".join(sorted(map(str, kinds))) or "nothing"
        raise ZaohuaError(f"the tokenizer decodes by {names:.80}, which isn't supported: only byte-level and ▁ are")
    return by_spaces
