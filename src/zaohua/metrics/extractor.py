"""A small classifier trained on the real training split: its features are what pictures are compared in.

Networks trained on photographs of everything say little about digits or garments, and are large. A classifier of the
very data at hand knows what matters in it, trains in seconds, and its accuracy on class-conditional samples is a
measure of its own. Distances are comparable only within one extractor; `hash` tells which one it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn
from torch.nn import functional as F

from zaohua.core.errors import CheckpointError, ZaohuaError, unknown
from zaohua.metrics.pictures import WIDTH, ClassifierNetwork, as_tensor, like, short_hash, through
from zaohua.storage.atomic import replace_file, sha256, to_bytes

RECIPE = 2
"""Version of the training; a change of it, or of the network, makes cached classifiers new ones."""
MIN_ITEMS = 20_000
"""Items that training sees at least."""


class Classifier:
    """A trained recogniser of the classes of a data set; see `train`.

    An `Extractor`, like those of `untrained`.

    Attributes:
        classes: the labels it tells apart, in the order of its outputs.
        name: how tables call measures that use it.
    """

    name = f"classifier-{WIDTH}"

    def __init__(self, network: ClassifierNetwork, classes: Sequence[Hashable]):
        self.network, self.classes = network.eval(), list(classes)

    @classmethod
    def train(
        cls,
        images: Any,
        labels: Sequence[Hashable],
        *,
        random_state: int = 0,
        batch_size: int = 128,
        min_items: int = MIN_ITEMS,
    ) -> Classifier:
        """Train on pictures and their labels; the same data and seed give the same classifier.

        Args:
            images: uint8, or floats in [0, 1]; (n, H, W) or (n, H, W, C).
            labels: n hashable values.
            random_state: seed of weights and order.
            batch_size: pictures per step.
            min_items: pictures to see at least; small sets are gone through more than once.
        """
        x, classes = as_tensor(images), sorted(set(_plain(labels)), key=str)
        index = {label: i for i, label in enumerate(classes)}
        y = torch.tensor([index[label] for label in _plain(labels)])
        if len(x) != len(y):
            raise ZaohuaError(f"{len(x)} pictures but {len(y)} labels: give one for each")
        with torch.random.fork_rng(devices=[]), torch.autocast("cpu", enabled=False):
            torch.manual_seed(random_state)
            network = ClassifierNetwork(x.shape[1], x.shape[2], x.shape[3], len(classes))
            _train(network, x, y, batch_size, epochs=max(1, -(-min_items // len(x))))
        return cls(network, classes)

    @classmethod
    def cached(
        cls,
        images: Any,
        labels: Sequence[Hashable],
        folder: str | Path,
        *,
        random_state: int = 0,
        min_items: int = MIN_ITEMS,
    ) -> Classifier:
        """The classifier of this data and seed: loaded from a folder, or trained and saved there.

        Args:
            images: see `train`.
            labels: n strings or numbers.
            folder: where classifiers are kept, one file each; a damaged one is made anew.
            random_state: seed of weights and order.
            min_items: see `train`.

        Raises:
            ZaohuaError: the folder can't be written to.
        """
        array, digest = np.ascontiguousarray(images), hashlib.sha256()
        about = [RECIPE, random_state, str(array.dtype), array.shape, _savable(_plain(labels))]
        digest.update(to_bytes(about if min_items == MIN_ITEMS else [*about, min_items]))
        digest.update(array.data)
        path = Path(folder) / f"classifier-{digest.hexdigest()[:32]}.safetensors"
        if path.exists():
            with contextlib.suppress(CheckpointError):
                return cls.load(path)
        made = cls.train(images, labels, random_state=random_state, min_items=min_items)
        made.save(path)
        return made

    def save(self, path: str | Path) -> None:
        """Write it to a safetensors file, atomically; labels must be strings or numbers."""
        about = {"format": 1, "classes": _savable(self.classes), "shape": list(self.network.shape), "hash": self.hash}
        header = {"zaohua": to_bytes({**about, "sha256": sha256(to_bytes(about))}).decode()}
        replace_file(Path(path), safetensors.torch.save(self.network.state_dict(), header))

    @classmethod
    def load(cls, path: str | Path) -> Classifier:
        """Read what `save` wrote.

        Raises:
            CheckpointError: it can't be read, or isn't what was saved.
        """
        try:
            with safetensors.safe_open(path, "pt") as file:
                about = json.loads((file.metadata() or {})["zaohua"])
                weights = {name: file.get_tensor(name) for name in file.keys()}  # the file itself can't be gone through
            if about["format"] > 1:
                raise CheckpointError(f"{path} was saved by a newer version of zaohua: upgrade to read it")
            intact = about.pop("sha256") == sha256(to_bytes(about))
            channels, height, width = about["shape"]
            sizes = weights["body.0.weight"].shape[1], weights["head.weight"].shape[0]
            if sizes != (channels, len(about["classes"])):  # before memory is asked for so many
                raise ValueError("its weights are of another size than it says")
            network = ClassifierNetwork(channels, height, width, len(about["classes"]))
            network.load_state_dict(weights)
            made = cls(network, about["classes"])
            intact = intact and made.hash == about["hash"]
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
        return made

    def features(self, images: Any) -> NDArray[np.float64]:
        """Activations of the last hidden layer, float64 (n, WIDTH)."""
        return through(self.network.body, like(images, self.network.shape))

    def probabilities(self, images: Any) -> NDArray[np.float64]:
        """Of each class given each picture, in the order of `classes`, float64 (n, classes)."""
        return softmax(through(self.network, like(images, self.network.shape)), axis=1)

    def predict(self, images: Any) -> list[Hashable]:
        """The most likely label of each picture."""
        return [self.classes[i] for i in self.probabilities(images).argmax(1)]

    def accuracy(self, images: Any, labels: Sequence[Hashable]) -> float:
        """Share of pictures recognised as what they should show."""
        return float(np.mean(self._right(images, labels)))

    def accuracy_by_class(self, images: Any, labels: Sequence[Hashable]) -> dict[Hashable, float]:
        """The same of the pictures of each class that is among the labels."""
        right, names = self._right(images, labels), _plain(labels)
        there = [label for label in self.classes if label in set(names)]
        return {label: float(right[[name == label for name in names]].mean()) for label in there}

    @property
    def hash(self) -> str:
        """Eight digits that tell this extractor from others."""
        return short_hash(tensor.numpy() for tensor in self.network.state_dict().values())

    def _right(self, images: Any, labels: Sequence[Hashable]) -> NDArray[np.bool_]:
        """Whether each picture is recognised as what it should show."""
        names = _plain(labels)
        for label in set(names) - set(self.classes):
            raise unknown("label", label, self.classes)
        if len(names) != len(images):
            raise ZaohuaError(f"{len(images)} pictures but {len(names)} labels: give one for each")
        return np.array([a == b for a, b in zip(self.predict(images), names, strict=True)])


def _train(network: nn.Module, x: Tensor, y: Tensor, batch_size: int, epochs: int) -> None:
    """Adam with one cycle of the learning rate."""
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


def _savable(labels: list[Any]) -> list[Any]:
    """Labels, refused unless JSON gives them back as they were."""
    for label in labels:
        if not isinstance(label, str | int | float):
            raise ZaohuaError(f"labels must be strings or numbers to be saved, not {type(label).__name__}")
    return labels


def _plain(labels: Sequence[Hashable]) -> list[Any]:
    """Labels as Python values, so that numpy's 3 and Python's 3 are one."""
    return [label.item() if isinstance(label, np.generic) else label for label in labels]
