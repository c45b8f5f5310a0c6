"""What the peer benchmarks share: MNIST from the folder named by ZAOHUA_DATA, a clock, the report."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np


def arguments(doc: str | None, seconds: float) -> argparse.ArgumentParser:
    """A parser with the options that every peer has."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=seconds, help="train for this long")
    parser.add_argument("--steps", type=int, default=0, help="stop after this many steps (0: by the clock)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--samples-out", type=Path, help="write generated images here (npz, uint8)")
    parser.add_argument("--n", type=int, default=1000, help="how many images to generate")
    return parser


def mnist() -> np.ndarray:
    """The 60 000 training images, uint8, shaped (60000, 28, 28)."""
    path = Path(os.environ["ZAOHUA_DATA"], "mnist", "train-images-idx3-ubyte.gz")
    with gzip.open(path) as stream:
        return np.frombuffer(stream.read(), np.uint8, offset=16).reshape(-1, 28, 28)


class Clock:
    """Wall and CPU time of the timed part; steps before `start` are warm-up and are not counted."""

    def start(self) -> None:
        self.load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        self.wall, self.cpu, self.steps = time.perf_counter(), time.process_time(), 0

    def elapsed(self) -> float:
        return time.perf_counter() - self.wall

    def more(self, seconds: float, steps: int) -> bool:
        """Whether to train on: until `steps` where it is given, until `seconds` otherwise."""
        return self.steps < steps if steps else self.elapsed() < seconds

    def figures(self, batch: int) -> dict[str, Any]:
        wall, cpu = self.elapsed(), time.process_time() - self.cpu
        images = self.steps * batch
        return {
            "steps": self.steps,
            "batch": batch,
            "wall_s": round(wall, 2),
            "images_per_s": round(images / wall, 2),
            "ms_per_step": round(1000 * wall / self.steps, 2),
            "cpu_s_per_image": round(cpu / images, 6),
            "cpu_s_per_wall_s": round(cpu / wall, 2),
            "load_before": round(self.load, 2),
        }


def save_images(path: Path, images: np.ndarray) -> None:
    """Write values in [0, 1], shaped (n, 28, 28), as uint8."""
    np.savez_compressed(path, images=(images.clip(0, 1) * 255).round().astype(np.uint8))


def report(figures: dict[str, Any], as_json: bool) -> None:
    """Print the figures, as one line of JSON or one to a line."""
    if as_json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name}: {value}")
