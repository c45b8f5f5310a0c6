"""Read runs that earlier versions saved: bring their `model.json` to the names of today.

A change of what `model.json` holds raises `FORMAT` and gets its step here, so that no reader needs to know more than
the newest layout. Whatever reads a `model.json` reads it through `current`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zaohua.core import registry
from zaohua.core.errors import CheckpointError, ZaohuaError
from zaohua.core.params import fields_of

FORMAT = 2
"""Version of what a run holds; a higher one than this is refused with a message that says so."""

PARAMETERS = {
    "accumulate": "grad_accumulation",
    "clip_norm": "max_grad_norm",
    "decay": "lr_schedule",
    "drafts": "particles",
    "ema": "ema_decay",
    "few": "max_integer_categories",
    "label_dropout": "condition_dropout",
    "least": "min_time",
    "share": "batch_fraction",
    "solver": "optimizer",
    "style": "architecture",
    "times_of_training": "time_distribution",
    "trace": "divergence",
    "tries": "max_tries",
    "validation": "validation_fraction",
}
"""Hyperparameters by their names in format 1, and by those of format 2."""

SPEC = {"heads": "features"}
"""The same of what describes a codec's tensors."""

CODECS = ("codec_option", "codec", "y_codec")
"""Where codecs stand in `model.json`."""


def check_format(data: dict[str, Any], path: Path) -> None:
    """Check that this version knows the format of what a file holds.

    Raises:
        CheckpointError: a newer version saved it.
    """
    if data.get("format", 0) > FORMAT:
        raise CheckpointError(f"{path} was saved by a newer version of zaohua: upgrade to read it")


def current(model: dict[str, Any], path: Path) -> dict[str, Any]:
    """The JSON of a model as this version would have written it; what is on disk stays as it is.

    Args:
        model: what a `model.json` holds, of any format up to this one. What isn't there isn't missed here.
        path: of the file, for the message.

    Raises:
        CheckpointError: it isn't what zaohua saves.
    """
    if model.get("format", 0) >= 2:
        return model
    try:
        renamed = {place: _codec(model[place]) for place in CODECS if model.get(place)}
        if "parameters" in model:
            renamed["parameters"] = _parameters(model["model"], model["parameters"])
    except (KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{path} is damaged: it isn't the JSON of a model") from None
    return {**model, **renamed}


def _parameters(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Hyperparameters of format 1 by their new names, but for those that a class of one's own defines."""
    own = frozenset[str]() if registry.stored_entry(name) else _fields_of_own(name)
    return {key if key in own else PARAMETERS.get(key, key): value for key, value in parameters.items()}


def _fields_of_own(name: str) -> frozenset[str]:
    """The fields of a class of one's own; none when it isn't at hand, which whoever builds the model will say."""
    try:
        return frozenset(fields_of(registry.stored_class(name)))
    except ZaohuaError:
        return frozenset()


def _codec(codec: dict[str, Any]) -> dict[str, Any]:
    """A codec of format 1 with its spec, if it has been fitted, by the new names."""
    spec = codec.get("spec")
    return {**codec, "spec": {SPEC.get(key, key): value for key, value in spec.items()}} if spec else codec
