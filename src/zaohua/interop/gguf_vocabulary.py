"""Tokenizer of a `tokenizer.json` as the metadata of a .gguf file; `gguf_tokenizer` is the other way round."""

from __future__ import annotations

import json
from typing import Any

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.interop.gguf_tokenizer import BYTE, CONTROL, NORMAL, OWN, UNKNOWN, UNUSED, WORDS
from zaohua.interop.own_tokenizers import BYTES
from zaohua.interop.published import Published
from zaohua.modalities.texts.published_tokenizer import BYTE as BYTE_PIECE
from zaohua.modalities.texts.published_tokenizer import components
from zaohua.modalities.texts.tokenizers import LONGEST, WORD, byte_letters

NEVER = "þ ÿ"
"""Merge of two bytes that no text in UTF-8 has, for tokenizers without merges: llama.cpp demands a list of some."""
CUT = rf"[\s\S]{{1,{LONGEST}}}"
"""Pattern by which our tokenizer cuts long words, which llama.cpp doesn't."""


def vocabulary_of(found: Published) -> Json:
    """Return the metadata of a published model's tokenizer.

    Raises:
        ZaohuaError: llama.cpp has no tokenizer that does the same.
    """
    tree: Json = json.loads(found.tokenizer)
    special = found.generation
    if not [*components(tree.get("pre_tokenizer"))] and _decoders(tree) == {"Fuse"}:
        tree = _of_characters(tree)
    kind, own = _kind_of(tree)
    tokens, types = _tokens(tree, found.plan.vocabulary)
    if kind == "llama":
        own |= _pieces(tree, tokens, special["eos_token_id"])
    ends = special["eos_token_id"] if isinstance(special["eos_token_id"], list) else [special["eos_token_id"]]
    numbers = {
        "bos_token_id": special.get("bos_token_id"),
        "eos_token_id": ends[0],
        "eot_token_id": ends[-1] if len(ends) > 1 else None,
        "padding_token_id": special.get("pad_token_id"),
        "unknown_token_id": own.pop("unknown", None),
    }
    values: Json = {
        "model": kind,
        "tokens": tokens,
        "token_type": types,
        **own,
        **{name: value for name, value in numbers.items() if value is not None},
        "add_bos_token": bool(found.special.get("add_bos_token")),
    }
    if kind == "gpt2":
        merges = tree["model"]["merges"]
        values["merges"] = [" ".join(pair) if isinstance(pair, list) else pair for pair in merges] or [NEVER]
    out: Json = {f"tokenizer.ggml.{name}": value for name, value in values.items()}
    return out if found.template is None else {**out, "tokenizer.chat_template": found.template}


def _decoders(tree: Json) -> set[Any]:
    """Return the types of the parts of a tokenizer's decoder."""
    return {part.get("type") for part in components(tree.get("decoder"))}


def _of_characters(tree: Json) -> Json:
    """Return a tokenizer of single characters as a byte-level BPE, whose merges put the bytes of each together.

    llama.cpp aborts where its other kind of tokenizer meets a byte without a token; this kind leaves it out. It needs
    no tokens for what is between the bytes and the character.
    """
    letters = {byte: letter for letter, byte in byte_letters().items()}
    vocabulary: dict[str, int] = {}
    merges: dict[tuple[str, str], None] = {}
    for character, token in tree["model"]["vocab"].items():
        written = [letters[byte] for byte in character.encode()]
        vocabulary["".join(written)] = token
        merges |= {("".join(written[:at]), written[at]): None for at in range(1, len(written))}
    model = {**tree["model"], "vocab": vocabulary, "merges": [*map(list, merges)]}
    return {**tree, "pre_tokenizer": BYTES, "decoder": BYTES, "model": model}


def _kind_of(tree: Json) -> tuple[str, Json]:
    """Return llama.cpp's name of a kind of tokenizer, and what distinguishes it."""
    decoders = _decoders(tree)
    changes = {part.get("type") for part in components(tree.get("normalizer"))}
    if tree["model"].get("type", "BPE") != "BPE":
        raise ZaohuaError("its tokenizer is a Unigram, which is written to no .gguf: take a model with a BPE")
    if "ByteLevel" in decoders:
        name = _division(tree)
        if changes - ({"NFC"} if name.startswith("qwen") else set()):
            raise ZaohuaError(f"its tokenizer changes texts by {min(map(str, changes))}, which llama.cpp doesn't")
        return "gpt2", {"pre": name}
    before = [*components(tree.get("pre_tokenizer"))]
    if changes - {"Prepend", "Replace"} or {part.get("type") for part in before} - {"Metaspace", "Split"}:
        raise ZaohuaError("its tokenizer divides texts in a way that no tokenizer of llama.cpp has")
    begins = "Prepend" in changes or any(part.get("prepend_scheme", "always") != "never" for part in before[:1])
    return "llama", {"pre": "default", "add_space_prefix": begins and not _splits(before)}


def _splits(before: list[Json]) -> bool:
    return any(part.get("type") == "Split" for part in before)


def _division(tree: Json) -> str:
    """Return llama.cpp's name of how a byte-level tokenizer divides texts into words."""
    found: list[str] = []
    for part in components(tree.get("pre_tokenizer")):
        kind, pattern = part.get("type"), part.get("pattern")
        if kind == "ByteLevel" and not part.get("add_prefix_space"):
            continue  # by its own pattern, which is that of GPT-2, or after another one
        if kind == "Digits" and part.get("individual_digits"):
            found.append("digits")
        elif kind == "Split" and isinstance(pattern, dict) and pattern.get("Regex") in (WORD, CUT):
            continue
        elif kind == "Split" and isinstance(pattern, dict) and part.get("behavior") == "Isolated":
            found.append(str(pattern.get("Regex")))
        else:
            found.append(str(kind))
    name = next((name for name, words in WORDS.items() if [words] == (found or [""])), None)
    if name is None:
        raise ZaohuaError(f"its tokenizer divides texts by {found[0]:.60}, for which llama.cpp's name isn't known")
    return name


def _tokens(tree: Json, size: int) -> tuple[list[str], list[int]]:
    """Return all tokens of a network and their types; those that the tokenizer doesn't have are unused."""
    tokens, types = [f"[PAD{i}]" for i in range(size)], [UNUSED] * size
    unknown = tree["model"].get("unk_token")
    decoders = _decoders(tree)
    for piece, token in tree["model"]["vocab"].items():
        is_byte = "ByteFallback" in decoders and BYTE_PIECE.fullmatch(piece)
        tokens[token], types[token] = piece, UNKNOWN if piece == unknown else BYTE if is_byte else NORMAL
    for entry in tree.get("added_tokens") or ():
        token, content = int(entry["id"]), str(entry["content"])
        kind = CONTROL if entry.get("special") else OWN
        tokens[token], types[token] = content, UNKNOWN if content == unknown else kind
    return tokens, types


def _pieces(tree: Json, tokens: list[str], ends: Any) -> Json:
    """Return the scores of the pieces of a BPE, by which llama.cpp merges them: the earlier a merge, the higher."""
    ranks: dict[str, int] = {}
    for rank, pair in enumerate(tree["model"]["merges"]):
        left, right = pair if isinstance(pair, list) else pair.split(" ")
        ranks.setdefault(left + right, rank)
    scores = [-float(ranks.get(token, len(ranks)) + 1) for token in tokens]
    unknown = tree["model"].get("unk_token")
    end = ends[0] if isinstance(ends, list) else ends
    return {"scores": scores, "unknown": tokens.index(unknown) if unknown in tokens else end}
