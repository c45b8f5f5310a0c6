"""A cheap evaluation now and then while a model trains: how good its samples are by then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from zaohua.core.errors import ZaohuaError
from zaohua.evaluation.protocol import modality_of, protocol_for
from zaohua.evaluation.results import LEADS
from zaohua.metrics.frechet import frechet_distance
from zaohua.metrics.manifold import manifold

if TYPE_CHECKING:
    from zaohua.modalities.images.evaluation import ImageProtocol
    from zaohua.training.events import Event


class Evaluator:
    """A callback of `fit` that measures some samples every so many steps, which then stand in the history.

    It measures by the items that training holds out, since a curve is looked at to choose by: the test split is left
    for the one evaluation at the end. So the model needs a `validation_fraction`.

    Args:
        every: steps between two evaluations.
        samples: to draw each time; fewer if fewer items are held out.
    """

    def __init__(self, every: int, samples: int = 2000):
        if every < 1 or samples < 12:
            raise ZaohuaError(f"--evaluate-every must be at least 1, and samples at least 12, not {every}, {samples}")
        self.every, self.samples = every, samples
        self.protocol: ImageProtocol | None = None

    def __call__(self, event: Event) -> dict[str, Any] | None:
        """Measure, if it is time to."""
        if event.kind == "start":
            self._check(event.model())
        if event.kind != "step" or event.step % self.every:
            return None
        model = event.model()
        if self.protocol is None:
            self.protocol = cast("ImageProtocol", protocol_for(model, self.samples, split="validation"))
        return self._record(model, self.protocol)

    @staticmethod
    def _check(model: Any) -> None:
        name = type(model).__name__
        if LEADS.get(modality_of(model)) != "frechet":
            raise ZaohuaError(
                f"--evaluate-every measures pictures and sounds, and this {name} makes "
                f"{modality_of(model)}: its validation loss is in the history"
            )
        if not model.validation_fraction:
            raise ZaohuaError(
                "--evaluate-every measures by what training holds out: give a share, such as --validation-fraction 0.05"
            )

    def _record(self, model: Any, protocol: ImageProtocol) -> dict[str, float]:
        """The figures that a curve is drawn of."""
        asked = protocol.test.labels if model.y_codec_ is not None else None
        pixels = protocol.seen(model, model.sample(protocol.n, y=asked, random_state=0))
        features = protocol.features(pixels)
        overlap = manifold(features, protocol.real[0])
        record = {
            "frechet": frechet_distance(features, protocol.real[0]),
            "precision": overlap.precision,
            "recall": overlap.recall,
        }
        if asked is not None and protocol.classifier is not None:
            record["accuracy"] = protocol.classifier.accuracy(pixels, asked)
        return record
