"""Tokenizer of a .gguf file as the `tokenizer.json` that the library tokenizers reads.

llama.cpp names two kinds of BPE: "gpt2" on bytes, whose division into words has a name, and "llama", SentencePiece's,
whose merges follow from the scores of its tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.json import Json
from zaohua.modalities.texts.tokenizers import byte_letters

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
WORDS = {
    **dict.fromkeys(("trillion", "gpt-2", "default", "gpt2", "olmo", "mpt", "dbrx", "phi-2"), ""),
    **dict.fromkeys(("smollm", "starcoder", "refact", "command-r"), "digits"),
    **dict.fromkeys(("llama-bpe", "llama3", "llama-v3", "smaug-bpe"), CONTRACTIONS + r"|\p{N}{1,3}" + REST),
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen"), CONTRACTIONS + r"|\p{N}" + REST),
}
"""How texts are divided into words: by GPT-2's pattern (""), by it with each digit apart, or by a pattern; the
first name of each is the one that is written. With "gpt-2", llama.cpp removes spaces before some signs of texts."""
SPACE = "▁"
NORMAL, UNKNOWN, CONTROL, OWN, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""Types of tokens in .gguf files."""


def tokenizer_of(values: Json, path: Path) -> str:
    """Return the tokenizer of a file as the text of a `tokenizer.json`.

    Args:
        values: the file's metadata.
        path: the file, for messages.

    Raises:
        ZaohuaError: it has none, or one of an unknown kind.
    """
    kind = values.get("tokenizer.ggml.model")
    makers = {"gpt2": _of_bytes, "llama": _of_pieces}
    if kind not in makers:
        raise unknown(f"tokenizer of {path}:", kind, makers)
    tokens: Any = values.get("tokenizer.ggml.tokens") or []
    types: Any = values.get("tokenizer.ggml.token_type") or [NORMAL] * len(tokens)
    if not all(isinstance(token, str) for token in tokens) or len(types) != len(tokens):
        raise ZaohuaError(f"{path}: its list of tokens is damaged")
    if len({*tokens}) != len(tokens):
        raise ZaohuaError(f"{path}: some of its tokens are there twice")
    vocabulary = {token: number for number, token in enumerate(tokens) if types[number] != UNUSED}
    try:
        fast = makers[kind](vocabulary, values, path)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise ZaohuaError(f"{path}: its tokenizer is damaged: {str(error)[:100]}") from None
    from tokenizers import AddedToken

    special = [token for token, type_ in zip(tokens, types, strict=True) if type_ == CONTROL]
    fast.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    own = [token for token, type_ in zip(tokens, types, strict=True) if type_ == OWN]
    fast.add_tokens([AddedToken(token, normalized=False) for token in own])
    text: str = fast.to_str()
    return text


def _of_bytes(vocabulary: dict[str, int], values: Json, path: Path) -> Any:
    """Make a byte-level BPE from its merges."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    name = values.get("tokenizer.ggml.pre", "default")
    if name not in WORDS:
        raise unknown(f"division into words of {path}:", name, WORDS)
    words = WORDS[str(name)]
    types: Any = values.get("tokenizer.ggml.token_type") or [NORMAL] * len(values["tokenizer.ggml.tokens"])
    if (characters := _characters(vocabulary, types)) is not None:
        fast = Tokenizer(models.BPE(vocab=characters, merges=[]))
        fast.decoder = decoders.Fuse()
        return fast
    pairs = [tuple(merge.split(" ")) for merge in values["tokenizer.ggml.merges"]]
    merges = [pair for pair in pairs if "".join(pair) in vocabulary]  # llama.cpp demands one where there is none
    fast = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=str(name).startswith("llama")))
    by_pattern = words not in ("", "digits")
    bytes_of = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not by_pattern)
    first = {"digits": [pre_tokenizers.Digits(individual_digits=True)], "": []}
    before = first.get(words, [pre_tokenizers.Split(Regex(words), "isolated")] if by_pattern else [])
    fast.pre_tokenizer = pre_tokenizers.Sequence([*before, bytes_of])
    fast.decoder = decoders.ByteLevel()
    if str(name).startswith("qwen"):
        fast.normalizer = normalizers.NFC()
    return fast


def _characters(vocabulary: dict[str, int], types: Sequence[int]) -> dict[str, int] | None:
    """Return a byte-level vocabulary of single characters as these; None if it has other pieces.

    The bytes of its characters needn't be in it, which the library tokenizers would demand.
    """
    values, found = byte_letters(), {}
    for piece, token in vocabulary.items():
        if types[token] == NORMAL:
            try:
                piece = bytes(values[letter] for letter in piece).decode()
            except (KeyError, UnicodeDecodeError):
                return None
            if len(piece) != 1:
                return None
        found[piece] = token
    return found


def _of_pieces(vocabulary: dict[str, int], values: Json, path: Path) -> Any:
    """Make SentencePiece's BPE from the scores of its tokens."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    scores: Any = values["tokenizer.ggml.scores"]
    unknown_token = values["tokenizer.ggml.tokens"][int(values.get("tokenizer.ggml.unknown_token_id", 0))]
    merges = merges_of(vocabulary, scores)
    fast = Tokenizer(
        models.BPE(vocab=vocabulary, merges=merges, unk_token=unknown_token, fuse_unk=True, byte_fallback=True)
    )
    begins = values.get("tokenizer.ggml.add_space_prefix", True)
    fast.normalizer = normalizers.Sequence(
        [*([normalizers.Prepend(SPACE)] if begins else []), normalizers.Replace(" ", SPACE)]
    )
    stripped = [decoders.Strip(content=" ", left=1)] if begins else []
    fast.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *stripped]
    )
    return fast


def merges_of(vocabulary: dict[str, int], scores: list[float]) -> list[tuple[str, str]]:
    """Return the merges of a SentencePiece BPE: every way to divide a token into two, the best tokens first."""
    found = []
    for token, number in vocabulary.items():
        for at in range(1, len(token)):
            left, right = token[:at], token[at:]
            if left in vocabulary and right in vocabulary:
                found.append((scores[number], -vocabulary[left], -vocabulary[right], left, right))
    return [(left, right) for *_, left, right in sorted(found, key=lambda one: one[:3], reverse=True)]
