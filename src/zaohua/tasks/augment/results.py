"""What a comparison of augmented with real data found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zaohua.core.json import Json
from zaohua.metrics.intervals import Interval
from zaohua.tasks.augment.arms import Choice
from zaohua.tasks.augment.data import Labelled
from zaohua.tasks.augment.generator import Refit
from zaohua.tasks.augment.scores import Metric
from zaohua.tasks.augment.verdict import Word, told

REFITTED: dict[Refit, str] = {
    "folds": "fitted anew in every fold and for every seed",
    "seeds": "fitted anew for every seed, but not in folds: the weight is chosen by items that it has seen",
    "never": "FIXED: never fitted anew, so the weight is chosen by items that it has seen, and seeds vary samples and "
    "classifiers alone",
}
"""How the generator was fitted, in words."""


@dataclass(frozen=True, eq=False)
class AugmentedData:
    """Real items with samples, as they were measured with the first seed.

    Attributes:
        real: the labelled real items, each of weight 1.
        made: the samples.
        weight: total weight of the samples, in those of the real items.
    """

    real: Labelled
    made: Labelled
    weight: float

    @property
    def each(self) -> float:
        """Weight of a sample."""
        return self.weight * len(self.real) / len(self.made)


@dataclass(frozen=True, eq=False)
class Augmentation:
    """Whether samples help a classifier.

    Attributes:
        word: "helps", "no difference shown" or "harms".
        sentence: the verdict, with the difference from the baseline and its 95 % interval.
        metric: what classifiers were measured by.
        baseline: the arm without samples that the verdict compares with.
        scores: the score of each arm for each seed.
        differences: of the augmented arm from the others, with intervals over seeds and test items.
        choices: what the folds chose, for each seed.
        folds: the score of all that was tried in the folds, averaged over these, for each seed.
        refit: when the generator was fitted anew.
        settings: what was compared: generator, classifier, numbers of items.
        recall: share of the test items that lie among the samples, and the same of the training items.
        copied: share of the samples that equal a training item, and the share of the test items that do.
        data: the augmented data.
    """

    word: Word
    sentence: str
    metric: Metric
    baseline: str
    scores: Mapping[str, Sequence[float]]
    differences: Mapping[str, Interval]
    choices: Sequence[Choice]
    folds: Sequence[Mapping[str, float]]
    refit: Refit
    settings: Json
    recall: tuple[float, float]
    copied: tuple[float, float]
    data: AugmentedData

    @property
    def means(self) -> dict[str, float]:
        """Mean score of each arm."""
        return {name: float(np.mean(values)) for name, values in self.scores.items()}

    def lines(self) -> list[str]:
        """Return the result as lines of text: the verdict, the arms, and what to know of it."""
        width = max(map(len, self.scores))
        out = [f"{self.sentence} ({self.metric}, {self.settings['seeds']} seeds)", ""]
        for name, mean in self.means.items():
            beside = f"  augmented {told(self.differences[name])}" if name in self.differences else ""
            out.append(f"{name:<{width}}  {mean:.3f}{beside}")
        return [*out, "", *self.remarks()]

    def remarks(self) -> list[str]:
        """Return what to know before the verdict is believed."""
        weights = sorted({choice.weight for choice in self.choices})
        out = [
            f"the generator ({self.settings['generator']}) was {REFITTED[self.refit]}",
            f"weight of the samples, chosen on folds of the training items: {', '.join(f'{w:g}' for w in weights)}",
            f"recall of the samples {self.recall[0]:.2f}, of as many training items {self.recall[1]:.2f}",
            f"samples that equal a training item: {self.copied[0]:.1%} (of the test items {self.copied[1]:.1%}); "
            "`zaohua audit` tells what else they give away",
        ]
        options = sorted({f"{k} {v:g}" for choice in self.choices for k, v in choice.options.items()})
        return [*out, *([f"options of sampling, chosen on the same folds: {', '.join(options)}"] if options else [])]

    def to_json(self) -> Json:
        """Return all but the data as JSON values."""
        return {
            "verdict": self.word,
            "sentence": self.sentence,
            "metric": self.metric,
            "baseline": self.baseline,
            "scores": {name: list(values) for name, values in self.scores.items()},
            "means": self.means,
            "differences": {name: [d.value, d.low, d.high] for name, d in self.differences.items()},
            "choices": [
                {
                    "weight": choice.weight,
                    "options": dict(choice.options),
                    "classical": choice.transform.name if choice.transform else None,
                    "smote_weight": choice.smote,
                }
                for choice in self.choices
            ],
            "folds": [dict(found) for found in self.folds],
            "generator": REFITTED[self.refit],
            "settings": self.settings,
            "recall": {"samples": self.recall[0], "training": self.recall[1]},
            "copied": {"samples": self.copied[0], "test": self.copied[1]},
        }

    def __repr__(self) -> str:
        return "\n".join(self.lines())


def described(values: Mapping[str, Any]) -> Json:
    """Return settings as JSON values."""
    return {
        name: value if isinstance(value, (int, float, str, type(None))) else str(value)
        for name, value in values.items()
    }
