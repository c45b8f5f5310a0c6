"""What is the same for all seeds of a comparison, what one seed finds, and what all of them say together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.metrics.manifold import manifold
from zaohua.tasks.augment import arms
from zaohua.tasks.augment.arms import Choice, Learner
from zaohua.tasks.augment.classifiers import CLASSIFIERS
from zaohua.tasks.augment.data import Labelled, folds
from zaohua.tasks.augment.generator import Generator
from zaohua.tasks.augment.kinds import view_of
from zaohua.tasks.augment.results import Augmentation, AugmentedData, described
from zaohua.tasks.augment.scores import Metric, Probabilities, difference, metric_for, score
from zaohua.tasks.augment.sources import Source
from zaohua.tasks.augment.verdict import verdict

SAMPLES = 2000
"""Samples at least, by default."""
MEASURED = 1000
"""Items at most by which recall is measured."""
Log = Callable[[str], None]


class Trial:
    """What is the same for all seeds.

    Args:
        generator: the generator.
        source: the data.
        classifier: name of the classifier; None for that of the kind of data.
        metric: the metric; None for the usual one.
        weights: total weights of samples to choose from.
        options: options of `sample` to choose from.
        n_samples: number of samples; None for the default.
        n_folds: number of folds.
    """

    def __init__(
        self,
        generator: Generator,
        source: Source,
        classifier: str | None,
        metric: Metric | None,
        weights: tuple[float, ...],
        options: tuple[Mapping[str, Any], ...],
        n_samples: int | None,
        n_folds: int,
    ):
        self.generator, self.source, self.weights, self.options = generator, source, weights, options
        self.n_samples, self.n_folds = n_samples, n_folds
        counts = source.train.counts
        if len(counts) < 2:
            raise ZaohuaError(f"a classifier needs two classes at least, and there is {len(counts)}")
        new = [label for label in source.test.counts if label not in counts]
        if new:
            raise ZaohuaError(f"held-out items have labels that the training items lack: {new[0]!r}")
        self.classes = _sorted(list(counts))
        is_table = source.kind is not None and source.kind.name == "tables"
        self.metric: Metric = metric or metric_for(counts, is_table)
        if self.metric == "auc" and len(counts) != 2:
            raise ZaohuaError(f"auc is for two classes, and there are {len(counts)}: take accuracy or f1")
        self.classifier = classifier or ("trees" if is_table else "network")
        if self.classifier not in CLASSIFIERS:
            raise unknown("classifier", self.classifier, list(CLASSIFIERS))
        if is_table == (self.classifier == "network"):
            raise ZaohuaError("network is the classifier of pictures and sounds, trees and linear are those of tables")

    def run(self, data: Labelled, seed: int, rng: np.random.Generator, log: Log, said: str) -> Seed:
        """Choose on folds of the training items, and measure all arms by the held-out ones.

        Args:
            data: training items; those without labels are for the generator alone.
            seed: seed of generators, samples and classifiers.
            rng: source of the folds.
            log: function for progress.
            said: which seed it is.
        """
        real = data.take(data.known)
        count = self.n_samples or max(SAMPLES, len(real))
        learner = self._learner(real)
        log(f"{said}: choosing on {self.n_folds} folds")
        parts = []
        for fold, (rows, held) in enumerate(folds(data, self.n_folds, rng)):
            part = data.take(rows)
            own = part.take(part.known)
            model = self.generator.model
            if self.generator.refit == "folds":
                model = self.generator.fitted(part, seed + 1 + fold, fold=True)
            elif self.generator.refit == "seeds":
                model = self._once(data, seed)
            made = [self.generator.draw(model, own, count, seed + 1 + fold, given) for given in self.options]
            parts.append((own, data.take(held), made))
        choice, scores = arms.chosen(learner, parts, self.options, self.weights, seed)
        log(f"{said}: weight {choice.weight:g} chosen; measuring by {len(self.source.test):,} held-out items")
        model = self._once(data, seed)
        made_for_all = self.generator.draw(model, real, count, seed, choice.options)
        x = learner.view.see(self.source.test.items)
        found = {
            name: learner.predict(lesson, x, seed)
            for name, lesson in arms.lessons(learner, real, made_for_all, choice, self.weights, seed)
        }
        found[arms.AUGMENTED] = found[arms.at_weight(choice.weight)]
        return Seed(found, choice, {k: float(np.mean(v)) for k, v in scores.items()}, real, made_for_all, learner)

    def _once(self, data: Labelled, seed: int) -> Any:
        """Return the generator of a seed, which is fitted once."""
        if getattr(self, "_kept", (None,))[0] != seed:
            self._kept = (seed, self.generator.fitted(data, seed))
        return self._kept[1]

    def _learner(self, real: Labelled) -> Learner:
        view = view_of(self.source.kind, real, self.source.column, self.generator.model)
        classifier = CLASSIFIERS[self.classifier](len(self.classes), view.sizes)
        return Learner(view, classifier, self.classes, self.metric)

    def result(self, seeds: Sequence[Seed]) -> Augmentation:
        """Return what all seeds found."""
        truth = seeds[0].learner.codes(self.source.test.y)
        names = [name for name in seeds[0].found if all(name in seed.found for seed in seeds)]
        found = {name: [seed.found[name] for seed in seeds] for name in names}
        differences = {
            name: difference(self.metric, found[arms.AUGMENTED], found[name], truth)
            for name in (arms.REAL, arms.DUPLICATES, arms.CLASSICAL, arms.SYNTHETIC)
            if name in found
        }
        changes = seeds[0].choice.transform is not None
        baseline = arms.CLASSICAL if changes else arms.REAL
        word, sentence = verdict(differences, baseline, arms.DUPLICATES)
        first = seeds[0]
        return Augmentation(
            word=word,
            sentence=sentence,
            metric=self.metric,
            baseline=baseline,
            scores={name: [score(self.metric, p, truth) for p in each] for name, each in found.items()},
            differences=differences,
            choices=[seed.choice for seed in seeds],
            folds=[seed.folds for seed in seeds],
            refit=self.generator.refit,
            settings=self._settings(seeds),
            recall=_recall(first, self.source.test),
            copied=_copied(first, self.source.test),
            data=AugmentedData(first.real, first.made, first.choice.weight),
        )

    def _settings(self, seeds: Sequence[Seed]) -> dict[str, Any]:
        first = seeds[0]
        return described(
            {
                "generator": type(self.generator.model).__name__,
                "classifier": self.classifier,
                "classes": len(self.classes),
                "real": len(first.real),
                "samples": len(first.made),
                "test": len(self.source.test),
                "tested_on": self.source.said,
                "seeds": len(seeds),
                "folds": self.n_folds,
            }
        )


class Seed:
    """What one seed found: predictions of each arm, the choice, scores in the folds, and the items.

    Attributes:
        found: probabilities of the held-out items' classes, by the name of the arm.
        choice: what the folds chose.
        folds: mean score over the folds of all that was tried.
        real: labelled real items.
        made: samples.
        learner: the classifier and what it sees.
    """

    def __init__(
        self,
        found: dict[str, Probabilities],
        choice: Choice,
        folds: dict[str, float],
        real: Labelled,
        made: Labelled,
        learner: Learner,
    ):
        self.found, self.choice, self.folds = found, choice, folds
        self.real, self.made, self.learner = real, made, learner


def _recall(seed: Seed, test: Labelled) -> tuple[float, float]:
    """Return the share of the test items that lie among the samples, and among as many training items."""
    real, made, held = (_flat(seed, items) for items in (seed.real.items, seed.made.items, test.items))
    spread = np.where(real.std(0) > 0, real.std(0), 1.0)
    count = min(len(real), len(made), len(held), MEASURED)
    rng = np.random.default_rng(0)
    x, y, z = (a[rng.permutation(len(a))[:count]] / spread for a in (real, made, held))
    if count <= 4:
        return float("nan"), float("nan")
    return manifold(y, z).recall, manifold(x, z).recall


def _flat(seed: Seed, items: Any) -> np.ndarray:
    seen = seed.learner.view.see(items)
    return np.nan_to_num(seen.reshape(len(seen), -1).astype(np.float64))


def _copied(seed: Seed, test: Labelled) -> tuple[float, float]:
    """Return the share of the samples that equal a training item, and that of the test items."""
    known = {row.tobytes() for row in _flat(seed, seed.real.items)}
    made, held = ([row.tobytes() in known for row in _flat(seed, items)] for items in (seed.made.items, test.items))
    return float(np.mean(made)), float(np.mean(held))


def _sorted(labels: list[Any]) -> list[Any]:
    try:
        return sorted(labels)
    except TypeError:
        return sorted(labels, key=str)
