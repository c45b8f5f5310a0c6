"""How much memory and time a photograph of many megapixels takes.

    python benchmarks/restore/large.py --megapixels 12
    python benchmarks/restore/large.py --megapixels 3 --degradation 'downscale 2' --steps 2

The network is hardly trained, since neither depends on what it has learnt; its size is that of `--channels`. The peak
is that of the process beyond what it took before, with the picture itself; seconds are those of the CPU, of one thread.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch

TILE = 48


def peak() -> int:
    """Return the largest memory that the process has taken so far, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--degradation", default="noise 25")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--channels", type=int, default=4)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    tiles = rng.integers(0, 256, (16, TILE, TILE, 3), dtype=np.uint8)
    model = zh.Flow(channels=args.channels, max_steps=1, batch_size=4, random_state=0, device="cpu").fit(tiles)
    zh.restore(model, tiles[:1], args.degradation, steps=1)
    height = round((args.megapixels * 1e6 * 3 / 4) ** 0.5) // 4 * 4
    before, began = peak(), time.process_time()
    seen = rng.integers(0, 256, (1, height, height * 4 // 3, 3), dtype=np.uint8)
    best = zh.restore(model, seen, args.degradation, steps=args.steps).best
    seconds, more = time.process_time() - began, peak() - before
    pixels = best.shape[1] * best.shape[2]
    print(
        f"{args.degradation}: {pixels / 1e6:.1f} megapixels of 3 colours, {more / 2**20:,.0f} MiB more "
        f"({more / pixels:.0f} bytes a pixel), {seconds:.0f} CPU seconds ({seconds / pixels * 1e6:.1f} a megapixel)"
    )


if __name__ == "__main__":
    main()
