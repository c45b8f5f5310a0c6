"""Tiny tokenizers of the kinds that published models have, and chat templates as they are written for them."""

from __future__ import annotations

import functools
from typing import Any

CORPUS = ["the cat sat on the mat. user assistant system Hello, world!\n\n"] * 20 + [
    "春眠不覺曉，處處聞啼鳥。",
    "Grüße 🙂👩‍👩‍👧",
]
"""What they are trained on; other letters have no tokens of their own."""
MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<s>", "</s>", "<pad>"]
TURNS = ["<start_of_turn>", "<end_of_turn>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>", "<|eot_id|>"]
HEADERS = ["<|start_header_id|>", "<|end_header_id|>"]
SPECIAL = [*MARKS, *TURNS, *HEADERS]


def byte_level(special: list[str] = SPECIAL, more: dict[str, dict[str, bool]] | None = None) -> Any:
    """Byte-level BPE, as of GPT-2, Llama 3 and Qwen; `more` has added tokens and their flags."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    fast = Tokenizer(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    fast.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(vocab_size=330, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    for content, flags in (more or {}).items():
        fast.add_tokens([AddedToken(content, normalized=False, **flags)])
    return fast


def byte_fallback(first: bool = False) -> Any:
    """BPE with spaces as ▁ and bytes for other letters, as of Llama 2, Mistral and Gemma.

    Args:
        first: whether only the beginning of a text gets a space, as Mistral's newer ones; else each part of it.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    fast = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    if first:
        fast.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        fast.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    plain = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    fast.decoder = decoders.Sequence(plain)
    special = ["<unk>", *SPECIAL]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=[*special, *bytes_], max_token_length=6, show_progress=False
    )
    fast.train_from_iterator(["the cat sat on the mat", *CORPUS[:1]], trainer)
    return _plain_again(fast, bytes_)


def unigram() -> Any:
    """Unigram with bytes for other letters, whose special tokens are pieces of the vocabulary, too."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    words = ["▁the", "▁cat", "▁", "c", "a", "t", "at", "▁mat", "春", "眠", "e", "l", "o", "H"]
    vocabulary = [
        ("<unk>", 0.0),
        *((each, 0.0) for each in SPECIAL),
        *((f"<0x{byte:02X}>", -9.0) for byte in range(256)),
    ]
    vocabulary += [(word, -2.0 - 0.1 * i) for i, word in enumerate(words)]
    fast = Tokenizer(models.Unigram(vocabulary, unk_id=0, byte_fallback=True))
    fast.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    fast.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="always")])
    fast.add_special_tokens([AddedToken(each, normalized=False) for each in ["<unk>", *SPECIAL]])
    return fast


def _plain_again(fast: Any, names: list[str]) -> Any:
    """Return a tokenizer whose tokens of bytes aren't special, as a trainer makes them."""
    import json

    from tokenizers import Tokenizer

    tree = json.loads(fast.to_str())
    tree["added_tokens"] = [each for each in tree["added_tokens"] if each["content"] not in names]
    return Tokenizer.from_str(json.dumps(tree))


KINDS: dict[str, Any] = {
    "byte-level": byte_level,
    "bytes": byte_fallback,
    "first": functools.partial(byte_fallback, True),
    "unigram": unigram,
}


CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nYou are a cat.<|im_end|>\\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""SmolLM2, Qwen 2 and 2.5."""
LLAMA_2 = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}"
    "{% set system_message = false %}{% endif %}{% for message in loop_messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if loop.index0 == 0 and system_message != false %}"
    "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
LLAMA_3 = (
    "{% for message in messages %}{% set content = '<|start_header_id|>' + message['role'] + "
    "'<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ ' ' + message['content'] + eos_token}}{% else %}{{ raise_exception('Only user and assistant roles') }}"
    "{% endif %}{% endfor %}"
)
PHI_3 = (
    "{% for message in messages %}{{'<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}"
)
QWEN_3 = """\
{%- set ns = namespace(last_query_index=messages|length - 1, searching=true) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.searching and message.role == "user" and not(message.content.startswith('<tool_response>')) %}
        {%- set ns.searching = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role == "user" or message.role == "system" %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}
        {%- set thought = '' %}
        {%- if '</think>' in content %}
            {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index and (loop.last or thought) %}
            {{- '<|im_start|>assistant\\n<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content }}
        {%- else %}
            {{- '<|im_start|>assistant\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""
SMOLLM_3 = """\
{%- set today = strftime_now("%d %B %Y") -%}
{{- "<|im_start|>system\\nToday Date: " ~ today ~ "<|im_end|>\\n" -}}
{%- for message in messages -%}
    {%- if message.role == "assistant" -%}
        {% generation %}
        {{- "<|im_start|>assistant\\n" + message.content.lstrip("\\n") + "<|im_end|>\\n" -}}
        {% endgeneration %}
    {%- else -%}
        {{ "<|im_start|>" + message.role + "\\n" + message.content + "<|im_end|>\\n" }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ "<|im_start|>assistant\\n" }}{%- endif -%}"""
"""What Qwen 3's and SmolLM3's do for messages without tools."""
