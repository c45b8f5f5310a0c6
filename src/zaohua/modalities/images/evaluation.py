"""The protocol of pictures: splits of real ones, what they are compared in, and the two references of every table.

Equal numbers of samples and of test pictures, all 8-bit. Distances are taken in the features of a small classifier of
the training split (without labels: of random convolutions), and checked in those of others.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.evaluation.protocol import EvaluationProtocol, chance, of
from zaohua.evaluation.results import FLOOR, NAIVE, Evaluation, Figure, Figures
from zaohua.evaluation.splits import Splits
from zaohua.metrics.checks import flags
from zaohua.metrics.copy_rate import copy_rate
from zaohua.metrics.extractor import MIN_ITEMS, Classifier
from zaohua.metrics.extractor_base import Extractor
from zaohua.metrics.features import as_vectors
from zaohua.metrics.frechet import corrected_frechet, frechet_distance
from zaohua.metrics.inception import Inception
from zaohua.metrics.intervals import Interval, half_size, paired_half_size, wilson
from zaohua.metrics.kernel import kernel_distance
from zaohua.metrics.manifold import manifold
from zaohua.metrics.pairwise import nearest
from zaohua.metrics.score import classifier_score
from zaohua.metrics.two_sample import two_sample
from zaohua.metrics.untrained import Pca, RandomConvolutions
from zaohua.metrics.wasserstein import sliced_wasserstein
from zaohua.modalities.files.download import cache_folder
from zaohua.modalities.images.show import visible

PIXELS = 4096
"""Numbers of a picture up to which copies are looked for pixel by pixel, and the naive model has all covariances."""
LEAST = 20
"""Items that figures can be taken of."""
SHOWN = 64
"""Samples whose nearest training picture is kept."""
DRAWS = 60
"""Halvings for an interval of the Fréchet distance."""


class ImageProtocol(EvaluationProtocol):
    """What all models of a comparison are measured by.

    Args:
        splits: real pictures.
        n: samples, and test pictures to compare them with; fewer if there are fewer.
        seed: of the extractors, and of what is drawn.
        inception: file with the weights of the standard Inception network (see `metrics.inception`), for FID.

    Attributes:
        extractors: the first is what figures are taken in; the others check it.
        inception: the standard Inception network, if its weights were given.
        test: the n test pictures.

    Raises:
        ZaohuaError: there are too few pictures.
    """

    modality = "images"
    min_items: ClassVar[int] = MIN_ITEMS
    """Training items that the classifier sees at least."""

    def __init__(self, splits: Splits, n: int = 10_000, seed: int = 0, inception: str | Path | None = None):
        self.splits, self.seed = splits, seed
        self.train, self.n = splits.train, min(n, len(splits.test), len(splits.train))
        if self.n < LEAST:
            raise ZaohuaError(
                f"{self.n} real {self.noun} are too few to measure by: at least {LEAST} are needed, and "
                "hundreds for figures that mean anything"
            )
        self.test = splits.test.some(self.n, seed)
        self.extractors = self._extractors()
        self.inception = None if inception is None else Inception.load(inception)
        self._real_inception = None if self.inception is None else self.inception.features(self.test.pixels)
        self.real = [extractor.features(self.test.pixels) for extractor in self.extractors]
        vectors = self.train.pixels[0].size <= PIXELS
        self._vectors: Callable[[np.ndarray], Any] = (lambda x: x) if vectors else self.extractors[0].features
        self._seen = self._vectors(self.train.pixels)

    def _extractors(self) -> list[Extractor]:
        train, labels = self.train.pixels, self.train.labels
        found: list[Extractor] = []
        if labels is not None and len(set(labels)) > 1:
            found.append(
                Classifier.cached(
                    train, labels, cache_folder() / "extractors", random_state=self.seed, min_items=self.min_items
                )
            )
        return [*found, RandomConvolutions(train, self.seed), Pca(train, self.seed)]

    @property
    def classifier(self) -> Classifier | None:
        """The classifier of the training split; None without labels."""
        first = self.extractors[0]
        return first if isinstance(first, Classifier) else None

    @property
    def name(self) -> str:
        """Name and hash of what figures are taken in."""
        return title(self.extractors[0])

    def asked(self, model: Any) -> Sequence[Any] | None:
        """The labels of the test pictures, for a model that takes any."""
        if model.y_codec_ is None:
            return None
        if self.test.labels is None:
            raise ZaohuaError(
                f"this {type(model).__name__} makes {self.noun} of labels, and {self.splits.data} carries none"
            )
        return list(self.test.labels)

    def seen(self, model: Any, block: Any) -> np.ndarray:
        """8-bit pictures."""
        return visible(model, block)

    # ---- measures

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """In what figures are taken, (n, d)."""
        return self.extractors[0].features(pixels)

    def measure(self, pixels: np.ndarray, asked: Sequence[Any] | None = None, copies: bool = True) -> Figures:
        """All figures of some samples.

        Args:
            pixels: uint8, as many as test pictures.
            asked: the labels they were made for.
            copies: whether to look for copies of training pictures.
        """
        x, real, n = self.features(pixels), self.real[0], len(pixels)
        around = half_size(frechet_distance, x, real, draws=DRAWS, random_state=self.seed)
        overlap, log = manifold(x, real), two_sample(x, real, random_state=self.seed)
        sliced = sliced_wasserstein(x, real, random_state=self.seed)
        figures = {
            "frechet": of(around, n),
            "frechet_corrected": Figure(corrected_frechet(x, real, random_state=self.seed), n=n),
            "kernel": Figure(kernel_distance(x, real), n=n),
            "precision": Figure(overlap.precision, n=n),
            "recall": Figure(overlap.recall, n=n),
            "density": Figure(overlap.density, n=n),
            "coverage": Figure(overlap.coverage, n=n),
            "sliced_wasserstein": Figure(sliced.distance, n=n),
            "two_sample": share(log.accuracy, log.held_out, chance(log.p)),
        }
        if self.classifier is not None:
            figures["classifier_score"] = Figure(classifier_score(self.classifier.probabilities(pixels)), n=n)
            if asked is not None:
                figures["accuracy"] = share(self.classifier.accuracy(pixels, asked), n)
        if copies:
            figures["copy_rate"] = self.copies(pixels)
        return {**figures, **self._by_inception(pixels)}

    def _by_inception(self, pixels: np.ndarray) -> Figures:
        """FID and the Inception score, where the weights of that network were given."""
        if self.inception is None or self._real_inception is None:
            return {}
        x, n = self.inception.features(pixels), len(pixels)
        return {
            "fid": Figure(frechet_distance(x, self._real_inception), n=n, note=self.inception.hash),
            "inception_score": Figure(classifier_score(self.inception.classify(x)), n=n),
        }

    def copies(self, pixels: np.ndarray) -> Figure:
        """Share of samples that are suspiciously near to training pictures."""
        test = self._vectors(self.test.pixels)
        found = copy_rate(self._vectors(pixels), self._seen, test, random_state=self.seed)
        return share(found.rate, len(pixels), chance(found.p) + (f", {found.exact} exact" if found.exact else ""))

    def nearest(self, pixels: np.ndarray) -> np.ndarray:
        """Which training item is nearest to each of some samples."""
        return nearest(as_vectors(self._vectors(pixels), "samples"), as_vectors(self._seen, "train"))[0]

    def kept(self, samples: np.ndarray, drawn: Sequence[Any]) -> dict[str, np.ndarray]:
        """The nearest training pictures of the first samples."""
        return {"nearest": self.train.pixels[self.nearest(samples[:SHOWN])]}

    def by_class(self, pixels: np.ndarray, asked: Sequence[Any] | None) -> tuple[dict[str, float], dict[str, float]]:
        """Recall of the test pictures of each class; share recognised of the samples of each."""
        if self.test.labels is None:
            return {}, {}
        recall = manifold(self.features(pixels), self.real[0]).recall_by(self.test.labels)
        accuracy: dict[Any, float] = {}
        if asked is not None and self.classifier is not None:
            right: defaultdict[Any, list[bool]] = defaultdict(list)
            for label, seen in zip(asked, self.classifier.predict(pixels), strict=True):
                right[label].append(label == seen)
            accuracy = {label: float(np.mean(found)) for label, found in sorted(right.items(), key=lambda i: str(i[0]))}
        return (
            {str(label): value for label, value in recall.items()},
            {str(label): value for label, value in accuracy.items()},
        )

    def details(self, samples: np.ndarray, asked: Sequence[Any] | None, figures: Figures) -> dict[str, Any]:
        """Classes apart, distances by the other extractors, and flags."""
        recall, accuracy = self.by_class(samples, asked)
        return {
            "others": self.others(samples),
            "recall_by_class": recall,
            "accuracy_by_class": accuracy,
            "flags": tuple(self.flags(samples)),
        }

    def gaps(self, best: Evaluation, others: Sequence[Evaluation]) -> dict[str, Interval]:
        """Differences of Fréchet distances, against the same halves of the test pictures."""
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

    def matches(self, found: Evaluation) -> bool:
        """Whether an evaluation was made by this protocol, FID included if that is asked for."""
        fid = found.figures.get("fid")
        return super().matches(found) and (
            self.inception is None or (fid is not None and fid.note == self.inception.hash)
        )

    def others(self, pixels: np.ndarray) -> dict[str, float]:
        """Fréchet distances by the other extractors."""
        return {
            title(extractor): frechet_distance(extractor.features(pixels), real)
            for extractor, real in zip(self.extractors[1:], self.real[1:], strict=True)
        }

    def flags(self, pixels: np.ndarray) -> list[str]:
        """What to know before figures of these samples are believed."""
        found = flags(self.features(pixels), self.real[0], self.features(self.train.pixels))
        if self.splits.split == "validation":
            found.append(
                f"measured by {self.noun} that training held out: if settings were chosen by them, these "
                "figures are too good"
            )
        if self.classifier is None:
            found.append("the data carry no labels, so distances are taken in the features of random convolutions")
        elif len(set(self.test.labels or [])) == 1:
            found.append(f"the test {self.noun} are of one class only: recall tells nothing of the others")
        return found

    # ---- references

    @functools.cached_property
    def references(self) -> dict[str, Figures]:
        """As many real training pictures instead of samples, which nothing can honestly be much better than; and
        samples of a single normal distribution, which anything worth its training is better than."""
        some = self.train.some(self.n, self.seed)
        floor = self.measure(some.pixels, some.labels, copies=False)
        return {FLOOR: floor, self._naive_name: self.measure(self._gaussian(), copies=False)}

    @property
    def _naive_name(self) -> str:
        return NAIVE if self.train.pixels[0].size <= PIXELS else f"{NAIVE}, pixels apart"

    def _gaussian(self) -> np.ndarray:
        """Samples of the normal distribution of the training pixels, 8-bit as all samples are."""
        x = self.train.pixels.reshape(len(self.train), -1).astype(np.float32)
        rng, mean = np.random.default_rng(self.seed), x.mean(0, dtype=np.float64)
        if x.shape[1] > PIXELS:
            z = rng.standard_normal((self.n, x.shape[1]), np.float32) * x.std(0)
        elif x.shape[1] > len(x):  # the same without a decomposition: sums of the pictures themselves
            z = rng.standard_normal((self.n, len(x)), np.float32) @ (x - np.float32(mean)) / np.sqrt(len(x) - 1)
        else:
            values, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
            z = (rng.standard_normal((self.n, len(values))) * np.sqrt(values.clip(0))) @ vectors.T
        drawn = np.rint(np.clip(mean + z, 0, 255)).astype(np.uint8)
        return drawn.reshape(self.n, *self.train.pixels.shape[1:])


def title(extractor: Extractor) -> str:
    """Name and hash."""
    return f"{extractor.name}, {extractor.hash}"


def share(value: float, n: int, note: str = "") -> Figure:
    """A share of n items with Wilson's 95 % interval."""
    around = wilson(value, n)
    return Figure(value, around.low, around.high, n, note)
