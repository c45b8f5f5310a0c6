"""The comparison of classifiers that learn from real items, duplicates, classical augmentation and samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from zaohua.core.advice import option
from zaohua.core.arguments import whole_number
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.noise import derive_seed
from zaohua.core.notes import note
from zaohua.metrics.manifold import manifold
from zaohua.tasks.augment import arms
from zaohua.tasks.augment.arms import Choice, Learner
from zaohua.tasks.augment.classifiers import CLASSIFIERS
from zaohua.tasks.augment.data import Labelled, folds, some_of_each
from zaohua.tasks.augment.generator import Fitter, Generator, Refit
from zaohua.tasks.augment.kinds import view_of
from zaohua.tasks.augment.results import REFITTED, Augmentation, AugmentedData, described
from zaohua.tasks.augment.scores import Metric, Probabilities, difference, metric_for, score
from zaohua.tasks.augment.sources import Source, source_of
from zaohua.tasks.augment.verdict import verdict

WEIGHTS = (0.25, 0.5, 1.0)
"""Total weights of samples, in those of the real items."""
LEAST_SEEDS = 3
"""Seeds at least: one says nothing of the next."""
SAMPLES = 2000
"""Samples at least, by default."""
MEASURED = 1000
"""Items at most by which recall is measured."""
Log = Callable[[str], None]


def augment(
    model: Any,
    X: object = None,
    y: object = None,
    *,
    label: str | None = None,
    test: object = None,
    n: int | None = None,
    unlabelled: bool = False,
    classifier: str | None = None,
    metric: Metric | None = None,
    weights: Sequence[float] = WEIGHTS,
    options: Sequence[Mapping[str, Any]] = ({},),
    n_samples: int | None = None,
    seeds: int = 5,
    n_folds: int = 4,
    refit: Refit = "folds",
    fitter: Fitter | None = None,
    random_state: int = 0,
    log: Log | None = None,
) -> Augmentation:
    """Tell whether samples of a model help a classifier that learns from its training items.

    Classifiers learn from real items, from these and duplicates, classical augmentation or samples, and are measured
    by held-out real items that neither they nor the generator have seen. The weight of the samples is chosen on folds
    of the training items. All arms of a seed have the same items and the same random numbers.

    Args:
        model: the generator: one that is fitted, or not; copies of it are fitted, see `refit`.
        X: the items to augment, as for `fit`; None reads those of a fitted model again.
        y: their labels, for models of p(x | y), some of which may be missing; True uses those of the data.
        label: column of a table that holds the labels, for models that learn it like the other columns.
        test: held-out items: a path, a table, or a pair of items and labels; None takes the test split of the data,
            else holds a quarter of the labelled items out.
        n: number of labelled items that each seed draws; None takes all.
        unlabelled: whether models learn the items that aren't drawn without their labels (see `n`).
        classifier: "trees" or "linear" for tables, "network" for pictures and sounds.
        metric: "auc", "accuracy" or "f1"; None takes AUC for two classes of a table, accuracy for classes of about the
            same size, else F1.
        weights: total weights of the samples to choose from, in those of the real items.
        options: options of `sample` to choose from, such as `[{"guidance": 1}, {"guidance": 2}]`.
        n_samples: number of samples; None makes as many as there are real items, and 2,000 at least.
        seeds: number of paired repetitions, at least 3.
        n_folds: number of folds of the training items.
        refit: "folds" fits the generator in every fold and for every seed; "seeds" for every seed only; "never" uses
            the given model as it is.
        fitter: function from `Labelled` items and a seed to a fitted model, in place of fitting a copy.
        random_state: seed of everything.
        log: function that is called with progress messages.

    Raises:
        ZaohuaError: there are no labels, a class is too small for the folds, the generator has seen held-out items, or
            an argument is invalid.
    """
    seeds, n_folds = whole_number("seeds", seeds, LEAST_SEEDS), whole_number("n_folds", n_folds, 2)
    _check(refit, weights, options)
    log = log or (lambda line: None)
    source = source_of(model, X, y, label, test, random_state)
    generator = Generator(model, source.column, refit, fitter)
    if refit != "folds":
        note(f"the generator is {REFITTED[refit]}")
    if refit == "never":
        _refuse_seen(model, source)
    trial = Trial(generator, source, classifier, metric, tuple(weights), tuple(options), n_samples, n_folds)
    found = []
    for k in range(seeds):
        rng = np.random.default_rng(derive_seed(random_state, "augment", k))
        data = source.train
        if n is not None:
            rows = some_of_each(data, whole_number("n", n, 4), rng)
            data = data.unlabelled_but(rows) if unlabelled else data.take(rows)
        found.append(
            trial.run(data, derive_seed(random_state, "seed", k) % 2**31, rng, log, f"seed {k + 1} of {seeds}")
        )
    return trial.result(found)


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


def _check(refit: str, weights: Sequence[float], options: Sequence[Mapping[str, Any]]) -> None:
    if refit not in REFITTED:
        raise unknown("value of refit", refit, list(REFITTED))
    if not weights or not all(0 < weight <= 100 for weight in weights):
        raise ZaohuaError(f"weights must be numbers above 0, up to 100, not {list(weights)}")
    if not options:
        raise ZaohuaError("options is empty: give one dictionary of options of sample at least, such as [{}]")


def _refuse_seen(model: Any, source: Source) -> None:
    """Raise a `ZaohuaError` if a generator that isn't fitted anew was trained on held-out items."""
    y = source.test.y if getattr(model, "y_codec_", None) is not None else None
    seen = model.count_seen(model.encode_items(source.test.items, y).codes)
    if seen is not None and seen.accused:
        raise ZaohuaError(
            f"the generator was trained on {seen.share:.0%} of the held-out items: give others, or let it be fitted "
            f"anew ({option('refit', 'folds')})"
        )


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
