"""Gradients of a loss for each item by itself, clipped and summed.

The loss is a function of a batch, and nothing says that its items don't depend on each other. So it is computed for
batches of one item: by `torch.func`, for many of them at once; or, where that isn't possible, one after the other.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from zaohua.core.noise import Noise
from zaohua.core.record import Condition, Record
from zaohua.training.events import Batch
from zaohua.training.private.noise import RecordedNoise, ReplayedNoise, Request, UnexpectedDraw

Inputs = dict[str, Any]
"""Tensors of a batch by name, those of a record and of draws one level below: what `vmap` takes apart by items."""


class ItemGradients:
    """Gradients of a phase for each item.

    Args:
        phase: module whose forward pass is the loss of a batch, (B,).
        parameters: what to differentiate by, by its name in `phase`.
        draws: number of losses of each item that are averaged; consecutive rows of a batch are one item's.

    Attributes:
        looped: why items are computed one after the other; empty while they aren't.
    """

    def __init__(self, phase: nn.Module, parameters: Mapping[str, nn.Parameter], draws: int = 1):
        self.phase, self.parameters, self.draws = phase, dict(parameters), draws
        self.looped = ""
        self.requests: list[Request] | None = None

    def of(self, batch: Batch, noise: Callable[[], Noise]) -> dict[str, Tensor]:
        """Return the gradient of each item's mean loss, (B / draws, ...) by the parameter's name.

        Args:
            batch: the items; its own noise isn't used.
            noise: makes the noise of the loss, always the same, which is drawn for all items at once.
        """
        recorded = RecordedNoise(noise())
        if self.requests is None or not recorded.foresee(self.requests):
            recorded = self._record(batch, noise())
        try:
            return self._of(batch, recorded)
        except UnexpectedDraw:  # such as of sequences of another length
            return self._of(batch, self._record(batch, noise()))

    def _record(self, batch: Batch, noise: Noise) -> RecordedNoise:
        """Compute the losses of all items at once for what they draw."""
        recorded = RecordedNoise(noise)
        with torch.no_grad():
            self.phase(Batch(batch.x, batch.y, recorded, batch.progress, batch.codes))
        self.requests = recorded.requests
        return recorded

    def _of(self, batch: Batch, noise: RecordedNoise) -> dict[str, Tensor]:
        inputs = self._grouped(batch, noise.draws)
        weights = {name: p.detach() for name, p in self.parameters.items()}

        def loss(weights: dict[str, Tensor], one: Inputs) -> Tensor:
            replayed = ReplayedNoise(noise.requests, one["draws"], self.draws)
            x, codes = one["x"], one.get("codes")
            given = Batch(x, _condition(one.get("y")), replayed, batch.progress, codes)
            losses: Tensor = functional_call(self.phase, weights, (given,))
            return losses.float().mean()

        if not self.looped:
            try:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", "There is a performance drop")
                    out: dict[str, Tensor] = vmap(grad(loss), in_dims=(None, 0), randomness="different")(
                        weights, inputs
                    )
                    return out
            except UnexpectedDraw:
                raise
            except (RuntimeError, NotImplementedError, ValueError, TypeError) as error:
                self.looped = " ".join(str(error).split())[:200] or type(error).__name__
        count = len(batch) // self.draws
        each = [self._alone(loss, _at(inputs, item)) for item in range(count)]
        return {name: torch.stack([one[name] for one in each]) for name in weights}

    def _alone(self, loss: Callable[[dict[str, Tensor], Inputs], Tensor], one: Inputs) -> dict[str, Tensor]:
        """Return the gradient of one item's loss by autograd, which can also differentiate gradients in a loss."""
        leaves = {name: p.detach().requires_grad_() for name, p in self.parameters.items()}
        found = torch.autograd.grad(loss(leaves, one), list(leaves.values()), allow_unused=True)
        return {
            name: torch.zeros_like(leaf) if gradient is None else gradient
            for (name, leaf), gradient in zip(leaves.items(), found, strict=True)
        }

    def _grouped(self, batch: Batch, draws: Sequence[Tensor]) -> Inputs:
        """Return the tensors of a batch with the rows of an item together, (items, draws, ...)."""

        def group(tensor: Tensor) -> Tensor:
            return tensor.reshape(-1, self.draws, *tensor.shape[1:])

        found: Inputs = {"x": group(batch.x), "draws": [group(tensor) for tensor in draws]}
        if batch.codes is not None:
            found["codes"] = group(batch.codes)
        if isinstance(batch.y, Record):
            both = {"parts": batch.y.parts, "present": batch.y.present}
            found["y"] = {kind: {name: group(part) for name, part in parts.items()} for kind, parts in both.items()}
        elif batch.y is not None:
            found["y"] = group(batch.y)
        return found


def clipped_sum(gradients: Mapping[str, Tensor], norm: float) -> dict[str, Tensor]:
    """Return the sum of items' gradients, each scaled down to a norm if it is longer; none counts that isn't finite.

    Args:
        gradients: gradients of n items, (n, ...) by name.
        norm: the most that the gradient of an item may be long, over all names together.
    """
    flat = {name: g.flatten(1).float() for name, g in gradients.items()}
    lengths = torch.stack([g.square().sum(1) for g in flat.values()]).sum(0).sqrt()
    finite = lengths.isfinite()
    factor = torch.where(finite, (norm / lengths.clamp(min=1e-30)).clamp(max=1.0), 0.0)
    if not bool(finite.all()):
        flat = {name: torch.where(finite[:, None], g, 0.0) for name, g in flat.items()}
    return {name: (factor @ g).view(gradients[name].shape[1:]) for name, g in flat.items()}


def _condition(y: Any) -> Condition | None:
    """Return the condition whose tensors are given."""
    return Record(y["parts"], y["present"]) if isinstance(y, dict) else y


def _at(inputs: Inputs, item: int) -> Inputs:
    """Return the tensors of one item."""

    def take(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: take(part) for name, part in value.items()}
        return [take(part) for part in value] if isinstance(value, list) else value[item]

    return {name: take(value) for name, value in inputs.items()}
