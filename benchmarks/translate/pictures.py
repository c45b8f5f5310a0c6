"""Pictures from pictures: a sketch to a garment, a small picture to a large one.

    python benchmarks/translate/pictures.py sketch --minutes 5
    python benchmarks/translate/pictures.py enlarge --minutes 5
    python benchmarks/translate/pictures.py photos --minutes 10

`sketch` and `enlarge`: Fashion-MNIST; learnt from all 60,000 training images, tested on the first of each class of the
test images. `photos`: patches of 48 pixels of BSD68's pictures 1 to 48, tested on patches of pictures 49 to 68. The
condition is computed from the picture: its edges, or means of 4 x 4 or 2 x 2 pixels. The model is `fit(x, y)` with
arrays, as it comes.

    psnr       of the picture that the condition was computed from, dB
    kept       fidelity: the condition is computed again from the result, and compared with the one that was asked for:
               F1 of edges, or PSNR of the small picture
    right      share that a classifier trained on real training images assigns to the true class (Fashion-MNIST)

Baselines: bicubic interpolation; the training item whose condition is nearest; and the linear least-squares estimate,
which is the posterior mean of a Gaussian with the training items' covariance.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch
from common import DATA, JUDGED, images, mean, show, some_of_each, trained
from PIL import Image

from zaohua.metrics.extractor import Classifier

SIDE = 48


def edges(x: np.ndarray) -> np.ndarray:
    """Where the gradient is steep: uint8 images (n, H, W) of 0 and 255."""
    padded = np.pad(x.astype(float), ((0, 0), (1, 1), (1, 1)), mode="edge")
    across, down = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2], padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    return np.where(np.hypot(across, down) > 100, 255, 0).astype(np.uint8)


def smaller(x: np.ndarray, times: int) -> np.ndarray:
    """Means of squares of pixels, uint8 (n, H / times, W / times)."""
    n, height, width = x.shape
    squares = x.reshape(n, height // times, times, width // times, times).mean((2, 4))
    return np.rint(squares).astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of images (n, H, W), dB (n,)."""
    error = np.square(a.astype(float) - b.astype(float)).mean((1, 2))
    return 10 * np.log10(255**2 / np.maximum(error, 1e-2))


def f1(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """F1 of edges (n, H, W), per image."""
    both, total = ((a > 0) & (b > 0)).sum((1, 2)), (a > 0).sum((1, 2)) + (b > 0).sum((1, 2))
    return 2 * both / np.maximum(total, 1)


def patches(numbers: range, each: int | None, seed: int) -> np.ndarray:
    """Patches of BSD68: `each` random ones of a picture, mirrored or not, or all that don't overlap."""
    rng, out = np.random.default_rng(seed), []
    for i in numbers:
        with Image.open(DATA / "photos" / "bsd68" / f"test{i:03d}.png") as file:
            x = np.asarray(file.convert("L"))
        if each is None:
            places = [(r, c) for r in range(0, x.shape[0] - SIDE, SIDE) for c in range(0, x.shape[1] - SIDE, SIDE)]
        else:
            places = [tuple(rng.integers(0, np.array(x.shape) - SIDE)) for _ in range(each)]
        for r, c in places:
            patch = x[r : r + SIDE, c : c + SIDE]
            out.append(patch[:, ::-1] if each is not None and rng.random() < 0.5 else patch)
    return np.stack(out)


def least_squares(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The linear estimate of x from y with the least squared error, uint8."""

    def flat(z: np.ndarray) -> np.ndarray:
        return z.reshape(len(z), -1) / 127.5 - 1

    a, b, c = flat(y), flat(x), flat(new)
    centre, target = a.mean(0), b.mean(0)
    a, b = a - centre, b - target
    weights = np.linalg.solve(a.T @ a + 1e-3 * len(a) * np.eye(a.shape[1]), a.T @ b)
    made = ((c - centre) @ weights + target).reshape(len(new), *x.shape[1:])
    return np.rint((made.clip(-1, 1) + 1) * 127.5).astype(np.uint8)


def nearest(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The training item whose condition is nearest."""
    a, b = (z.reshape(len(z), -1).astype(np.float32) / 255 for z in (y, new))
    return x[[int(np.argmin((a * a).sum(1) - 2 * a @ row)) for row in b]]


def bicubic(new: np.ndarray, side: int) -> np.ndarray:
    """Enlarged to `side` pixels."""
    return np.stack([np.asarray(Image.fromarray(x).resize((side, side), Image.Resampling.BICUBIC)) for x in new])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["sketch", "enlarge", "photos"])
    parser.add_argument("--minutes", type=float, default=5, help="of CPU time, to train")
    parser.add_argument("-n", type=int, default=300, help="test items")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="picture of the first test items: condition, truth, results")
    args = parser.parse_args()
    torch.set_num_threads(1)
    judge = None
    if args.task == "photos":
        x, real = patches(range(1, 49), 200, args.seed), patches(range(49, 69), None, 0)
        real = real[np.random.default_rng(0).permutation(len(real))[: args.n]]
    else:
        x, labels = images("fashion-mnist", "train")
        real, true = images("fashion-mnist", "t10k")
        rows = some_of_each(true, args.n // 10)
        real, true = real[rows], true[rows]
        judge = Classifier.train(x[:JUDGED], labels[:JUDGED].tolist())
    degrade: Callable[[np.ndarray], np.ndarray] = {
        "sketch": edges,
        "enlarge": lambda z: smaller(z, 4),
        "photos": lambda z: smaller(z, 2),
    }[args.task]
    agreement = f1 if args.task == "sketch" else psnr
    y, asked = degrade(x), degrade(real)

    def figures(made: np.ndarray) -> dict[str, Any]:
        found = {"psnr": mean(psnr(made, real)), "kept": mean(agreement(degrade(made), asked))}
        if judge is not None:
            found["right"] = mean([a == b for a, b in zip(judge.predict(made), true, strict=True)])
        return found

    if judge is not None:
        show(args.task, {"real": {"right": mean([a == b for a, b in zip(judge.predict(real), true, strict=True)])}})
    results = {"real": real, "nearest item": nearest(x, y, asked), "least squares": least_squares(x, y, asked)}
    if args.task != "sketch":
        results["bicubic"] = bicubic(asked, real.shape[1])
    show(args.task, {name: figures(made) for name, made in results.items() if name != "real"})

    model, cost = trained(zh.Flow(random_state=args.seed, time_distribution="uniform"), x, y, args.minutes)
    show(args.task, {"training": cost})
    several = [model.sample(y=asked, random_state=seed) for seed in range(4)]
    results["one sample"] = several[0]
    results["mean of 4"] = np.rint(np.mean(several, 0)).astype(np.uint8)
    results["one step"] = model.sample(y=asked, random_state=0, sampler="euler", steps=1)
    ours = ("one sample", "mean of 4", "one step")
    show(args.task, {name: figures(results[name]) for name in ours})
    for name in ours:
        gain = psnr(results[name], real) - psnr(results["least squares"], real)
        show(args.task, {f"{name} - least squares": {"psnr": mean(gain)}})
    if args.out:
        shown = np.linspace(0, len(real) - 1, 20).astype(int)
        rows_ = [bicubic(asked[shown], real.shape[1]), *(results[k][shown] for k in results)]
        Image.fromarray(np.concatenate([np.concatenate(list(row), 1) for row in rows_])).save(args.out)


if __name__ == "__main__":
    main()
