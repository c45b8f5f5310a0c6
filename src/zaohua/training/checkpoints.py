"""Tensors and environment of a training, as its checkpoints store them."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict

import torch
from torch import Tensor

from zaohua.core.errors import CheckpointError
from zaohua.core.json import Json
from zaohua.storage.runs import load_model
from zaohua.training import differences
from zaohua.training.optimizers import load_optimizer_tensors, optimizer_tensors

if TYPE_CHECKING:
    from zaohua.estimator.encoding import TrainingData
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
    difference = data.differs(state["data"]) if "data" in state else None
    if difference:
        saved, _ = load_model(str(run), weights=False)
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
