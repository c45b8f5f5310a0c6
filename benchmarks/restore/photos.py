"""Restoring grey photographs: a flow that was trained for no task, and networks that were trained for one.

    pip install -r benchmarks/requirements-restore.txt
    python benchmarks/restore/photos.py train flow --minutes 30 --out runs/photos-flow

Learnt from photographs 1 to 48 of BSD68, in patches of 48 pixels, flipped and turned. Minutes are CPU time of this
process on one thread, since cores may be shared. Training that was interrupted goes on if it is started again.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import torch

DATA = Path(os.environ.get("ZAOHUA_DATA", "data"), "photos")
LEARNT, TESTED = range(1, 49), range(49, 69)
"""Numbers of the photographs of BSD68 that are learnt, and of those that are restored."""


def photographs(numbers: range) -> list[Path]:
    """Return photographs of BSD68 by number."""
    return [DATA / "bsd68" / f"test{number:03d}.png" for number in numbers]


def train(args: argparse.Namespace) -> None:
    """Train a model for some minutes of CPU time."""
    time.perf_counter = time.process_time  # the clock of `max_minutes`
    settings: dict[str, Any] = {"image_patch": args.patch, "flip": True, "turn": True}
    settings |= {"channels": args.channels, "blocks": args.blocks, "batch_size": args.batch_size}
    settings |= {"learning_rate": args.learning_rate, "max_minutes": args.minutes, "random_state": 0, "device": "cpu"}
    model = zh.Flow(**settings)
    files = [str(path) for path in photographs(LEARNT)]
    if (args.out / "checkpoints").exists():
        model.resume(args.out, files)
    else:
        model.fit(files, out=args.out)
    weights = sum(tensor.numel() for tensor in model.tensors().values())
    print(json.dumps({"steps": model.n_steps_, "weights": weights, "CPU minutes": round(model.seconds_ / 60, 2)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=["train"])
    parser.add_argument("what", choices=["flow"])
    parser.add_argument("--out", type=Path, help="folder of the run")
    parser.add_argument("--minutes", type=float, default=30, help="of CPU time, to train")
    parser.add_argument("--patch", type=int, default=48)
    parser.add_argument("--channels", type=int, default=48)
    parser.add_argument("--blocks", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    train(args)


if __name__ == "__main__":
    main()
