"""Fidelity: how well samples fit the conditions that they were made for.

A judge is trained on real pairs of the training split, for each part of the conditions by its kind: a classifier of
labels, a regressor of numbers, a matcher of texts and tensors, a recogniser of spoken words. Two references stand
beside it: the figure of real test items and their own conditions, which no model can be expected to exceed by much, and
that of the same items with the conditions of others, which is chance. A judge that can't tell these two apart tells
little.

All figures are functions of sums over items. An item that lacks a part counts nothing for it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.evaluation.figures import interval_figure
from zaohua.evaluation.given import Given, class_part, numbers_of
from zaohua.evaluation.results import REAL_PAIRS, SHUFFLED, Figure, Figures
from zaohua.evaluation.splits import Items, Splits
from zaohua.evaluation.word_for_word import WordForWord
from zaohua.metrics.extractor import Classifier
from zaohua.metrics.judges.answers import LabelJudge, NumberJudge, TagJudge
from zaohua.metrics.judges.matcher import Matcher
from zaohua.metrics.judges.recogniser import Recogniser
from zaohua.metrics.judges.statistics import estimate
from zaohua.metrics.judges.views import Arrays, View, view_of
from zaohua.storage.layout import cache_folder

MOST = 60_000
"""Number of real pairs that judges learn from, at most."""
PREFIX = "fidelity "
"""Beginning of the names of the arrays of an `Evaluation` that hold counts."""
Counts = dict[str, np.ndarray]
"""Counts of each item by measure, float64 (n, k): `metrics.judges.statistics` makes figures of their sums."""
Judged = Sequence[str] | np.ndarray
"""Items as judges see them: texts, or arrays of one shape."""


class Judge(Protocol):
    """Judge of one part of conditions."""

    def count(self, x: View, asked: Any, /) -> Counts:  # each judge knows the type of its conditions
        """Return the counts of some items, given what was asked for."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Real items with their conditions.

    Attributes:
        items: the items, as judges see them.
        conditions: one for each.
    """

    items: Judged
    conditions: Sequence[object]

    def take(self, rows: np.ndarray) -> Pairs:
        """Return the pairs at some rows."""
        items = self.items[rows] if isinstance(self.items, np.ndarray) else [self.items[i] for i in rows]
        return Pairs(items, [self.conditions[i] for i in rows])


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of the conditions with its judges.

    Attributes:
        given: the part.
        asked: what test items have of it, None where it is missing or new to the judges.
        judges: judges of values.
        matchers: judges of the index of a condition among those of the test items that have the part.
        index: that index of each test item, -1 where the part is missing.
    """

    given: Given
    asked: list[object]
    judges: list[Judge] = field(default_factory=list)
    matchers: list[Matcher] = field(default_factory=list)

    @functools.cached_property
    def there(self) -> np.ndarray:
        return np.array([value is not None for value in self.asked], bool)

    @functools.cached_property
    def index(self) -> np.ndarray:
        return np.where(self.there, self.there.cumsum() - 1, -1)

    def counts(self, samples: Judged, rows: np.ndarray) -> Counts:
        """Return the counts of samples that were made for the conditions of the test items at `rows`."""
        at = np.flatnonzero(self.there[rows])
        if not len(at):
            return {}
        some = samples[at] if isinstance(samples, np.ndarray) else [samples[i] for i in at.tolist()]
        view, found = view_of(some), {}
        asked = self.given.to_values([self.asked[i] for i in rows[at]]) if self.judges else []
        for judge in self.judges:
            found.update(judge.count(view, asked))
        for matcher in self.matchers:
            found.update(matcher.count(view, self.index[rows[at]]))
        return {f"{name}{self.given.suffix}": _spread(counts, at, len(rows)) for name, counts in found.items()}


