"""`zaohua train MODEL DATA`: every field of the model, and every option of the codec of its data, is a flag."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zaohua.cli import runs
from zaohua.cli.codec_flags import CodecFlags
from zaohua.cli.flags import Flag, echo, from_fields, parse
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.storage.layout import check_out, holds_training

CALL = "zaohua train MODEL DATA [options]"
COMMON = (
    Flag("out", str | None, None, "Run folder; by default runs/MODEL-DATA, numbered if there is one."),
    Flag("base", str | None, None, "Run to begin from (of this model): fine-tunes it, with its settings and flags."),
    Flag("resume", bool, False, "Go on with the run; flags given now replace those it was started with."),
    Flag("overwrite", bool, False, "Replace the run that is in the folder; files that aren't the run's stay."),
    Flag("split", str, "train", "Split of a named data set."),
    Flag(
        "evaluate_every",
        int | None,
        None,
        "Steps between two measures of 2,000 samples, which the history keeps "
        "(pictures, sounds; needs --validation-fraction).",
    ),
    Flag("labels", bool, True, "Condition on the labels that the data carry."),
    Flag("json", bool, False, "Print the result as JSON, and no progress."),
)


def main(arguments: Sequence[str]) -> None:
    """Train as the arguments say, and tell where the run is."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return
    name, data, rest = _places(arguments)
    entry = registry.find(name)
    resume = "--resume" in rest
    out = runs.find_option("--out", rest)
    folder = Path(out) if out else runs.default(entry.command, data or "data", again=resume)
    cls = registry.model_class(entry.name)
    stored = _stored(entry, folder, runs.find_option("--base", rest), resume) if "--help" not in rest else None
    values, own, of_data = _parse(entry, cls, stored, rest)
    values["labels"] = values["labels"] and entry.conditional
    if data is None and not resume:
        raise ZaohuaError(f"which data? {CALL}")
    model = _train(cls, data, folder, stored, values, own, of_data)
    from zaohua.core.hardware import is_main_process

    if is_main_process():
        _tell(model, folder, values["json"])


def usage() -> str:
    """The text of `zaohua train --help`, which can't list the options of a model that isn't named yet."""
    width = max(len(entry.command) for entry in registry.entries())
    models = [f"  {entry.command:<{width}}  {entry.summary}" for entry in registry.entries()]
    about = "Train a model. `zaohua train MODEL --help` lists its options."
    return "\n".join([f"usage: {CALL}", "", about, "", *models])


def _places(arguments: Sequence[str]) -> tuple[str, str | None, list[str]]:
    """MODEL, DATA (or None) and the options."""
    if arguments[0].startswith("-"):
        raise ZaohuaError(f"the model and the data come first: {CALL}")
    if len(arguments) > 1 and not arguments[1].startswith("-"):
        return arguments[0], arguments[1], list(arguments[2:])
    return arguments[0], None, list(arguments[1:])


def _stored(entry: registry.Entry, folder: Path, base: str | None, resume: bool) -> dict[str, Any] | None:
    """The `model.json` whose settings are the flags' defaults: of the run to go on with, or to begin from."""
    if resume and base is not None:
        raise ZaohuaError("--resume goes on with a run, --base begins a new one from another: give one of them")
    if not resume and base is None:
        return None
    run = folder if base is None else Path(base)
    stored = runs.read_model(run)
    if stored["model"] != entry.name:
        raise ZaohuaError(f"{run} is a run of {stored['model']}, not of {entry.name}")
    if base is not None:
        stored["parameters"] = {**stored["parameters"], "max_steps": None, "max_minutes": None}
    return stored


def _parse(
    entry: registry.Entry, cls: Any, stored: dict[str, Any] | None, arguments: Sequence[str]
) -> tuple[dict[str, Any], list[Flag], CodecFlags]:
    """The values of all flags, the model's, and those of the codecs of its data."""
    from zaohua.core.params import fields_of

    kept = {
        name: value for name, value in (stored or {}).get("parameters", {}).items() if name not in cls.machine_fields
    }  # which old runs hold
    own = from_fields(fields_of(cls), kept, drop_failed=["codec"])
    of_data = CodecFlags(entry.codecs, [flag.name for flag in (*COMMON, *own)], (stored or {}).get("codec_option"))
    arguments = [re.sub(r"^--seed(?=$|=)", "--random-state", argument) for argument in arguments]
    values = parse(f"zaohua train {entry.command} DATA", entry.summary, [*COMMON, *own, *of_data.flags], arguments)
    return values, own, of_data


