"""How recognisable the digits of a DCGAN are after half the wall time that the textbook Keras DCGAN gets.

    python benchmarks/dcgan_quality.py --seconds 600 --rounds 1 --threads 2

In each round Keras trains for `--seconds` and zaohua for half of them, with the same networks and batch, one after the
other, each with a learning rate of its own: the textbook's 1e-4 there, 1e-3 here. The samples of both (`--n` each) are
judged by one classifier of real digits: accuracy is the share of images that it assigns to one class with probability
0.9 or more, coverage the entropy of their classes (1: all ten equally frequent), see `quality.recognised`. Real test
images are judged, too, as the most that can be reached.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from quality import recognised, test_images
from speed import HERE, ours, peer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="of Keras; zaohua gets half of them")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--n", type=int, default=2000)
    args = parser.parse_args()
    rounds, load = [], os.getloadavg()[0]
    for seed in range(args.rounds):
        common = ["--threads", args.threads, "--seed", seed, "--n", args.n, "--samples-out"]
        figures: dict[str, Any] = {}
        with tempfile.TemporaryDirectory() as folder:
            a, b = Path(folder, "ours.npz"), Path(folder, "peer.npz")
            figures["ours"] = ours("dcgan", "--seconds", args.seconds / 2, *common, a)
            figures["peer"] = peer("keras", "--seconds", args.seconds, *common, b)
            for side, file in (("ours", a), ("peer", b)):
                figures[side] |= recognised(np.load(file)["images"])
        rounds.append(figures)
    result = {
        "seconds": {"ours": args.seconds / 2, "peer": args.seconds},
        "threads": args.threads,
        "real": recognised(test_images()[: args.n]),
        "rounds": rounds,
        "load": {"start": round(load, 2), "end": round(os.getloadavg()[0], 2)},
    }
    print(json.dumps(result, indent=2))
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"dcgan-quality-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
