"""What a classifier learns from: real items alone, or with duplicates, classical augmentation or samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.tasks.augment import classical
from zaohua.tasks.augment.classifiers import Classifier, Lesson
from zaohua.tasks.augment.data import Labelled, apportioned
from zaohua.tasks.augment.kinds import View
from zaohua.tasks.augment.scores import Metric, Probabilities, score

REAL, DUPLICATES, CLASSICAL, SYNTHETIC, AUGMENTED = (
    "real",
    "duplicates",
    "classical",
    "synthetic only",
    "real + synthetic",
)
"""Names of the arms."""


@dataclass(frozen=True)
class Choice:
    """What the folds choose.

    Attributes:
        weight: total weight of the samples, in those of the real items.
        options: options of `sample`.
        transform: how items are changed at random; None if they aren't.
        smote: total weight of the rows of SMOTE-NC; None if there are none.
    """

    weight: float
    options: Mapping[str, Any]
    transform: classical.Transform | None
    smote: float | None


class Learner:
    """A classifier of what a view sees, which learns from arms and is measured by held-out items.

    Args:
        view: what it sees of items.
        classifier: the classifier.
        classes: the labels of the classes, in order.
        metric: what it is measured by.
    """

    def __init__(self, view: View, classifier: Classifier, classes: Sequence[Any], metric: Metric):
        self.view, self.classifier, self.classes, self.metric = view, classifier, list(classes), metric
        self._code = {label: code for code, label in enumerate(self.classes)}

    def codes(self, y: Sequence[Any]) -> np.ndarray:
        """Return classes 0 ... K - 1 of labels."""
        return np.array([self._code[label] for label in y], np.int64)

    def lesson(self, real: Labelled, transform: classical.Transform | None = None) -> Lesson:
        """Return the lesson of real items alone."""
        return Lesson(self.view.see(real.items), self.codes(real.y), np.ones(len(real)), transform)

    def seen(self, made: Labelled) -> tuple[np.ndarray, np.ndarray]:
        """Return what is seen of samples, and their classes."""
        return self.view.see(made.items), self.codes(made.y)

    def predict(self, lesson: Lesson, x: np.ndarray, seed: int) -> Probabilities:
        """Learn from a lesson, and return the probabilities of the classes of others."""
        return self.classifier.learn(lesson, seed)(x)

    def score(self, lesson: Lesson, x: np.ndarray, truth: np.ndarray, seed: int) -> float:
        """Learn from a lesson, and return the score by others."""
        return score(self.metric, self.predict(lesson, x, seed), truth)


def duplicated(real: Lesson, n: int, weight: float, seed: int) -> Lesson:
    """Return real items with n duplicates of them, class by class, of this total weight."""
    rng, rows = np.random.default_rng(seed), list[np.ndarray]()
    counts = np.bincount(real.y)
    for code, wanted in apportioned(_counter(counts), n).items():
        own = np.flatnonzero(real.y == code)
        rows.append(np.concatenate([np.tile(own, wanted // len(own)), rng.permutation(own)[: wanted % len(own)]]))
    copies = np.concatenate(rows)
    return real.with_more(real.x[copies], real.y[copies], weight)


def interpolated(real: Lesson, sizes: Sequence[int], n: int, weight: float, seed: int) -> Lesson:
    """Return real rows with n rows of SMOTE-NC, class by class, of this total weight."""
    counts = np.bincount(real.y)
    wanted = apportioned(_counter(counts), n)
    x, y = classical.smote(real.x, real.y, sizes, [wanted.get(c, 0) for c in range(len(counts))], seed)
    return real.with_more(x, y, weight)


def lessons(
    learner: Learner, real: Labelled, made: Labelled, choice: Choice, weights: Sequence[float], seed: int
) -> Iterator[tuple[str, Lesson]]:
    """Yield all arms by name: of samples at all weights, and as chosen.

    Args:
        learner: the classifier and what it sees.
        real: labelled real items.
        made: samples.
        choice: what the folds chose.
        weights: total weights of samples.
        seed: seed of duplicates and of SMOTE-NC.
    """
    plain, changed = learner.lesson(real), learner.lesson(real, choice.transform)
    x, y = learner.seen(made)
    yield REAL, plain
    yield DUPLICATES, duplicated(changed, len(made), choice.weight, seed)
    if choice.transform is not None:
        yield CLASSICAL, changed
    elif choice.smote is not None:
        yield CLASSICAL, interpolated(plain, learner.view.sizes, len(made), choice.smote, seed)
    yield SYNTHETIC, Lesson(x, y, np.ones(len(x)), choice.transform)
    for weight in weights:
        yield at_weight(weight), changed.with_more(x, y, weight)


def at_weight(weight: float) -> str:
    """Return the name of the arm of samples at a total weight."""
    return f"{AUGMENTED}, weight {weight:g}"


def chosen(
    learner: Learner,
    parts: Sequence[tuple[Labelled, Labelled, Sequence[Labelled]]],
    options: Sequence[Mapping[str, Any]],
    weights: Sequence[float],
    seed: int,
) -> tuple[Choice, dict[str, list[float]]]:
    """Choose the transform, the weights and the options of samples by the mean score over folds of training items.

    Args:
        learner: the classifier and what it sees.
        parts: for each fold the real items to learn from, those to measure by, and the samples by each of `options`.
        options: options of `sample` to choose from.
        weights: total weights to choose from.
        seed: seed of the classifiers, the same for all that is compared.

    Returns:
        The choice, and the score of everything that was tried in each fold, by its name.
    """
    scores: dict[str, list[float]] = {}

    def measured(name: str, fold: int, lesson: Lesson) -> None:
        held = parts[fold][1]
        value = learner.score(lesson, learner.view.see(held.items), learner.codes(held.y), seed + fold)
        scores.setdefault(name, []).append(value)

    transforms = {transform.name: transform for transform in learner.view.transforms}
    for fold, (real, _, _) in enumerate(parts):
        for name, transform in transforms.items():
            measured(name, fold, learner.lesson(real, transform))
    best = transforms[_best(scores, list(transforms))] if transforms else None
    smotes = {f"SMOTE-NC, weight {weight:g}": weight for weight in weights} if learner.view.sizes else {}
    for fold, (real, _, made) in enumerate(parts):
        if smotes:
            try:
                for name, weight in smotes.items():
                    lesson = interpolated(learner.lesson(real), learner.view.sizes, len(made[0]), weight, seed + fold)
                    measured(name, fold, lesson)
            except ZaohuaError as error:
                note(f"left out SMOTE-NC: {error}")
                smotes = {}
        for which, samples in enumerate(made):
            x, y = learner.seen(samples)
            for weight in weights:
                lesson = learner.lesson(real, best).with_more(x, y, weight)
                measured(_named(weight, options[which]), fold, lesson)
    named = {_named(weight, given): (weight, given) for given in options for weight in weights}
    weight, given = named[_best(scores, list(named))]
    smote = smotes[_best(scores, list(smotes))] if smotes else None
    return Choice(weight, given, best, smote), scores


def _best(scores: Mapping[str, Sequence[float]], names: Sequence[str]) -> str:
    """Return the name of the best mean score over folds; the first of equal ones."""
    return max(names, key=lambda name: float(np.nanmean(scores[name])))


def _named(weight: float, options: Mapping[str, Any]) -> str:
    """Return the name of samples at a weight, made with some options."""
    return ", ".join([at_weight(weight), *(f"{name} {value}" for name, value in options.items())])


def _counter(counts: np.ndarray) -> Any:
    from collections import Counter

    return Counter({code: int(count) for code, count in enumerate(counts.tolist()) if count})
