"""Values of `config.json` that several kinds of models have: numbers, activations, rotary positions and windows.

What isn't right raises a `ValueError`, of which `configuration.plan` makes a message.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from zaohua.core.json import Json
from zaohua.nn.blueprint import Activation, Stretch

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


def count_of(config: Json, name: str, default: int | None = None) -> int:
    """Return a positive whole number of a configuration."""
    value = config[name] if default is None else config.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 24:
        raise ValueError(f"{name} is {value!r:.40}")
    return value


def number_of(config: Mapping[str, Any], name: str, default: float) -> float:
    """Return a finite number of a configuration."""
    value = config.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r:.40}")
    return float(value)


def activation_of(name: object) -> Activation:
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
        "rotary_base": number_of(given, "rope_theta", number_of(config, "rope_theta", theta)),
        "rotary_share": number_of(given, "partial_rotary_factor", number_of(config, "partial_rotary_factor", 1.0)),
    }
    if new.get("sliding_attention") is not None or config.get("rope_local_base_freq") is not None:
        local = new.get("sliding_attention") or {}
        if local.get("rope_type", "default") != "default":
            raise ValueError("layers with a window have stretched positions")
        out["rotary_local"] = number_of(local, "rope_theta", number_of(config, "rope_local_base_freq", 1e4))
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


def windows_of(config: Json, layers: list[int] | None) -> dict[str, Any]:
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
