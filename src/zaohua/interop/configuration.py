"""Reading of `config.json`, which says what network published weights belong to.

`plan` turns it into a `Blueprint` and sizes. Each kind of model adds what it has beyond Llama. Anything that would
change the result and isn't known is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.json import Json
from zaohua.nn.blueprint import Activation, Blueprint, Stretch

ACTIVATIONS: dict[str, Activation] = {
    "silu": "silu",
    "swish": "silu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu2": "relu2",
}
"""Activations by their names in configurations."""
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
        _count(config, name) for name in ("hidden_size", "num_attention_heads", "num_hidden_layers")
    )
    size = config.get("head_dim") or width // heads
    kv_heads = config.get("num_key_value_heads") or heads
    if size % 2 or heads % kv_heads:
        raise ValueError(f"a width of {width} can't be divided among {heads} heads, and {kv_heads} of keys and values")
    settings: dict[str, Any] = {
        "norm_eps": _number(config, "rms_norm_eps", 1e-6),
        "kv_heads": None if kv_heads == heads else kv_heads,
        "head_width": None if size * heads == width else size,
        "inner": _count(config, "intermediate_size"),
        "activation": _activation(config.get("hidden_act", "silu")),
        "qkv_bias": bool(config.get("attention_bias", False)),
        "out_bias": bool(config.get("attention_bias", False)),
        "mlp_bias": bool(config.get("mlp_bias", False)),
        "tied": bool(config.get("tie_word_embeddings", False)),
    }
    context = _count(config, "max_position_embeddings", 2048)
    settings |= rotary(config, theta, context)
    blueprint = Blueprint(**{**settings, **more})
    return Plan(str(config["model_type"]), blueprint, _count(config, "vocab_size"), width, layers, heads, context)


def _count(config: Json, name: str, default: int | None = None) -> int:
    """Return a positive whole number of a configuration."""
    value = config[name] if default is None else config.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 24:
        raise ValueError(f"{name} is {value!r:.40}")
    return value


def _number(config: Mapping[str, Any], name: str, default: float) -> float:
    """Return a finite number of a configuration."""
    value = config.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r:.40}")
    return float(value)


def _activation(name: object) -> Activation:
    """Return an activation by its name in configurations."""
    if name not in ACTIVATIONS:
        raise ValueError(f"the activation {name!r:.40} isn't known")
    return ACTIVATIONS[str(name)]


def rotary(config: Json, theta: float, context: int) -> dict[str, Any]:
    """Return the settings of rotary positions, of which older and newer configurations write in different ways."""
    old: dict[str, Any] = config.get("rope_scaling") or {}
    new: dict[str, Any] = config.get("rope_parameters") or {}
    given: dict[str, Any] = {**old, **(new.get("full_attention") or new)}
    out: dict[str, Any] = {
        "rotary_base": _number(given, "rope_theta", _number(config, "rope_theta", theta)),
        "rotary_share": _number(given, "partial_rotary_factor", _number(config, "partial_rotary_factor", 1.0)),
    }
    if new.get("sliding_attention") is not None or config.get("rope_local_base_freq") is not None:
        local = new.get("sliding_attention") or {}
        if local.get("rope_type", "default") != "default":
            raise ValueError("layers with a window have stretched positions")
        out["rotary_local"] = _number(local, "rope_theta", _number(config, "rope_local_base_freq", 1e4))
    kind = given.get("rope_type", given.get("type", "default"))
    if kind == "default":
        return out
    if kind not in ("linear", "llama3", "yarn"):
        raise ValueError(f"rotary positions of the type {kind!r:.40} aren't known")
    return {**out, "stretch": stretch(kind, given, context)}


def stretch(kind: Any, given: Json, context: int) -> Stretch:
    """Return a change of rotary frequencies from its values in a configuration."""
    factor = float(given["factor"])
    learnt = int(given.get("original_max_position_embeddings") or context)
    if kind == "linear":
        return Stretch(kind, factor)
    if kind == "llama3":
        return Stretch(kind, factor, float(given["low_freq_factor"]), float(given["high_freq_factor"]), learnt)

    def grown(times: float = 1.0) -> float:
        return 0.1 * times * math.log(factor) + 1 if factor > 1 else 1.0

    scale, ours, all_of = (given.get(name) for name in ("attention_factor", "mscale", "mscale_all_dim"))
    if scale is None:
        scale = grown(ours) / grown(all_of) if ours and all_of else grown()
    slow, fast = float(given.get("beta_slow") or 1), float(given.get("beta_fast") or 32)
    return Stretch(kind, factor, slow, fast, learnt, float(scale), bool(given.get("truncate", True)))


def _windows(config: Json, layers: list[int] | None) -> dict[str, Any]:
    """Return the settings of windows, in the layers that the configuration or else `layers` names."""
    window = config.get("sliding_window")
    types = config.get("layer_types")
    if types is not None:
        layers = [i for i, kind in enumerate(types) if kind == "sliding_attention"]
        if unknown_types := {*types} - {"sliding_attention", "full_attention"}:
            raise ValueError(f"layers of the type {min(unknown_types)!r:.40} aren't known")
    if window is None or layers == []:
        return {}
    return {"window": int(window), "windowed": None if layers is None else tuple(layers)}


def _mistral(config: Json) -> Plan:
    return _llama(config, **_windows(config, None))


def _qwen(config: Json, **more: Any) -> Plan:
    depth = _count(config, "num_hidden_layers")
    used = bool(config.get("use_sliding_window", False))
    windows = _windows(config, list(range(int(config.get("max_window_layers", 28)), depth))) if used else {}
    return _llama(config, **{**windows, **more})


def _qwen2(config: Json) -> Plan:
    return _qwen(config, qkv_bias=True, out_bias=False)


def _qwen3(config: Json) -> Plan:
    return _qwen({"head_dim": 128, **config}, qk_norm="head")


def _smollm3(config: Json) -> Plan:
    depth = _count(config, "num_hidden_layers")
    every = int(config.get("no_rope_layer_interval", 4))
    turned = config.get("no_rope_layers") or [(i + 1) % every for i in range(depth)]
    windows = _windows(config, []) if config.get("use_sliding_window") else {}
    tied = bool(config.get("tie_word_embeddings", True))
    unturned = tuple(i for i in range(depth) if not turned[i])
    return _llama(config, 2e6, tied=tied, unturned=unturned, **windows)


def _olmo2(config: Json) -> Plan:
    if config.get("clip_qkv") is not None:
        raise ValueError("its queries and keys are clipped")
    return _llama({"rms_norm_eps": 1e-5, **config}, norm_places="after", qk_norm="all")


def _gemma(config: Json, **more: Any) -> Plan:
    act = config.get("hidden_activation") or "gelu_pytorch_tanh"
    settings = {"activation": _activation(act), "norm_weight": "plus_one", "qk_norm_weight": "plus_one"}
    scale = math.sqrt(_count(config, "hidden_size"))
    tied = bool(config.get("tie_word_embeddings", True))
    return _llama({"head_dim": 256, **config}, **{**settings, "embedding_scale": scale, "tied": tied, **more})


def _gemma2(config: Json, theta: float = 1e4, **more: Any) -> Plan:
    depth = _count(config, "num_hidden_layers")
    windows = _windows({"sliding_window": 4096, **config}, list(range(0, depth, 2)))
    settings = {
        "attention_scale": _number(config, "query_pre_attn_scalar", 256) ** -0.5,
        "attention_cap": config.get("attn_logit_softcapping"),
        "logit_cap": config.get("final_logit_softcapping"),
        "norm_places": "both",
    }
    return _gemma(config, **{**windows, **settings, **more})


def _gemma3(config: Json) -> Plan:
    if config.get("use_bidirectional_attention"):
        raise ValueError("its tokens see those after them")
    depth, every = _count(config, "num_hidden_layers"), int(config.get("sliding_window_pattern", 6))
    windows = _windows({"sliding_window": 4096, **config}, [i for i in range(depth) if (i + 1) % every])
    positions = rotary({"rope_theta": 1e6, "rope_local_base_freq": 1e4, **config}, 1e6, 1)
    return _gemma2(config, qk_norm="head", **{"windowed": (), **windows, **positions})


def _phi3(config: Json) -> Plan:
    return _llama({"rms_norm_eps": 1e-5, **config}, **_windows(config, None))


def _granite(config: Json) -> Plan:
    scales = {
        "embedding_scale": _number(config, "embedding_multiplier", 1),
        "residual_scale": _number(config, "residual_multiplier", 1),
        "attention_scale": _number(config, "attention_multiplier", 1),
        "logit_scale": 1 / _number(config, "logits_scaling", 1),
    }
    return _llama(config, **scales)


def _arcee(config: Json) -> Plan:
    return _llama(
        {"rms_norm_eps": 1e-5, **config}, gated=False, activation=_activation(config.get("hidden_act", "relu2"))
    )


def _nanochat(config: Json) -> Plan:
    settings: dict[str, Any] = {
        "norm_weight": "none",
        "embedding_norm": True,
        "qk_norm": "head",
        "qk_norm_weight": "none",
    }
    cap = config.get("final_logit_softcapping", 15.0)
    act = _activation(config.get("hidden_act", "relu2"))
    settings |= {"embedding_norm": True, "gated": False, "logit_cap": cap, "mlp_bias": False}
    return _llama(config, **settings, activation=act)


def _gpt2(config: Json) -> Plan:
    for name in ("scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "add_cross_attention"):
        if config.get(name):
            raise ValueError(f"{name} can't be done")
    width = _count(config, "n_embd")
    blueprint = Blueprint(
        norm="layer",
        norm_bias=True,
        norm_eps=_number(config, "layer_norm_epsilon", 1e-5),
        qkv_bias=True,
        out_bias=True,
        mlp_bias=True,
        rotary=False,
        positions=True,
        gated=False,
        inner=int(config.get("n_inner") or 4 * width),
        activation=_activation(config.get("activation_function", "gelu_new")),
        attention_scale=None if config.get("scale_attn_weights", True) else 1.0,
        tied=bool(config.get("tie_word_embeddings", True)),
    )
    sizes = (_count(config, name) for name in ("n_layer", "n_head", "n_positions"))
    layers, heads, context = sizes
    return Plan("gpt2", blueprint, _count(config, "vocab_size"), width, layers, heads, context)


def _gpt_neox(config: Json) -> Plan:
    old = {"partial_rotary_factor": config.get("rotary_pct", 0.25), "rope_theta": config.get("rotary_emb_base", 1e4)}
    bias = bool(config.get("attention_bias", True))
    return _llama(
        {**old, "hidden_act": "gelu", **config, "num_key_value_heads": None, "head_dim": None},
        norm="layer",
        norm_bias=True,
        norm_eps=_number(config, "layer_norm_eps", 1e-5),
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
