"""Pictures from rows of a table: a digit with the ink, the slant and the width that are asked for.

    python benchmarks/translate/rows.py --minutes 8 --out rows.png

Rows are computed from MNIST's training images: the digit (a category), the mean ink, the slant (horizontal shear by
second moments, in pixels a pixel) and the width in pixels. For each digit one quarter of the slants together with one
quarter of the inks is held out: no training image has this combination. The model is `fit(images, frame)` as it comes.

    corr       correlation of the number that was asked for with the number measured in the sample
    error      mean absolute difference of the two
    digit      share that a classifier of real training images recognises as the digit that was asked for

Asked are rows of the test images that are like training rows (`seen`), those of held-out combinations (`held out`), and
rows whose numbers come from other test images than the digit (`mixed`). Beside it: the training image whose row is
nearest (numbers by their standard deviations, the same digit), which has the right digit by construction.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import pandas as pd
import torch
from common import JUDGED, images, mean, show, trained
from PIL import Image

from zaohua.metrics.extractor import Classifier

NUMBERS = ("ink", "slant", "width")


def measured(x: np.ndarray) -> pd.DataFrame:
    """Ink, slant and width of images (n, 28, 28)."""
    ink = x.astype(float) / 255
    total = ink.sum((1, 2)).clip(1e-6)
    rows, columns = np.arange(x.shape[1])[:, None], np.arange(x.shape[2])[None, :]
    r = rows - ((ink * rows).sum((1, 2)) / total)[:, None, None]
    c = columns - ((ink * columns).sum((1, 2)) / total)[:, None, None]
    slant = -(ink * r * c).sum((1, 2)) / (ink * r * r).sum((1, 2)).clip(1e-6)
    there = (x > 64).any(1)
    width = np.where(there.any(1), x.shape[2] - there[:, ::-1].argmax(1) - there.argmax(1), 0)
    return pd.DataFrame({"ink": ink.mean((1, 2)), "slant": slant, "width": width.astype(float)})


def held_out(frame: pd.DataFrame, limits: pd.DataFrame) -> np.ndarray:
    """Which rows have a combination that is held out: for each digit, a quarter of the slants with one of the inks."""
    digit = frame["digit"].to_numpy().astype(int)
    quarter = {name: np.searchsorted(limits[name].to_numpy(), frame[name].to_numpy()) for name in NUMBERS}
    return (quarter["slant"] == digit % 4) & (quarter["ink"] == (digit + 1) % 4)


def nearest(x: np.ndarray, frame: pd.DataFrame, asked: pd.DataFrame) -> np.ndarray:
    """The training image of the digit whose numbers are nearest."""
    scale = frame[list(NUMBERS)].std().to_numpy()
    out = []
    for digit, *numbers in asked[["digit", *NUMBERS]].itertuples(index=False):
        rows = np.flatnonzero(frame["digit"] == digit)
        gap = (frame[list(NUMBERS)].to_numpy()[rows] - numbers) / scale
        out.append(x[rows[np.square(gap).sum(1).argmin()]])
    return np.stack(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8, help="of CPU time, to train")
    parser.add_argument("-n", type=int, default=300, help="rows asked for, of each sort")
    parser.add_argument("--steps", type=int, default=5, help="of the sampler")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--guidance", type=float, nargs="*", default=[1.0, 2.0])
    parser.add_argument("--out", type=Path, help="picture of the first samples")
    args = parser.parse_args()
    torch.set_num_threads(1)
    x, labels = images("mnist", "train")
    real, true = images("mnist", "t10k")
    judge = Classifier.train(x[:JUDGED], labels[:JUDGED].astype(str).tolist())
    frame, test = (measured(part).assign(digit=names.astype(str)) for part, names in ((x, labels), (real, true)))
    limits = frame[list(NUMBERS)].quantile([0.25, 0.5, 0.75])
    out, out_test = held_out(frame, limits), held_out(test, limits)
    x, frame = x[~out], frame[~out].reset_index(drop=True)
    rng = np.random.default_rng(args.seed)
    mixed = test[list(NUMBERS)].sample(len(test), random_state=args.seed).reset_index(drop=True)
    mixed = mixed.assign(digit=test["digit"])
    asked = {
        name: rows.iloc[rng.permutation(len(rows))[: args.n]].reset_index(drop=True)
        for name, rows in {"seen": test[~out_test], "held out": test[out_test], "mixed": mixed}.items()
    }
    show(
        "rows",
        {
            "data": {
                "train": len(x),
                "held out": int(out.sum()),
                "judge": float(judge.accuracy(real, true.astype(str).tolist())),
            }
        },
    )

    def figures(made: np.ndarray, wanted: pd.DataFrame) -> dict[str, Any]:
        got = measured(made)
        found: dict[str, Any] = {
            "digit": mean([a == b for a, b in zip(judge.predict(made), wanted["digit"], strict=True)])
        }
        for name in NUMBERS:
            found[f"{name}: corr"] = round(float(np.corrcoef(got[name], wanted[name])[0, 1]), 3)
            found[f"{name}: error"] = round(float((got[name] - wanted[name]).abs().mean()), 4)
        return found

    show("rows, nearest", {name: figures(nearest(x, frame, rows), rows) for name, rows in asked.items()})
    model, cost = trained(zh.Flow(random_state=args.seed, y_codec={"width": "numbers"}), x, frame, args.minutes)
    show("rows", {"training": cost})
    for guidance in args.guidance:
        made = {
            name: model.sample(y=rows, random_state=0, guidance=guidance, steps=args.steps)
            for name, rows in asked.items()
        }
        show(f"rows, guidance {guidance:g}", {name: figures(made[name], rows) for name, rows in asked.items()})
    if args.out:
        steps = np.linspace(0.05, 0.95, 10)
        sheet = []
        for digit in ("2", "7"):
            for name in NUMBERS:
                rows = pd.DataFrame({k: np.full(10, frame[k].median()) for k in NUMBERS})
                rows[name] = frame[name].quantile(steps).to_numpy()
                sheet.append(model.sample(y=rows.assign(digit=digit), random_state=0))
        Image.fromarray(np.concatenate([np.concatenate(list(row), 1) for row in sheet])).save(args.out)


if __name__ == "__main__":
    main()
