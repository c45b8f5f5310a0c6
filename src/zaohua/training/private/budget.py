"""What a private training may spend, and what it needs to know before its first step."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.privacy.accountants import noise_for
from zaohua.privacy.guarantee import check_budget
from zaohua.training.limits import planned_steps

if TYPE_CHECKING:
    from zaohua.training.trainable import Trainable


@dataclass(frozen=True)
class Budget:
    """Plan of a private training, which must not change until it ends.

    Attributes:
        epsilon, delta: what is promised.
        items: number of items.
        batch: expected number of items in a step, which sums of gradients are divided by.
        releases: number of noisy gradients in the whole training: one for each phase of a step that sees data.
        sigma: standard deviation of their noise, relative to the norm that gradients are clipped to.
    """

    epsilon: float
    delta: float
    items: int
    batch: int
    releases: int
    sigma: float

    @property
    def rate(self) -> float:
        """Probability with which an item is in a step."""
        return self.batch / self.items

    def to_json(self) -> Json:
        """Return the plan as JSON values."""
        return asdict(self)


def budget_of(model: Trainable, items: int, batch: int, phases: int) -> Budget:
    """Plan the training of a model with a budget: find the noise that its steps need.

    Args:
        model: the model.
        items: number of items.
        batch: items per step in all processes.
        phases: number of phases in a step that see data.

    Raises:
        ZaohuaError: the number of steps isn't known, or no noise is enough.
    """
    assert model.epsilon is not None
    steps = planned_steps(model)
    if steps is None:
        raise ZaohuaError(
            f"{type(model).__name__}: the noise of a private training depends on the number of its steps: give "
            f"{option('max_steps', 1000)} beside {option('max_minutes')}, which may end it sooner"
        )
    delta, batch = check_budget(model.epsilon, model.delta, items), min(batch, items)
    sigma = noise_for(model.epsilon, delta, batch / items, steps * phases)
    return Budget(model.epsilon, delta, items, batch, steps * phases, sigma)
