"""Samples of pixel models from caches against naive re-evaluation of the whole picture for each pixel, in one run.

    python benchmarks/pixel_sampling.py pixelcnn --batch 1 16 --rounds 3 --threads 1
    python benchmarks/pixel_sampling.py RUN                                   # a trained model's folder

Both draw with the same uniform numbers. The parameters differ by rounding, so a pixel whose number lies within about
1e-6 of its probability could come out another: the share of pixels that differ is counted and printed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from statistics import median
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import torch

from zaohua.core.noise import ItemNoise
from zaohua.core.spec import DataSpec, Feature
from zaohua.families.autoregressive.pixels import UncachedDecoder


def untrained(name: str) -> Any:
    """A model of MNIST's shape in its default size, its weights random so that its pictures are no uniform grey."""
    model: Any = zh.registry.model_class(name)()
    model.spec_ = DataSpec(("height", "width"), (28, 28), (Feature("pixel", "real", 1, 2),))
    model.y_spec_ = None
    torch.manual_seed(0)
    model.nets_ = model.build(model.spec_, None).eval()
    for p in model.nets_.parameters():
        p.data.add_(0.05 * torch.randn_like(p))
    return model


def seconds(draw: Any) -> tuple[float, torch.Tensor]:
    """How long a call took, and what it gave."""
    began = time.perf_counter()
    x = draw()
    return time.perf_counter() - began, x


@torch.no_grad()
def compare(model: Any, batch: int, rounds: int) -> dict[str, Any]:
    """Seconds of both ways in turn, their ratio, and the share of pixels that differ."""
    net = model.nets_["net"]
    naive = UncachedDecoder(net, model.spec_, model.whole_pixels)
    cached_s, naive_s, differing = [], [], 0.0
    for turn in range(rounds):
        seeds = range(turn * batch, (turn + 1) * batch)
        a, x = seconds(lambda seeds=seeds: model.draw_from(net, ItemNoise(seeds), None))
        b, again = seconds(lambda seeds=seeds: model.draw_from(naive, ItemNoise(seeds), None))
        cached_s.append(a)
        naive_s.append(b)
        differing += float((x != again).double().mean()) / rounds
    ratios = [b / a for a, b in zip(cached_s, naive_s, strict=True)]
    return {
        "batch": batch,
        "cached_s": round(median(cached_s), 3),
        "naive_s": round(median(naive_s), 2),
        "ratio": round(median(ratios), 1),
        "each_round": [round(r, 1) for r in ratios],
        "differing": differing,
    }


def main() -> None:
    """Print a JSON object for each batch size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", help="pixelcnn, made, image-gpt, or a run's folder")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = zh.load(args.model) if Path(args.model).is_dir() else untrained(args.model)
    for batch in args.batch:
        result = {"model": args.model, "threads": args.threads, "load": round(os.getloadavg()[0], 2)}
        print(json.dumps(result | compare(model, batch, args.rounds)), flush=True)


if __name__ == "__main__":
    main()
