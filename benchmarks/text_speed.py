"""Side by side in one run: GPTs of the same size in zaohua, nanoGPT (training) and transformers (decoding).

    python benchmarks/text_speed.py decode --rounds 3 --threads 2          # after `peers.py setup transformers`
    python benchmarks/text_speed.py train --rounds 3 --nanogpt FOLDER      # FOLDER holds nanoGPT's model.py
    python benchmarks/text_speed.py quality --nanogpt FOLDER               # validation loss at the same wall time

`decode`: greedy text of 200 tokens at batch 1 and 16, 6 layers, 6 heads, width 384, 65 tokens, as `sample` makes it
and with `int8=True`; and the share of tokens that are what the network itself, without a cache, would choose.
`train`: tokens per second of the same architecture (`architecture="gpt2"`) and batch. `quality`: nanoGPT's CPU recipe,
then ours for as many seconds; loss over the whole held-out tenth.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from statistics import median
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import torch

from peers import HERE, python_of
from speed import run
from zaohua.core.noise import ItemNoise

SIZE: dict[str, Any] = {"width": 384, "layers": 6, "heads": 6}


def trained(steps: int) -> zh.GPT:
    """A model of that size that has learnt for a moment: how far guesses hold depends on it."""
    return zh.GPT(
        **SIZE, max_steps=steps, batch_size=8, validation_fraction=0.0, patience=None, device="cpu", random_state=0
    ).fit("tinyshakespeare")


@torch.inference_mode()
def decode(model: zh.GPT, batch: int, integers: bool, tokens: int = 200) -> tuple[float, float]:
    """Tokens per second of ours, all rows together; share of tokens that the network itself, uncached, would choose."""
    model.set_params(max_tokens=tokens, temperature=0.0, prompt="\n", int8=integers)
    noise = ItemNoise(list(range(batch)), torch.device("cpu"))

    def text() -> torch.Tensor:
        first, *rest = model.tokens(noise, None)
        return torch.cat([first, torch.stack(rest, 1)], 1)

    rates, made = [], text()
    for _ in range(3):
        began = time.perf_counter()
        text()
        rates.append(batch * tokens / (time.perf_counter() - began))
    logits = model.nets_["net"](made)[:, -tokens - 1 : -1]
    logits[:, :, list(model.choice().bias)] = -torch.inf
    return max(rates), float((logits.argmax(2) == made[:, -tokens:]).float().mean())


def train(size: dict[str, Any], batch: int, context: int, steps: int, threads: int) -> float:
    """Tokens per second of ours."""
    torch.set_num_threads(threads)
    moments: list[float] = []
    model = zh.GPT(
        **size,
        context=context,
        batch_size=batch,
        architecture="gpt2",
        optimizer="adamw",
        dropout=0.0,
        ema_decay=0.0,
        max_steps=steps + 5,
        validation_fraction=0.0,
        patience=None,
        device="cpu",
        random_state=0,
    )

    def note(event: Any) -> None:
        if event.kind == "step":
            moments.append(time.perf_counter())

    model.fit("tinyshakespeare", callbacks=[note])
    return steps * batch * context / (moments[-1] - moments[4])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["decode", "train", "quality"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=100, help="that the decoding model is trained for")
    parser.add_argument("--nanogpt", default=os.environ.get("NANOGPT", "nanoGPT"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    threads, nanogpt = ["--threads", str(args.threads)], [str(HERE / "peer_nanogpt.py"), "--nanogpt", args.nanogpt]
    results: dict[str, Any] = {"what": args.what, "threads": args.threads, "load": round(os.getloadavg()[0], 2)}
    if args.what == "decode":
        model = trained(args.steps)
        for batch, integers in ((1, False), (1, True), (16, False), (16, True)):
            peer = [str(python_of("transformers")), str(HERE / "peer_transformers_gpt.py"), "--batch", str(batch)]
            pairs = [
                (decode(model, batch, integers), run([*peer, *threads])["tokens_per_s"]) for _ in range(args.rounds)
            ]
            results[f"batch {batch}{', int8' if integers else ''}"] = {
                **told([(ours[0], peers) for ours, peers in pairs]),
                "as_uncached": pairs[0][0][1],
            }
    elif args.what == "train":
        for name, size, batch, context in (
            ("small", {"width": 128, "layers": 4, "heads": 4}, 12, 64),
            ("large", SIZE, 16, 256),
        ):
            shape = [f"--{key}={value}" for key, value in size.items()]
            steps = 100 if name == "small" else 4
            pairs = [
                (
                    train(size, batch, context, steps, args.threads),
                    run(
                        [
                            str(python_of("transformers")),
                            *nanogpt,
                            *threads,
                            *shape,
                            "--batch",
                            str(batch),
                            "--context",
                            str(context),
                            "--steps",
                            str(steps),
                        ]
                    )["tokens_per_s"],
                )
                for _ in range(args.rounds)
            ]
            results[name] = told(pairs)
    else:
        told_by = run([str(python_of("transformers")), *nanogpt, *threads, "--steps", "2000", "--loss"])
        model = zh.GPT(
            max_minutes=told_by["seconds"] / 60,
            width=128,
            layers=4,
            heads=4,
            context=64,
            batch_size=12,
            dropout=0.0,
            validation_fraction=0.0,
            patience=None,
            device="cpu",
            random_state=0,
        ).fit("tinyshakespeare")
        text = zh.read("tinyshakespeare", split="test")[0][0]
        ours = -model.score([text]) / (len(text) + 1)
        results |= {"peer": told_by, "ours": {"seconds": model.seconds_, "steps": model.n_steps_, "validation": ours}}
    print(json.dumps(results, indent=2))


def told(pairs: list[tuple[float, float]]) -> dict[str, Any]:
    """Medians of ours and the peer's, and the ratio of each round."""
    a, b = (median(side) for side in zip(*pairs, strict=True))
    return {
        "ours": round(a),
        "peer": round(b),
        "ratio": round(a / b, 2),
        "each_round": [round(x / y, 2) for x, y in pairs],
    }


if __name__ == "__main__":
    main()
