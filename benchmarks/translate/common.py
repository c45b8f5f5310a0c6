"""Parts that the benchmarks of conditions share: training for a time, images of the data sets, and paired intervals."""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone

DATA = Path(os.environ.get("ZAOHUA_DATA", "."))
JUDGED = 20_000
"""Real training images that judges learn from."""
PROBE = 16
"""Steps by which the time of a step is measured."""


def trained(model: Any, X: Any, y: Any, minutes: float) -> tuple[Any, dict[str, float]]:
    """Fit a model for so many minutes of CPU time on one thread; return it with the steps and minutes that it took.

    The clock of a shared machine says little: a few steps are timed, and the number of steps follows from that.
    """
    seconds = []
    for steps in (1, 1, 1 + PROBE):  # the first fit of a process is slower
        began = time.process_time()
        clone(model).set_params(max_steps=steps).fit(X, y)
        seconds.append(time.process_time() - began)
    each = (seconds[2] - seconds[1]) / PROBE
    began = time.process_time()
    model.set_params(max_steps=max(1, round(60 * minutes / each))).fit(X, y)
    return model, {"steps": model.n_steps_, "cpu minutes": round((time.process_time() - began) / 60, 2)}


def idx(folder: str, name: str) -> np.ndarray:
    """Read one of MNIST's files, uint8: (n, 28, 28) or (n,)."""
    with gzip.open(DATA / folder / f"{name}.gz") as stream:
        raw = np.frombuffer(stream.read(), np.uint8)
    return raw[16:].reshape(-1, 28, 28) if "images" in name else raw[8:]


def images(folder: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of "mnist" or "fashion-mnist", `part` being "train" or "t10k"."""
    return idx(folder, f"{part}-images-idx3-ubyte"), idx(folder, f"{part}-labels-idx1-ubyte")


def some_of_each(labels: np.ndarray, each: int) -> np.ndarray:
    """Indices of the first `each` items of each class."""
    return np.concatenate([np.flatnonzero(labels == label)[:each] for label in np.unique(labels)])


def mean(values: Any) -> str:
    """Mean with half the width of its 95 % interval."""
    values = np.asarray(values, float)
    half = 1.96 * values.std(ddof=1) / len(values) ** 0.5
    digits = max(0, min(4, 1 - int(np.floor(np.log10(half))))) if half > 0 else 2
    return f"{values.mean():.{digits}f} +- {half:.{digits}f}"


def show(title: str, rows: dict[str, dict[str, Any]]) -> None:
    """Print rows of figures, one JSON object a line, so that a run that is stopped has printed what it measured."""
    for name, row in rows.items():
        print(json.dumps({"": f"{title}: {name}", **row}), flush=True)
