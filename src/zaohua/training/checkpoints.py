"""Checkpoints of a training: its tensors, state and environment, saved and restored."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict

import torch
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.errors import CheckpointError, ZaohuaError
from zaohua.core.json import Json
from zaohua.estimator.seen import replaced
from zaohua.storage.runs import load_checkpoint, load_model
from zaohua.training import differences
from zaohua.training.optimizers import load_optimizer_tensors, optimizer_tensors

if TYPE_CHECKING:
    from zaohua.estimator.encoding import TrainingData
    from zaohua.training.loop import Engine
    from zaohua.training.step import Stepper
    from zaohua.training.trainable import Trainable


class Environment(TypedDict):
    """Conditions, beside the state, under which training is reproducible bit for bit."""

    torch: str
    threads: int
    device: str
    precision: str
    machine: str


def environment(stepper: Stepper) -> Environment:
    """Return the environment of a training in this process."""
    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": stepper.device.type,
        "precision": str(stepper.dtype).removeprefix("torch."),
        "machine": platform.machine(),
    }


def restore_threads(saved: Json) -> None:
    """Lower the number of threads to that of the saved environment: `Stepper.take_step` chose it in the first step."""
    if saved["threads"] < torch.get_num_threads():
        torch.set_num_threads(saved["threads"])


def environment_changes(saved: Json, stepper: Stepper) -> list[str]:
    """Describe how the environment differs from the saved one, such as "threads 1 -> 2"."""
    now = environment(stepper)
    return [f"{key} {saved[key]} -> {value}" for key, value in now.items() if saved.get(key) != value]


def check_data(state: Json, data: TrainingData, run: object, model: Trainable) -> None:
    """Check that a training is resumed on the data that it began with.

    Args:
        state: the saved state; that of older runs has no fingerprint of the data, and passes.
        data: the data given.
        run: folder of the run.
        model: the model that is to go on.

    Raises:
        ZaohuaError: the data differ, or a setting that rows of data depend on.
    """
    difference = data.differs(state["data"]) if state.get("data") else None
    saved, _ = load_model(str(run), weights=False)
    now, then = model.seen_, saved["state"].get("seen", [])
    same_split = saved["parameters"].get("validation_fraction") == model.validation_fraction
    if not difference and now and then and same_split and (count := replaced(now[-1], then[-1])):
        difference = f"{count:,} of its items {'are others' if count > 1 else 'is another'}"
    if difference:
        if changed := differences.other_settings(model, saved):
            raise differences.settings_error(run, changed)
        raise differences.data_error(run, difference, saved)


def tensor_groups(stepper: Stepper) -> dict[str, Mapping[str, Tensor]]:
    """Return the tensors of a training: its networks, their running average and the state of its optimisers."""
    return {
        "nets": stepper.nets.state_dict(),
        "average": stepper.average.state_dict(),
        "optimizers": optimizer_tensors(stepper.optimizers, stepper.parameters),
    }


def load_tensor_groups(stepper: Stepper, groups: Mapping[str, Mapping[str, Tensor]], run: object) -> None:
    """Restore the result of `tensor_groups`.

    Args:
        stepper: training whose tensors are set.
        groups: the saved tensors.
        run: the run that they are from, for the message.

    Raises:
        ZaohuaError: the networks have other shapes than the saved ones.
    """
    try:
        stepper.nets.load_state_dict(groups["nets"])
        stepper.average.load_state_dict(groups["average"])
        load_optimizer_tensors(stepper.optimizers, stepper.parameters, groups["optimizers"])
    except (KeyError, RuntimeError) as error:
        saved, _ = load_model(str(run), weights=False)
        if changed := differences.other_settings(stepper.model, saved):
            raise differences.settings_error(run, changed) from None
        raise CheckpointError(f"the newest checkpoint of {run} holds other networks than its model") from error


def state_of(engine: Engine) -> Json:
    """Return the state of a training beside its tensors and its meter, as JSON values."""
    return {
        "elapsed": engine.elapsed,
        **engine.best.state(),
        "held_out": len(engine.held_out),
        "made_with": environment(engine),
        "data": engine.fingerprint,
        "private": None if engine.private is None else engine.private.state(),
    }


def save(engine: Engine) -> None:
    """Save a checkpoint and the model; if that fails, warn and go on."""
    meter = engine.meter.state()
    if engine.run is None:
        engine.saved = engine.step
        return
    groups = tensor_groups(engine)
    if engine.best.tensors is not None:
        groups["best"] = engine.best.tensors
    try:
        engine.run.save(engine.step, {**state_of(engine), **meter}, groups)
        engine.save_model()
        engine.saved = engine.step
        engine.emit("checkpoint")
    except ZaohuaError as error:
        engine.emit("warning", message=str(error))


def restore(engine: Engine) -> None:
    """Restore a training from the newest intact checkpoint of its run; without any checkpoint, it starts from scratch.

    Raises:
        ZaohuaError: the data or the settings aren't those of the run.
        CheckpointError: no checkpoint is intact.
    """
    checkpoint = load_checkpoint(str(engine.run_folder))
    if checkpoint is None:
        engine.emit("warning", message=f"{engine.run_folder} was stopped before its first checkpoint: it begins anew")
        return
    state, groups, problems = checkpoint
    check_data(state, engine.data, engine.run_folder, engine.model)
    if engine.private is not None:
        engine.private.restore(state.get("private"), engine.model, engine.run_folder)
    elif state.get("private"):
        raise ZaohuaError(
            f"{engine.run_folder} was begun with {option('epsilon', state['private']['epsilon'])}, and steps without "
            "it would reveal items: give it again, or train a new model"
        )
    for problem in problems:
        engine.emit("warning", message=f"{problem}; going on from step {state['step']}")
    engine.step = engine.saved = state["step"]
    engine.meter.restore(state)
    engine.previous_seconds = state["elapsed"]
    load_tensor_groups(engine, groups, engine.run_folder)
    if state["held_out"] == len(engine.held_out):  # of other items, the best loss means nothing
        engine.best.restore(state, groups.get("best"))
    restore_threads(state["made_with"])
    if engine.run is not None:
        engine.model.history_ = engine.run.rewind_history(engine.step)
    if changes := environment_changes(state["made_with"], engine):
        engine.emit("warning", message=f"not bit for bit what it would have been: {', '.join(changes)}")
