"""Protocol for data with features: distances between distributions of feature vectors, and two references.

The numbers of samples and of test items are equal. Distances are computed in the features of one extractor, and
checked in those of others.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.evaluation.figures import format_p, fraction_figure, interval_figure
from zaohua.evaluation.model import Model
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.evaluation.references import judged_by
from zaohua.evaluation.results import FLOOR, NAIVE, Evaluation, Figure, Figures
from zaohua.evaluation.shown import asked_examples
from zaohua.evaluation.splits import Items, Splits
from zaohua.metrics.checks import flags
from zaohua.metrics.copy_rate import ACCUSED, copy_rate
from zaohua.metrics.extractor import Classifier
from zaohua.metrics.extractor_base import Extractor
from zaohua.metrics.features import as_vectors
from zaohua.metrics.frechet import corrected_frechet, frechet_distance
from zaohua.metrics.intervals import Interval, half_size, paired_half_size
from zaohua.metrics.kernel import kernel_distance
from zaohua.metrics.manifold import manifold
from zaohua.metrics.pairwise import nearest
from zaohua.metrics.score import classifier_score
from zaohua.metrics.two_sample import two_sample
from zaohua.metrics.wasserstein import sliced_wasserstein

NUMBERS = 4096
"""Maximum number of values per item for a search of copies by values and a naive model with a full covariance."""
LEAST = 20
"""Minimum number of items."""
SHOWN = 64
"""Number of samples whose nearest training item is stored."""
PAIRS = 12
"""Number of conditions that a page shows beside samples, unless they are labels."""
DRAWS = 60
"""Number of random splits for an interval of the Fréchet distance."""


class FeatureProtocol(EvaluationProtocol[np.ndarray]):
    """Protocol for items whose values are an array.

    A subclass defines how items are read, how samples are converted to values, and the extractors.

    Args:
        splits: real items.
        n: number of samples, and of test items to compare them with; fewer if there are fewer.
        seed: seed of the extractors and of random draws.

    Attributes:
        train: real training items.
        extractors: extractors of features; the first defines the distances, the others check it.
        real: features of the test items by each extractor.
        part: noun for the numbers of an item, in the plural.

    Raises:
        ZaohuaError: there are too few items.
    """

    lead: ClassVar[str] = "frechet"
    monitors: ClassVar[bool] = True
    part: ClassVar[str] = "numbers"
    train: Items

    def __init__(self, splits: Splits, n: int = 10_000, seed: int = 0):
        self.splits, self.seed = splits, seed
        self.train = splits.train
        self.n = min(n, len(splits.test), len(splits.train))
        if self.n < LEAST:
            raise ZaohuaError(
                f"{self.n} real {self.noun} are too few to measure by: at least {LEAST} are needed, and "
                "hundreds for figures that mean anything"
            )
        self.test = splits.test.some(self.n, seed)
        self.extractors = self.make_extractors(self.train)
        self.real = [extractor.features(self.test.values) for extractor in self.extractors]
        small = self.train.values[0].size <= NUMBERS
        self._vectors: Callable[[np.ndarray], np.ndarray] = (lambda x: x) if small else self.extractors[0].features
        self._train_vectors = self._vectors(self.train.values)

    @abstractmethod
    def make_extractors(self, train: Items) -> list[Extractor]:
        """Return the extractors of features; distances are computed in the features of the first."""

    @property
    def classifier(self) -> Classifier | None:
        """Classifier trained on the training split; None without labels."""
        first = self.extractors[0]
        return first if isinstance(first, Classifier) else None

    def judged(self, samples: np.ndarray) -> np.ndarray:
        """Return values as they are."""
        return samples

    @property
    def name(self) -> str:
        """Name and hash of the extractor of features for distances."""
        return title(self.extractors[0])

    # ---- measures

    def features(self, items: np.ndarray) -> np.ndarray:
        """Compute the features (n, d) of values, in which distances are computed."""
        return self.extractors[0].features(items)

    def measure(
        self, samples: np.ndarray, conditions: Sequence[Hashable] | None = None, copies: bool = True
    ) -> Figures:
        """Compute all figures of samples.

        Args:
            samples: values, as many as test items.
            conditions: labels of the samples.
            copies: True to search for copies of training items.
        """
        x, real, n = self.features(samples), self.real[0], len(samples)
        around = half_size(frechet_distance, x, real, draws=DRAWS, random_state=self.seed)
        overlap, test = manifold(x, real), two_sample(x, real, random_state=self.seed)
        sliced = sliced_wasserstein(x, real, random_state=self.seed)
        figures = {
            "frechet": interval_figure(around, n),
            "frechet_corrected": Figure(corrected_frechet(x, real, random_state=self.seed), n=n),
            "kernel": Figure(kernel_distance(x, real), n=n),
            "precision": Figure(overlap.precision, n=n),
            "recall": Figure(overlap.recall, n=n),
            "density": Figure(overlap.density, n=n),
            "coverage": Figure(overlap.coverage, n=n),
            "sliced_wasserstein": Figure(sliced.distance, n=n),
            "two_sample": fraction_figure(test.accuracy, test.held_out, format_p(test.p)),
        }
        if self.classifier is not None:
            figures["classifier_score"] = Figure(classifier_score(self.classifier.probabilities(samples)), n=n)
        if copies:
            figures["copy_rate"] = self.copies(samples)
        return figures

    def copies(self, samples: np.ndarray) -> Figure:
        """Compute the fraction of samples that are much nearer to training items than to as many held-out ones."""
        test = self._vectors(self.test.values)
        found = copy_rate(self._vectors(samples), self._train_vectors, test, random_state=self.seed)
        exact = f", {found.exact} exact" if found.exact else ""
        note = f"{format_p(found.p)}, {found.expected:.1%} by chance{exact}"
        return fraction_figure(found.rate, len(samples), note, found.p)

    def nearest(self, samples: np.ndarray) -> np.ndarray:
        """Return the index of the nearest training item of each sample."""
        return nearest(as_vectors(self._vectors(samples), "samples"), as_vectors(self._train_vectors, "train"))[0]

    def examples(self, samples: np.ndarray, blocks: Sequence[object]) -> dict[str, np.ndarray]:
        """Return the samples, and the nearest training items of the first `SHOWN` of them."""
        return {"samples": samples, "nearest": self.train.values[self.nearest(samples[:SHOWN])]}

    @property
    def real_examples(self) -> dict[str, np.ndarray]:
        """The first conditions."""
        return asked_examples(self.test.labels, self.splits.given, PAIRS)

    def by_class(
        self, samples: np.ndarray, conditions: Sequence[Hashable] | None
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Compute the recall of the test items and the accuracy on the samples of each class."""
        classes = self.class_labels(self.test)
        if classes is None:
            return {}, {}
        recall = manifold(self.features(samples), self.real[0]).recall_by(classes)
        accuracy: dict[Hashable, float] = {}
        if conditions is not None and self.classifier is not None:
            right: defaultdict[Hashable, list[bool]] = defaultdict(list)
            for label, predicted in zip(classes, self.classifier.predict(samples), strict=True):
                right[label].append(label == predicted)
            accuracy = {label: float(np.mean(found)) for label, found in sorted(right.items(), key=lambda i: str(i[0]))}
        return (
            {str(label): value for label, value in recall.items()},
            {str(label): value for label, value in accuracy.items()},
        )

    def details(self, samples: np.ndarray, conditions: Sequence[Hashable] | None, figures: Figures) -> Json:
        """Compute figures of each class, distances by the other extractors, and flags."""
        recall, accuracy = self.by_class(samples, conditions)
        return {
            "others": self.others(samples),
            "recall_by_class": recall,
            "accuracy_by_class": accuracy,
            "flags": tuple(self.flags(samples) + self.copying(figures)),
        }

    def copying(self, figures: Figures) -> list[str]:
        """Return a warning if the copy test accuses a model; every p value below `ACCUSED` does."""
        found = figures.get("copy_rate")
        if found is None or found.p is None or found.p >= ACCUSED:
            return []
        return [
            f"{found.value:.1%} of the samples are at most half as far from a training item as from any of as many "
            f"held-out {self.noun} ({found.note}): the model copies, so its other figures are too good"
        ]

    def gaps(self, best: Evaluation, others: Sequence[Evaluation]) -> dict[str, Interval]:
        """Compute differences of Fréchet distances, with the same halves of the test items for both models."""
        first = self.features(best.arrays["samples"])
        return {
            row.run: paired_half_size(
                frechet_distance,
                self.features(row.arrays["samples"]),
                first,
                self.real[0],
                draws=DRAWS,
                random_state=self.seed,
            )
            for row in others
        }

    def others(self, samples: np.ndarray) -> dict[str, float]:
        """Compute Fréchet distances in the features of the other extractors."""
        return {
            title(extractor): frechet_distance(extractor.features(samples), real)
            for extractor, real in zip(self.extractors[1:], self.real[1:], strict=True)
        }

    def flags(self, samples: np.ndarray) -> list[str]:
        """Return warnings about the reliability of the figures of samples."""
        found = flags(self.features(samples), self.real[0], self.features(self.train.values))
        if self.splits.split == "validation":
            found.append(
                f"measured by {self.noun} that training held out: if settings were chosen by them, these "
                "figures are too good"
            )
        return found

    def monitor(self, model: Model) -> dict[str, float | None]:
        """Compute the figures that the history records during training; None for measures that tell little here."""
        conditions = self.test.labels if model.y_codec_ is not None else None
        samples = self.to_measured(model, model.sample(self.n, y=conditions, random_state=0))
        features = self.features(samples)
        overlap = manifold(features, self.real[0])
        record = {
            "frechet": frechet_distance(features, self.real[0]),
            "precision": overlap.precision,
            "recall": overlap.recall,
        }
        if conditions is not None and self.classifier is not None:
            record["accuracy"] = self.classifier.accuracy(samples, self.class_labels(self.test) or [])
        return self.telling(record)

    # ---- references

    @functools.cached_property
    def doubtful(self) -> dict[str, str]:
        """Measures that tell little here, and why: Fréchet distances need more items than features, too."""
        found, width = super().doubtful, self.real[0].shape[1]
        if self.n > width:
            return found
        reason = f"{width} features have no covariance of full rank with {self.n:,} {self.noun}"
        return {**dict.fromkeys(judged_by("frechet"), reason), **found}

    @functools.cached_property
    def references(self) -> dict[str, Figures]:
        """Figures of as many real training items, and of samples of a normal distribution fitted to the training items.

        No model that doesn't copy can be much better than the former, and a useful model is better than the latter.
        """
        some = self.train.some(self.n, self.seed)
        floor = self.measure(some.values, some.labels, copies=False)
        naive = NAIVE if self.train.values[0].size <= NUMBERS else f"{NAIVE}, {self.part} apart"
        return {FLOOR: floor, naive: self.measure(self.to_values(self._gaussian()), copies=False)}

    def to_values(self, x: np.ndarray) -> np.ndarray:
        """Convert vectors (n, size) to the shape and type of values."""
        return x.reshape(len(x), *self.train.values.shape[1:]).astype(self.train.values.dtype)

    def _gaussian(self) -> np.ndarray:
        """Draw samples of the normal distribution fitted to the training values, (n, size)."""
        x = self.train.values.reshape(len(self.train), -1).astype(np.float32)
        rng, mean = np.random.default_rng(self.seed), x.mean(0, dtype=np.float64)
        if x.shape[1] > NUMBERS:
            z = rng.standard_normal((self.n, x.shape[1]), np.float32) * x.std(0)
        elif x.shape[1] > len(x):  # the same without a decomposition: sums of the items themselves
            z = rng.standard_normal((self.n, len(x)), np.float32) @ (x - np.float32(mean)) / np.sqrt(len(x) - 1)
        else:
            values, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
            z = (rng.standard_normal((self.n, len(values))) * np.sqrt(values.clip(0))) @ vectors.T
        return np.asarray(mean + z)


def title(extractor: Extractor) -> str:
    """Return the name and the hash of an extractor."""
    return f"{extractor.name}, {extractor.hash}"
