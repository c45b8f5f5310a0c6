"""What a run that is resumed takes from its folder: where its data are, and the model that it is fine-tuned from."""

from __future__ import annotations

from pathlib import Path

from zaohua import modalities
from zaohua.core.advice import either, quoted
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.encoding import Base
from zaohua.estimator.source import conditions_of, located
from zaohua.modalities.base import Codec


def data_again(run: str | Path, source: Json | None) -> tuple[object, object, str | None]:
    """Return the path or name of a run's data, their conditions and their kind, as they are given to `fit`.

    Args:
        run: folder of the run, for the message.
        source: where the data were read; None if they were in memory.

    Raises:
        ZaohuaError: the data were in memory, or are no longer where they were.
    """
    again = either(f"resume({str(run)!r}, X, y)", f"zaohua resume {quoted(run)} --data DATA")
    if source is None:
        raise ZaohuaError(f"{run} was trained on data in memory: give the same again, {again}")
    advice = f"say where they are, {again}"
    return located(source, advice), conditions_of(source, advice), source.get("modality")


def base_of(saved: Json, codec: Codec) -> Base | None:
    """Return the model that a run is fine-tuned from; None if it is trained from scratch.

    Args:
        saved: content of the run's `model.json`.
        codec: codec of the run.
    """
    if saved.get("base") is None:
        return None
    y_codec = None if saved["y_codec"] is None else modalities.from_json(saved["y_codec"])
    memories = [memory for memory in saved["state"].get("seen", []) if memory.get("base")]
    return Base(codec, y_codec, saved["base"], memories)


def keep_choice(model: GenerativeModel, saved: Json) -> None:
    """Give a model the codec of conditions that a run was asked for, unless the model has one of its own.

    Args:
        model: the model that is to go on.
        saved: content of the run's `model.json`.
    """
    choice = saved.get("y_codec_option")
    if model.y_codec is None:
        model.y_codec = modalities.from_json(choice) if isinstance(choice, dict) else choice