def _train(
    cls: Any,
    data: str | None,
    folder: Path,
    stored: dict[str, Any] | None,
    values: dict[str, Any],
    own: list[Flag],
    of_data: CodecFlags,
) -> Any:
    """Fit a new model, or go on with the stored one."""
    from zaohua.core.hardware import is_main_process
    from zaohua.storage.runs import check_resumable
    from zaohua.training.callbacks.progress import Progress

    fields = {flag.name: values[flag.name] for flag in own}
    model = cls(**fields)
    trains = hasattr(cls, "resume")
    with Progress(folder.name, quiet=values["json"] or not is_main_process()) as progress:
        options: dict[str, Any] = {"callbacks": [progress, *_evaluator(values)]} if trains else {}
        if stored is not None and values["base"] is None:
            if not trains:
                raise ZaohuaError(f"{cls.__name__} is fitted in one go, so there is nothing to resume")
            check_resumable(folder, f"--base {folder} with another --out fine-tunes it, --overwrite begins anew")
            model.codec = of_data.stored(stored["codec_option"], values)
            X, y = (None, None) if data is None else runs.read(data, values["split"], values["labels"])
            return model.resume(folder, X, y, **options)
        check_out(folder)
        if holds_training(folder) and not values["overwrite"]:
            raise ZaohuaError(f"{folder} holds a run already: --resume it, --overwrite it, or choose another --out")
        assert data is not None
        if stored is not None:
            of_data.none_given(values, values["base"])
            return _finetune(values["base"], data, folder, values, fields, options)
        model.codec = of_data.codec(data, values["split"], values)
        X, y = runs.read(data, values["split"], values["labels"])
        if not values["json"]:
            _show_columns(cls, X, model.codec)
        if trains:
            options["overwrite"] = values["overwrite"]
        return model.fit(X, y, out=folder, **options)


def _show_columns(cls: Any, X: Any, codec: Any) -> None:
    """Of a table, what its columns are taken for, before anything is learnt from it."""
    from zaohua import modalities

    if any(issubclass(taken, modalities.TableCodec) for taken in cls.codec_types):
        items, _ = modalities.read(X)
        chosen: Any = modalities.codec_for(items, cls.codec_types, codec, cls.codec_options, cls.__name__)
        for line in chosen.fit(items).about(len(items)):
            echo(line)


def _evaluator(values: dict[str, Any]) -> list[Any]:
    """What measures samples while training, if that was asked for."""
    if values["evaluate_every"] is None:
        return []
    from zaohua.tasks.evaluation.history import Evaluator

    return [Evaluator(values["evaluate_every"])]


def _finetune(
    base: str, data: str, folder: Path, values: dict[str, Any], fields: dict[str, Any], options: dict[str, Any]
) -> Any:
    """Fit a new model that begins from a trained one."""
    import zaohua

    model = zaohua.load(base)
    if not hasattr(model, "finetune"):
        raise ZaohuaError(f"{type(model).__name__} is fitted in one go, so there is nothing to begin from")
    X, y = runs.read(data, values["split"], values["labels"])
    return model.finetune(X, y, out=folder, overwrite=values["overwrite"], **fields, **options)


def _tell(model: Any, folder: Path, as_json: bool) -> None:
    """One line where the run is and what to do next."""
    if as_json:
        history: list[dict[str, Any]] = getattr(model, "history_", [])
        record = next((r for r in reversed(history) if any(k.startswith("loss") for k in r)), None)
        steps, seconds = getattr(model, "n_steps_", None), getattr(model, "seconds_", None)
        print(
            json.dumps(
                {
                    "run": str(folder),
                    "model": type(model).__name__,
                    "steps": steps,
                    "seconds": seconds,
                    "seed": model.seed_,
                    "last": record,
                }
            )
        )
    else:
        echo(f"trained: {folder}")
        if hasattr(model, "sample"):
            talks = hasattr(model, "chat") and model.apart_
            echo(f"next:    zaohua {'chat' if talks else 'sample'} {folder}")
