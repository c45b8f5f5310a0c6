"""For the tests of training: models small enough to follow by hand, and runs that end early."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import zaohua as zh
from zaohua.core.noise import Noise
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.modalities.datasets import load
from zaohua.storage.atomic import sha256
from zaohua.training.events import Batch, Event
from zaohua.training.trainable import Trainable

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals, forks, locks and permissions")
NO_FORK = pytest.mark.skipif(
    os.name == "nt" or torch.cuda.is_available(),
    reason="there is no fork on Windows, nor of a process that has used CUDA",
)
PLAIN: dict[str, Any] = {"random_state": 0, "device": "cpu", "precision": "float32", "batch_size": 16}


def digits(n: int = 100) -> tuple[np.ndarray, list[Any]]:
    images, labels = load("digits", "train")
    return images[:n], labels[:n]


def make(name: str, max_steps: int, **fields: Any) -> Any:
    """A tiny model of a class of the library."""
    cls = getattr(zh, name)
    return cls(**{**cls.tiny, **PLAIN, "max_steps": max_steps, **fields})


def reloaded(model: Any, folder: Path) -> Any:
    """A fitted model as somebody else gets it: saved and loaded."""
    model.save(folder)
    return zh.load(folder)


class Point(nn.Module):
    """A vector of parameters."""

    def __init__(self, size: int):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(size))


class Mean(Trainable):
    """Learns the mean of the data by plain gradient descent; what it does in each step can be done by hand.

    Attributes:
        trace: w and its running average after each step.
    """

    learning_rate = 0.1
    warmup_steps = 0
    lr_schedule = "constant"
    max_grad_norm = None
    batch_size = 16
    nan_at: Annotated[int | None, Between(0)] = None
    """Step whose loss is no number."""
    pull: Annotated[float | None, Between(0)] = None
    """Loss of training: w upwards, by this much; the held-out items then want w to be 0.5."""

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        self.trace: list[tuple[Tensor, Tensor]] = []
        return nn.ModuleDict({"net": Point(spec.size)})

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        w, self.nets_of_training = nets["net"].w, nets if nets.training else self.nets_of_training
        if self.pull is not None:
            ones = batch.x.new_ones(len(batch))
            return -self.pull * w.sum() * ones if nets.training else (w - 0.5).square().sum() * ones
        loss = (batch.x.flatten(1) - w).square().sum(1) / 2
        return loss * (torch.nan if self.nan_at == len(self.trace) else 1.0)

    def make_optimizer(self, parameters: dict[str, nn.Parameter], phase: str) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters.values(), lr=self.learning_rate)

    def draw(self, noise: Noise, y: Tensor | None) -> Tensor:
        return self.nets_["net"].w.expand(noise.n, -1).view(noise.n, *self.spec_.tensor_shape)

    def note(self, event: Event) -> None:
        """A callback that fills `trace`."""
        if event.kind == "step":
            nets = (self.nets_of_training, self.nets_)
            self.trace.append(tuple(n["net"].w.detach().to("cpu", copy=True) for n in nets))


class Killed(Exception):
    """Stands for SIGKILL: nothing more is saved."""


def at_step(step: int, do: Callable[[], Any]) -> Callable[[Event], None]:
    """A callback that does something after a step."""
    return lambda event: do() if event.kind == "step" and event.step == step else None


def kill() -> None:
    raise Killed


def ending(run: Path) -> dict[str, Any]:
    """All that must be equal in two runs that are the same: hashes of the tensors, state and history less the times."""
    out: dict[str, Any] = {"weights": sha256((run / "weights.safetensors").read_bytes())}
    for path in sorted(run.glob("checkpoints/*/*.safetensors")):
        out[f"{path.parent.name}/{path.name}"] = sha256(path.read_bytes())
    for path in sorted(run.glob("checkpoints/*/state.json")):
        out[path.parent.name] = {**json.loads(path.read_bytes()), "elapsed": None}
    records = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    out["history"] = [without_times(record) for record in records]
    return out


def without_times(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in ("seconds", "items_per_second")}
