"""How long filling in 64 pictures takes, in proportion to sampling as many.

    python benchmarks/restore/digits_speed.py runs/fashion-flow --rounds 3

Both take 50 evaluations of the network for each picture (Euler's sampler, and `zaohua.restore`), in turn and in one
process on one thread; seconds are those of the CPU.
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
from digits_tasks import TASKS, Data

STEPS = 50


def seconds(f: Callable[[], Any]) -> float:
    """Return the CPU seconds that a call takes."""
    began = time.process_time()
    f()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", choices=["fashion-mnist", "mnist"], default="fashion-mnist")
    parser.add_argument("-n", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model, pictures = zh.load(args.run), Data.read(args.data).test[: args.n]
    mask = TASKS["box 14x14"].mask
    assert mask is not None
    ways = {
        "sampling": lambda: model.sample(args.n, steps=STEPS, sampler="euler", random_state=0),
        "inpainting": lambda: zh.restore(model, pictures, mask=~mask, steps=STEPS, random_state=0),
    }
    for f in ways.values():
        f()  # the first call is slower
    taken = np.array([[seconds(f) for f in ways.values()] for _ in range(args.rounds)])
    ratios = taken[:, 1] / taken[:, 0]
    print(
        json.dumps(
            {
                "seconds": dict(zip(ways, taken.mean(0).round(2).tolist(), strict=True)),
                "ratio": ratios.mean().round(3),
                "each round": ratios.round(3).tolist(),
            }
        )
    )


if __name__ == "__main__":
    main()
