"""One step of training: a pure function of the previous state and of (seed, step).

The learning rate, the items and all noise are computed from these, so that k + (n - k) steps equal n bit for bit and no
random state is ever saved. Two processes with batches of B, or two accumulated micro-batches, draw the same noise as
one process with 2B, and give the same gradients.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.hardware import ProductCounter, autocast, make_accelerator, pick_device, pick_precision, to_device
from zaohua.core.noise import BatchNoise, derive_seed, seed_global
from zaohua.core.record import Condition
from zaohua.training import kernels
from zaohua.training.divergence import Diverged, diverged
from zaohua.training.events import Batch
from zaohua.training.limits import planned_steps
from zaohua.training.schedule import schedule, warmup

if TYPE_CHECKING:
    from zaohua.estimator.encoding import TrainingData
    from zaohua.training.private.mechanism import Mechanism
    from zaohua.training.trainable import Trainable


T = TypeVar("T")


class Phase(nn.Module):
    """Module whose forward pass is the loss of a phase, and whose parameters are those that the phase trains.

    Data-parallel training wraps it. The other networks can be used by the loss but aren't registered, so that their
    gradients aren't synchronised; they are frozen.

    Args:
        learner: the model, or another of `Trainable.learners`.
        nets: the networks of all learners.
        name: name of the phase.
    """

    def __init__(self, learner: Trainable, nets: nn.ModuleDict, name: str):
        super().__init__()
        self.trained = nn.ModuleDict({net: nets[net] for net in learner.phases[name]})
        self.others = [(learner, nets, name)]  # a list, so that nothing in it is registered

    def forward(self, batch: Batch) -> Tensor:
        """Return the loss of each item, (B,)."""
        learner, nets, name = self.others[0]
        return learner.loss(nets, batch, name)


class Stepper:
    """Networks of a model, their running average and their optimisers, and the training step.

    Args:
        model: the model to train.
        weights: weights to start from; None initialises them at random.
    """

    def __init__(self, model: Trainable, weights: dict[str, Tensor] | None = None):
        self.model = model
        self.accelerator = make_accelerator(model.device)
        self.world = self.accelerator.num_processes
        self.device = self.accelerator.device if self.world > 1 else pick_device(model.device)
        model.seed_ = self.agree(model.seed_)
        self.dtype = self.agree(pick_precision(model.precision, self.device))
        self.private: Mechanism | None = None
        self.step, self.progress, self.rate, self.began = 0, 0.0, 0.0, False
        self.warming = 0  # steps of the warm-up in this process
        self._build(weights)

    def _build(self, weights: dict[str, Tensor] | None) -> None:
        """Create the networks, their average, and a `Phase` and an optimiser for each phase."""
        model = self.model
        with torch.random.fork_rng():
            torch.manual_seed(derive_seed(model.seed_, "init"))
            nets = model.networks()
            if weights is not None:
                self._load(nets, weights)
            nets = model.add_adapters(nets)
        self.nets = to_device(nets, self.device)
        model.nets_ = self.average = copy.deepcopy(self.nets).eval().requires_grad_(False)
        turns = [(name, learner) for learner in model.learners() for name in learner.plan()]
        self.plan, self.learners = tuple(name for name, _ in turns), dict(turns)
        phases = self.modules = {name: Phase(learner, self.nets, name) for name, learner in self.learners.items()}
        self.parameters = {
            name: {key: p for key, p in phase.trained.named_parameters() if p.requires_grad}
            for name, phase in phases.items()
        }
        self.optimizers = {name: self.learners[name].make_optimizer(p, name) for name, p in self.parameters.items()}
        self.phases = {name: self.accelerator.prepare_model(phase) for name, phase in phases.items()}
        if not model.ema_decay:  # the average shares its weights with the networks
            for averaged, current in zip(self.average.parameters(), self.nets.parameters(), strict=True):
                averaged.data = current.data
        self.averaged = list(self.average.parameters()), list(self.nets.parameters())
        self.buffers = list(zip(self.average.buffers(), self.nets.buffers(), strict=True))

    def _load(self, nets: nn.ModuleDict, weights: dict[str, Tensor]) -> None:
        try:
            nets.load_state_dict(weights)
        except RuntimeError:
            raise ZaohuaError(
                f"these settings make networks of other shapes than those that {type(self.model).__name__} starts "
                "from: leave the fields that determine them as they were"
            ) from None

    def agree(self, value: T) -> T:
        """Return the main process's value in all processes; it is pickled, so not for every step."""
        if self.world == 1:
            return value
        from accelerate.utils import broadcast_object_list

        agreed: T = broadcast_object_list([value])[0]
        return agreed

    def agree_on_numbers(self, *values: float) -> tuple[float, ...]:
        """Return the main process's numbers in all processes, sent as one tensor."""
        if self.world == 1:
            return values
        from accelerate.utils import broadcast

        return tuple(broadcast(torch.tensor(values, dtype=torch.float64, device=self.device)).tolist())

    def take_step(self, draws: Iterator[tuple[Tensor, Condition | None]]) -> dict[str, Tensor]:
        """Take one step; the first also decides on the number of threads, and checks the kernels that it used.

        See `ProductCounter` and `training.kernels`.

        Args:
            draws: codes and conditions of the batches, one for each phase of the plan.

        Returns:
            The loss of each phase, as "loss/PHASE".

        Raises:
            Diverged: a loss or gradient isn't finite, or a kernel computes wrong numbers.
        """
        if self.began or self.device.type != "cpu":
            return self._take_step(draws)
        first, self.began = self.step == 0, True  # a resumed training has its number of threads
        counter = ProductCounter() if first else contextlib.nullcontext()
        watched = self.nets if self.private is None else nn.ModuleDict()  # within vmap inputs are no plain tensors
        with counter as products, kernels.watched(watched) as layers:
            losses = self._take_step(draws)
        if products is not None and products.small:
            torch.set_num_threads(1)
        fault = kernels.fault_in(layers) if self.dtype == torch.bfloat16 else None
        if fault is not None:
            raise Diverged(
                f"{type(self.model).__name__}: this processor computes wrong numbers in bfloat16: {fault}: train with "
                f"{option('precision', 'float32')}, and see the known issues in the documentation"
            )
        return losses

    def _take_step(self, draws: Iterator[tuple[Tensor, Condition | None]]) -> dict[str, Tensor]:
        """Train every phase of the plan, then update the running average; return the loss of each phase."""
        model, losses = self.model, {}
        self.rate = model.learning_rate * schedule(model, self.step, self.progress)
        self.warming += warmup(model, self.step, self.progress) < 1
        for turn, name in enumerate(self.plan):
            codes, y = next(draws)
            if self.private is not None and name in self.private.seeing:
                self.choose(name)
                self.private.set_gradient(self, name, turn, codes, y)
                self._update(name)  # and its loss, which is of the items, stays unknown
                continue
            if self.private is not None:
                codes, y = self.private.public(self, turn, codes, y)
            losses[f"loss/{name}"] = self._phase(name, turn, codes, y)
        if model.ema_decay:
            average, current = self.averaged
            get_ema_multi_avg_fn(min(model.ema_decay, (1 + self.step) / (10 + self.step)))(average, current, 0)
        for averaged, current_buffer in self.buffers:
            averaged.copy_(current_buffer)
        return losses

    def choose(self, name: str) -> None:
        """Let gradients flow to the networks that a phase trains, and to no others."""
        if len(self.phases) > 1:
            self.nets.requires_grad_(False)
            self.phases[name].requires_grad_(True)

    def _phase(self, name: str, turn: int, codes: Tensor, y: Condition | None) -> Tensor:
        """Take one optimiser step of a phase, over accumulated micro-batches; return its loss."""
        self.choose(name)
        total = torch.zeros((), device=self.device)
        bounds = np.linspace(0, len(codes), self.model.grad_accumulation + 1).astype(int)
        for micro, (low, high) in enumerate(zip(bounds, bounds[1:], strict=False)):
            rows = slice(int(low), int(high))
            last = micro == self.model.grad_accumulation - 1
            with contextlib.nullcontext() if last else self.accelerator.no_sync(self.phases[name]):
                value = self._loss(name, turn, codes[rows], None if y is None else y[rows], rows.start)
                value.backward()
            total += value.detach()
        learner, parameters = self.learners[name], list(self.parameters[name].values())
        norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if not math.isfinite(float(total) + float(norm)):
            raise diverged(self, name, turn, float(total), float(norm), self._rate(name))
        if learner.max_grad_norm is not None and norm > learner.max_grad_norm:
            nn.utils.clip_grads_with_norm_(parameters, learner.max_grad_norm, norm)
        self._update(name)
        return total

    def _update(self, name: str) -> None:
        """Let the optimiser of a phase take a step along its gradients."""
        optimizer, rate = self.optimizers[name], self._rate(name)
        for group in optimizer.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def _rate(self, name: str) -> float:
        """Return the learning rate of a phase in this step."""
        return self.learners[name].learning_rate * schedule(self.model, self.step, self.progress)

    def _loss(self, name: str, turn: int, codes: Tensor, y: Condition | None, start: int) -> Tensor:
        """Return the sum of a micro-batch's losses divided by the nominal size of the whole batch."""
        model, rank, size = self.model, self.accelerator.process_index, self.model.batch_size
        seed_global(derive_seed(model.seed_, "network", self.step, turn, start, rank), self.device)  # for dropout
        batch = self.batch(
            codes,
            y,
            derive_seed(model.seed_, "noise", self.step, turn),
            rank * size + start,
            self.world * size,
            train=True,
        )
        with self.autocast():
            losses: Tensor = self.phases[name](batch)
            return losses.float().sum() / size

    def batch(self, codes: Tensor, y: Condition | None, seed: int, start: int, total: int, train: bool) -> Batch:
        """Prepare items start..start + len(codes) of a global batch of `total`, with their noise, for a loss."""
        noise = BatchNoise(seed, len(codes), start, total, self.device)
        codes = codes.to(self.device, non_blocking=True)
        x, prepared = self.model.prepare_batch(codes, y, noise, train)
        if train and prepared is not None:
            prepared = self.model.hide_conditions(prepared, noise)
        return Batch(x, prepared, noise, self.progress if train else 1.0, codes)

    def measure(self, data: TrainingData, items: np.ndarray) -> dict[str, float]:
        """Compute the mean loss of the averaged networks over some items, for each phase of all learners that have one.

        The loss is the same function at every step: weights that depend on the progress have their final values. Noise
        is drawn for 256 items at a time, so that the loss doesn't depend on the batch size, and independently for each
        phase. Batches are no larger than those of training.

        Args:
            data: rows of training.
            items: indices of the rows to measure, int64 (n,).
        """
        return {
            phase: self._mean_loss(learner, phase, data, items)
            for learner in self.model.learners()
            if learner.has_validation_loss
            for phase in learner.phases
        }

    def _mean_loss(self, learner: Trainable, phase: str, data: TrainingData, items: np.ndarray) -> float:
        """Compute the mean loss of a phase; each process measures some of the blocks."""
        model, blocks = self.model, range(0, len(items), 256)
        size = math.ceil(model.batch_size / model.grad_accumulation)
        sums = torch.zeros(len(blocks), dtype=torch.float64)
        for turn in range(self.accelerator.process_index, len(blocks), self.world):
            block = blocks[turn]
            block_items = items[block : block + 256]
            for start in range(0, len(block_items), size):
                rows = block_items[start : start + size]
                y = None if data.y is None else data.y[rows]
                seed = derive_seed(model.seed_, "validation", block)
                with torch.no_grad(), self.autocast():
                    batch = self.batch(data.x[rows], y, seed, start, len(block_items), train=False)
                    sums[turn] += float(learner.loss(self.average, batch, phase).sum())
        if self.world > 1:  # the others' entries are 0, so the sum is exact
            sums = self.accelerator.reduce(sums.to(self.device, torch.float64), "sum").cpu()
        return float(sums.numpy().cumsum()[-1]) / len(items)

    def autocast(self) -> torch.autocast:
        """Return a context in which networks compute in the chosen precision."""
        return autocast(self.dtype, self.device)

    @property
    def total(self) -> int | None:
        """Number of steps of the whole training; None if only its time is limited."""
        return planned_steps(self.model)
