"""Records of two conditions, each of which may be left out: a digit, and whether it is thin, bold or slanted.

    python benchmarks/translate/records.py --minutes 10

MNIST's training images are drawn thinner, bolder or slanted, or left as they are. How often depends on the digit, so
the style tells something about the digit, and leaving one out gives a marginal that can be checked. Two judges, for the
digit and for the style, learn from real images with their conditions; their accuracy on test images is stated.

    both        the digit and the style asked for: shares that the judges find
    alone       one of them asked for and the other left out, or nothing asked for: the counts of the judges' classes
                against the frequencies of training, by chi-square; the judges' own confusions on test images are
                put into the frequencies. Total variation beside it, since a large sample finds any difference
    guidance    of one part only: how much the other's share changes (95 % interval of the paired difference)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch
from common import JUDGED, images, mean, show, trained
from PIL import Image
from scipy import ndimage, stats

from zaohua.metrics.extractor import Classifier

STYLES = ("plain", "thin", "bold", "slanted")


def styled(x: np.ndarray, style: str) -> np.ndarray:
    """One image (28, 28) in a style."""
    if style == "thin":
        worn = ndimage.grey_erosion(x, footprint=[[0, 1, 0], [1, 1, 1], [0, 1, 0]])
        return (0.7 * worn + 0.3 * x).astype(np.uint8)
    if style == "bold":
        return ndimage.grey_dilation(x, footprint=[[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    if style == "slanted":
        made = ndimage.affine_transform(x.astype(float), [[1, 0], [0.7, 1]], offset=[0, -0.7 * 13.5], order=1)
        return np.rint(made.clip(0, 255)).astype(np.uint8)
    return x


def made(x: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, list[str]]:
    """Images in styles, of which one in four is common for a digit (55 %), and the others rare (15 % each)."""
    rng = np.random.default_rng(seed)
    styles = [
        STYLES[int(rng.choice(4, p=np.where(np.arange(4) == label % 4, 0.55, 0.15)))] for label in labels.tolist()
    ]
    return np.stack([styled(image, style) for image, style in zip(x, styles, strict=True)]), styles


class Judge:
    """Classifiers of the digit and of the style, and how often each confuses what."""

    def __init__(self, x: np.ndarray, y: dict[str, list[Any]], test: np.ndarray, true: dict[str, list[Any]]) -> None:
        self.classes = {part: sorted(set(values)) for part, values in y.items()}
        self.nets = {part: Classifier.train(x[:JUDGED], values[:JUDGED]) for part, values in y.items()}
        self.test, self.true = self.seen(test), true
        self.accuracy = {
            part: float(np.mean([a == b for a, b in zip(self.test[part], true[part], strict=True)])) for part in y
        }

    def seen(self, x: np.ndarray) -> dict[str, list[Any]]:
        """What the judges take images for."""
        return {part: list(net.predict(x)) for part, net in self.nets.items()}

    def joint(self, y: dict[str, list[Any]], parts: tuple[str, ...], keep: list[bool] | None = None) -> np.ndarray:
        """Counts of the classes of some parts together, one number for each combination."""
        index = [[self.classes[part].index(value) for value in y[part]] for part in parts]
        flat = np.ravel_multi_index(index, [len(self.classes[part]) for part in parts])
        flat = flat if keep is None else flat[np.array(keep)]
        return np.bincount(flat, minlength=int(np.prod([len(self.classes[part]) for part in parts])))

    def confusion(self, parts: tuple[str, ...]) -> np.ndarray:
        """P(taken for | is), (is, taken for), of test images."""
        shape = [len(self.classes[part]) for part in parts]
        a, b = (
            np.ravel_multi_index([[self.classes[p].index(v) for v in y[p]] for p in parts], shape)
            for y in (self.true, self.test)
        )
        table = np.zeros((int(np.prod(shape)),) * 2)
        np.add.at(table, (a, b), 1)
        return table / table.sum(1, keepdims=True).clip(1)


def compared(counts: np.ndarray, expected: np.ndarray) -> dict[str, Any]:
    """Counts against frequencies: chi-square over cells with five expected, the rest together, and total variation."""
    expected = expected / expected.sum() * counts.sum()
    large = expected >= 5
    a, b = (np.append(v[large], v[~large].sum()) for v in (counts, expected))
    a, b = (a[:-1], b[:-1]) if b[-1] == 0 else (a, b)
    test = stats.chisquare(a, b * a.sum() / b.sum())
    variation = np.abs(counts / counts.sum() - expected / expected.sum()).sum() / 2
    return {
        "chi2": round(float(test.statistic), 1),
        "cells": len(a),
        "p": float(f"{test.pvalue:.2g}"),
        "tv": round(float(variation), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="of CPU time, to train")
    parser.add_argument("-n", type=int, default=300, help="samples for each figure")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=5, help="of the sampler")
    parser.add_argument("--dropout", type=float, default=0.2, help="how often each part is hidden in training")
    parser.add_argument("--out", type=Path, help="picture of samples: digits across, styles down")
    args = parser.parse_args()
    torch.set_num_threads(1)
    x, labels = images("mnist", "train")
    x, styles = made(x, labels, args.seed)
    y = {"digit": labels.tolist(), "style": styles}
    test, true = images("mnist", "t10k")
    test, test_styles = made(test, true, args.seed + 1)
    judge = Judge(x, y, test, {"digit": true.tolist(), "style": test_styles})
    show("records", {"judges on test images": judge.accuracy})
    model, cost = trained(
        zh.Flow(random_state=args.seed, condition_dropout=args.dropout, steps=args.steps), x, y, args.minutes
    )
    show("records", {"training": cost})
    rng = np.random.default_rng(args.seed)
    rows = rng.integers(len(x), size=args.n)
    asked = {part: [values[i] for i in rows] for part, values in y.items()}

    def right(samples: np.ndarray, wanted: dict[str, list[Any]]) -> dict[str, np.ndarray]:
        seen = judge.seen(samples)
        return {
            part: np.array([a == b for a, b in zip(seen[part], wanted[part], strict=True)], float) for part in wanted
        }

    plain = None
    for name, guidance in {"1": 1.0, "2": 2.0, "digit 3": {"digit": 3.0}, "style 3": {"style": 3.0}}.items():
        found = right(model.sample(y=asked, random_state=1, guidance=guidance), asked)
        plain = plain or found
        row = {part: mean(values) for part, values in found.items()}
        change = {f"{part} - unguided": mean(found[part] - plain[part]) for part in found if found is not plain}
        show(f"both, guidance {name}", {"right": {**row, **change}})
    for part, other in (("digit", "style"), ("style", "digit")):
        found, chi2, cells, variation = [], 0.0, 0, []
        for value in judge.classes[part]:
            frequency = judge.joint(y, (other,), [v == value for v in y[part]]) @ judge.confusion((other,))
            samples = model.sample(args.n, y={part: value}, random_state=2, guidance=1.0)
            found.append(right(samples, {part: [value] * args.n})[part])
            against = compared(judge.joint(judge.seen(samples), (other,)), frequency)
            chi2, cells = chi2 + against["chi2"], cells + against["cells"] - 1
            variation.append(against["tv"])
        marginal = {"chi2": round(chi2, 1), "freedom": cells, "p": float(f"{stats.chi2.sf(chi2, cells):.2g}")}
        row = {"asked, right": mean(np.concatenate(found)), **marginal, "tv": round(float(np.mean(variation)), 3)}
        show(f"{part} alone", {other: row})
    parts = ("digit", "style")
    frequency = judge.joint(y, parts) @ judge.confusion(parts)
    counts = judge.joint(judge.seen(model.sample(4 * args.n, random_state=3)), parts)
    show("nothing asked", {"digit and style": compared(counts, frequency)})
    counts = judge.joint({part: values[: 4 * args.n] for part, values in judge.test.items()}, parts)
    show("real test images", {"digit and style": compared(counts, frequency)})
    if args.out:
        sheet = [model.sample(y={"digit": list(range(10)), "style": [style] * 10}, random_state=4) for style in STYLES]
        Image.fromarray(np.concatenate([np.concatenate(list(row), 1) for row in sheet])).save(args.out)


if __name__ == "__main__":
    main()
