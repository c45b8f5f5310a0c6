"""Restoring grey photographs: a flow that was trained for no task, and networks that were trained for one.

    pip install -r benchmarks/requirements-restore.txt
    python benchmarks/restore/photos.py train flow --minutes 30 --out runs/photos-flow
    python benchmarks/restore/photos.py train noise25 --minutes 20 --out runs/photos-noise25
    python benchmarks/restore/photos.py measure noise25 --run flow=runs/photos-flow direct=runs/photos-noise25

Learnt from photographs 1 to 48 of BSD68, in patches of 48 pixels, flipped and turned; tested on 49 to 68, and on Set5
in grey. Minutes are CPU time of this process on one thread, since cores may be shared. Training that was interrupted
goes on if it is started again. Printed for each method:

    psnr      dB, and the paired difference to the first baseline with its 95 % interval
    ssim      structural similarity
    features  perceptual distance: mean square of the differences of standardised features of an untrained network with
              seed 0, of patches of 48 pixels
    seconds   CPU seconds for a megapixel

Tasks and baselines are in `photos_tasks.py`. Published for all of BSD68 at sigma 25 (DnCNN's README): BM3D 28.57, DnCNN
29.23; BM3D's PSNR on photographs 49 to 68 is 28.80.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch

from photos_tasks import LEARNT, TASKS, Case, cases, methods, photographs, restored, tested  # isort: skip
from PIL import Image

from zaohua.metrics.intervals import paired
from zaohua.metrics.restored import psnr, ssim
from zaohua.metrics.untrained import RandomConvolutions

PATCH = 48
CROP = 96
"""Side of the pictures in a sheet."""


def train(args: argparse.Namespace) -> None:
    """Train a model for some minutes of CPU time."""
    clock = time.perf_counter
    time.perf_counter = time.process_time  # the clock of `max_minutes`
    settings: dict[str, Any] = {"image_patch": args.patch, "flip": True, "turn": True}
    settings |= {"channels": args.channels, "blocks": args.blocks, "batch_size": args.batch_size}
    settings |= {"learning_rate": args.learning_rate, "max_minutes": args.minutes, "random_state": 0, "device": "cpu"}
    model = zh.Flow(**settings) if args.task == "flow" else zh.Restorer(**settings, degrade=TASKS[args.task])
    files = [str(path) for path in photographs(LEARNT)]
    if (args.out / "checkpoints").exists():
        model.resume(args.out, files)
    else:
        model.fit(files, out=args.out)
    time.perf_counter = clock
    weights = sum(tensor.numel() for tensor in model.tensors().values())
    print(json.dumps({"steps": model.n_steps_, "weights": weights, "CPU minutes": round(model.seconds_ / 60, 2)}))


def measure(args: argparse.Namespace) -> None:
    """Measure the baselines and the given models on one task."""
    every = cases(tested(args.data)[: args.photographs], args.task)
    ways: dict[str, Callable[[Case], np.ndarray]] = {} if args.no_baselines else dict(methods(args.task))
    for name, run in (given.split("=", 1) for given in args.run):
        model = zh.load(run)
        ways[name] = lambda case, model=model: restored(model, case, args.task, args.samples, args.steps)
    features = RandomConvolutions(patches([case.real for case in cases(photographs(LEARNT), "box")]))
    rows, made, first = [], {}, None
    for name, way in ways.items():
        began = time.process_time()
        made[name] = [np.asarray(way(case)) for case in every]
        seconds = time.process_time() - began
        row = quality(made[name], every, features)
        first = row["psnr"] if first is None else first
        gain = paired(row["psnr"], first) if len(every) > 1 else None
        rows.append(
            {
                "task": args.task,
                "data": args.data,
                "method": name,
                **{key: round(float(np.mean(values)), 4) for key, values in row.items()},
                "gain": None if gain is None else [round(value, 3) for value in (gain.value, gain.low, gain.high)],
                "seconds": round(seconds / sum(case.real.size for case in every) * 1e6, 1),
                "each": np.round(row["psnr"], 3).tolist(),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    if args.out:
        args.out.write_text(json.dumps(rows, indent=1))
    if args.sheet:
        sheet(every, made, args.sheet)


def quality(made: list[np.ndarray], every: list[Case], features: RandomConvolutions) -> dict[str, np.ndarray]:
    """Measure restored photographs, each by itself."""
    found: dict[str, list[float]] = {"psnr": [], "ssim": [], "features": []}
    for picture, case in zip(made, every, strict=True):
        found["psnr"].append(float(psnr(picture[None], case.real[None])[0]))
        found["ssim"].append(float(ssim(picture[None], case.real[None])[0]))
        seen = [features.features(patches([np.clip(np.rint(one), 0, 255)])) for one in (picture, case.real)]
        found["features"].append(float(np.square(seen[0] - seen[1]).mean()))
    return {name: np.array(values) for name, values in found.items()}


def patches(pictures: list[np.ndarray]) -> np.ndarray:
    """Cut pictures into patches side by side, uint8 (n, PATCH, PATCH)."""
    found = []
    for picture in pictures:
        rows, columns = (n // PATCH for n in picture.shape)
        cut = picture[: rows * PATCH, : columns * PATCH].reshape(rows, PATCH, columns, PATCH)
        found.append(cut.swapaxes(1, 2).reshape(-1, PATCH, PATCH))
    return np.concatenate(found).astype(np.uint8)


def sheet(every: list[Case], made: dict[str, list[np.ndarray]], path: Path) -> None:
    """Write crops: what is seen, every method, and the photograph, one row for each of the first photographs."""
    rows = []
    for number, case in enumerate(every[:4]):
        seen = Image.fromarray(case.seen.clip(0, 255).astype(np.uint8)).resize(case.real.shape[::-1], 0)
        shown = [np.asarray(seen), *(one[number] for one in made.values()), case.real]
        top, left = ((n - CROP) // 2 for n in case.real.shape)
        rows.append(np.hstack([one[top : top + CROP, left : left + CROP].clip(0, 255) for one in shown]))
    Image.fromarray(np.vstack(rows).astype(np.uint8)).save(path)
    print(json.dumps({"sheet": str(path), "columns": ["seen", *made, "real"], "rows": [c.name for c in every[:4]]}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=["train", "measure"])
    parser.add_argument("task", choices=["flow", *TASKS])
    parser.add_argument("--minutes", type=float, default=30, help="of CPU time, to train")
    parser.add_argument("--out", type=Path, help="folder of the run, or file of figures")
    parser.add_argument("--patch", type=int, default=PATCH)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--blocks", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--run", nargs="*", default=[], metavar="NAME=FOLDER", help="trained models to measure")
    parser.add_argument("--data", choices=["bsd68", "set5"], default="bsd68")
    parser.add_argument("--photographs", type=int, default=20, help="number to measure")
    parser.add_argument("--samples", type=int, default=4, help="guesses of the flow, whose mean is measured")
    parser.add_argument("--steps", type=int, default=25, help="steps of each guess")
    parser.add_argument("--no-baselines", action="store_true")
    parser.add_argument("--sheet", type=Path, help="PNG file of crops")
    args = parser.parse_args()
    torch.set_num_threads(1)
    train(args) if args.do == "train" else measure(args)


if __name__ == "__main__":
    main()
