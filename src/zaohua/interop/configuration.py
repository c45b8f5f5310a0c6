"""Reading of `config.json`, which says what network published weights belong to.

`plan` turns it into a `Blueprint` and sizes. Each kind of model adds what it has beyond Llama. Anything that would
change the result and isn't known is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.json import Json
from zaohua.interop.values import activation_of, count_of, number_of, rotary, windows_of
from zaohua.nn.blueprint import Blueprint

MISTAKES = (KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError)
"""What reading a damaged configuration raises."""
REFUSED = {
    "mixtral": "its perceptrons are a mixture of experts",
    "qwen2_moe": "its perceptrons are a mixture of experts",
    "qwen3_moe": "its perceptrons are a mixture of experts",
    "olmoe": "its perceptrons are a mixture of experts",
    "gpt_oss": "its perceptrons are a mixture of experts, and its attention has sinks",
    "deepseek_v2": "its keys and values are compressed, and its perceptrons a mixture of experts",
    "deepseek_v3": "its keys and values are compressed, and its perceptrons a mixture of experts",
    "gemma3": "it reads pictures too: take a text-only one (gemma3_text)",
    "gemma3n": "it reads pictures and sounds too",
    "mamba": "it isn't a transformer",
    "mamba2": "it isn't a transformer",
    "lfm2": "most of its layers are convolutions",
    "qwen3_next": "most of its layers are no attention",
    "granitemoehybrid": "some of its layers are no attention",
    "bloom": "its positions are biases of the attention",
    "mpt": "its positions are biases of the attention",
    "t5": "it has an encoder beside the decoder",
    "bert": "it fills in words, and writes no texts",
}
"""Kinds of models that can't be read, and why."""


@dataclass(frozen=True)
class Plan:
    """A published network: what kind it is, and its sizes.

    Attributes:
        kind: `model_type` of its configuration.
        blueprint: its settings.
        vocabulary: number of tokens, with those that fill it up to a round number.
        width: number of channels.
        layers: number of blocks.
        heads: number of heads of queries.
        context: number of tokens that it has learnt to read.
    """

    kind: str
    blueprint: Blueprint
    vocabulary: int
    width: int
    layers: int
    heads: int
    context: int

    @property
    def head_width(self) -> int:
        """Return the channels of a head."""
        return self.blueprint.head_width or self.width // self.heads

    @property
    def kv_heads(self) -> int:
        """Return the number of heads of keys and values."""
        return self.blueprint.kv_heads or self.heads


