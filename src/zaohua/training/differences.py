"""Why a run can't be resumed: its settings or its data aren't those that it began with, and what to do instead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zaohua import modalities
from zaohua.core import registry
from zaohua.core.advice import either, option, quoted
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import note, shown
from zaohua.core.params import fields_of, restored
from zaohua.core.params import stored as as_stored
from zaohua.storage.atomic import to_bytes
from zaohua.storage.layout import checkpoint_steps, has_weights
from zaohua.storage.published import is_published
from zaohua.training.settings import TrainingSettings

if TYPE_CHECKING:
    from zaohua.training.trainable import Trainable


def finetuning(run: object, model: Json | None = None) -> str:
    """Return the advice to fine-tune a run on other data, as it is typed.

    Args:
        run: folder of the run.
        model: content of its `model.json`.
    """
    entry = registry.stored_entry(model["model"]) if model else None
    name = entry.command if entry else "MODEL"
    return either(
        f"zaohua.load({str(run)!r}).finetune(X, out=...)",
        f"zaohua train {name} DATA --base {quoted(run)} --out NEW",
    )


def check_resumable(run: str | Path, model: Json) -> None:
    """Check that resuming a run doesn't replace trained weights by those of a training from scratch.

    A run that was killed before anything was saved can be resumed, from step 0.

    Args:
        run: folder of the run.
        model: content of its `model.json`.

    Raises:
        ZaohuaError: the run has weights but no checkpoint, or it is a published model.
    """
    if is_published(run):
        raise ZaohuaError(f"{run} is a published model and no run: {finetuning(run, model)} begins from its weights")
    if has_weights(Path(run)) and not checkpoint_steps(run):
        anew = either("fit(X, out=..., overwrite=True)", f"zaohua train ... --out {quoted(run)} --overwrite")
        raise ZaohuaError(
            f"{run} has no checkpoint to go on from, only a trained model: {finetuning(run, model)} begins from its "
            f"weights, {anew} begins anew"
        )


def other_settings(model: Trainable, saved: Json) -> list[str]:
    """List the fields that determine networks or data and differ from those of a run, with the run's values.

    Args:
        model: the model that is to go on.
        saved: content of the run's `model.json`.
    """
    fields, stored = fields_of(type(model)), saved["parameters"]
    free = {*fields_of(TrainingSettings), "random_state", "codec", "y_codec"}
    kept = {name for name, field in fields.items() if field.sampling} | free
    changed = []
    for name in fields:
        if name in stored and name not in kept and to_bytes(as_stored(getattr(model, name))) != to_bytes(stored[name]):
            own = restored(fields[name], stored[name])
            changed.append(f"{option(name, getattr(model, name))} (its own: {own})")
    return changed


def tell_seed(random_state: object, saved: Json, run: object) -> None:
    """Note a seed that was given to go on with: a run keeps the one that it began with.

    Args:
        random_state: that of the model that is to go on.
        saved: content of the run's `model.json`.
        run: folder of the run.
    """
    if random_state is not None and random_state not in (saved["parameters"].get("random_state"), saved["seed"]):
        note(f"{option('random_state', random_state)} changes nothing: {run} goes on with the seed that it began with")


def settings_error(run: object, changed: list[str]) -> ZaohuaError:
    """Return the error of fields that determine networks or data and were changed."""
    how = either(f"zaohua.load({str(run)!r}).resume({str(run)!r})", f"zaohua resume {quoted(run)}")
    return ZaohuaError(
        f"can't resume {run} with {', '.join(changed)}: networks and data depend on that, so leave it as it was; "
        f"{how} takes the run's own settings"
    )


def check_encoding(model: Trainable, saved: Json, run: object) -> None:
    """Check that data are encoded as they were when the run began.

    Args:
        model: the model that is to go on, with codecs fitted to the data given.
        saved: content of the run's `model.json`.
        run: folder of the run.

    Raises:
        ZaohuaError: they aren't; the message says what differs and what to do.
    """
    now = model.to_json()
    if saved.get("base") is not None and now["codec_option"] is not None:  # data are encoded as the base does, unasked
        if others := _other_options(now["codec_option"], saved.get("codec_option") or saved["codec"]):
            raise ZaohuaError(f"can't resume {run} with other options of its data ({others}): a run keeps its encoding")
    before = {key: saved[key] and modalities.from_json(saved[key]).to_json() for key in ("codec", "y_codec")}
    if all(to_bytes(now[key]) == to_bytes(value) for key, value in before.items()):  # older runs lack newer options
        return
    if changed := other_settings(model, saved):
        raise settings_error(run, changed)
    raise ZaohuaError(f"the data given isn't what {run} was trained on: {_difference(now, saved, run)}")


def data_error(run: object, difference: str, saved: Json | None) -> ZaohuaError:
    """Return the error of data that are encoded alike and are others."""
    return ZaohuaError(
        f"the data given isn't what {run} was trained on: {difference}; give those that it was trained on, or "
        f"go on from its weights: {finetuning(run, saved)}"
    )


def _difference(now: Json, saved: Json, run: object) -> str:
    """Describe how data differ from those of a run, and what to do."""
    if others := _other_options(now["codec"], saved["codec"]):
        return f"it is encoded differently ({others}); a run keeps its encoding"
    learnt = [each["y_codec"] is not None for each in (now, saved)]
    if learnt[0] != learnt[1]:
        if learnt[1]:
            return "it has no labels, and the run was trained with labels: give these, too"
        return f"it has labels, and the run was trained without: {either('y=None', '--no-labels')} leaves them out"
    if learnt[1] and (taken := _taken_for(now, saved)):
        return f"its conditions are encoded differently ({taken}); a run keeps its encoding"
    classes, known = _classes(now), _classes(saved)
    if new := [name for name in classes if name not in known]:
        return (
            f"it has new labels ({shown(new)}), which a trained model can't learn, nor can fine-tuning: train a new "
            "model on all items"
        )
    counts = now["state"].get("items"), saved["state"].get("items")
    if None not in counts and counts[0] != counts[1]:
        return f"{counts[0]:,} items instead of {counts[1]:,}; go on from its weights: {finetuning(run, saved)}"
    described = [(each.get("summary") or {}).get("x", "") for each in (now, saved)]
    what = "its items or labels are others" if described[0] == described[1] else " instead of ".join(described)
    return f"{what}; give those that it was trained on, or go on from its weights: {finetuning(run, saved)}"


def _taken_for(now: Json, saved: Json) -> str:
    """Tell by which codecs conditions are encoded, if not by a run's: "VectorCodec instead of LabelCodec"."""
    codecs = [each["y_codec"]["codec"] for each in (now, saved)]
    parts = [
        {name: codec["codec"] for name, codec in each["y_codec"]["state"].get("codecs", [])} for each in (now, saved)
    ]
    if codecs[0] != codecs[1]:
        return f"{codecs[0]} instead of {codecs[1]}"
    others = [name for name in parts[0] if name in parts[1] and parts[0][name] != parts[1][name]]
    return "; ".join(f"{name}: {parts[0][name]} instead of {parts[1][name]}" for name in others)


def _other_options(codec: Json, saved: Json) -> str:
    """List the options of a codec that differ from those of a run's: "tokenizer chars -> bpe"."""
    options, own = codec["options"], saved["options"]
    changed = [name for name in options if name in own and options[name] != own[name]]
    return ", ".join(f"{name} {own[name]} -> {options[name]}" for name in changed)


def _classes(model: Json) -> list[str]:
    """Return the labels that a model knows, as texts."""
    y = model.get("y_codec")
    return [str(name) for name in y["state"].get("classes", ())] if y else []
