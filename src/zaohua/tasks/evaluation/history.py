"""Evaluation of samples during training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaohua.core.advice import on_command_line, option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import note
from zaohua.evaluation.measures import measure_of
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.tasks.evaluation.protocols import kind_name, protocol_class, protocol_for

if TYPE_CHECKING:
    from zaohua.training.events import Event
    from zaohua.training.trainable import Trainable


class Evaluator:
    """Callback of `fit` that evaluates samples at regular steps and adds the figures to the history.

    It compares with the items held out for validation, because such curves guide choices; the test split is reserved
    for the final evaluation. So the model needs a `validation_fraction`. The last step is evaluated in any case.
    Precision and the like are recorded as None where they tell little (see `evaluation.references`).

    Args:
        every: number of steps between two evaluations.
        samples: number of samples; fewer if fewer items are held out.
        train: training data as for `fit`, if they are in memory: items, or a pair of items and labels.
    """

    def __init__(self, every: int, samples: int = 2000, train: object = None):
        if every < 1 or samples < 12:
            raise ZaohuaError(f"{_name()} must be at least 1, and samples at least 12, not {every}, {samples}")
        self.every, self.samples, self.train = every, samples, train
        self.protocol: EvaluationProtocol | None = None
        self.evaluated = -1

    def __call__(self, event: Event) -> Json | None:
        """Evaluate samples if the step is a multiple of `every`, or the last one."""
        if event.kind == "start":
            self.protocol = self._protocol(event.model())
        due = event.kind == "step" and event.step % self.every == 0
        last = event.kind == "end" and not event.stopped and event.step != self.evaluated
        if self.protocol is None or not (due or last):
            return None
        self.evaluated = event.step
        return self.protocol.monitor(event.model())

    def _protocol(self, model: Trainable) -> EvaluationProtocol:
        """Return the protocol for a model that is about to be trained; refuse before anything is written."""
        cls = protocol_class(model)
        if cls is None or not cls.monitors:
            instead = ": its validation loss is in the history" if model.has_validation_loss else ""
            raise ZaohuaError(
                f"{_name()} measures samples of one size, and this {type(model).__name__} makes "
                f"{kind_name(model)}{instead}"
            )
        if not model.validation_fraction:
            raise ZaohuaError(
                f"{_name()} measures by what training holds out: give a share, such as "
                f"{option('validation_fraction', 0.05)}"
            )
        protocol = protocol_for(model, self.samples, split="validation", train=self.train)
        if protocol.doubtful:
            named = {"extractor": protocol.name.partition(",")[0], "target": protocol.target}
            titles = [measure_of(name).title.partition("[")[0].format(**named) for name in sorted(protocol.doubtful)]
            verb = "tells" if len(titles) == 1 else "tell"
            note(f"{', '.join(titles)} {verb} little by the {protocol.n:,} {protocol.noun} that are held out")
        return protocol


def _name() -> str:
    return option("evaluate_every") if on_command_line() else "Evaluator"
