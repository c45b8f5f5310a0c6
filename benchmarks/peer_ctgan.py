"""ctgan: its CTGAN on Adult, with its own defaults but for the epochs; preparation and epochs timed apart.

Measured: seconds of `fit` before the first epoch (a Bayesian mixture for each column of numbers, encoding, an index of
the rows with each category), and seconds of an epoch. Batches of 500 in packs of 10, one step of the critic for each of
the generator. Rows are read from and written to CSV; the same columns are discrete as ours learns as categories.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ctgan
import numpy as np
import pandas as pd
import torch
from ctgan.synthesizers import ctgan as trainer

from peer_common import report


class Epochs:
    """In place of the peer's progress bar: notes when epochs begin and end."""

    def __init__(self, epochs: range, **options: Any) -> None:
        self.epochs = epochs

    def __iter__(self) -> Iterator[int]:
        Epochs.began = time.perf_counter(), time.process_time()
        yield from self.epochs
        Epochs.ended = time.perf_counter(), time.process_time()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the training rows (CSV)")
    parser.add_argument("--discrete", nargs="+", required=True, help="columns that aren't numbers")
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--samples-out", type=Path, help="write as many rows as there are here (CSV)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    table = pd.read_csv(args.data, keep_default_na=False)
    trainer.tqdm = Epochs
    model = ctgan.CTGAN(epochs=args.epochs, enable_gpu=False)
    start = time.perf_counter(), time.process_time()
    model.fit(table, args.discrete)
    figures: dict[str, Any] = {
        "peer": f"ctgan {ctgan.__version__}, torch {torch.__version__}",
        "threads": args.threads,
        "epochs": args.epochs,
    }
    for name, a, b, c in zip(("wall", "cpu"), start, Epochs.began, Epochs.ended, strict=True):
        figures |= {f"prepare_{name}_s": round(b - a, 3), f"{name}_s_per_epoch": round((c - b) / args.epochs, 4)}
    if args.samples_out:
        before = time.perf_counter(), time.process_time()
        model.sample(len(table)).to_csv(args.samples_out, index=False)
        figures |= {
            "sampling_wall_s": round(time.perf_counter() - before[0], 3),
            "sampling_cpu_s": round(time.process_time() - before[1], 3),
        }
    report(figures, args.json)


if __name__ == "__main__":
    main()
