"""Our own tokenizers and dialogues as the `tokenizer.json` and the chat template of published models."""

from __future__ import annotations

import json

from zaohua.core.json import Json
from zaohua.modalities.texts.codec import ASSISTANT, END, SPECIALS, USER, TextCodec
from zaohua.modalities.texts.tokenizers import Bytes, Characters, Tokenizer, byte_letters

DIALOGUE = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'system' %}{{ message.content }}"
    "{% elif message.role == 'assistant' %}" + SPECIALS[ASSISTANT] + "{{ message.content }}{{ eos_token }}"
    "{% else %}" + SPECIALS[USER] + "{{ message.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}" + SPECIALS[ASSISTANT] + "{% endif %}"
)
"""Chat template that writes dialogues as `TextCodec` does."""
BYTES: Json = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def tokenizer_of(codec: TextCodec) -> str:
    """Return the `tokenizer.json` of a codec, which puts END before a text as the codec does."""
    tree, size = _tree(codec.tokenizer_), codec.tokenizer_.size
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added = [{"id": size + i, "content": name, **flags, "special": True} for i, name in enumerate(SPECIALS)]
    return json.dumps({**tree, "added_tokens": added, "post_processor": begins_with(SPECIALS[END], codec.end_)})


def begins_with(name: str, token: int) -> Json:
    """Return the component of a `tokenizer.json` that puts a token before a text."""
    before = {"SpecialToken": {"id": name, "type_id": 0}}
    first, second = ({"Sequence": {"id": which, "type_id": kind}} for which, kind in (("A", 0), ("B", 1)))
    return {
        "type": "TemplateProcessing",
        "single": [before, first],
        "pair": [before, first, second],
        "special_tokens": {name: {"id": name, "ids": [token], "tokens": [name]}},
    }


def _tree(tokenizer: Tokenizer) -> Json:
    """Return the JSON of a tokenizer without special tokens."""
    if isinstance(tokenizer, Bytes):
        return _model(byte_letters(), BYTES, BYTES)
    if isinstance(tokenizer, Characters):
        return _model({character: token for token, character in enumerate(tokenizer.alphabet)}, None, {"type": "Fuse"})
    tree: Json = json.loads(tokenizer.state() or "{}")
    return tree


def _model(vocabulary: dict[str, int], before: Json | None, decoder: Json) -> Json:
    """Return the JSON of a tokenizer that divides texts into the single pieces of a vocabulary."""
    model: Json = {"type": "BPE", "dropout": None, "unk_token": None, "vocab": vocabulary, "merges": []}
    parts: Json = {"normalizer": None, "pre_tokenizer": before, "decoder": decoder, "model": model}
    return {"version": "1.0", "truncation": None, "padding": None, **parts}
