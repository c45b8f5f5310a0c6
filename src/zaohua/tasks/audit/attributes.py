"""Attributes: a column of a row that was trained on is guessed from its other columns better than one of other rows.

Boosted trees learn from samples to predict each column from the others. What can be guessed of rows that weren't
trained on is what the world is like, and no leak; only what is guessed beyond that counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zaohua.metrics.intervals import NORMAL, Interval
from zaohua.metrics.rows import Binning
from zaohua.metrics.trees import Trees
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.tables.held_out import columns_of, names_of
from zaohua.tasks.audit.attack import Access
from zaohua.tasks.audit.subject import Scores, Subject

COLUMNS, ROUNDS = 12, 40
"""Maximum number of columns that are guessed, and iterations of the trees."""


@dataclass(frozen=True)
class Guessed:
    """How often a column is guessed.

    Attributes:
        column: its name.
        members: fraction of rows that were trained on whose cell is guessed.
        others: the same of other rows.
        beyond: the difference, with its interval.
    """

    column: str
    members: float
    others: float
    beyond: Interval


class Attributes:
    """How probable the cells of a row are by trees that learnt from samples, over all columns.

    Attributes:
        columns: what was guessed of each column, after `scores`; those with the largest difference first.
    """

    name = "attributes"
    access: Access = "samples"
    about = (
        "Trees that learnt from samples guess each cell of a row from the others; the better, the more likely the row "
        "was trained on."
    )

    def __init__(self) -> None:
        self.columns: list[Guessed] = []

    def unable(self, subject: Subject) -> str:
        """Return why there are no columns to guess."""
        if not isinstance(subject.model.codec_, TableCodec):
            return "it is for tables"
        return "" if len(columns_of(subject.model)) > 1 else "there is one column only"

    def scores(self, subject: Subject) -> Scores:
        """Return the mean log-probability of the cells of each row."""
        sizes = subject.space.sizes
        assert sizes is not None  # as the items are rows
        members, others, samples = subject.vectors
        binning = Binning(np.concatenate([members, others]), sizes)
        bins = [binning.transform(rows) for rows in (members, others, samples)]
        names = names_of(columns_of(subject.model))
        totals = np.zeros(len(members)), np.zeros(len(others))
        chosen = np.unique(np.linspace(0, len(sizes) - 1, min(COLUMNS, len(sizes))).astype(np.int64)).tolist()
        subject.log(f"guessing {len(chosen)} columns")
        for c in chosen:
            rest = [k for k in range(len(sizes)) if k != c]
            trees, least = None, 1 / (len(samples) + binning.sizes[c])
            if len(np.unique(bins[2][c])) > 1:
                trees = Trees([sizes[k] for k in rest], max_iter=ROUNDS, early_stopping=False, random_state=0)
                trees.fit(samples[:, rest], bins[2][c])
            rates = []
            for rows, cells, total in zip((members, others), bins[:2], totals, strict=True):
                chances = np.full((len(rows), binning.sizes[c]), least)
                if trees is not None:
                    chances = np.maximum(trees.probabilities(rows[:, rest], binning.sizes[c]), least)
                total += np.log(chances[np.arange(len(rows)), cells[c]]) / len(chosen)
                rates.append(chances.argmax(1) == cells[c])
            self.columns.append(_guessed(names[c], *rates))
        self.columns.sort(key=lambda one: -one.beyond.value)
        return Scores(*totals)


def _guessed(column: str, members: np.ndarray, others: np.ndarray) -> Guessed:
    """Compare two fractions; the interval of the difference is normal, with a row added to each answer."""
    a, b = float(members.mean()), float(others.mean())
    smooth = [((side.sum() + 1) / (len(side) + 2), len(side) + 2) for side in (members, others)]
    reach = NORMAL * float(np.sqrt(sum(p * (1 - p) / n for p, n in smooth)))
    return Guessed(column, a, b, Interval(a - b, a - b - reach, a - b + reach))
