"""Reading of the data to augment, and of the held-out items that nothing may have seen."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.estimator.source import located
from zaohua.modalities.base import Codec
from zaohua.modalities.modality import Modality
from zaohua.modalities.reading import read_with_kind
from zaohua.modalities.reading_options import reading
from zaohua.tasks.augment.data import Labelled, some_of_each

HELD_OUT = 0.25
"""Share of the labelled items that are held out if there is no test split."""


class Source(NamedTuple):
    """Labelled items of a kind of data.

    Attributes:
        train: the items to augment.
        test: held-out items.
        column: column of a table that holds the labels and that the model learns as such; None if labels lie apart.
        kind: the kind of data.
        said: what the held-out items are.
    """

    train: Labelled
    test: Labelled
    column: str | None
    kind: Modality | None
    said: str


def source_of(model: Any, X: object, y: object, label: str | None, test: object, seed: int) -> Source:
    """Read the data to augment and the held-out items.

    Args:
        model: the generator; where X is None it is fitted, and its own data are read again.
        X: items, as for `fit`.
        y: their labels, as for `fit`, for models of p(x | y).
        label: column of a table that holds the labels.
        test: held-out items: a path, a table, or a pair of items and labels; None takes the test split, else holds a
            quarter of the labelled items out.
        seed: seed of what is held out.

    Raises:
        ZaohuaError: there are no labels, or no such column, or the data can't be read.
    """
    if X is None:
        X, y = _again(model, y)
    column = label if y is None else None
    if column is None and label is not None:
        raise ZaohuaError(f"{option('label')} is a column of a table, which the model learns: leave {option('y')} out")
    if column is None and y is None:
        raise ZaohuaError(f"augmenting needs labels: say which column holds them ({option('label')}), or give y")
    train, kind = _read(model, X, y, column, None)
    if test is None:
        try:
            held, _ = _read(model, X, y, column, "test")
        except ZaohuaError:
            return _divided(train, column, kind, seed)
        return Source(train, _known(held), column, kind, "the test split")
    X, y = test if isinstance(test, tuple) else (test, y if isinstance(y, (str, bool)) else None)
    if column is None and y is None:
        raise ZaohuaError("the held-out items need labels: give a pair of items and labels")
    held, _ = _read(model, X, y, column, None)
    return Source(train, _known(held), column, kind, "given")


def _divided(data: Labelled, column: str | None, kind: Modality | None, seed: int) -> Source:
    """Hold out a quarter of the labelled items."""
    count = round(HELD_OUT * len(data.known))
    held = some_of_each(data, count, np.random.default_rng(seed))
    rest = np.setdiff1d(np.arange(len(data)), held)
    return Source(data.take(rest), data.take(held), column, kind, f"{len(held):,} of the labelled items")


def _known(data: Labelled) -> Labelled:
    if not len(data.known):
        raise ZaohuaError("none of the held-out items has a label")
    return data.take(data.known)


def _read(model: Any, X: object, y: object, column: str | None, split: str | None) -> tuple[Labelled, Modality | None]:
    codec = getattr(model, "codec_", None) or getattr(model, "codec", None)
    with reading(**(codec.reading() if isinstance(codec, Codec) else {})):
        items, labels, kind = read_with_kind(X, y, split=split)
    if column is not None:
        if column not in getattr(items, "columns", ()):
            raise unknown("column", column, list(getattr(items, "columns", ())))
        labels = items[column].tolist() if hasattr(items[column], "tolist") else list(items[column])
    if hasattr(labels, "columns") or getattr(labels, "ndim", 1) != 1:
        raise ZaohuaError("augmenting needs one label for each item, and these have other conditions")
    return Labelled.of(items, list(labels)), kind


def _again(model: Any, y: object) -> tuple[object, object]:
    """Return the data that a fitted model learnt, and what it learnt as their labels."""
    own = getattr(model, "source_", None)
    if own is None:
        raise ZaohuaError("the model was fitted on data in memory, or isn't fitted: give the data to augment (X)")
    given = y if y is not None else own.get("y")
    if model.y_codec_ is not None and given is None:
        given = True
    return located(own, f"give them ({option('data')})"), given
