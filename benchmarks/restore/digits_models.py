"""Restoring garments with models of several families, each trained for as long.

    python benchmarks/restore/digits_models.py runs/fashion-flow runs/fashion-edm ... --each 10 --out models.json

The runs come from `digits_training.py`. The pictures are 10 of each class, drawn like those of
`digits.py`; each model is asked by `zaohua.restore` for 4 answers, with its defaults. Printed are PSNR of the first and
of the mean of the 4, and the share of the means whose class the judge names right. Of noise a denoiser gives one
answer, the posterior mean. A model of pixels one by one takes 8 particles, not 32, for the sake of time.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch
from digits import difference, judge_of
from digits_baselines import Training, gaussian
from digits_ours import guesses, restored
from digits_tasks import TASKS, Data, pictures, tensors

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.restored import psnr

NAMES = ("box 14x14", "x4", "noise 63.75")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--each", type=int, default=10, help="pictures of each class")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=NAMES)
    parser.add_argument("--out", type=Path, help="where to write all figures, a .json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = Data.read("fashion-mnist", args.each)
    judge, training, found = judge_of(data), Training(tensors(data.train)), {}
    for task in args.tasks:
        given = TASKS[task].observe(tensors(data.test))
        reference = psnr(pictures(gaussian(given, TASKS[task], training, jitter=1e-5)), data.test)
        found[f"Gaussian posterior: {task}"] = {"PSNR": round(float(reference.mean()), 2)}
        for run in args.runs:
            name = f"{run.name}: {task}"
            found[name] = measured(run, task, data, judge, reference)
            print(f"{name:32s} {json.dumps(found[name])}", flush=True)
    if args.out:
        args.out.write_text(json.dumps(found, indent=1))


def measured(run: Path, task: str, data: Data, judge: Any, reference: np.ndarray) -> dict[str, Any]:
    """Return the figures of a model and a task; or why it can't."""
    model, began = zh.load(run), time.process_time()
    k = guesses(task) if hasattr(model, "denoiser") else 4
    try:
        options = {"particles": 8} if hasattr(model, "particles") else {}
        made = restored(model, data.test, TASKS[task], n_samples=min(4, k), **options)
    except ZaohuaError as error:
        return {"can't": str(error)}
    seconds = time.process_time() - began
    mean = psnr(made["best"], data.test)
    return {
        "one": round(float(psnr(made["samples"][0], data.test).mean()), 2),
        "mean": round(float(mean.mean()), 2),
        "mean - Gaussian": difference(mean, reference),
        "judge": judge.accuracy(made["best"], data.test_labels),
        "CPU seconds": round(seconds, 1),
        "how": str(made["how"]),
    }


if __name__ == "__main__":
    main()
