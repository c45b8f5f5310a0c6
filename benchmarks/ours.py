"""Zaohua's side of the benchmarks: the same options and figures as the peers' scripts.

    python benchmarks/ours.py dcgan --seconds 60 --threads 2 --json

Networks are the peers': `dcgan` has the layers of the textbook Keras DCGAN (0.4 % fewer weights), trained as that is,
from one pass over the fakes, but at ten times its learning rate; `ddpm` a U-net of 1 072 908 weights (diffusers':
1 112 801); `vae` pythae's perceptrons (784 -> 512 -> 16 and back, 829 232 weights, ReLU) without averaged weights, with
a Bernoulli likelihood.
"""

from __future__ import annotations

import time
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch

from peer_common import Clock, arguments, mnist, report, save_images

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "dcgan": (
        "DCGAN",
        {
            "kernel_size": 5,
            "channels": 128,
            "max_channels": 128,
            "base_layers": 1,
            "dropout": 0.3,
            "update": "simultaneous",
            "learning_rate": 1e-3,
            "batch_size": 64,
        },
    ),
    "ddpm": ("DDPM", {"channels": 56, "blocks": 1, "batch_size": 64}),
    "flow": ("Flow", {"channels": 56, "blocks": 1, "batch_size": 64}),
    "vae": (
        "VAE",
        {
            "encoder": "mlp",
            "decoder": "mlp",
            "hidden": 512,
            "layers": 1,
            "latent_dim": 16,
            "activation": "relu",
            "ema_decay": 0.0,
            "batch_size": 128,
        },
    ),
}


class TimeIsUp(Exception):
    """Raised by the callback to leave the training."""


class Stopwatch:
    """Counts the steps after the warm-up and ends the training when the time is up or the steps are done."""

    def __init__(self, seconds: float, steps: int, warmup: int) -> None:
        self.clock, self.seconds, self.steps, self.warmup = Clock(), seconds, steps, warmup

    def __call__(self, event: Any) -> None:
        if event.kind != "step":
            return
        if event.step == self.warmup:
            self.clock.start()
        elif event.step > self.warmup:
            self.clock.steps += 1
            if not self.clock.more(self.seconds, self.steps):
                raise TimeIsUp


def main() -> None:
    parser = arguments(__doc__, seconds=60)
    parser.add_argument("model", choices=sorted(MODELS))
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--sampler", help="of ddpm and flow")
    parser.add_argument("--sampler-steps", type=int, help="of ddpm and flow")
    parser.add_argument("--save", help="save the trained model in this folder")
    parser.add_argument("--load", help="take the model saved in this folder instead of training one")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    name, settings = MODELS[args.model]
    figures: dict[str, Any] = {
        "version": f"zaohua {zh.__version__}, torch {torch.__version__}",
        "threads": args.threads,
    }
    if args.load:
        model = zh.load(args.load)
    else:
        keep = bool(args.samples_out or args.save)
        minutes = (args.seconds or 1) / 60  # the schedule of the learning rate follows it
        if args.model == "vae":
            settings = {**settings, "codec": zh.ImageCodec(binarize="dynamic")}
        model = getattr(zh, name)(
            **settings,
            device="cpu",
            random_state=args.seed,
            max_minutes=None if args.steps else minutes if keep else 2 * minutes + 1,
            max_steps=args.steps + args.warmup + 1 if args.steps else None,
        )
        stopwatch = Stopwatch(1e9 if keep else args.seconds, 0 if keep else args.steps, args.warmup)
        try:
            model.fit(mnist(), callbacks=[stopwatch])
        except TimeIsUp:
            pass
        figures |= stopwatch.clock.figures(settings["batch_size"])
    figures |= {f"{net}_parameters": sum(p.numel() for p in module.parameters()) for net, module in model.nets_.items()}
    for field, value in (("sampler", args.sampler), ("steps", args.sampler_steps)):
        if value is not None:
            setattr(model, field, value)
    if args.save and not args.load:
        model.save(args.save)
    if args.samples_out or args.load:
        model.sample(64, random_state=1)
        wall, cpu = time.perf_counter(), time.process_time()
        model.sample(64, random_state=2)
        figures |= {
            "sampling_s_for_64": round(time.perf_counter() - wall, 3),
            "sampling_cpu_s_for_64": round(time.process_time() - cpu, 3),
        }
    if args.samples_out:
        save_images(args.samples_out, np.asarray(model.sample(args.n, random_state=args.seed)) / 255)
    report(figures, args.json)


if __name__ == "__main__":
    main()
