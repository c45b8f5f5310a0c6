"""Distances between items: of rows of tables by columns, of other items of one size between their tensors.

Distances between rows are Gower's (see `zaohua.metrics.records`), with numbers by their rank among the real rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zaohua.core.notes import gathered
from zaohua.estimator.base import GenerativeModel
from zaohua.evaluation.splits import prepared
from zaohua.metrics.features import Matrix
from zaohua.metrics.pairwise import nearest
from zaohua.metrics.records import nearest_ranked, ranked
from zaohua.metrics.untrained import Pca
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.tables.held_out import columns_of, sizes_of, with_unknown_category
from zaohua.modalities.texts.codec import TextCodec

GRAMS = 4096
"""Number of hashed tokens, or pairs of characters, by which sequences and texts are told apart."""


class Space:
    """Items of a model as vectors.

    Args:
        model: fitted model.
        real: real items, which say what the rank of a number is.

    Attributes:
        sizes: number of categories of each column of rows in canonical form; None for vectors of real numbers.
    """

    def __init__(self, model: GenerativeModel, real: Any):
        self.model = model
        self.sizes = sizes_of(columns_of(model)) if isinstance(model.codec_, TableCodec) else None
        self.real = self.vectors(real) if self.sizes is not None else None

    @staticmethod
    def unable(model: GenerativeModel) -> str:
        """Return why a model's items have no distances; empty if they have."""
        ragged = model.spec_.shape is None and not isinstance(model.codec_, TableCodec)
        return "its items differ in length, so they have no distances" if ragged else ""

    def vectors(self, items: Any) -> np.ndarray:
        """Return items as rows in canonical form, or as vectors of numbers, (n, d)."""
        with gathered():
            if isinstance(self.model.codec_, TableCodec):
                values = self.model.codec_.encode(items, unseen=True).numpy()
                return with_unknown_category(values, columns_of(self.model))
            codes = self.model.encode_items(items).codes
        tensors = [prepared(self.model, codes[rows]).flatten(1) for rows in _blocks(len(codes))]
        return np.concatenate([part.float().cpu().numpy() for part in tensors])

    def distances(self, x: np.ndarray, y: np.ndarray) -> Matrix:
        """Return the distance of each row of x (n, d) to the nearest row of y (m, d), float64 (n,)."""
        if self.sizes is None:
            return nearest(x, y)[1]
        assert self.real is not None  # as there are columns
        a, b = (ranked(z, self.real, self.sizes) for z in (x, y))
        return np.asarray(nearest_ranked(a, b)[0], np.float64)


def features_of(model: GenerativeModel, sides: tuple[Any, Any], seed: int) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Return two sets of items as rows that a classifier can tell apart, and the number of categories of each column.

    Args:
        model: fitted model.
        sides: the two sets, as they were read.
        seed: seed of the principal components.
    """
    if isinstance(model.codec_, TextCodec):
        both = _bigrams([*sides[0], *sides[1]])
    elif model.spec_.shape is None and not isinstance(model.codec_, TableCodec):
        both = np.concatenate([_counts(model, side) for side in sides])
    else:
        space = Space(model, sides[0])
        rows = [space.vectors(side) for side in sides]
        if space.sizes is not None:
            return rows[0], rows[1], space.sizes
        both = np.concatenate(rows)
    low, high = both.min(), both.max()
    scaled = (both - low) / max(float(high - low), np.finfo(np.float64).tiny)
    components = Pca(scaled.reshape(len(both), 1, -1), seed).features(scaled.reshape(len(both), 1, -1))
    return components[: len(sides[0])], components[len(sides[0]) :], [0] * components.shape[1]


def _bigrams(texts: list[str]) -> np.ndarray:
    """Return the square roots of the relative frequencies of hashed pairs of characters, float64 (n, GRAMS)."""
    out = np.zeros((len(texts), GRAMS))
    for row, text in enumerate(texts):
        points = np.array([ord(character) for character in text], np.int64)
        if len(points) > 1:
            counts = np.bincount((points[:-1] * 257 + points[1:]) % GRAMS, minlength=GRAMS)
            out[row] = np.sqrt(counts / counts.sum())
    return out


def _counts(model: GenerativeModel, items: Any) -> np.ndarray:
    """Return the relative frequencies of the hashed tokens of sequences, float64 (n, GRAMS)."""
    codes = model.encode_items(items).codes
    rows = [codes[np.array([i])][0].flatten().numpy() for i in range(len(codes))]
    rows = [row[row >= 0] % GRAMS for row in rows]
    return np.stack([np.bincount(row, minlength=GRAMS) / max(1, len(row)) for row in rows])


def _blocks(n: int, size: int = 1024) -> list[np.ndarray]:
    return [np.arange(at, min(at + size, n)) for at in range(0, n, size)]
