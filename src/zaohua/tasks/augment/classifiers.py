"""Classifiers that learn from weighted items: trees and logistic regression for rows, a small network for arrays."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zaohua.core.hardware import fitting_threads
from zaohua.metrics.extractor_base import ClassifierNetwork
from zaohua.metrics.judges.training import outputs
from zaohua.metrics.trees import Trees
from zaohua.tasks.augment.classical import Transform


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a classifier learns from.

    Attributes:
        x: what it sees of each item, (n, ...).
        y: classes 0 ... K - 1, int64 (n,).
        weights: weight of each item, (n,).
        transform: how arrays are changed at random; None if they aren't.
    """

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    transform: Transform | None = None

    def with_more(self, x: np.ndarray, y: np.ndarray, weight: float) -> Lesson:
        """Return this lesson with more items, whose weights sum to `weight` times that of these."""
        each = np.full(len(x), weight * self.weights.sum() / max(1, len(x)))
        return Lesson(
            np.concatenate([self.x, x]),
            np.concatenate([self.y, y]),
            np.concatenate([self.weights, each]),
            self.transform,
        )


class Classifier(ABC):
    """Learns from lessons, all of K classes.

    Args:
        classes: number of classes, K.
        sizes: number of categories of each column of rows; 0 for numbers.
    """

    def __init__(self, classes: int, sizes: Sequence[int] = ()):
        self.classes, self.sizes = classes, list(sizes)

    @abstractmethod
    def learn(self, lesson: Lesson, seed: int) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function from items (m, ...) to the probabilities of their classes, (m, K)."""


class BoostedTrees(Classifier):
    """scikit-learn's histogram gradient boosting, with its own settings."""

    iterations = 100

    def learn(self, lesson: Lesson, seed: int) -> Callable[[np.ndarray], np.ndarray]:
        """Fit the trees."""
        if len(np.unique(lesson.y)) == 1:
            return _always(int(lesson.y[0]), self.classes)
        trees = Trees(self.sizes, early_stopping=False, max_iter=self.iterations, random_state=seed)
        trees.fit(lesson.x, lesson.y, lesson.weights)
        return lambda x: trees.probabilities(x, self.classes)


class Linear(Classifier):
    """Logistic regression on standardised numbers and one-hot categories."""

    def learn(self, lesson: Lesson, seed: int) -> Callable[[np.ndarray], np.ndarray]:
        """Fit the regression."""
        from sklearn.linear_model import LogisticRegression

        if len(np.unique(lesson.y)) == 1:
            return _always(int(lesson.y[0]), self.classes)
        wide = self._wide(lesson)
        model = LogisticRegression(max_iter=1000).fit(wide(lesson.x), lesson.y, lesson.weights)

        def probabilities(x: np.ndarray) -> np.ndarray:
            out = np.zeros((len(x), self.classes))
            out[:, model.classes_] = model.predict_proba(wide(x))
            return out

        return probabilities

    def _wide(self, lesson: Lesson) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function from rows to standardised numbers, whether they are missing, and one-hot categories."""
        numbers = np.flatnonzero(np.array(self.sizes) == 0)
        x = lesson.x[:, numbers]
        there = ~np.isnan(x) * lesson.weights[:, None]
        total = np.maximum(there.sum(0), 1e-12)
        mean = (np.nan_to_num(x) * there).sum(0) / total
        spread = np.sqrt((np.nan_to_num(x - mean) ** 2 * there).sum(0) / total)

        def wide(rows: np.ndarray) -> np.ndarray:
            values = (rows[:, numbers] - mean) / np.where(spread > 0, spread, 1.0)
            parts = [np.nan_to_num(values), np.isnan(values)]
            parts += [rows[:, [c]] == np.arange(size) for c, size in enumerate(self.sizes) if size]
            return np.concatenate(parts, axis=1).astype(np.float64)

        return wide


class Network(Classifier):
    """A small convolutional network, which sees equally many items of whatever it learns from."""

    batch, visits, steps = 64, 48_000 * 28 * 28, (200, 1000)

    def learn(self, lesson: Lesson, seed: int) -> Callable[[np.ndarray], np.ndarray]:
        """Train the network on items drawn by their weights."""
        x, y = as_images(lesson.x), torch.from_numpy(lesson.y)
        steps = int(np.clip(self.visits // (self.batch * math.prod(x.shape[2:])), *self.steps))
        generator = torch.Generator().manual_seed(seed)
        weights = torch.from_numpy(np.asarray(lesson.weights, np.float64))
        with torch.random.fork_rng(devices=[]), torch.autocast("cpu", enabled=False):
            torch.manual_seed(seed)
            network = ClassifierNetwork(x.shape[1], x.shape[2], x.shape[3], self.classes)
            optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
            with fitting_threads(network):
                for _ in range(steps):
                    rows = torch.multinomial(weights, self.batch, replacement=True, generator=generator)
                    batch = x[rows] if lesson.transform is None else lesson.transform(x[rows], generator)
                    loss = F.cross_entropy(network(batch), y[rows])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    schedule.step()
        network.eval()

        def probabilities(items: np.ndarray) -> np.ndarray:
            images = as_images(items)
            return outputs(lambda t: network(t).softmax(1), lambda rows: images[torch.from_numpy(rows)], len(images))

        return probabilities


def as_images(x: np.ndarray) -> Tensor:
    """Return pictures uint8 (n, H, W[, C]) or spectrograms float (n, C, H, W) as float32 (n, C, H, W) in [-1, 1]."""
    if x.dtype != np.uint8:
        return torch.from_numpy(np.ascontiguousarray(x, np.float32))
    images = torch.from_numpy(np.ascontiguousarray(x if x.ndim == 4 else x[..., None])).permute(0, 3, 1, 2)
    return images.float() / 127.5 - 1


def _always(label: int, classes: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.tile(np.eye(classes)[label], (len(x), 1))


CLASSIFIERS: dict[str, type[Classifier]] = {"trees": BoostedTrees, "linear": Linear, "network": Network}
"""The classifiers by name."""
