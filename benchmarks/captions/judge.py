"""How well pictures follow captions, judged by a classifier of real pictures and by their own pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from captions import COMBINATIONS, Attributes, can_say, caption, data
from zaohua.evaluation.figures import fraction_figure
from zaohua.metrics.extractor import Classifier
from zaohua.metrics.frechet import frechet_distance
from zaohua.storage.layout import cache_folder

EPOCHS = 5
"""Passes over the training pictures of the classifier that judges; that of `zaohua evaluate` has one."""


class Judge:
    """Classifier that judges garments, the features of `zaohua evaluate`, and the thresholds of attributes."""

    def __init__(self) -> None:
        pictures, garments = data("train")
        self.test, self.test_garments = data("test")
        self.attributes = Attributes.of(pictures, garments)
        folder = cache_folder() / "extractors"
        self.classifier = Classifier.cached(pictures, garments, folder, min_items=EPOCHS * len(pictures))
        self.features = Classifier.cached(pictures, garments, folder).features
        self.garments = sorted(set(garments))
        self._real = self.features(self.test)

    def own(self) -> dict[str, Any]:
        """Return the judge's own accuracy on real test pictures, and that on shirts."""
        by_class = self.classifier.accuracy_by_class(self.test, self.test_garments)
        return {
            "judge on test pictures": self.classifier.accuracy(self.test, self.test_garments),
            "on shirts": by_class["shirt"],
        }

    def frechet(self, pictures: np.ndarray) -> float:
        """Compute the Fréchet distance to the test pictures, in the features of `zaohua evaluate`."""
        return frechet_distance(self.features(pictures), self._real)


def asked(judge: Judge, each: int, phrasings: tuple[str, ...]) -> list[tuple[str, str, str | None]]:
    """List (phrasing, garment, attribute) to ask for: every garment and every attribute but those held out.

    Args:
        judge: the judge.
        each: captions of each phrasing and garment; attributes and none take turns.
        phrasings: phrasings to ask with.
    """
    wanted = []
    for i, phrasing in enumerate(phrasings):
        for j, garment in enumerate(judge.garments):
            values = [None, "light", "dark", "wide", "narrow"]
            able = [a for a in values if can_say(phrasing, a) and (garment, a) not in COMBINATIONS]
            wanted += [(phrasing, garment, able[(i + j + k) % len(able)]) for k in range(each)]
    return wanted


def follow(judge: Judge, model: Any, wanted: list[tuple[str, str, str | None]], seed: int = 0, **options: Any) -> Any:
    """Sample what is asked for; return the figures, the samples, and which show the garment.

    Returns:
        Shares with 95 % intervals: `garment` (as the classifier judges), `attribute` (on its side of the median of its
        kind, where one was asked for; half by chance) and `attribute, strictly` (in its third; a third by chance).
    """
    texts = [caption(*each) for each in wanted]
    pictures = model.sample(len(texts), y=texts, random_state=seed, **options)
    right = np.array([p == g for p, (_, g, _) in zip(judge.classifier.predict(pictures), wanted, strict=True)])
    sides = [
        [
            judge.attributes.followed(picture, g, a, strict)
            for picture, (_, g, a) in zip(pictures, wanted, strict=True)
            if a
        ]
        for strict in (False, True)
    ]
    figures = {"garment": share(right), "attribute": share(sides[0]), "attribute, strictly": share(sides[1])}
    return figures, pictures, right


def share(right: Any) -> dict[str, float]:
    """Return a fraction with its 95 % interval and number."""
    found = fraction_figure(float(np.mean(right)), len(right)) if len(right) else None
    return {} if found is None else {"share": found.value, "low": found.low, "high": found.high, "n": len(right)}


def by(right: np.ndarray, names: list[Any]) -> dict[str, float]:
    """Return the share of each name, the lowest first."""
    groups = {
        name: np.mean([r for r, n in zip(right, names, strict=True) if n == name]) for name in dict.fromkeys(names)
    }
    return {str(n): round(float(v), 3) for n, v in sorted(groups.items(), key=lambda item: item[1])}
