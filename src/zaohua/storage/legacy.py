"""Reading runs of earlier versions: conversion of their `model.json` to the current format.

A change of the content of `model.json` increments `FORMAT` and adds a conversion here, so that all other code knows
only the current format. Every `model.json` is read through `current`.
"""

from __future__ import annotations

from pathlib import Path

from zaohua.core import registry
from zaohua.core.errors import CheckpointError, ZaohuaError
from zaohua.core.json import Json, JsonValue
from zaohua.core.params import fields_of
from zaohua.storage import legacy_constraints as constraints

FORMAT = 4
"""Version of the content of a run; higher ones are refused."""

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
"""Names of hyperparameters in format 1, and in format 2."""

VALUES = {"architecture": {"modern": "zaohua"}}
"""Values of hyperparameters up to format 3, by the hyperparameter."""

SPEC = {"heads": "features"}
"""The same for the spec of a codec's tensors."""

CODECS = ("codec_option", "codec", "y_codec")
"""Keys of codecs in `model.json`."""


def check_format(data: Json, path: Path) -> None:
    """Check that this version supports the format of a file.

    Args:
        data: content of the file.
        path: path of the file, for the message.

    Raises:
        CheckpointError: a newer version saved the file.
    """
    if data.get("format", 0) > FORMAT:
        raise CheckpointError(f"{path} was saved by a newer version of zaohua: upgrade to read it")


def current(model: Json, path: Path) -> Json:
    """Convert the content of a `model.json` to the current format; the file isn't changed.

    Args:
        model: the content, of any format up to the current one. Missing keys are not checked.
        path: path of the file, for the message.

    Returns:
        The content as this version would have written it.

    Raises:
        CheckpointError: the content isn't that of a model.
    """
    version = model.get("format", 0)
    try:
        if version < 2:
            renamed = {key: _codec(model[key]) for key in CODECS if model.get(key)}
            if "parameters" in model:
                renamed["parameters"] = _parameters(model["model"], model["parameters"])
            model = {**model, **renamed}
        if version < 3:
            model = {**model, **{key: constraints.converted(model[key]) for key in CODECS if model.get(key)}}
        if version < 4 and "parameters" in model:
            given = model["parameters"]
            model = {**model, "parameters": {key: _value(key, given[key]) for key in given}}
    except constraints.NotConvertible as error:
        raise CheckpointError(f"{path}: {error}") from None
    except (KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{path} is damaged: it isn't the JSON of a model") from None
    return model


def _parameters(name: str, parameters: Json) -> Json:
    """Rename hyperparameters of format 1, except those that a class outside the package defines itself."""
    own = frozenset[str]() if registry.stored_entry(name) else _fields_of_own(name)
    return {key if key in own else PARAMETERS.get(key, key): value for key, value in parameters.items()}


def _value(name: str, value: JsonValue) -> JsonValue:
    """Return the value of a hyperparameter as it is called today."""
    return VALUES.get(name, {}).get(value, value) if isinstance(value, str) else value


def _fields_of_own(name: str) -> frozenset[str]:
    """Return the fields of a class outside the package; none if it can't be imported, which loading reports later."""
    try:
        return frozenset(fields_of(registry.stored_class(name)))
    except ZaohuaError:
        return frozenset()


def _codec(codec: Json) -> Json:
    """Rename the keys in the spec of a codec of format 1, if it is fitted."""
    spec = codec.get("spec")
    return {**codec, "spec": {SPEC.get(key, key): value for key, value in spec.items()}} if spec else codec
