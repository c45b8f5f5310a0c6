"""Restoring digits and garments with a model that was trained for nothing but to draw them.

    python benchmarks/restore/digits.py runs/fashion-flow --data fashion-mnist --cache cache --out fashion.json
    python benchmarks/restore/digits.py runs/mnist-flow --data mnist --cache cache --out mnist.json
    python benchmarks/restore/digits.py runs/fashion-flow --data fashion-mnist --cache cache --sheet sheet.png

The flows come from `digits_training.py`, the tasks and pictures from `digits_tasks.py`, the baselines from
`digits_baselines.py` (their settings are chosen on 200 training pictures). Ours are one guess, the mean of 4 guesses
(of 16 for the box), and one of 2 draws, all with `zaohua.restore` and its defaults, told no label. Printed for each
task: PSNR with the paired difference to the Gaussian posterior, SSIM, the share of restored pictures whose class a
classifier of real pictures names right, and for draws mse / (2 variance), which is 1 if their spread is right.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch
from digits_baselines import Training, methods
from digits_ours import drawn, guessed, rows
from digits_tasks import TASKS, Data, pictures, tensors
from PIL import Image

from zaohua.evaluation.figures import fraction_figure
from zaohua.metrics.extractor import Classifier
from zaohua.metrics.restored import psnr, ssim
from zaohua.storage.layout import cache_folder

EPOCHS = 5
"""Passes over the training pictures of the classifier that judges."""
TUNED = 200
"""Training pictures on which settings are chosen: the last ones."""


class Cache:
    """Folder of arrays, so that an interrupted run goes on; None computes everything."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def of(self, name: str, make: Any) -> dict[str, Any]:
        """Return arrays by name, made or read."""
        path = None if self.folder is None else self.folder / f"{name.replace(' ', '-')}.npz"
        if path is not None and path.exists():
            with np.load(path) as file:
                return dict(file)
        began = time.process_time()
        found = make()
        found["seconds"] = np.array(time.process_time() - began)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(path, **found)
        return found


def baseline(task: str, name: str, data: Data, training: Training) -> dict[str, Any]:
    """Restore the test pictures by a baseline, with the settings that are best on training pictures."""
    method, choices = methods(TASKS[task])[name]
    chosen = choices[0]
    if len(choices) > 1:
        some = data.train[-TUNED:]
        given = TASKS[task].observe(tensors(some), seed=2)
        scores = [psnr(pictures(method(given, TASKS[task], training, **each)), some).mean() for each in choices]
        chosen = choices[int(np.argmax(scores))]
    given = TASKS[task].observe(tensors(data.test))
    return {"best": pictures(method(given, TASKS[task], training, **chosen)), "settings": np.array(json.dumps(chosen))}


def difference(a: np.ndarray, b: np.ndarray) -> list[float]:
    """Return the mean of a - b and half the width of its 95 % interval."""
    rest = a - b
    return [round(float(rest.mean()), 3), round(float(1.96 * rest.std(ddof=1) / len(rest) ** 0.5), 3)]


def figures(found: dict[str, Any], data: Data, judge: Classifier, reference: np.ndarray | None) -> dict[str, Any]:
    """Return the figures of restored pictures; `reference` is the PSNR of the Gaussian posterior's."""
    ratio = psnr(found["best"], data.test)
    right = fraction_figure(judge.accuracy(found["best"], data.test_labels), len(data.test))
    row: dict[str, Any] = {"PSNR": round(float(ratio.mean()), 2)}
    if reference is not None:
        row["to Gaussian"] = difference(ratio, reference)
    row |= {"SSIM": round(float(ssim(found["best"], data.test).mean()), 3)}
    row |= {"judge": [round(value, 3) for value in (right.value, right.low, right.high)]}
    if "samples" in found and len(found["samples"]) > 1:
        samples = found["samples"].astype(float)
        mse, variance = np.square(samples - data.test).mean(), samples.var(0, ddof=1).mean()
        row["mse / (2 variance)"] = round(float(mse / (2 * variance)), 3)
    row["CPU seconds"] = round(float(found["seconds"]), 1)
    return row | ({"settings": json.loads(str(found["settings"]))} if "settings" in found else {})


def judge_of(data: Data) -> Classifier:
    """Train the judge, or load it."""
    folder = cache_folder() / "extractors"
    return Classifier.cached(data.train, data.train_labels, folder, min_items=EPOCHS * len(data.train))


def sheet(rows: list[np.ndarray], scale: int) -> Image.Image:
    """Return pictures (rows of n) as one picture."""
    grid = np.stack(rows).transpose(0, 2, 1, 3).reshape(len(rows) * 28, -1)
    return Image.fromarray(grid.repeat(scale, 0).repeat(scale, 1))


def all_of(
    task: str, args: argparse.Namespace, data: Data, cache: Cache, training: Training, model: Any
) -> dict[str, dict[str, Any]]:
    """Return the pictures that all methods restored."""
    made = {}
    for method in methods(TASKS[task]):
        made[method] = cache.of(f"{args.data}-{task}-{method}", partial(baseline, task, method, data, training))
    if model is not None:
        ours = [
            cache.of(f"{args.run.name}-{task}-{f.__name__}", partial(f, model, data.test, task))
            for f in (guessed, drawn)
        ]
        made |= rows(*ours)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", help="run of the model; none: baselines only")
    parser.add_argument("--data", choices=["fashion-mnist", "mnist"], default="fashion-mnist")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--cache", type=Path, help="folder that keeps restored pictures")
    parser.add_argument("--out", type=Path, help="where to write all figures, a .json")
    parser.add_argument("--sheet", type=Path, help="where to write pictures side by side, a .png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    data, cache = Data.read(args.data), Cache(args.cache)
    training, judge, model = Training(tensors(data.train)), judge_of(data), zh.load(args.run) if args.run else None
    found: dict[str, Any] = {"judge on the real pictures": judge.accuracy(data.test, data.test_labels)}
    for name in args.tasks:
        made = all_of(name, args, data, cache, training, model)
        reference = psnr(made["Gaussian posterior"]["best"], data.test)
        for method, each in made.items():
            row = figures(each, data, judge, None if method == "Gaussian posterior" else reference)
            found.setdefault(name, {})[method] = row
            print(f"{name:20s} {method:24s} {json.dumps(row)}", flush=True)
        if args.sheet:
            shown = np.arange(0, len(data.test), len(data.test) // 20)
            pictures = [data.test[shown], *[each["best"][shown] for each in made.values()]]
            sheet(pictures, 2).save(args.sheet.with_stem(f"{args.sheet.stem}-{name.replace(' ', '-')}"))
    if args.out:
        args.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