class Fidelity:
    """Judges of fidelity, trained on real pairs when first used.

    Args:
        given: parts of the conditions.
        train: real pairs to learn from.
        test: real pairs, the conditions of which samples are made for.
        seed: seed of everything random.
        spoken: True if texts may be what is said in the items, spectrograms.
        known: classifiers of labels that there are already, by the name of the part.
        folder: folder for trained judges; by default that of the cache.

    Attributes:
        seconds: CPU seconds of the training of judges so far, few if they were in the folder.
    """

    def __init__(
        self,
        given: Sequence[Given],
        train: Pairs,
        test: Pairs,
        seed: int = 0,
        spoken: bool = False,
        known: Mapping[str, Classifier] | None = None,
        folder: Path | None = None,
    ):
        self.given, self.test, self.seed = given, test, seed
        self._spoken, self._known, self.seconds = spoken, known or {}, 0.0
        self._folder = cache_folder() / "judges" if folder is None else folder
        rng = np.random.default_rng(seed)
        n = len(train.conditions)
        self._train = train if n <= MOST else train.take(np.sort(rng.choice(n, MOST, replace=False)))
        self._others = _others(numbers_of(test.conditions), rng)

    @classmethod
    def of(
        cls,
        splits: Splits,
        test: Items,
        judged: Callable[[Items], Judged | None],
        seed: int,
        spoken: bool,
        classifier: Classifier | None,
    ) -> Fidelity | None:
        """Return the judges for a protocol; None without conditions, or without training items to learn from.

        Args:
            splits: the real items.
            test: those of the test items whose conditions samples are made for.
            judged: function that converts items to what judges see; None for items that they can't see.
            seed, spoken: as of the class.
            classifier: classifier of items by the first part of the conditions that is a label, if there is one.
        """
        train, given = splits.train, splits.given
        if not given or train is None or train.labels is None or test.labels is None:
            return None
        learnt, real = judged(train), judged(test)
        if learnt is None or real is None:
            return None
        part = class_part(given)
        known = {} if part is None or classifier is None else {part.name: classifier}
        return cls(given, Pairs(learnt, list(train.labels)), Pairs(real, list(test.labels)), seed, spoken, known)

    @property
    def unmeasured(self) -> list[str]:
        """Names of the parts that there is no judge for."""
        return [part.given.name or "y" for part in self._parts if not part.judges and not part.matchers]

    @functools.cached_property
    def _parts(self) -> list[_Part]:
        began = time.process_time()
        parts = [self._part(given) for given in self.given]
        self.seconds = time.process_time() - began
        return parts

    def _part(self, given: Given) -> _Part:
        """Train the judges of a part."""
        values = given.of(self._train.conditions)
        rows = np.flatnonzero([value is not None for value in values])
        asked = given.of(self.test.conditions)
        if given.kind == "labels":
            learnt = {values[i] for i in rows}
            asked = [value if value in learnt else None for value in asked]
        part = _Part(given, asked)
        there = [value for value in asked if value is not None]
        if not given.kind or len(rows) < 2 or not there:
            return part
        real = self._train.take(rows)
        learnt_values: Any = given.to_values([values[i] for i in rows])
        x = view_of(real.items)
        if given.kind == "labels" and len(set(learnt_values)) > 1:
            known = self._known.get(given.name)
            part.judges.append(
                LabelJudge(x, learnt_values, self.seed, self._folder) if known is None else _Known(known)
            )
        elif given.kind == "tags" and any(learnt_values):
            part.judges.append(TagJudge(x, learnt_values, self.seed, self._folder))
        elif given.kind == "numbers":
            part.judges.append(NumberJudge(x, learnt_values, self.seed, self._folder))
        elif given.kind in ("texts", "tensors"):
            choices: Any = given.to_values(there)
            part.matchers.append(Matcher(x, learnt_values, choices, self.seed, self._folder))
            if self._spoken and given.kind == "texts":
                part.judges.append(Recogniser(x, learnt_values, self.seed, self._folder))
        return part

    @functools.cached_property
    def _words(self) -> WordForWord | None:
        """Comparison of texts with those of the test items; None for other items, and for conditions of very many."""
        texts = self.test.items
        return None if isinstance(texts, np.ndarray) else WordForWord.of(texts, self.test.conditions)

    def counts(self, samples: Judged, rows: np.ndarray) -> Counts:
        """Return the counts of samples by measure.

        Args:
            samples: the samples, as judges see them.
            rows: indices of the test items whose conditions they were made for, int64 (n,).
        """
        found = self._judged(samples, rows)
        if self._words is not None and not isinstance(samples, np.ndarray):
            found.update(self._words.counts(samples, rows))
        return found

    def _judged(self, samples: Judged, rows: np.ndarray) -> Counts:
        found: Counts = {}
        for part in self._parts:
            found.update(part.counts(samples, rows))
        return found

    def figures(self, counts: Counts) -> Figures:
        """Return the figures of counts, with intervals over items."""
        return {name: self._figure(name, found) for name, found in counts.items()}

    def _figure(self, name: str, counts: np.ndarray) -> Figure:
        base, note = name.partition(":")[0], ""
        items = int((counts != 0).any(1).sum())
        if base == "word_errors":
            wrong = counts.sum(0).astype(int)
            note = f"{wrong[0]:,} substitutions, {wrong[1]:,} deletions, {wrong[2]:,} insertions of {wrong[3]:,} words"
        return interval_figure(estimate(base, counts, self.seed), items, note)

    @functools.cached_property
    def references(self) -> dict[str, Figures]:
        """Figures of real test pairs, and of the same items with conditions of others."""
        rows = np.arange(len(self.test.conditions))
        real = self._judged(self.test.items, rows)
        if self._words is not None:
            real.update(self._words.among_themselves())
        shuffled = self.counts(self.test.items, self._others)
        return {REAL_PAIRS: self.figures(real), SHUFFLED: self.figures(shuffled)}


class _Known:
    """A classifier of pictures as a judge of labels."""

    def __init__(self, classifier: Classifier):
        self._classifier = classifier

    def count(self, x: View, asked: Sequence[object]) -> Counts:
        """Return whether each item is recognised as what was asked for, and 1."""
        if not isinstance(x, Arrays):
            raise ZaohuaError("this classifier sees pictures only")
        right = [a == b for a, b in zip(self._classifier.predict(x.values), asked, strict=True)]
        return {"accuracy": np.stack([right, np.ones(len(right))], 1).astype(np.float64)}


def _spread(counts: np.ndarray, at: np.ndarray, n: int) -> np.ndarray:
    """Return the counts of n items, of which those at `at` are known; the others count nothing."""
    found = np.zeros((n, counts.shape[1]))
    found[at] = counts
    return found


def _others(numbers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw for each item another one, of another condition if a few draws find one, int64 (n,)."""
    n = len(numbers)
    rows = rng.permutation(n)
    for _ in range(20):
        same = np.flatnonzero(numbers[rows] == numbers)
        rows[same] = rng.integers(0, n, len(same))
    return rows
