"""Run `zaohua train MODEL DATA`: train a model, go on with a run, or fine-tune one."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zaohua.cli import config, model_help, runs
from zaohua.cli.flags import Flag, echo
from zaohua.cli.options import Options
from zaohua.cli.origins import previews
from zaohua.cli.reading import Told, told
from zaohua.cli.train_flags import CALL, MOST_USED, Early, TrainFlags
from zaohua.core import registry
from zaohua.core.advice import quoted
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.modalities.reading_options import READING, reading

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel
    from zaohua.training.callbacks.progress import Progress
    from zaohua.training.events import Callback
    from zaohua.training.trainable import Trainable


def main(arguments: Sequence[str]) -> None:
    """Train as the arguments say, and tell where the run is."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return
    early = Early(arguments)
    entry = registry.find(early.model)
    if early.help and (shown := model_help.of_model(entry)) is not None:
        print(shown, end="")
        return
    folder = Path(early.out) if early.out else runs.default(entry.command, early.data or "data", again=early.resume)
    cls = registry.model_class(entry.name)
    stored = None if early.help else _stored(entry, folder, early.base, early.resume)
    flags = TrainFlags(cls, stored)
    values = flags.parse(f"zaohua train {entry.command} DATA", entry.summary, early.rest)
    values["labels"] = values["labels"] and entry.conditional
    if values.get("degrade") is not None and values["y"] is None:
        values["labels"] = False  # y is what is seen of each item
    if values["print_config"]:
        print(config.text(flags.all, values, flags.titles, model=entry.command, data=early.data))
        return
    if early.data is None and not early.resume:
        raise ZaohuaError(f"which data? {CALL}")
    options = {name: values[name] for name in READING if values.get(name) is not None}
    with told(quiet=values.of("json", bool)) as read, reading(**options), previews(values):
        if stored is not None and early.base is None:
            model = go_on(cls, early.data, folder, stored, values, flags, read)
        else:
            model = _train(cls, str(early.data), folder, stored, values, flags, read)
    tell(model, folder, read.facts if values["json"] else None)


def usage() -> str:
    """Write the text of `zaohua train --help`, which can't list the options of a model that isn't named yet."""
    width = max(60, min(shutil.get_terminal_size().columns, 110))
    names = max(len(entry.command) for entry in registry.entries())
    options = ", ".join(f"--{name.replace('_', '-')}" for name in MOST_USED)
    about = "Train a model on a folder, a file or a named data set. `zaohua train MODEL --help` lists all its options."
    models = [
        textwrap.fill(
            f"  {entry.command:<{names}}  {entry.summary}",
            width,
            subsequent_indent=" " * (names + 4),
            break_on_hyphens=False,
        )
        for entry in registry.entries()
    ]
    texts = [textwrap.fill(text, width, break_on_hyphens=False) for text in (about, f"Most used: {options}.")]
    return "\n".join([f"usage: {CALL}", "", *texts, "", "models:", *models])


def _stored(entry: registry.Entry, folder: Path, base: str | None, resume: bool) -> Json | None:
    """Read the `model.json` whose settings are the defaults of the flags: of the run to resume, or of --base."""
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


def go_on(
    cls: type[GenerativeModel],
    data: str | None,
    folder: Path,
    stored: Json,
    values: Options,
    flags: TrainFlags,
    read: Told,
) -> GenerativeModel:
    """Go on with a run, on the data that it remembers, or on `data` if these are where its data are now."""
    from zaohua.estimator.source import conditions_of, located
    from zaohua.modalities import kinds_of
    from zaohua.training.differences import check_resumable
    from zaohua.training.trainable import Trainable

    model = _created(cls, values, flags)
    if not isinstance(model, Trainable):
        raise ZaohuaError(f"{cls.__name__} is fitted in one go, so there is nothing to resume")
    modality = values.optional("modality", str)
    _check_modality(stored, modality)
    check_resumable(folder, stored)
    model.codec = flags.of_data.stored(stored["codec_option"], values)
    with _progress(folder, values) as progress:
        callbacks: list[Callback] = [read, progress, *_evaluator(values)]
        read.at_once = False
        given = values.optional("y", str)
        if data is None and given is None:
            return model.resume(folder, callbacks=callbacks)
        advice = "say where they are (--data)"
        data = located(stored["source"], advice) if data is None else data
        if data is None:
            raise ZaohuaError(f"{folder} was trained on data in memory: give the same again (--data)")
        labels = values.of("labels", bool) and stored["y_codec"] is not None
        apart = given or conditions_of(stored["source"] or {"y": None}, "say where they are (--y)")
        apart = apart if isinstance(apart, str) and labels else None
        takes = kinds_of(cls.codec_types)
        X, y, kind = runs.read(data, values.of("split", str), labels, modality, takes, apart)
        return model.resume(folder, X, y, modality=kind, callbacks=callbacks)


