"""Whether an item is odd: how its likelihood and its distance compare with those of held-out items.

A raw -log p finds items that are hard to predict, and misses simple ones: a model of clothes finds digits likelier than
clothes, since most of a digit is black. *Typicality* asks whether -log p is as usual. The *ratio* subtracts what a
background model says, which knows only how complex an item is: a compressor, or of tables independent columns.

Sources: Nalisnick et al., "Detecting Out-of-Distribution Inputs to Deep Generative Models Using Typicality", 2019; Ren
et al., "Likelihood Ratios for Out-of-Distribution Detection", 2019 (arXiv:1906.02845); Serrà et al., "Input Complexity
and Out-of-distribution Detection with Likelihood-based Generative Models", 2020 (arXiv:1909.11480).
"""

from __future__ import annotations

import lzma
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy.stats import spearmanr
from torch import Tensor

from zaohua.core.errors import NotAvailable, ZaohuaError
from zaohua.core.noise import ItemNoise
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.tensors import Encoded
from zaohua.families import mixture, mixture_fit
from zaohua.metrics.pairwise import nearest
from zaohua.modalities.sequences import Sequences
from zaohua.modalities.tables.codec import TableCodec
from zaohua.nn.rows import RowLayout
from zaohua.tasks.explain.subject import Subject
from zaohua.tasks.explain.vectors import vectors

COUNT = {"exact": 400, "lower_bound": 200, "estimate": 0}
"""Number of held-out items that are scored, by the kind of scores."""
FOLLOWS = 0.5
"""Rank correlation of -log p with complexity from which raw likelihoods are called misleading."""
PRIOR, LEAST = 0.1, 0.02
"""Pseudo-rows and least deviation of independent columns, as those of `ProductMixture`."""
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9}]


@dataclass(frozen=True, eq=False)
class Measure:
    """A measure of oddness.

    Attributes:
        title, about: its name, and what it is.
        value: that of the item; larger is odder.
        usual: those of held-out items.
    """

    title: str
    about: str
    value: float
    usual: np.ndarray

    @property
    def rank(self) -> float:
        """Share of the held-out items that are at least as odd."""
        return float(np.mean(self.usual >= self.value))


@dataclass(frozen=True, eq=False)
class Oddness:
    """Oddness of an item among held-out items.

    Attributes:
        measures: by name: raw, typicality, ratio, distance; those that the model allows.
        background: the model of complexity.
        follows: rank correlation of raw -log p of held-out items with their complexity; None without likelihoods.
        inverts: whether raw likelihoods mislead here.
    """

    measures: dict[str, Measure]
    background: str
    follows: float | None
    inverts: bool


