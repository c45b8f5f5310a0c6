"""Train models of digits and garments without labels, for a time of the CPU.

    python benchmarks/restore/digits_training.py flow --data fashion-mnist --minutes 8 --out runs/fashion-flow
    python benchmarks/restore/digits_training.py flow --data mnist --minutes 8 --out runs/mnist-flow

Any model of pictures, with its defaults and seed 0, on all 60,000 training pictures. Since cores may be shared, minutes
are those of this process on one thread. Training that was interrupted goes on if it is started again.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import torch

MODELS = {"flow": zh.Flow, "edm": zh.EDM, "ddpm": zh.DDPM, "vae": zh.VAE, "r3gan": zh.R3GAN, "pixelcnn": zh.PixelCNN}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--data", choices=["fashion-mnist", "mnist"], default="fashion-mnist")
    parser.add_argument("--minutes", type=float, default=8, help="of CPU time")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    args = parser.parse_args()
    torch.set_num_threads(1)
    time.perf_counter = time.process_time  # the clock of `max_minutes`
    pictures, _ = zh.read(args.data, split="train")
    model = MODELS[args.model](max_minutes=args.minutes, random_state=0, device="cpu")
    if (args.out / "checkpoints").exists():
        model.resume(args.out, pictures)
    else:
        model.fit(pictures, out=args.out)
    print(json.dumps({"steps": model.n_steps_, "CPU minutes": round(model.seconds_ / 60, 2)}))


if __name__ == "__main__":
    main()
