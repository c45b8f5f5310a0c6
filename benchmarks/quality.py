"""A recogniser of MNIST's digits, the judge of all samples: trained once, on the training images, about 99 % right."""

from __future__ import annotations

import functools
import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np

from peer_common import mnist


def _idx(name: str, offset: int) -> np.ndarray:
    with gzip.open(Path(os.environ["ZAOHUA_DATA"], "mnist", name)) as stream:
        return np.frombuffer(stream.read(), np.uint8, offset=offset)


def test_images() -> np.ndarray:
    """The 10 000 test images, uint8 (10000, 28, 28)."""
    return _idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)


@functools.cache
def recogniser() -> Any:
    """The classifier, the same every time."""
    from zaohua.metrics.extractor import Classifier

    return Classifier.train(mnist(), _idx("train-labels-idx1-ubyte.gz", 8).tolist())


def recognised(images: np.ndarray) -> dict[str, float]:
    """How recognisable unlabelled images are.

    `accuracy` is the share of images that the recogniser assigns to one class with probability 0.9 or more;
    `coverage` the entropy of the classes of these, 1 when all ten are equally frequent, 0 when there is only one.
    """
    import torch

    judge = recogniser()
    with torch.no_grad():
        logits = judge.network.head(torch.from_numpy(judge.features(images)).float())
    best, classes = logits.softmax(1).max(1)
    sure = best >= 0.9
    share = torch.bincount(classes[sure], minlength=10).double() / max(1, int(sure.sum()))
    entropy = -(share * share.clamp(min=1e-12).log()).sum() / np.log(10)
    return {"accuracy": round(float(sure.double().mean()), 4), "coverage": round(float(entropy), 4)}
