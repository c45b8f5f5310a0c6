"""What llama.cpp names and keeps otherwise than Hugging Face's folders, for reading and for writing .gguf files."""

from __future__ import annotations

from torch import Tensor

from zaohua.interop.configuration import Plan
from zaohua.interop.names import TRANSPOSED, Turned

KINDS = {
    "arcee": "arcee",
    "gemma": "gemma",
    "gemma2": "gemma2",
    "gemma3": "gemma3_text",
    "gpt2": "gpt2",
    "granite": "granite",
    "llama": "llama",
    "olmo2": "olmo2",
    "phi3": "phi3",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "smollm3": "smollm3",
}
"""Kinds of models by llama.cpp's names of architectures."""
ARCHITECTURES = {**{kind: name for name, kind in KINDS.items()}, "mistral": "llama"}
"""llama.cpp's names of architectures by the kinds of models."""
PAIRED = {"llama", "mistral", "granite", "smollm3", "arcee"}
"""Kinds whose queries and keys have rotary pairs side by side."""
GPT2 = {
    "n_embd": "embedding_length",
    "n_layer": "block_count",
    "n_head": "attention.head_count",
    "n_positions": "context_length",
    "n_inner": "feed_forward_length",
    "layer_norm_epsilon": "attention.layer_norm_epsilon",
}
"""Names of settings of GPT-2 in `config.json`, and in .gguf files behind that of the architecture."""
LLAMA = {
    "hidden_size": "embedding_length",
    "num_hidden_layers": "block_count",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "intermediate_size": "feed_forward_length",
    "max_position_embeddings": "context_length",
    "rms_norm_eps": "attention.layer_norm_rms_epsilon",
    "rope_theta": "rope.freq_base",
    "sliding_window": "attention.sliding_window",
}
"""The same of models like Llama."""
CAPS = {"attn_logit_softcapping": "attn_logit_softcapping", "final_logit_softcapping": "final_logit_softcapping"}
"""What Gemma has beside these."""
GRANITE = {
    "embedding_multiplier": "embedding_scale",
    "residual_multiplier": "residual_scale",
    "attention_multiplier": "attention.scale",
    "logits_scaling": "logit_scale",
}
"""What Granite has beside these."""
STRETCH = {
    "rope_type": "rope.scaling.type",
    "factor": "rope.scaling.factor",
    "original_max_position_embeddings": "rope.scaling.original_context_length",
    "attention_factor": "rope.scaling.attn_factor",
}
"""Names of settings of stretched rotary positions."""


def keys_of(kind: str) -> dict[str, str]:
    """Return the names of settings of a kind of model in `config.json`, with those in .gguf files."""
    if kind == "gpt2":
        return GPT2
    return {**LLAMA, **(CAPS if kind.startswith("gemma") else GRANITE if kind == "granite" else {})}


def _side_by_side(heads: int, x: Tensor) -> Tensor:
    """Put the halves of each head, which are turned together, side by side."""
    out: Tensor = x.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)
    return out


def _by_halves(heads: int, x: Tensor) -> Tensor:
    """Undo `_side_by_side`."""
    out: Tensor = x.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2)
    return out


QUERIES = Turned(lambda x, plan: _by_halves(plan.heads, x), lambda x, plan: _side_by_side(plan.heads, x))
KEYS = Turned(lambda x, plan: _by_halves(plan.kv_heads, x), lambda x, plan: _side_by_side(plan.kv_heads, x))
PLUS_ONE = Turned(lambda x, plan: x - 1, lambda x, plan: x + 1)


def change_of(name: str, plan: Plan) -> Turned | None:
    """Return how a weight of a .gguf becomes that of a folder ("ours"), and back; None if it stays.

    Args:
        name: the weight's name in a folder.
        plan: the network.
    """
    if plan.kind in PAIRED and "q_proj" in name:
        return QUERIES
    if plan.kind in PAIRED and "k_proj" in name:
        return KEYS
    if plan.kind.startswith("gemma") and "norm" in name:
        return PLUS_ONE
    return TRANSPOSED if plan.kind == "gpt2" and ".h." in name else None
