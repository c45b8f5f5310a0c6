"""The protocol of tables: real rows, the column that is predicted, and the two references of every table.

Samples are compared with rows of the test split in all but two measures: what trees learn of them is tested on those,
and how near they lie to training rows is compared with how near as many test rows do.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.evaluation.figures import format_p, fraction_figure, interval_figure
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.evaluation.results import APART, FLOOR, Evaluation, Figure, Figures
from zaohua.evaluation.splits import Splits
from zaohua.metrics import tree_two_sample as told_apart
from zaohua.metrics.columns import mean_trend, shapes, trends
from zaohua.metrics.copy_rate import ACCUSED
from zaohua.metrics.intervals import Interval
from zaohua.metrics.records import closest_records, row_copies
from zaohua.metrics.tree_two_sample import TreeTwoSample, tree_two_sample
from zaohua.metrics.utility import utility
from zaohua.modalities.base import counted
from zaohua.modalities.tables.held_out import HeldOutRows, columns_of, names_of, rows, sizes_of, with_unknown_category

LEAST = 40
"""Rows of either split that figures mean anything by."""
FEW = 20
"""Categories that a column has at most for it to be predicted by default."""


class TableProtocol(EvaluationProtocol):
    """What all models of tables of a comparison are measured by.

    Args:
        splits: real rows.
        n: samples, at most as many as training rows; and test rows, if there are so many.
        seed: of what is drawn.
        target: the column that is predicted; by default the last of 2 to 20 categories, else the last of numbers.

    Attributes:
        category_counts: categories of each column, with one for those that training didn't have; 0 of numbers.

    Raises:
        ZaohuaError: there are too few rows, or no such column.
    """

    modality = "tables"
    noun = "rows"
    lead: ClassVar[str] = "tree_score"
    monitors: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ("target",)
    test: HeldOutRows

    def __init__(self, splits: Splits, n: int = 10_000, seed: int = 0, target: str | None = None):
        self.splits, self.seed = splits, seed
        self.n = min(n, len(splits.train))
        self.test = splits.test.some(self.n, seed)
        if min(self.n, len(self.test)) < LEAST:
            raise ZaohuaError(
                f"{len(splits.train)} training rows, {len(splits.test)} of the {splits.split} split and "
                f"{n} samples: at least {LEAST} of each are needed for figures that mean anything"
            )
        self.columns, self.names = self.test.columns, names_of(self.test.columns)
        self.category_counts = sizes_of(self.columns)
        self._train, self._real = (
            with_unknown_category(rows.values, self.columns) for rows in (splits.train, self.test)
        )
        self._target = self._find(target)
        self.target = "" if self._target is None else self.names[self._target]

    def _find(self, target: str | None) -> int | None:
        """Return the place of the column to predict; None if no column can be."""
        if target is not None:
            if target not in self.names:
                raise unknown("column", target, self.names)
            return self.names.index(target)
        if len(self.category_counts) < 2:
            return None
        varies = [place for place, values in enumerate(self._real.T) if len(np.unique(values[~np.isnan(values)])) > 1]
        few = [place for place in varies if 2 <= self.columns[place].size <= FEW]
        return next(iter([*few[::-1], *[place for place in varies if not self.category_counts[place]][::-1]]), None)

    @classmethod
    def items(cls, model: Any, items: Any, labels: Any) -> HeldOutRows:
        """Return real rows, with those that the model can't encode."""
        return rows(model, items, labels)

    @classmethod
    def describe(cls, model: Any) -> str:
        """Describe the columns of the rows that a model makes."""
        return f"tables of {', '.join(f'{column.name} ({column.size or column.kind})' for column in columns_of(model))}"

    def conditions(self, model: Any) -> None:
        """Return None: conditions are drawn as frequent as they were in training."""

    def to_measured(self, model: Any, block: Any) -> np.ndarray:
        """Return rows as the codec encodes them."""
        return np.asarray(model.codec_.encode(block), np.float64)

    def score(self, model: Any, rows: np.ndarray, conditions: Sequence[Any] | None) -> np.ndarray:
        """Return log-likelihoods of test rows; rows unlike training's are skipped by models that can't score parts."""
        encoded = model.attach_conditions(self.test.codes[rows], conditions)
        if not model.marginalises:
            encoded = encoded.take(np.flatnonzero(~model.codec_.hidden(encoded.codes).any(1).numpy()))
        return np.asarray(model.score_encoded(encoded))

    # ---- measures

    def measure(self, samples: np.ndarray, conditions: Sequence[Any] | None = None, copies: bool = True) -> Figures:
        """Return all figures of some rows."""
        n = len(samples)
        figures = {
            "tree_score": interval_figure(self._classified(samples).score, n),
            "trend": Figure(mean_trend(trends(self._real, samples, self.category_counts)), n=n),
            "shape": Figure(float(shapes(self._real, samples, self.category_counts).mean()), n=n),
        }
        if self._target is not None:
            found = utility(samples, self._real, self.category_counts, self._target, self.seed)
            figures |= {
                f"utility_{name}": interval_figure(interval, len(self._real)) for name, interval in found.items()
            }
        return {**figures, **self._copies(samples)} if copies else figures

    def _classified(self, samples: np.ndarray, uses: bool = False) -> TreeTwoSample:
        return tree_two_sample(samples, self._real, self.category_counts, self.seed, uses)

    @functools.cached_property
    def _usual(self) -> float:
        """The share of test rows that equal training rows."""
        return row_copies(self._real, self._train, self._real, self.category_counts).fraction

    def _copies(self, samples: np.ndarray) -> Figures:
        """Return how near rows lie to training rows, and how many are copies of them."""
        near = closest_records(samples, self._train, self._real, self.category_counts, self.seed)
        same = row_copies(samples, self._train, self._real, self.category_counts)
        return {
            "closest": interval_figure(near.fraction, len(samples), format_p(near.p), near.p),
            "row_copies": fraction_figure(same.fraction, len(samples), format_p(same.p), same.p),
        }

    def details(self, samples: np.ndarray, conditions: Sequence[Any] | None, figures: Figures) -> dict[str, Any]:
        """Return each column's shape and its use to trees, flags, and how the trees ranked rows."""
        trees = self._classified(samples, uses=True)
        found = {"shape": shapes(self._real, samples, self.category_counts), "uses": trees.importances}
        by_column = {
            what: dict(zip(self.names, map(float, values), strict=True))
            for what, values in found.items()
            if values is not None
        }
        return {
            "by_column": by_column,
            "flags": tuple(self.flags(samples, trees.auc, figures)),
            "arrays": {"told": trees.synthetic, "told_real": trees.real},
        }

    def gaps(self, best: Evaluation, others: Sequence[Evaluation]) -> dict[str, Interval]:
        """Return differences of the two-sample scores, by the same test rows."""
        ranked = {row.run: (row.arrays["told"], row.arrays["told_real"]) for row in (best, *others)}
        return {row.run: told_apart.gaps(ranked[best.run], ranked[row.run]) for row in others}

    def flags(self, samples: np.ndarray, auc: Interval, figures: Figures) -> list[str]:
        """Return what to know before figures of these samples are believed."""
        found = []
        if (samples == samples[0]).all(0).sum() + np.isnan(samples).all(0).sum() == samples.shape[1]:
            found.append(
                f"all {len(samples)} samples are the same: the model has collapsed, or sampling ignores its noise"
            )
        copied, near = figures["row_copies"], figures["closest"]
        if copied.p is not None and copied.p < ACCUSED:
            found.append(
                f"{copied.value:.1%} of the samples equal training rows, of the {self.splits.split} rows "
                f"{self._usual:.1%}: to look real is no achievement then"
            )
        if near.p is not None and near.p < ACCUSED:
            found.append(
                f"{near.value:.1%} of the samples are nearer to training rows than to new ones: some of what "
                "was learnt are single rows"
            )
        if auc.high < 0.5:
            found.append("trees are more often wrong than chance: many samples and test rows are equal")
        if self.splits.split == "validation":
            found.append(
                "measured by rows that training held out: if settings were chosen by them, these figures are too good"
            )
        unlike, count = self.test.unlike, f"of {len(self.test):,} {self.splits.split} rows"
        if cells := int(unlike.sum()):
            hold = f"hold {counted(cells, 'cell')} unlike training's"
            found.append(f"{int(unlike.any(1).sum()):,} {count} {hold}: likelihoods leave these cells out")
        if labels := int(len(self.test) - len(self.test.codes)):
            found.append(f"{labels:,} {count} have a label that training never saw: likelihoods leave these rows out")
        if self._target is None:
            found.append("no column can be predicted from others: there is one column only, or all are constant")
        return found

    def monitor(self, model: Any) -> dict[str, float | None]:
        """Return the figures of some samples during training that are quickly computed."""
        samples = self.to_measured(model, model.sample(self.n, random_state=0))
        figures = {
            "tree_score": self._classified(samples).score.value,
            "trend": mean_trend(trends(self._real, samples, self.category_counts)),
            "shape": float(shapes(self._real, samples, self.category_counts).mean()),
        }
        return self.telling(figures)

    # ---- references

    @functools.cached_property
    def references(self) -> dict[str, Figures]:
        """As many training rows instead of samples, which nothing can honestly be much better than, with the share of
        test rows that equal training rows; and training rows with each column shuffled by itself, which anything worth
        its training is better than."""
        rng = np.random.default_rng(self.seed)
        some = self._train[rng.permutation(len(self._train))[: self.n]]
        apart = np.stack([rng.permutation(column) for column in self._train.T], axis=1)[: self.n]
        usual = {"row_copies": fraction_figure(self._usual, len(self._real))}  # of the test rows
        return {FLOOR: {**self.measure(some, copies=False), **usual}, APART: self.measure(apart, copies=False)}
