"""Feature extractor for images: a small classifier trained on the real training split.

Networks trained on general photographs are large and say little about digits or garments. A classifier of the evaluated
data set itself learns the features that matter there, trains in seconds, and its accuracy on class-conditional samples
is a metric of its own. Distances are comparable only within one extractor; `hash` identifies it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from torch import Tensor, nn
from torch.nn import functional as F

from zaohua.core.errors import CheckpointError, ZaohuaError, unknown
from zaohua.metrics.extractor_base import (
    WIDTH,
    ClassifierNetwork,
    apply_in_batches,
    as_tensor,
    as_tensor_of_shape,
    short_hash,
)
from zaohua.storage.atomic import replace_file, sha256, to_bytes

RECIPE = 2
"""Version of the training procedure; increase it when that or the network changes, so that no old cache is used."""
MIN_ITEMS = 20_000
"""Minimum number of items that training sees."""


class Classifier:
    """Trained image classifier whose hidden activations serve as features; see `train`.

    Implements `Extractor`, as the classes in `untrained` do.

    Attributes:
        classes: the labels, in the order of the network's outputs.
        name: name of the extractor in tables of results.
    """

    name = f"classifier-{WIDTH}"

    def __init__(self, network: ClassifierNetwork, classes: Sequence[Hashable]):
        self.network, self.classes = network.eval(), list(classes)

    @classmethod
    def train(
        cls,
        images: ArrayLike,
        labels: Sequence[Hashable],
        *,
        random_state: int = 0,
        batch_size: int = 128,
        min_items: int = MIN_ITEMS,
    ) -> Classifier:
        """Train a classifier on images and their labels; the same data and seed give the same classifier.

        Args:
            images: uint8, or floats in [0, 1]; (n, H, W) or (n, H, W, C).
            labels: n hashable values.
            random_state: seed of the initial weights and the order of items.
            batch_size: images per step.
            min_items: minimum number of images to train on; smaller sets are repeated.
        """
        x, classes = as_tensor(images), sorted(set(_plain(labels)), key=str)
        index = {label: i for i, label in enumerate(classes)}
        y = torch.tensor([index[label] for label in _plain(labels)])
        if len(x) != len(y):
            raise ZaohuaError(f"{len(x)} images but {len(y)} labels: give one for each")
        with torch.random.fork_rng(devices=[]), torch.autocast("cpu", enabled=False):
            torch.manual_seed(random_state)
            network = ClassifierNetwork(x.shape[1], x.shape[2], x.shape[3], len(classes))
            _train(network, x, y, batch_size, epochs=max(1, -(-min_items // len(x))))
        return cls(network, classes)

    @classmethod
    def cached(
        cls,
        images: ArrayLike,
        labels: Sequence[Hashable],
        folder: str | Path,
        *,
        random_state: int = 0,
        min_items: int = MIN_ITEMS,
    ) -> Classifier:
        """Load the classifier of this data and seed from a folder, or train it and save it there.

        Args:
            images: see `train`.
            labels: n strings or numbers.
            folder: cache folder with one file per classifier; a damaged file is replaced.
            random_state: seed of the initial weights and the order of items.
            min_items: see `train`.

        Raises:
            ZaohuaError: the folder can't be written to.
        """
        array, digest = np.ascontiguousarray(images), hashlib.sha256()
        key = [RECIPE, random_state, str(array.dtype), array.shape, _savable(_plain(labels))]
        digest.update(to_bytes(key if min_items == MIN_ITEMS else [*key, min_items]))
        digest.update(array.data)
        path = Path(folder) / f"classifier-{digest.hexdigest()[:32]}.safetensors"
        if path.exists():
            with contextlib.suppress(CheckpointError):
                return cls.load(path)
        classifier = cls.train(images, labels, random_state=random_state, min_items=min_items)
        classifier.save(path)
        return classifier

    def save(self, path: str | Path) -> None:
        """Write the classifier to a safetensors file, atomically; labels must be strings or numbers."""
        about = {"format": 1, "classes": _savable(self.classes), "shape": list(self.network.shape), "hash": self.hash}
        header = {"zaohua": to_bytes({**about, "sha256": sha256(to_bytes(about))}).decode()}
        replace_file(Path(path), safetensors.torch.save(self.network.state_dict(), header))

    @classmethod
    def load(cls, path: str | Path) -> Classifier:
        """Load a classifier that `save` wrote.

        Raises:
            CheckpointError: the file can't be read, isn't a classifier, or is damaged.
        """
        try:
            with safetensors.safe_open(path, "pt") as file:
                about = json.loads((file.metadata() or {})["zaohua"])
                weights = {name: file.get_tensor(name) for name in file.keys()}  # the file itself isn't iterable
            if about["format"] > 1:
                raise CheckpointError(f"{path} was saved by a newer version of zaohua: upgrade to read it")
            intact = about.pop("sha256") == sha256(to_bytes(about))
            channels, height, width = about["shape"]
            sizes = weights["body.0.weight"].shape[1], weights["head.weight"].shape[0]
            if sizes != (channels, len(about["classes"])):  # checked before memory is allocated for them
                raise ValueError("its weights differ in size from its description")
            network = ClassifierNetwork(channels, height, width, len(about["classes"]))
            network.load_state_dict(weights)
            classifier = cls(network, about["classes"])
            intact = intact and classifier.hash == about["hash"]
        except CheckpointError:
            raise
        except OSError as error:
            raise CheckpointError(f"{path} can't be read: {error.strerror or error}") from None
        except (
            safetensors.SafetensorError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RuntimeError,
            RecursionError,
        ) as error:
            reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise CheckpointError(f"{path} isn't a saved classifier: {reason[0]}") from None
        if not intact:
            raise CheckpointError(f"{path} is damaged: its content isn't what was saved")
        return classifier

    def features(self, images: ArrayLike) -> NDArray[np.float64]:
        """Return the activations of the last hidden layer, float64 (n, WIDTH)."""
        return apply_in_batches(self.network.body, as_tensor_of_shape(images, self.network.shape))

    def probabilities(self, images: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class for each image, in the order of `classes`, float64 (n, classes)."""
        logits = apply_in_batches(self.network, as_tensor_of_shape(images, self.network.shape))
        return np.asarray(softmax(logits, axis=1))

    def predict(self, images: ArrayLike) -> list[Hashable]:
        """Return the most likely label of each image."""
        return [self.classes[i] for i in self.probabilities(images).argmax(1)]

    def accuracy(self, images: ArrayLike, labels: Sequence[Hashable]) -> float:
        """Return the fraction of images whose predicted label is the given one."""
        return float(np.mean(self._right(images, labels)))

    def accuracy_by_class(self, images: ArrayLike, labels: Sequence[Hashable]) -> dict[Hashable, float]:
        """Return the accuracy on the images of each class that occurs among the labels."""
        right, names = self._right(images, labels), _plain(labels)
        present = [label for label in self.classes if label in set(names)]
        return {label: float(right[[name == label for name in names]].mean()) for label in present}

    @property
    def hash(self) -> str:
        """Eight hexadecimal digits that identify this extractor."""
        return short_hash(tensor.numpy() for tensor in self.network.state_dict().values())

    def _right(self, images: ArrayLike, labels: Sequence[Hashable]) -> NDArray[np.bool_]:
        """Return a mask of the images whose predicted label is the given one."""
        names = _plain(labels)
        for label in set(names) - set(self.classes):
            raise unknown("label", label, self.classes)
        predicted = self.predict(images)
        if len(names) != len(predicted):
            raise ZaohuaError(f"{len(predicted)} images but {len(names)} labels: give one for each")
        return np.array([a == b for a, b in zip(predicted, names, strict=True)])


def _train(network: nn.Module, x: Tensor, y: Tensor, batch_size: int, epochs: int) -> None:
    """Train the network with AdamW and a one-cycle schedule of the learning rate."""
    steps = epochs * -(-len(x) // batch_size)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(batch_size):
            loss = F.cross_entropy(network(x[rows]), y[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def _savable(labels: list[Hashable]) -> list[Hashable]:
    """Return the labels; raise unless JSON preserves them."""
    for label in labels:
        if not isinstance(label, str | int | float):
            raise ZaohuaError(f"labels must be strings or numbers to be saved, not {type(label).__name__}")
    return labels


def _plain(labels: Sequence[Hashable]) -> list[Hashable]:
    """Return labels as Python values, so that numpy's 3 equals Python's 3."""
    return [label.item() if isinstance(label, np.generic) else label for label in labels]
