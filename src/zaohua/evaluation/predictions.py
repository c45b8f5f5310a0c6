"""Protocol for sequences: how well models predict the same held-out ones, in a unit that all models share.

The unit is a property of the items and not of a model's tokens: bits per byte of texts, nats a note of music. The
held-out items are divided into the same parts for all models, so that differences are paired.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, TypeVar

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.evaluation.model import Model
from zaohua.evaluation.protocol import EvaluationProtocol, interval_figure
from zaohua.evaluation.results import Evaluation, Figure, Figures
from zaohua.evaluation.splits import Splits
from zaohua.metrics.intervals import Interval, ratio_interval

SampleT = TypeVar("SampleT")
SHARE, MOST = 100, 100
"""One sample is drawn for so many that are asked for, and so many at most: sequences take long."""


class PredictionProtocol(EvaluationProtocol[list[SampleT]]):
    """Protocol for models of sequences, which are compared by their predictions.

    Args:
        splits: real items.
        n: number of samples that are asked for, of which a hundredth is drawn, and 100 at most.
        seed: isn't used, as nothing is drawn here.

    Attributes:
        per_nat: number of the measure's units in one nat.
    """

    scores_items: ClassVar[bool] = False
    per_nat: ClassVar[float] = 1.0

    def __init__(self, splits: Splits, n: int = 10_000, seed: int = 0):
        self.splits, self.seed, self.test = splits, seed, splits.test
        self.n = min(max(1, n // SHARE), MOST)

    @abstractmethod
    def parts(self, model: Model) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the nats of each part of the test items, (n,), its size, (n,), and a remark on how they are taken."""

    def conditions(self, model: Model) -> None:
        """Return None: conditions are drawn as frequent as they were in training."""

    def to_measured(self, model: Model, block: Sequence[SampleT]) -> list[SampleT]:  # type: ignore[override]
        """Return samples as they are."""
        return list(block)

    def join(self, blocks: Sequence[list[SampleT]]) -> list[SampleT]:
        """Return blocks of samples as one list."""
        return [sample for block in blocks for sample in block]

    def predictions(self, model: Model) -> tuple[Figures, dict[str, np.ndarray]]:
        """Return the measure `lead` of the test items, with an interval over their parts if there are several."""
        nats, sizes, note = self.parts(model)
        values, n = nats * self.per_nat, int(sizes.sum())
        if len(nats) > 1:
            figure = interval_figure(ratio_interval(values, sizes), n, note)
        else:
            figure = Figure(float(values.sum() / sizes.sum()), n=n, note=note)
        return {self.lead: figure}, {"nats": nats, "sizes": sizes}

    def gaps(self, best: Evaluation, others: Sequence[Evaluation]) -> dict[str, Interval]:
        """Return differences by the same parts of the test items.

        Raises:
            ZaohuaError: there is a single part, of which no interval is known.
        """
        sizes = best.arrays["sizes"]
        if len(sizes) < 2:
            raise ZaohuaError(
                f"one of the {self.noun} is too few to compare models by: give several ({option('data')})"
            )
        return {
            row.run: ratio_interval((row.arrays["nats"] - best.arrays["nats"]) * self.per_nat, sizes) for row in others
        }

    def examples(self, samples: list[SampleT], blocks: Sequence[object]) -> dict[str, np.ndarray]:
        """Return nothing: samples aren't kept."""
        return {}
