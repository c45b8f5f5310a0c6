"""The best networks so far by their loss on held-out items, and how long there has been no better one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from zaohua.training.trainable import Trainable


class Best:
    """The best validation loss of each learner, and the networks that had it.

    A learner (the model, or a vocoder trained beside it) is judged by the sum of the losses of its phases: of a VQ-VAE
    those of the codes and of the prior. Learners share no networks and their losses have different units, so each keeps
    its own best networks, and patience runs out only when none of them has improved.

    Args:
        learners: see `Trainable.learners`.
        keep: whether to keep the best networks.

    Attributes:
        waited: validations since the last in which any learner improved.
        tensors: state of the best networks; None where the last ones count.
    """

    def __init__(self, learners: Sequence[Trainable], keep: bool):
        self.phases = [tuple(learner.phases) for learner in learners]
        self.nets = [{net for names in learner.phases.values() for net in names} for learner in learners]
        self.losses, self.waited, self.keep = [math.inf] * len(self.phases), 0, keep
        self.tensors: dict[str, Tensor] | None = None

    def record(self, losses: dict[str, float]) -> dict[str, float]:
        """A validation for the history: the model's own loss, and that of each phase where there are several."""
        each = {f"validation/{phase}": loss for phase, loss in losses.items()} if len(losses) > 1 else {}
        return {"validation": self._totals(losses)[0], **each}

    def _totals(self, losses: dict[str, float]) -> list[float]:
        return [sum(losses[phase] for phase in phases) for phases in self.phases]

    def update(self, losses: dict[str, float], nets: nn.ModuleDict) -> None:
        """Compare a validation with the best so far, and keep the networks of the learners that improved.

        Args:
            losses: mean loss of each phase of all learners.
            nets: the networks that were validated.
        """
        totals = self._totals(losses)
        better = [new < old for new, old in zip(totals, self.losses, strict=True)]
        self.waited = 0 if any(better) else self.waited + 1
        self.losses = [min(pair) for pair in zip(self.losses, totals, strict=True)]
        if self.keep:
            self._take(better, nets)

    def choose(self, losses: dict[str, float], nets: nn.ModuleDict) -> bool:
        """At the end of training: take the last networks of the learners that never were better; whether any were."""
        better = [new < old for new, old in zip(self._totals(losses), self.losses, strict=True)]
        self._take(better, nets)
        return any(better)

    def _take(self, better: list[bool], nets: nn.ModuleDict) -> None:
        names = set().union(*(names for names, taken in zip(self.nets, better, strict=True) if taken))
        state = nets.state_dict()
        if self.tensors is None:
            names = set(nets)
            self.tensors = {}
        self.tensors.update({key: value.clone() for key, value in state.items() if key.split(".")[0] in names})

    # ---- in checkpoints

    def state(self) -> dict[str, Any]:
        """Losses and patience as JSON values."""
        return {"best": self.losses if all(map(math.isfinite, self.losses)) else None, "waited": self.waited}

    def restore(self, state: dict[str, Any], tensors: dict[str, Tensor] | None) -> None:
        """The inverse of `state`. Runs of before judged the first phase only: theirs begin anew."""
        best = state["best"]
        if isinstance(best, list) and len(best) == len(self.losses):
            self.losses, self.waited, self.tensors = best, state["waited"], tensors