def _created(cls: type[GenerativeModel], values: Options, flags: TrainFlags) -> GenerativeModel:
    """Create the model with the fields that were given."""
    create: Callable[..., GenerativeModel] = cls  # with its own fields
    return create(**{flag.name: values[flag.name] for flag in flags.own})


def _is_change(flag: Flag, values: Options) -> bool:
    """Return False for the codec of conditions, which a fine-tuned model has from the other, unless it is given."""
    return flag.name != "y_codec" or values["y_codec"] != flag.default


def _progress(folder: Path, values: Options) -> Progress:
    """Create the callback that shows the progress of a training."""
    from zaohua.core.hardware import is_main_process
    from zaohua.training.callbacks.progress import Progress

    return Progress(folder.name, quiet=values.of("json", bool) or not is_main_process())


def _train(
    cls: type[GenerativeModel],
    data: str,
    folder: Path,
    stored: Json | None,
    values: Options,
    flags: TrainFlags,
    read: Told,
) -> GenerativeModel:
    """Fit a new model, or fine-tune the stored one."""
    from zaohua.modalities import kinds_of
    from zaohua.storage.layout import check_out, holds_training
    from zaohua.training.trainable import Trainable

    model = _created(cls, values, flags)
    base, split, labels = values.optional("base", str), values.of("split", str), values.of("labels", bool)
    modality, takes, apart = values.optional("modality", str), kinds_of(cls.codec_types), values.optional("y", str)
    with _progress(folder, values) as progress:
        callbacks: list[Callback] = [read, progress, *_evaluator(values)]
        read.at_once = not isinstance(model, Trainable)
        if stored is not None:
            _check_modality(stored, modality)
        check_out(folder)
        if holds_training(folder) and not values["overwrite"]:
            resumed = f" `zaohua resume {quoted(folder)}` goes on with it," if runs.holds_run(folder) else ""
            raise ZaohuaError(
                f"{folder} holds a run already:{resumed} --overwrite replaces it, or choose another --out"
            )
        if base is not None:
            flags.of_data.none_given(values, base)
            begun = _trained(base)
            X, y, kind = runs.read(data, split, labels, modality, takes, apart)
            fields = {flag.name: values[flag.name] for flag in flags.own if _is_change(flag, values)}
            changes = {**fields, "callbacks": callbacks, "overwrite": values["overwrite"]}
            return begun.finetune(X, y, out=folder, modality=kind, **changes)
        model.codec = flags.of_data.codec(data, split, values)
        X, y, kind = runs.read(data, split, labels, modality, takes, apart)
        if not isinstance(model, Trainable):
            return model.fit(X, y, out=folder, modality=kind)
        return model.fit(X, y, out=folder, modality=kind, callbacks=callbacks, overwrite=values.of("overwrite", bool))


def _check_modality(stored: Json, modality: str | None) -> None:
    """Raise a `ZaohuaError` if another kind of data is asked for than a run was trained on."""
    from zaohua import modalities

    kind = modalities.modality_of(type(modalities.from_json(stored["codec"])))
    if modality is not None and modalities.modality(modality) is not kind:
        raise ZaohuaError(f"--modality {modality}: the run was trained on {kind.name if kind else 'other data'}")


def _evaluator(values: Options) -> list[Callback]:
    """Make the callback that measures samples while training, if that was asked for."""
    every = values.get("evaluate_every")
    if not isinstance(every, int):
        return []
    from zaohua.tasks.evaluation.history import Evaluator

    return [Evaluator(every)]


def _trained(base: str) -> Trainable:
    """Load the trained model of a run, or raise a `ZaohuaError` if it can't be fine-tuned."""
    import zaohua
    from zaohua.training.trainable import Trainable

    model = zaohua.load(base)
    if not isinstance(model, Trainable):
        raise ZaohuaError(f"{type(model).__name__} is fitted in one go, so there is nothing to begin from")
    return model


def tell(model: GenerativeModel, folder: Path, read: Json | None) -> None:
    """Print where the run is and what to do next; as JSON, with the description of the data, if that is given."""
    from zaohua.core.hardware import is_main_process

    if not is_main_process():
        return
    if read is not None:
        history: list[Json] = getattr(model, "history_", [])
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
                    "data": read,
                    "last": record,
                }
            )
        )
    else:
        echo(f"trained: {folder}")
        if getattr(model, "degrade", None) is not None or hasattr(model, "restore"):
            echo(f"next:    zaohua restore {quoted(folder)} INPUT")
        elif hasattr(model, "sample"):
            talks = hasattr(model, "chat") and getattr(model, "apart_", False)
            echo(f"next:    zaohua {'chat' if talks else 'sample'} {quoted(folder)}")