class Detector:
    """Scores of oddness of any items, by a model and its training items.

    Args:
        model: fitted model.
        train: training items.

    Attributes:
        background: name of the model of complexity.
    """

    def __init__(self, model: GenerativeModel, train: Encoded) -> None:
        self.model = model
        self._train, self.background = vectors(model, train), "a compressor (LZMA)"
        self._complexity: Callable[[Encoded], np.ndarray] = self._compressed
        if model.spec_.is_row:
            self.background, self._layout = "independent columns", RowLayout(model.spec_)
            x, cells = self._cells(train)
            self._columns = mixture_fit.fit(x, self._layout, 1, 1, PRIOR, LEAST, 0)
            each = (self._terms(x, cells, only) for only in np.eye(x.shape[1], dtype=bool))
            self._unlike = max(float(nats.max()) for nats in each) + math.log(len(x) + 1)
            self._complexity = self._independent
        self._mean: float | None = None

    def scores(self, encoded: Encoded, usual: Encoded | None = None) -> dict[str, np.ndarray]:
        """Return measures of oddness of items, float64 (n,) each.

        Args:
            encoded: the items, with conditions or without.
            usual: held-out items, whose mean -log p is the usual one; needed once.
        """
        found = {"distance": nearest(vectors(self.model, encoded), self._train)[1]}
        if not hasattr(self.model, "score_samples") or COUNT[self.model.score_kind] == 0:
            return found
        size = self._sizes(encoded)
        raw = self._nats(encoded) / size
        if usual is not None:
            others = raw if usual is encoded else self._nats(usual) / self._sizes(usual)
            self._mean = float(np.mean(others))
        if self._mean is None:
            raise ZaohuaError("typicality needs usual items once")
        complexity = self._complexity(encoded) / size
        return {"raw": raw, "typicality": np.abs(raw - self._mean), "ratio": raw - complexity, **found}

    def _sizes(self, encoded: Encoded) -> np.ndarray:
        """Return what scores are divided by: the length of sequences, else 1."""
        codes = encoded.codes
        if isinstance(codes, Sequences):
            return np.asarray(codes.stops - codes.starts, np.float64)
        return np.ones(len(encoded))

    def _independent(self, encoded: Encoded) -> np.ndarray:
        """Return -log p of rows as if their columns were independent, float64 (n,)."""
        x, cells = self._cells(encoded)
        return self._terms(x, cells, np.ones(x.shape[1], bool))

    def _terms(self, x: np.ndarray, cells: tuple[np.ndarray, ...], features: np.ndarray) -> np.ndarray:
        known = np.broadcast_to(features, x.shape)
        found: np.ndarray = -mixture.log_terms(self._columns, self._layout, x, cells, known)[:, 0]
        return found

    def _nats(self, encoded: Encoded) -> np.ndarray:
        """Return -log p of items; of rows a cell unlike training's costs more than any cell of training.

        Models leave such cells out of account, which would make the oddest rows the likeliest.
        """
        nats = -self.model.score_encoded(encoded)
        if not self.model.spec_.is_row or not isinstance(self.model.codec_, TableCodec):
            return nats
        hidden = self.model.codec_.hidden(encoded.codes[np.arange(len(encoded))])
        return np.asarray(nats + self._unlike * hidden.sum(1).numpy())

    def _cells(self, encoded: Encoded) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        x = self.model.prepare_items(Encoded(encoded.codes)).x
        return x.numpy(), tuple(part.numpy() for part in cast(Any, self.model.codec_).cells(x))

    def _compressed(self, encoded: Encoded) -> np.ndarray:
        """Return nats of items as a compressor writes them, float64 (n,)."""
        parts = [self._bytes(encoded.codes[np.array([i])]) for i in range(len(encoded))]
        return np.array([8 * math.log(2) * len(lzma.compress(p, lzma.FORMAT_RAW, filters=FILTERS)) for p in parts])

    def _bytes(self, codes: Tensor) -> bytes:
        x = self.model.codec_.prepare(codes, ItemNoise([0]))
        if not x.is_floating_point():
            kind = np.uint8 if int(x.max()) < 255 else np.uint16
            return np.asarray((x + 2).numpy(), kind).tobytes()
        return np.asarray(((x.clamp(-1, 1) + 1) * 127.5).round().numpy(), np.uint8).tobytes()


ABOUT = {
    "raw": ("−log p", "how unlikely the model finds it"),
    "typicality": ("typicality", "how far its −log p is from the usual one"),
    "ratio": ("ratio", "its −log p less that of the background, which knows only how complex items are"),
    "distance": ("distance", "how far it is from the nearest training item"),
}


def oddness(subject: Subject) -> Oddness:
    """Measure how odd the item is among held-out items."""
    model, reference = subject.model, subject.reference
    if model.spec_.shape == ():
        raise NotAvailable("items of a single number have a density, and nothing else to measure")
    kind = model.score_kind if hasattr(model, "score_samples") else "estimate"
    codes, labels = reference.test
    usual = codes.take(np.arange(min(len(codes), COUNT[kind] or COUNT["exact"])))
    if subject.encoded.y_codes is not None and labels is not None:
        usual = model.attach_conditions(usual.codes, list(labels[: len(usual)]))
    detector = Detector(model, reference.train[0])
    others = detector.scores(usual, usual)
    own = detector.scores(subject.encoded)
    measures = {name: Measure(*ABOUT[name], float(own[name][0]), others[name]) for name in own}
    follows, inverts = None, False
    if "raw" in others and len(usual) > 2:
        follows = float(spearmanr(others["raw"], others["raw"] - others["ratio"]).statistic)
        inverts = subject.is_grid and follows > FOLLOWS
    return Oddness(measures, detector.background, follows, inverts)
