"""Names of the weights of published transformers, and how they become ours and ours theirs.

A `Join` says that some of our tensors, one above the other, are some of theirs, one above the other: q, k and v are one
matrix here and three in Llama; the gate and what it gates are two here and one in Phi-3. So each table is read in both
directions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from zaohua.interop.configuration import Plan

Change = Callable[[Tensor, Plan], Tensor]


class Turned(NamedTuple):
    """Change of the order of a matrix, and back."""

    ours: Change
    theirs: Change


def _transposed(x: Tensor, plan: Plan) -> Tensor:
    """Transpose a matrix: GPT-2 has the inputs first."""
    return x.t() if x.ndim == 2 else x


def _by_kind(x: Tensor, plan: Plan) -> Tensor:
    """Put rows for q, k, v of each head (GPT-NeoX) in the order of all q, all k, all v."""
    out: Tensor = x.unflatten(0, (plan.heads, 3, -1)).transpose(0, 1).flatten(0, 2)
    return out


def _by_head(x: Tensor, plan: Plan) -> Tensor:
    """Undo `_by_kind`."""
    out: Tensor = x.unflatten(0, (3, plan.heads, -1)).transpose(0, 1).flatten(0, 2)
    return out


def _halves_swapped(x: Tensor, plan: Plan) -> Tensor:
    """Swap the halves of each head of q and k: nanochat turns the other way round."""
    turned = (plan.heads + plan.kv_heads) * plan.head_width
    heads = x[:turned].unflatten(0, (-1, 2, plan.head_width // 2))
    return torch.cat([heads.flip(1).flatten(0, 2), x[turned:]])


TRANSPOSED = Turned(_transposed, _transposed)
BY_HEAD = Turned(_by_kind, _by_head)
SWAPPED = Turned(_halves_swapped, _halves_swapped)


@dataclass(frozen=True)
class Join:
    """Our tensors, one above the other, that are theirs, one above the other; without `.weight` and `.bias`."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    change: Turned | None = None


@dataclass(frozen=True)
class Names:
    """Names of a kind of model.

    Attributes:
        outer: what is there once.
        block: what is in each block.
        blocks: the beginning of the names of a block, with {} for its index.
        unread: endings of names that are no weights.
            optional: a beginning that files may lack.
        older: names that some files have instead.
    """

    outer: tuple[Join, ...]
    block: tuple[Join, ...]
    blocks: str
    unread: tuple[str, ...] = ("rotary_emb.inv_freq",)
    optional: str = "model."
    older: Mapping[str, str] = field(default_factory=dict)

    def joins(self, layers: int) -> Iterator[Join]:
        """Yield all joins of a network, with full names."""
        yield from self.outer
        for i in range(layers):
            for join in self.block:
                ours = tuple(f"blocks.{i}.{name}" for name in join.ours)
                yield Join(ours, tuple(self.blocks.format(i) + name for name in join.theirs), join.change)


def _one(ours: str, theirs: str, change: Turned | None = None) -> Join:
    return Join((ours,), (theirs,), change)


OUTER = (_one("tokens", "model.embed_tokens"), _one("norm", "model.norm"), _one("head", "lm_head"))
QKV = Join(("attention.qkv",), ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"))
ATTENTION = (
    QKV,
    _one("attention.out", "self_attn.o_proj"),
    _one("attention.norm_q", "self_attn.q_norm"),
    _one("attention.norm_k", "self_attn.k_norm"),
)
PERCEPTRON = (_one("gate", "mlp.gate_proj"), _one("inner", "mlp.up_proj"), _one("outer", "mlp.down_proj"))
NORMS = (_one("norm1", "input_layernorm"), _one("norm2", "post_attention_layernorm"))
BLOCKS = "model.layers.{}."
LLAMA = Names(OUTER, (*ATTENTION, *PERCEPTRON, *NORMS), BLOCKS)
AFTER = (_one("after1", "post_attention_layernorm"), _one("after2", "post_feedforward_layernorm"))
BOTH = (_one("norm1", "input_layernorm"), _one("norm2", "pre_feedforward_layernorm"), *AFTER)
PHI = (
    _one("attention.qkv", "self_attn.qkv_proj"),
    _one("attention.out", "self_attn.o_proj"),
    Join(("gate", "inner"), ("mlp.gate_up_proj",)),
    _one("outer", "mlp.down_proj"),
)
NANOCHAT = (
    Join(QKV.ours, QKV.theirs, SWAPPED),
    _one("attention.out", "self_attn.o_proj"),
    _one("inner", "mlp.fc1"),
    _one("outer", "mlp.fc2"),
)
GPT2 = Names(
    (
        _one("tokens", "transformer.wte"),
        _one("places", "transformer.wpe"),
        _one("norm", "transformer.ln_f"),
        _one("head", "lm_head"),
    ),
    (
        _one("attention.qkv", "attn.c_attn", TRANSPOSED),
        _one("attention.out", "attn.c_proj", TRANSPOSED),
        _one("inner", "mlp.c_fc", TRANSPOSED),
        _one("outer", "mlp.c_proj", TRANSPOSED),
        _one("norm1", "ln_1"),
        _one("norm2", "ln_2"),
    ),
    "transformer.h.{}.",
    (".attn.bias", ".attn.masked_bias"),
    "transformer.",
)
NEOX = Names(
    (
        _one("tokens", "gpt_neox.embed_in"),
        _one("norm", "gpt_neox.final_layer_norm"),
        _one("head", "lm_head"),
    ),
    (
        _one("attention.qkv", "attention.query_key_value", BY_HEAD),
        _one("attention.out", "attention.dense"),
        _one("inner", "mlp.dense_h_to_4h"),
        _one("outer", "mlp.dense_4h_to_h"),
        *NORMS,
    ),
    "gpt_neox.layers.{}.",
    (".attention.bias", ".attention.masked_bias", "rotary_emb.inv_freq"),
    "gpt_neox.",
    {"embed_out.weight": "lm_head.weight"},
)
NAMES: Mapping[str, Names] = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3", "smollm3", "granite", "gemma", "arcee"), LLAMA),
    **dict.fromkeys(("gemma2", "gemma3_text"), Names(OUTER, (*ATTENTION, *PERCEPTRON, *BOTH), BLOCKS)),
    "olmo2": Names(OUTER, (*ATTENTION, *PERCEPTRON, *AFTER), BLOCKS),
    "phi3": Names(OUTER, (*PHI, *NORMS), BLOCKS),
    "nanochat": Names(OUTER, NANOCHAT, BLOCKS),
    "gpt2": GPT2,
    "gpt_neox": NEOX,
}
"""Names by the kind of model."""
