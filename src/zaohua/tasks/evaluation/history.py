"""Evaluation of samples during training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaohua.core.errors import ZaohuaError
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.tasks.evaluation.protocols import kind_name, protocol_class, protocol_for

if TYPE_CHECKING:
    from zaohua.training.events import Event
    from zaohua.training.trainable import Trainable


class Evaluator:
    """Callback of `fit` that evaluates samples at regular steps and adds the figures to the history.

    It compares with the items held out for validation, because such curves guide choices; the test split is reserved
    for the final evaluation. So the model needs a `validation_fraction`.

    Args:
        every: number of steps between two evaluations.
        samples: number of samples; fewer if fewer items are held out.
    """

    def __init__(self, every: int, samples: int = 2000):
        if every < 1 or samples < 12:
            raise ZaohuaError(f"--evaluate-every must be at least 1, and samples at least 12, not {every}, {samples}")
        self.every, self.samples = every, samples
        self.protocol: EvaluationProtocol | None = None

    def __call__(self, event: Event) -> dict[str, float] | None:
        """Evaluate samples if the step is a multiple of `every`."""
        if event.kind == "start":
            self._check(event.model())
        if event.kind != "step" or event.step % self.every:
            return None
        model = event.model()
        if self.protocol is None:
            self.protocol = protocol_for(model, self.samples, split="validation")
        return self.protocol.monitor(model)

    @staticmethod
    def _check(model: Trainable) -> None:
        cls = protocol_class(model)
        if cls is None or not cls.monitors:
            raise ZaohuaError(
                f"--evaluate-every measures items that have features, and this {type(model).__name__} makes "
                f"{kind_name(model)}: its validation loss is in the history"
            )
        if not model.validation_fraction:
            raise ZaohuaError(
                "--evaluate-every measures by what training holds out: give a share, such as --validation-fraction 0.05"
            )
