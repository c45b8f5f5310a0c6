"""nanoGPT: training steps of its own model.py, in a folder named by --nanogpt, as its train.py takes them on a CPU.

Measured: tokens per second in float32 without compilation (its CPU recipe), and with --loss the validation loss of the
whole held-out text after training for --seconds or --steps, in windows of its context that overlap by half.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nanogpt", default=os.environ.get("NANOGPT", "nanoGPT"), help="folder with its model.py")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--context", type=int, default=64)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--loss", action="store_true")
    args = parser.parse_args()
    sys.path.insert(0, args.nanogpt)
    from model import GPT, GPTConfig

    torch.set_num_threads(args.threads)
    torch.manual_seed(1337)
    text = Path(os.environ["ZAOHUA_DATA"], "tinyshakespeare", "input.txt").read_text("utf-8")
    letters = {letter: i for i, letter in enumerate(sorted(set(text)))}
    data = torch.tensor([letters[letter] for letter in text])
    train, test = data[: len(data) * 9 // 10], data[len(data) * 9 // 10 :]
    model = GPT(
        GPTConfig(
            block_size=args.context,
            vocab_size=len(letters),
            n_layer=args.layers,
            n_head=args.heads,
            n_embd=args.width,
            dropout=0.0,
            bias=False,
        )
    )
    optimizer = model.configure_optimizers(0.1, 1e-3, (0.9, 0.99), "cpu")

    def step(i: int) -> float:
        share = min(1.0, (i - 100) / max(1, args.steps - 100))
        rate = 1e-3 * (i + 1) / 101 if i < 100 else 1e-4 + 0.5 * (1 + math.cos(math.pi * share)) * 9e-4
        for group in optimizer.param_groups:
            group["lr"] = rate
        starts = torch.randint(len(train) - args.context, (args.batch,))
        x = torch.stack([train[s : s + args.context] for s in starts])
        y = torch.stack([train[s + 1 : s + 1 + args.context] for s in starts])
        _, loss = model(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    began = time.perf_counter()
    for i in range(args.steps + args.warmup):
        if i == args.warmup:
            timed = time.perf_counter()
        step(i)
    seconds = time.perf_counter() - timed
    figures = {
        "peer": "nanoGPT",
        "threads": args.threads,
        "tokens_per_s": args.steps * args.batch * args.context / seconds,
        "ms_per_step": 1000 * seconds / args.steps,
        "seconds": time.perf_counter() - began,
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    if args.loss:
        figures["validation"] = validation(model, test, args.context)
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}))


@torch.no_grad()
def validation(model: torch.nn.Module, test: torch.Tensor, context: int) -> float:
    """Nats per character of the whole text but its first, each given at least half a context before it."""
    model.eval()
    half, nats, scored = context // 2, [], 0
    while scored < len(test) - 1:
        begin = max(0, scored - (context - half))
        x = test[begin : begin + context + 1]
        logits, _ = model(x[None, :-1], x[None, 1:])
        loss = F.cross_entropy(logits[0], x[1:], reduction="none")
        nats.append(loss[scored - begin :].numpy())
        scored = begin + len(x) - 1
    return float(np.concatenate(nats).mean())


if __name__ == "__main__":
    main()
