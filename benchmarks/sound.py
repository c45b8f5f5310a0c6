"""How well a model speaks: its samples, written to WAV files and read again, as a recogniser of real ones hears them.

    zaohua train flow fsdd --max-minutes 60 --out runs/flow-fsdd
    python benchmarks/sound.py runs/flow-fsdd --options guidance=1 guidance=1.5,steps=10 --seeds 3

As many samples of each label (500 together), with each of the options of `sample` and each seed. What is asked of them:
the share that the recogniser takes for what was asked; the Fréchet distance of its features to those of all test
sounds, beside its floor, which is that of as many random training sounds (several draws), and that of all; recall,
diversity and copies, since guidance buys the first two with those. The recogniser learns from the training split, and
is told what it scores on the test split itself. Of spoken digits both splits have the same speakers.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch

from zaohua.evaluation.figures import fraction_figure
from zaohua.metrics.copy_rate import copy_rate
from zaohua.metrics.diversity import diversity
from zaohua.metrics.frechet import frechet_distance
from zaohua.metrics.intervals import half_size
from zaohua.metrics.manifold import manifold
from zaohua.modalities.sounds.evaluation import SoundProtocol
from zaohua.tasks.evaluation.protocols import splits_of


def made(model: Any, labels: Sequence[Any], seed: int, options: dict[str, Any]) -> tuple[list[zh.Sound], float]:
    """Samples as their WAV files hold them, and the seconds that drawing them took."""
    began = time.perf_counter()
    sounds = model.sample(len(labels), y=list(labels), random_state=seed, **options)
    seconds = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        model.codec_.write(sounds, Path(folder), [f"{i:05d}" for i in range(len(sounds))])
        return list(zh.read(folder)[0]), seconds


def figures(judge: SoundProtocol, pixels: np.ndarray, asked: Sequence[Any] | None) -> dict[str, Any]:
    """All figures of some pictures of sounds."""
    x, real, classifier = judge.features(pixels), judge.real[0], judge.classifier
    assert classifier is not None
    distance = half_size(frechet_distance, x, real, draws=60)
    found: dict[str, Any] = {"frechet": distance.value, "frechet_95": [distance.low, distance.high]}
    if asked is not None:
        right = fraction_figure(classifier.accuracy(pixels, asked), len(pixels))
        found |= {"recognised": right.value, "recognised_95": [right.low, right.high]}
    overlap = manifold(x, real)
    classes = classifier.predict(pixels), classifier.predict(judge.test.pixels)
    return {
        **found,
        "recall": overlap.recall,
        "precision": overlap.precision,
        "coverage": overlap.coverage,
        "diversity": diversity(x, real, *classes),
    }


def floor(judge: SoundProtocol, n: int, draws: int) -> dict[str, Any]:
    """The same of real training sounds: so many at a time, and all."""
    train, labels = judge.train.pixels, judge.train.labels
    several = []
    for seed in range(draws):
        rows = np.random.default_rng(seed).choice(len(train), min(n, len(train)), replace=False)
        several.append(figures(judge, train[rows], None if labels is None else [labels[i] for i in rows]))
    names = ("frechet", "recall", "coverage", "diversity")
    spread = {name: [float(f([row[name] for row in several])) for f in (np.mean, np.min, np.max)] for name in names}
    return {
        "draws": draws,
        "n": n,
        "mean, least, greatest": spread,
        "all": {"n": len(train), "frechet": frechet_distance(judge.features(train), judge.real[0])},
    }


def options(text: str) -> dict[str, Any]:
    """ "guidance=1.5,steps=10" as {"guidance": 1.5, "steps": 10}."""
    return {name: json.loads(value) for name, value in (part.split("=") for part in text.split(","))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("-n", type=int, default=500, help="samples, as many of each label")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--options",
        type=options,
        nargs="*",
        default=[{}],
        help="of `sample`, as guidance=1.5,steps=10; measured with each; the run's own by default",
    )
    parser.add_argument("--draws", type=int, default=10, help="of real training sounds, for the floor")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = zh.load(args.run)
    judge = SoundProtocol(splits_of(model))
    if model.y_codec_ is None or judge.classifier is None or judge.test.labels is None:
        parser.error(f"{args.run} isn't a model of sounds given their labels")
    classes = sorted(set(judge.test.labels), key=str)
    labels = [label for label in classes for _ in range(args.n // len(classes))]
    results: dict[str, Any] = {
        "run": str(args.run),
        "model": type(model).__name__,
        "data": judge.splits.data,
        "judge": judge.name,
        "judge on test": judge.classifier.accuracy(judge.test.pixels, judge.test.labels),
        "test": len(judge.test),
        "training, s": getattr(model, "seconds_", None),
        "threads": args.threads,
        "load": round(os.getloadavg()[0], 2),
        "floor": floor(judge, len(labels), args.draws),
        "samples": [],
    }
    for given in args.options:
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            sounds, seconds = made(model, labels, seed, given)
            pixels = judge.ear.hear(sounds)
            copied = copy_rate(pixels, judge.train.pixels, judge.test.pixels)
            results["samples"].append(
                {
                    **given,
                    "seed": seed,
                    "n": len(labels),
                    **figures(judge, pixels, labels),
                    "copies": copied.rate,
                    "copies, p": copied.p,
                    "times real time": sum(sound.seconds for sound in sounds) / seconds,
                }
            )
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