def plan(config: Json, name: str = "config.json") -> Plan:
    """Return what network a configuration describes.

    Args:
        config: content of `config.json`.
        name: the file's name, for messages.

    Raises:
        ZaohuaError: it isn't one of a known transformer, or asks for something that ours can't do.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str):
        raise ZaohuaError(f"{name} names no model_type: it isn't the configuration of a language model")
    if "auto_map" in config:
        raise ZaohuaError(f"{name} asks for code of its own (auto_map), which isn't run: take a model without it")
    if config.get("quantization_config"):
        raise ZaohuaError(f"the weights of {name} are quantised: take the ones in full, or a .gguf")
    if kind in REFUSED:
        raise ZaohuaError(f"models of the type {kind} can't be read: {REFUSED[kind]}; known: {', '.join(KINDS)}")
    if kind not in KINDS:
        raise unknown("type of model", kind, KINDS)
    try:
        return KINDS[kind](config)
    except MISTAKES as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ZaohuaError(f"{name} isn't a configuration of {kind}: {what}") from None


def _llama(config: Json, theta: float = 1e4, **more: Any) -> Plan:
    """Return the plan of a model like Llama, with what differs."""
    width, heads, layers = (
        count_of(config, name) for name in ("hidden_size", "num_attention_heads", "num_hidden_layers")
    )
    size = config.get("head_dim") or width // heads
    kv_heads = config.get("num_key_value_heads") or heads
    if size % 2 or heads % kv_heads:
        raise ValueError(f"a width of {width} can't be divided among {heads} heads, and {kv_heads} of keys and values")
    settings: dict[str, Any] = {
        "norm_eps": number_of(config, "rms_norm_eps", 1e-6),
        "kv_heads": None if kv_heads == heads else kv_heads,
        "head_width": None if size * heads == width else size,
        "inner": count_of(config, "intermediate_size"),
        "activation": activation_of(config.get("hidden_act", "silu")),
        "qkv_bias": bool(config.get("attention_bias", False)),
        "out_bias": bool(config.get("attention_bias", False)),
        "mlp_bias": bool(config.get("mlp_bias", False)),
        "tied": bool(config.get("tie_word_embeddings", False)),
    }
    context = count_of(config, "max_position_embeddings", 2048)
    settings |= rotary(config, theta, context)
    blueprint = Blueprint(**{**settings, **more})
    return Plan(str(config["model_type"]), blueprint, count_of(config, "vocab_size"), width, layers, heads, context)


def _mistral(config: Json) -> Plan:
    return _llama(config, **windows_of(config, None))


def _qwen(config: Json, **more: Any) -> Plan:
    depth = count_of(config, "num_hidden_layers")
    used = bool(config.get("use_sliding_window", False))
    windows = windows_of(config, list(range(int(config.get("max_window_layers", 28)), depth))) if used else {}
    return _llama(config, **{**windows, **more})


def _qwen2(config: Json) -> Plan:
    return _qwen(config, qkv_bias=True, out_bias=False)


def _qwen3(config: Json) -> Plan:
    return _qwen({"head_dim": 128, **config}, qk_norm="head")


def _smollm3(config: Json) -> Plan:
    depth = count_of(config, "num_hidden_layers")
    every = int(config.get("no_rope_layer_interval", 4))
    turned = config.get("no_rope_layers") or [(i + 1) % every for i in range(depth)]
    windows = windows_of(config, []) if config.get("use_sliding_window") else {}
    tied = bool(config.get("tie_word_embeddings", True))
    unturned = tuple(i for i in range(depth) if not turned[i])
    return _llama(config, 2e6, tied=tied, unturned=unturned, **windows)


def _olmo2(config: Json) -> Plan:
    if config.get("clip_qkv") is not None:
        raise ValueError("its queries and keys are clipped")
    return _llama({"rms_norm_eps": 1e-5, **config}, norm_places="after", qk_norm="all")


def _gemma(config: Json, **more: Any) -> Plan:
    act = config.get("hidden_activation") or "gelu_pytorch_tanh"
    settings = {"activation": activation_of(act), "norm_weight": "plus_one", "qk_norm_weight": "plus_one"}
    scale = math.sqrt(count_of(config, "hidden_size"))
    tied = bool(config.get("tie_word_embeddings", True))
    return _llama({"head_dim": 256, **config}, **{**settings, "embedding_scale": scale, "tied": tied, **more})


def _gemma2(config: Json, theta: float = 1e4, **more: Any) -> Plan:
    depth = count_of(config, "num_hidden_layers")
    windows = windows_of({"sliding_window": 4096, **config}, list(range(0, depth, 2)))
    settings = {
        "attention_scale": number_of(config, "query_pre_attn_scalar", 256) ** -0.5,
        "attention_cap": config.get("attn_logit_softcapping"),
        "logit_cap": config.get("final_logit_softcapping"),
        "norm_places": "both",
    }
    return _gemma(config, **{**windows, **settings, **more})


def _gemma3(config: Json) -> Plan:
    if config.get("use_bidirectional_attention"):
        raise ValueError("its tokens see those after them")
    depth, every = count_of(config, "num_hidden_layers"), int(config.get("sliding_window_pattern", 6))
    windows = windows_of({"sliding_window": 4096, **config}, [i for i in range(depth) if (i + 1) % every])
    positions = rotary({"rope_theta": 1e6, "rope_local_base_freq": 1e4, **config}, 1e6, 1)
    return _gemma2(config, qk_norm="head", **{"windowed": (), **windows, **positions})


def _phi3(config: Json) -> Plan:
    return _llama({"rms_norm_eps": 1e-5, **config}, **windows_of(config, None))


def _granite(config: Json) -> Plan:
    scales = {
        "embedding_scale": number_of(config, "embedding_multiplier", 1),
        "residual_scale": number_of(config, "residual_multiplier", 1),
        "attention_scale": number_of(config, "attention_multiplier", 1),
        "logit_scale": 1 / number_of(config, "logits_scaling", 1),
    }
    return _llama(config, **scales)


def _arcee(config: Json) -> Plan:
    return _llama(
        {"rms_norm_eps": 1e-5, **config}, gated=False, activation=activation_of(config.get("hidden_act", "relu2"))
    )


def _nanochat(config: Json) -> Plan:
    settings: dict[str, Any] = {
        "norm_weight": "none",
        "embedding_norm": True,
        "qk_norm": "head",
        "qk_norm_weight": "none",
    }
    cap = config.get("final_logit_softcapping", 15.0)
    act = activation_of(config.get("hidden_act", "relu2"))
    settings |= {"embedding_norm": True, "gated": False, "logit_cap": cap, "mlp_bias": False}
    return _llama(config, **settings, activation=act)


def _gpt2(config: Json) -> Plan:
    for name in ("scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "add_cross_attention"):
        if config.get(name):
            raise ValueError(f"{name} can't be done")
    width = count_of(config, "n_embd")
    blueprint = Blueprint(
        norm="layer",
        norm_bias=True,
        norm_eps=number_of(config, "layer_norm_epsilon", 1e-5),
        qkv_bias=True,
        out_bias=True,
        mlp_bias=True,
        rotary=False,
        positions=True,
        gated=False,
        inner=int(config.get("n_inner") or 4 * width),
        activation=activation_of(config.get("activation_function", "gelu_new")),
        attention_scale=None if config.get("scale_attn_weights", True) else 1.0,
        tied=bool(config.get("tie_word_embeddings", True)),
    )
    sizes = (count_of(config, name) for name in ("n_layer", "n_head", "n_positions"))
    layers, heads, context = sizes
    return Plan("gpt2", blueprint, count_of(config, "vocab_size"), width, layers, heads, context)


def _gpt_neox(config: Json) -> Plan:
    old = {"partial_rotary_factor": config.get("rotary_pct", 0.25), "rope_theta": config.get("rotary_emb_base", 1e4)}
    bias = bool(config.get("attention_bias", True))
    return _llama(
        {**old, "hidden_act": "gelu", **config, "num_key_value_heads": None, "head_dim": None},
        norm="layer",
        norm_bias=True,
        norm_eps=number_of(config, "layer_norm_eps", 1e-5),
        qkv_bias=bias,
        out_bias=bias,
        mlp_bias=True,
        parallel=bool(config.get("use_parallel_residual", True)),
        gated=False,
    )


KINDS: dict[str, Callable[[Json], Plan]] = {
    "arcee": _arcee,
    "gemma": _gemma,
    "gemma2": _gemma2,
    "gemma3_text": _gemma3,
    "gpt2": _gpt2,
    "gpt_neox": _gpt_neox,
    "granite": _granite,
    "llama": _llama,
    "mistral": _mistral,
    "nanochat": _nanochat,
    "olmo2": _olmo2,
    "phi3": _phi3,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "smollm3": _smollm3,
}
"""How the configuration of each kind of model is read."""
