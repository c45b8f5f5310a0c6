"""Networks of ours as `config.json` of a published kind: what `configuration.plan` reads, the other way round."""

from __future__ import annotations

import dataclasses

import torch

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.interop.configuration import plan
from zaohua.interop.values import ACTIVATIONS
from zaohua.nn.blueprint import Blueprint
from zaohua.nn.transformer import Transformer

NAMES = {ours: theirs for theirs, ours in ACTIVATIONS.items() if theirs not in ("swish", "gelu_fast")}
"""Names of activations in configurations."""


def config_of(net: Transformer) -> Json:
    """Return the configuration of a network, with which transformers computes the same.

    Raises:
        ZaohuaError: none of the published kinds has its settings.
    """
    wanted = plain(net.blueprint, net.width, net.heads)
    for describe in (_nanochat, _llama, _gpt2):
        config = describe(net, wanted)
        if plain(plan(config).blueprint, net.width, net.heads) == wanted:
            return config
    raise ZaohuaError(
        f"no published kind of model has the settings {net.blueprint}: "
        "train with the architecture zaohua, gpt2 or llama"
    )


def plain(blueprint: Blueprint, width: int, heads: int) -> Blueprint:
    """Return a blueprint in which everything is said that follows from the sizes, and nothing that changes nothing."""
    head_width = blueprint.head_width or width // heads
    changes: Json = {
        "norm_eps": torch.finfo(torch.float32).eps if blueprint.norm_eps is None else blueprint.norm_eps,
        "kv_heads": blueprint.kv_heads or heads,
        "head_width": head_width,
        "inner": blueprint.inner_of(width),
        "attention_dropout": False,
    }
    if not blueprint.rotary:
        changes |= {"rotary_base": 1e4, "rotary_ends": False}
    elif blueprint.rotary_ends:  # the slowest of n angles is base^-1, which is theta^-((n - 1) / n) elsewhere
        count = int(head_width * blueprint.rotary_share) // 2
        theta = blueprint.rotary_base ** (count / (count - 1)) if count > 1 else blueprint.rotary_base
        changes |= {"rotary_base": theta, "rotary_ends": False}
    return dataclasses.replace(blueprint, **changes)


def _llama(net: Transformer, blueprint: Blueprint) -> Json:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": net.tokens.num_embeddings,
        "hidden_size": net.width,
        "intermediate_size": blueprint.inner,
        "num_hidden_layers": len(net.blocks),
        "num_attention_heads": net.heads,
        "num_key_value_heads": blueprint.kv_heads,
        "head_dim": blueprint.head_width,
        "max_position_embeddings": net.context,
        "rms_norm_eps": blueprint.norm_eps,
        "rope_theta": blueprint.rotary_base,
        "rope_parameters": {"rope_type": "default", "rope_theta": blueprint.rotary_base},
        "hidden_act": NAMES[blueprint.activation],
        "attention_bias": blueprint.out_bias,
        "mlp_bias": blueprint.mlp_bias,
        "tie_word_embeddings": blueprint.tied,
    }


def _nanochat(net: Transformer, blueprint: Blueprint) -> Json:
    return {
        **_llama(net, blueprint),
        "architectures": ["NanoChatForCausalLM"],
        "model_type": "nanochat",
        "final_logit_softcapping": blueprint.logit_cap,
    }


def _gpt2(net: Transformer, blueprint: Blueprint) -> Json:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": net.tokens.num_embeddings,
        "n_embd": net.width,
        "n_layer": len(net.blocks),
        "n_head": net.heads,
        "n_inner": blueprint.inner,
        "n_positions": net.room,
        "layer_norm_epsilon": blueprint.norm_eps,
        "activation_function": NAMES[blueprint.activation],
        "tie_word_embeddings": blueprint.tied,
    }
