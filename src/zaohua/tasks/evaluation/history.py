"""A cheap evaluation now and then while a model trains: how good its samples are by then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from zaohua.errors import ZaohuaError
from zaohua.metrics.frechet import frechet_distance
from zaohua.metrics.manifold import manifold
from zaohua.tasks.evaluation.figures import LEADS
from zaohua.tasks.evaluation.yardstick import modality_of, yardstick_for

if TYPE_CHECKING:
    from zaohua.tasks.evaluation.images import ImageYardstick
    from zaohua.training import Event


class Evaluator:
    """A callback of `fit` that measures some samples every so many steps, which then stand in the history.

    It measures by the items that training holds out, since a curve is looked at to choose by: the test split is left
    for the one evaluation at the end. So the model needs a `validation` share.

    Args:
        every: steps between two evaluations.
        samples: to draw each time; fewer if fewer items are held out.
    """

    def __init__(self, every: int, samples: int = 2000):
        if every < 1 or samples < 12:
            raise ZaohuaError(f"--evaluate-every must be at least 1, and samples at least 12, not {every}, {samples}")
        self.every, self.samples = every, samples
        self.yardstick: ImageYardstick | None = None

    def __call__(self, event: Event) -> dict[str, Any] | None:
        """Measure, if it is time to."""
        if event.kind == "start":
            self._check(event.model())
        if event.kind != "step" or event.step % self.every:
            return None
        model = event.model()
        if self.yardstick is None:
            self.yardstick = cast("ImageYardstick", yardstick_for(model, self.samples, split="validation"))
        return self._record(model, self.yardstick)

    @staticmethod
    def _check(model: Any) -> None:
        name = type(model).__name__
        if LEADS.get(modality_of(model)) != "frechet":
            raise ZaohuaError(f"--evaluate-every measures pictures and sounds, and this {name} makes "
                              f"{modality_of(model)}: its validation loss is in the history")
        if not model.validation:
            raise ZaohuaError("--evaluate-every measures by what training holds out: give a share, such as "
                              "--validation 0.05")

    def _record(self, model: Any, yardstick: ImageYardstick) -> dict[str, float]:
        """The figures that a curve is drawn of."""
        asked = yardstick.test.labels if model.y_codec_ is not None else None
        pixels = yardstick.seen(model, model.sample(yardstick.n, y=asked, random_state=0))
        features = yardstick.features(pixels)
        overlap = manifold(features, yardstick.real[0])
        record = {"frechet": frechet_distance(features, yardstick.real[0]), "precision": overlap.precision,
                  "recall": overlap.recall}
        if asked is not None and yardstick.classifier is not None:
            record["accuracy"] = yardstick.classifier.accuracy(pixels, asked)
        return record
