"""Tensors and environment of a training, as its checkpoints store them."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.training.optimizers import load_optimizer_tensors, optimizer_tensors

if TYPE_CHECKING:
    from zaohua.estimator.encoding import TrainingData
    from zaohua.training.step import Stepper


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


def check_data(state: Json, data: TrainingData, run: object) -> None:
    """Check that a training is resumed on the data that it began with.

    Args:
        state: the saved state; that of older runs has no fingerprint of the data, and passes.
        data: the data given.
        run: the run, for the message.

    Raises:
        ZaohuaError: the data differ.
    """
    difference = data.differs(state["data"]) if "data" in state else None
    if difference:
        raise ZaohuaError(
            f"the data given isn't what {run} was trained on: {difference}; give those that it was trained on, or "
            "fine-tune the model on these"
        )


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
    except (KeyError, RuntimeError):
        raise ZaohuaError(
            f"can't resume {run}: these settings make networks of other shapes than its own; leave the fields that "
            "determine them as they were"
        ) from None
