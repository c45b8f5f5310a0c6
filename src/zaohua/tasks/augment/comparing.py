"""The comparison of classifiers that learn from real items, duplicates, classical augmentation and samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zaohua.core.advice import option
from zaohua.core.arguments import whole_number
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.noise import derive_seed
from zaohua.core.notes import note
from zaohua.tasks.augment.data import some_of_each
from zaohua.tasks.augment.generator import Fitter, Generator, Refit
from zaohua.tasks.augment.results import REFITTED, Augmentation
from zaohua.tasks.augment.scores import Metric
from zaohua.tasks.augment.sources import Source, source_of
from zaohua.tasks.augment.trial import Log, Trial

WEIGHTS = (0.25, 0.5, 1.0)
"""Total weights of samples, in those of the real items."""
LEAST_SEEDS = 3
"""Seeds at least: one says nothing of the next."""


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
