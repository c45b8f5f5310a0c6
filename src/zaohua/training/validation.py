"""Early stopping: the networks with the lowest validation loss, and the number of validations since."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from zaohua.core.json import Json

if TYPE_CHECKING:
    from zaohua.training.trainable import Trainable


class Best:
    """Lowest validation loss of each learner, and the networks that had it.

    The loss of a learner (the model, or a vocoder trained beside it) is the sum over its phases: for a VQ-VAE those of
    the autoencoder and of the prior. Learners share no networks and their losses have different units, so each keeps
    its own best networks, and patience runs out only once none of them improves.

    Args:
        learners: the result of `Trainable.learners`; those whose loss doesn't tell how good they are keep their last
            networks.
        keep: True to keep the best networks.

    Attributes:
        phases: the phases of each learner with a validation loss.
        waited: number of validations since any learner improved.
        tensors: state of the best networks; None to use the last ones.
    """

    def __init__(self, learners: Sequence[Trainable], keep: bool):
        validated = [learner for learner in learners if learner.has_validation_loss]
        self.own = learners[0] in validated
        self.phases = [tuple(learner.phases) for learner in validated]
        self.nets = [{net for names in learner.phases.values() for net in names} for learner in validated]
        self.losses, self.waited, self.keep = [math.inf] * len(self.phases), 0, keep
        self.tensors: dict[str, Tensor] | None = None

    def record(self, losses: dict[str, float]) -> dict[str, float]:
        """Return a record for the history: the model's own loss, and that of each phase if there are several."""
        several = len(losses) > 1 or not self.own
        by_phase = {f"validation/{phase}": loss for phase, loss in losses.items()} if several else {}
        return {"validation": self._totals(losses)[0], **by_phase} if self.own else by_phase

    def _totals(self, losses: dict[str, float]) -> list[float]:
        return [sum(losses[phase] for phase in phases) for phases in self.phases]

    def update(self, losses: dict[str, float], nets: nn.ModuleDict) -> None:
        """Compare the losses with the lowest so far, and keep the networks of the learners that improved.

        Args:
            losses: mean loss of each phase of all learners.
            nets: the networks that were validated.
        """
        totals = self._totals(losses)
        better = [new < old for new, old in zip(totals, self.losses, strict=True)]
        self.waited = 0 if any(better) else self.waited + 1
        self.losses = [min(pair) for pair in zip(self.losses, totals, strict=True)]
        if self.keep:
            self._keep(better, nets)

    def choose(self, losses: dict[str, float], nets: nn.ModuleDict) -> bool:
        """Keep the last networks of the learners whose last loss is their lowest; return True if there are any."""
        better = [new < old for new, old in zip(self._totals(losses), self.losses, strict=True)]
        self._keep(better, nets)
        return any(better)

    def _keep(self, better: list[bool], nets: nn.ModuleDict) -> None:
        """Copy the networks of the learners that improved; the first time, all networks."""
        names = set[str]().union(*(names for names, improved in zip(self.nets, better, strict=True) if improved))
        state = nets.state_dict()
        if self.tensors is None:
            names = set(nets)
            self.tensors = {}
        self.tensors.update({key: value.clone() for key, value in state.items() if key.split(".")[0] in names})

    # ---- in checkpoints

    def state(self) -> Json:
        """Return the lowest losses and the number of validations waited as JSON values."""
        return {"best": self.losses if all(map(math.isfinite, self.losses)) else None, "waited": self.waited}

    def restore(self, state: Json, tensors: dict[str, Tensor] | None) -> None:
        """Restore the result of `state`. Older runs stored the loss of the first phase only, which is ignored."""
        best = state["best"]
        if isinstance(best, list) and len(best) == len(self.losses):
            self.losses, self.waited, self.tensors = best, state["waited"], tensors
