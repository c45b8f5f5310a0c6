"""Load the model of a run folder, whatever its class."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

from zaohua.core import registry
from zaohua.core.advice import either, quoted
from zaohua.core.arguments import path_of
from zaohua.core.errors import CheckpointError, ZaohuaError, ZaohuaWarning
from zaohua.core.json import Json
from zaohua.core.with_fields import UnknownField
from zaohua.storage.published import is_hub_name
from zaohua.storage.runs import load_model


def load(path: str | Path, device: str = "auto") -> Any:
    """Load the fitted model of a run folder, of any class and from any machine; or a published model.

    A run contains no code. If the model's class is outside this package, the run names the module that defines it, and
    loading imports that module unless it is part of the standard library.

    Args:
        path: the run folder; or `org/name[@revision]` on huggingface.co, a folder that transformers or PEFT wrote, or a
            .gguf file.
        device: device of the networks: "auto", "cpu", "cuda", "mps" ...

    Returns:
        The model as it was saved, or the estimator that was saved with it, such as a `GenerativeClassifier`.

    Raises:
        CheckpointError: the folder holds no model, or a damaged one.
        ZaohuaError: the device isn't available, the model doesn't support devices, or its class can't be imported.
    """
    path = path_of("the run", path)
    data, tensors = load_model(path)
    if tensors is None:
        how = either(f"MODEL(...).resume({str(path)!r})", f"zaohua resume {quoted(path)}")
        raise CheckpointError(f"{path} has no weights yet: its training was stopped early; {how} goes on with it")
    try:
        cls = _class_of(path, data["model"])
        parameters = {name: value for name, value in data["parameters"].items() if name not in cls.machine_fields}
        if "device" in cls.machine_fields:
            parameters["device"] = device
        elif device not in ("auto", "cpu"):
            raise ZaohuaError(f"{path} is a {cls.__name__}, which computes on the CPU only: load it without a device")
        model = cls.from_json({**data, "parameters": parameters}, tensors)
        model.run_ = data["hub"] if is_hub_name(path) else str(path)
        _tell_unfinished(path, model.unfinished())
        return _wrapped(model, data.get("estimator"))
    except (UnknownField, CheckpointError) as error:
        raise CheckpointError(f"{path} holds no model that this version of zaohua can build ({error})") from error
    except ZaohuaError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError, ArithmeticError, MemoryError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise CheckpointError(f"{path} holds no model that this version of zaohua can build ({reason})") from error


def _tell_unfinished(path: Path, reached: str) -> None:
    """Warn of a training that was stopped before its end, whose samples are worse than they will be."""
    if reached:
        how = either(f"zaohua.load({str(path)!r}).resume({str(path)!r})", f"zaohua resume {quoted(path)}")
        text = f"{path} was stopped before its end, at {reached}: {how} goes on with it"
        warnings.warn(text, ZaohuaWarning, stacklevel=3)


def _wrapped(model: Any, about: Json | None) -> Any:
    """Return the estimator that a model was saved with, such as a classifier; the model itself if there is none."""
    if about is None:
        return model
    base: type = importlib.import_module("zaohua.estimator.wrapper").ModelWrapper
    return registry.importable_class(about["class"], base, "estimator").around(model, about)


def _class_of(path: str | Path, name: str) -> Any:
    """Return the class of a run's model; errors name the run."""
    try:
        return registry.stored_class(name)
    except ZaohuaError as error:
        raise ZaohuaError(f"{path}: {error}") from error
