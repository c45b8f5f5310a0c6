"""Memory that a training step needs, foreseen from a few items before anything is written or trained.

The losses of a few items, and of twice as many, are computed once, and everything that torch saves for their gradients
is counted. These activations grow in proportion to the items; gradients and the optimiser's state take three times as
much as the weights. The sum is less than what a step needs at its peak, so a training that is refused could not have
run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.memory import OutOfMemory, free_memory, is_out_of_memory, limited, require
from zaohua.core.noise import derive_seed, seed_global

if TYPE_CHECKING:
    from zaohua.estimator.encoding import TrainingData
    from zaohua.training.step import Stepper
    from zaohua.training.trainable import Trainable

PROBED = 2
"""Number of items whose activations are counted; one is too few for some normalisations."""
PER_WEIGHT = 3
"""Tensors of the size of the weights that the first step creates: gradients, and two moments of the optimiser."""


@dataclass(frozen=True)
class Footprint:
    """Memory of a training step in bytes, at least.

    Attributes:
        fixed: what doesn't depend on the number of items, such as gradients and the optimiser's state.
        per_item: the activations of one item.
        at_once: number of items in a micro-batch.
    """

    fixed: float
    per_item: float
    at_once: int

    @property
    def total(self) -> float:
        """What one step takes."""
        return self.fixed + self.per_item * self.at_once


def foresee(stepper: Stepper, data: TrainingData, rows: np.ndarray) -> Footprint | None:
    """Estimate the memory of a step, and refuse a training that can't fit.

    Args:
        stepper: the training, before its first step in this process.
        data: what batches are made of.
        rows: rows to train on.

    Returns:
        The estimate; None if several processes share the machine, or if the loss can't be computed of so few items.

    Raises:
        OutOfMemory: a step needs more memory than is free.
    """
    if stepper.world > 1:
        return None
    model, free = stepper.model, _free(stepper.device)
    weights = sum(p.numel() * p.element_size() for p in stepper.nets.parameters() if p.requires_grad)
    private = stepper.private  # whose batches are computed in blocks, however large they are
    at_once = math.ceil(model.batch_size / model.grad_accumulation) if private is None else private.rows
    least = Footprint(PER_WEIGHT * weights, 0.0, at_once)
    if model.spec_.shape is not None:  # before any tensor of that size is made
        _check(replace(least, per_item=4.0 * model.spec_.size), free, model)
    few = rows[: min(PROBED, least.at_once)]
    try:
        with _untouched(stepper), limited(free) if stepper.device.type == "cpu" else nullcontext():
            found = _probe(stepper, data, few, least, free)
    except OutOfMemory:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            _check(replace(least, per_item=free / len(few) + 1), free, model)
        return None  # a loss of a user may need a whole batch; if anything is wrong, the first step tells what
    _check(found, free, model)
    return found


def _probe(stepper: Stepper, data: TrainingData, few: np.ndarray, least: Footprint, free: float) -> Footprint:
    """Count what a few items save, and what twice as many of the same do; the difference is that of the items alone."""
    one = _saved(stepper, data, few, least, free)
    if least.at_once <= len(few):
        return replace(least, per_item=one / len(few))
    per_item = max(0.0, _saved(stepper, data, np.tile(few, 2), least, free) - one) / len(few)
    return replace(least, fixed=least.fixed + max(0.0, one - per_item * len(few)), per_item=per_item)


def _saved(stepper: Stepper, data: TrainingData, rows: np.ndarray, least: Footprint, free: float) -> float:
    """Return the bytes that the losses of some rows save for their gradients: those of the phase that saves most."""
    codes = data.x[rows]
    y = None if data.y is None else data.y[rows]
    weights = {tensor.untyped_storage().data_ptr() for tensor in (*stepper.nets.parameters(), *stepper.nets.buffers())}
    most = 0.0
    for turn, name in enumerate(stepper.plan):
        count = _Count(weights, replace(least, per_item=0.0), len(rows), free, stepper.model)
        stepper.choose(name)
        batch = stepper.batch(codes, y, derive_seed(stepper.model.seed_, "probe", turn), 0, len(rows), train=True)
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor), stepper.autocast():
            stepper.learners[name].loss(stepper.nets, batch, name)
        most = max(most, count.total)
    return most


class _Count:
    """Hook of torch that counts the bytes of saved tensors, each storage once, and weights not at all.

    It ends the computation once a step would need twice what is free, even if some of it isn't of the items.
    """

    def __init__(self, weights: set[int], least: Footprint, items: int, free: float, model: Trainable):
        self.seen, self.total = set(weights), 0.0
        self.least, self.items, self.free, self.model = least, items, free, model

    def __call__(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.seen:
            self.seen.add(storage.data_ptr())
            self.total += storage.nbytes()
            per_item = self.total / self.items
            if per_item * self.least.at_once > 2 * self.free:
                _check(replace(self.least, per_item=per_item), self.free, self.model)
        return tensor


def _check(found: Footprint, free: float, model: Trainable) -> None:
    """Raise an `OutOfMemory` if a step needs more than is free, with what takes less."""
    if found.total <= free:
        return
    smaller = model.codec_.smaller_items()
    fitting = (
        (free - found.fixed) / (2 * found.per_item) if found.per_item else 0
    )  # half: the estimate is a lower bound
    if fitting < 1:
        one = "one item" if found.at_once > 1 else "a step"
        require(found.fixed + found.per_item, f"{one} in training, with its networks,", smaller, free)
    accumulation = math.ceil(model.batch_size / max(1, int(fitting)))
    advice = f"{option('grad_accumulation', accumulation)} gives the same result in less, or {smaller}"
    require(found.total, f"a step with {found.at_once} items at once", advice, free)


@contextmanager
def _untouched(stepper: Stepper) -> Iterator[None]:
    """Restore buffers, such as running statistics, and random states after the block."""
    buffers = [(buffer, buffer.clone()) for buffer in stepper.nets.buffers()]
    with torch.random.fork_rng():
        seed_global(derive_seed(stepper.model.seed_, "probe"), stepper.device)
        stepper.nets.train()
        try:
            yield
        finally:
            for buffer, before in buffers:
                buffer.copy_(before)


def _free(device: torch.device) -> float:
    """Return the free bytes of a device."""
    return float(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else free_memory()
