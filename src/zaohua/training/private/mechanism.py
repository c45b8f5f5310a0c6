"""Private steps: gradients of items, clipped and summed, with noise that hides any one of them.

    gradient = (sum over drawn items i of  clip(mean over k of  grad loss(i, noise k))  +  sigma C N(0, 1)) / batch

where `batch` is the number of items expected, not that drawn, which is secret. The items, the noise of the losses and
that of the gradients follow from a secret key (see `privacy.secret`): what was public of them could be taken away.

Source: Abadi et al., "Deep Learning with Differential Privacy", 2016 (arXiv:1607.00133); several losses of an item from
De et al., "Unlocking High-Accuracy Differentially Private Image Classification through Scale", 2022 (arXiv:2204.13650),
and Dockhorn et al., "Differentially Private Diffusion Models", 2023 (arXiv:2210.09929).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.noise import BatchNoise, seed_global
from zaohua.core.record import Condition
from zaohua.nn.layers import Dropout
from zaohua.privacy.secret import Secret
from zaohua.training.divergence import diverged
from zaohua.training.private.budget import budget_of
from zaohua.training.private.gradients import ItemGradients, clipped_sum

if TYPE_CHECKING:
    from zaohua.training.step import Stepper
    from zaohua.training.trainable import Trainable

AT_ONCE = 1 << 23
"""Number of values that the gradients of a block of items may have."""
CLIP = 1.0
"""Norm that the gradients of items are clipped to, unless a model or its user asks for less: few are shorter, so each
item counts alike, and the noise is in proportion."""


class Mechanism:
    """What makes the steps of a training private.

    Args:
        stepper: the training.
        items: number of items to train on.

    Attributes:
        budget: the plan.
        secret: source of what is drawn.
        ended: True once the key is deleted, and no step can be taken any more.
        block: number of items whose gradients are computed at once.
    """

    def __init__(self, stepper: Stepper, items: int):
        model = stepper.model
        self.seeing = {name for name, learner in stepper.learners.items() if learner.sees(name)}
        turns = sum(name in self.seeing for name in stepper.plan)
        self.budget = budget_of(model, items, model.batch_size * stepper.world, turns)
        self.secret, self.ended = Secret(stepper.agree(Secret.fresh().key)), False
        self.gradients = {
            name: ItemGradients(
                stepper.modules[name],
                {f"trained.{key}": p for key, p in stepper.parameters[name].items()},
                model.private_draws,
            )
            for name in self.seeing
        }
        weights = max(sum(p.numel() for p in stepper.parameters[name].values()) for name in self.seeing)
        self.block = min(math.ceil(model.batch_size / model.grad_accumulation), max(1, AT_ONCE // weights))
        for module in stepper.nets.modules():
            if isinstance(module, Dropout):
                module.quick = False  # its own random numbers would be shared by the items

    @property
    def looped(self) -> str:
        """Why gradients are computed one after the other; empty if they aren't."""
        return next((gradients.looped for gradients in self.gradients.values() if gradients.looped), "")

    def set_gradient(self, stepper: Stepper, name: str, turn: int, codes: Tensor, y: Condition | None) -> None:
        """Set the gradients of a phase's parameters to the noisy mean of those of the drawn items.

        Raises:
            Diverged: the weights aren't finite any more.
        """
        clip, parameters = clip_norm(stepper.learners[name]), stepper.parameters[name]
        total = {key: torch.zeros_like(p, dtype=torch.float64) for key, p in parameters.items()}
        rank, world = stepper.accelerator.process_index, stepper.world
        for number, low in enumerate(range(0, len(codes), self.block)):
            part = slice(low, low + self.block)
            found = self._block(stepper, name, turn, rank + number * world, codes[part], None if y is None else y[part])
            for key, value in clipped_sum(found, clip).items():
                total[key.removeprefix("trained.")] += value
        flat = torch.cat([value.flatten() for value in total.values()])
        if world > 1:
            flat = stepper.accelerator.reduce(flat, "sum")
        noise = self.secret.normal(len(flat), "noise", stepper.step, turn)  # the same in all processes: added once
        flat = (flat + self.budget.sigma * clip * torch.from_numpy(noise).to(flat)) / self.budget.batch
        for p, gradient in zip(parameters.values(), flat.split([p.numel() for p in total.values()]), strict=True):
            p.grad = gradient.view(p.shape).to(p.dtype)
        if not all(bool(p.detach().isfinite().all()) for p in parameters.values()):
            raise diverged(stepper, name, turn, math.nan, math.nan, stepper.rate)

    def _block(
        self, stepper: Stepper, name: str, turn: int, block: int, codes: Tensor, y: Condition | None
    ) -> dict[str, Tensor]:
        """Return the gradients of each of some items."""
        draws, at, device = stepper.model.private_draws, (stepper.step, turn, block), stepper.device
        seed_global(self.secret.seed("network", *at), device)  # for dropout
        if draws > 1:
            codes, y = codes.repeat_interleave(draws, 0), None if y is None else y.repeat_interleave(draws, 0)
        rows, most = len(codes), self.block * draws  # noise is of a whole block, so that no item changes that of others
        batch = stepper.batch(codes, y, self.secret.seed("preparation", *at), 0, most, train=True)
        seed = self.secret.seed("losses", *at)
        with stepper.autocast(), sdpa_kernel(SDPBackend.MATH):  # others compute items one after the other
            return self.gradients[name].of(batch, lambda: BatchNoise(seed, rows, 0, most, device))

    def public(
        self, stepper: Stepper, turn: int, codes: Tensor, y: Condition | None
    ) -> tuple[Tensor, Condition | None]:
        """Return what a phase is given that doesn't see data, such as a generator's: no items, and drawn conditions."""
        model, rank = stepper.model, stepper.accelerator.process_index
        blank = codes.new_zeros(model.batch_size, *codes.shape[1:])
        if y is None or model.y_codec_ is None:
            return blank, None
        seed = self.secret.seed("conditions", stepper.step, turn, rank)
        drawn: Condition | None = model.y_codec_.draw(BatchNoise(seed, model.batch_size))
        if drawn is None:
            raise ZaohuaError(f"{type(model).__name__}: conditions of this kind can't be drawn without looking at data")
        return blank, drawn

    def forget(self) -> None:
        """Delete the key, at the end of the training."""
        self.secret, self.ended = Secret(b""), True

    # ---- in checkpoints

    def state(self) -> Json:
        """Return the plan, and the key as long as it is needed, as JSON values."""
        return {**self.budget.to_json(), "key": None if self.ended else self.secret.key.hex()}

    def restore(self, state: Json | None, model: Trainable, run: object) -> None:
        """Restore the result of `state`.

        Raises:
            ZaohuaError: the plan was another.
        """
        plan = None if state is None else {name: value for name, value in state.items() if name != "key"}
        if state is None or plan != self.budget.to_json():
            then = "no guarantee" if plan is None else _differences(plan, self.budget.to_json())
            raise ZaohuaError(
                f"{run} was begun with {then}: the noise of a private training is planned for all of its steps, so it "
                f"goes on with the same settings and data, or {type(model).__name__} is trained anew"
            )
        if state["key"] is None:
            self.forget()
        else:
            self.secret = Secret(bytes.fromhex(state["key"]))


def clip_norm(learner: Trainable) -> float:
    """Return the norm that the gradients of a learner's items are clipped to."""
    chosen = learner.max_grad_norm
    own = chosen is not None and chosen != type(learner).max_grad_norm
    return chosen if own and chosen is not None else min(CLIP, chosen or CLIP)


def _differences(then: Json, now: Json) -> str:
    """Describe how a plan differs from another."""
    return ", ".join(f"{name} {then.get(name)} instead of {now[name]}" for name in now if then.get(name) != now[name])
