"""How well WaveNet predicts the samples of spoken digits, beside n-grams of the same tokens, and how fast it speaks.

    python benchmarks/wavenet.py ngrams                     # orders 1 to 6, two kinds of smoothing
    python benchmarks/wavenet.py train --out RUN            # WaveNet given the digit, with its own settings, or --set
    python benchmarks/wavenet.py score RUN                  # bits per sample of the test split
    python benchmarks/wavenet.py sampling RUN               # steps from caches against passes over all that is seen

`fsdd` at 8 kHz, 8-bit mu-law, whole clips: trained on 2,700, scored on the 300 of the test split. Bits per sample are
those of all samples and of each clip's end, divided by the number of samples. n-grams begin each clip with END tokens.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch
from torch import Tensor

from zaohua.core.noise import ItemNoise
from zaohua.families.autoregressive.decoding import generate
from zaohua.families.autoregressive.token_sampler import TokenSampler
from zaohua.modalities.sounds.mu_law import LEVELS

BITS = 9
"""Bits of a token in the number that an n-gram is."""


# ---- n-grams


def ngrams(order: int, stream: np.ndarray) -> np.ndarray:
    """The n-gram that ends at each token of a stream, as numbers: the token lowest, what is before it above."""
    grams = np.zeros(len(stream), np.int64)
    for back in range(order):
        grams |= np.concatenate([np.full(back, LEVELS), stream[: len(stream) - back]]) << (BITS * back)
    return grams


class Smoothed:
    """Interpolated n-grams, by modified Kneser and Ney (Chen and Goodman 1999) or by Witten and Bell.

        p(w | h) = (c(h w) - D(c(h w))) / c(h) + gamma(h) p(w | h without its first token)

    Of Kneser and Ney's lower orders c counts how many tokens stand before. Witten and Bell have D = 0 and give the
    lower order the weight N / (N + c(h)), N being the number of different tokens behind h.
    """

    def __init__(self, order: int, stream: np.ndarray, targets: np.ndarray, kind: str):
        self.kind, self.levels = kind, list[dict[str, Any]]()
        above: np.ndarray | None = None
        for n in range(order, 0, -1):
            if above is None or kind == "witten-bell":
                grams, counts = np.unique(ngrams(n, stream)[targets], return_counts=True)
            else:
                grams, counts = np.unique(above & ((1 << (BITS * n)) - 1), return_counts=True)
            self.levels.insert(0, self._level(grams, counts))
            above = grams

    def _level(self, grams: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
        contexts, start = np.unique(grams >> BITS, return_index=True)  # grams are sorted, so are contexts
        total = np.add.reduceat(counts, start)
        kinds = np.diff(np.append(start, len(grams)))
        if self.kind == "witten-bell":
            norm = (total + kinds).astype(float)
            return {
                "grams": grams,
                "mass": counts.astype(float),
                "contexts": contexts,
                "norm": norm,
                "rest": kinds / norm,
            }
        of = np.bincount(np.minimum(counts, 5), minlength=6).astype(float)
        y = of[1] / max(1.0, of[1] + 2 * of[2])
        cut = np.array([0.0, *(k - (k + 1) * y * of[k + 1] / max(1.0, of[k]) for k in (1, 2, 3))]).clip(0.0)
        discount = np.minimum(cut[np.minimum(counts, 3)], counts)
        return {
            "grams": grams,
            "mass": counts - discount,
            "contexts": contexts,
            "norm": total.astype(float),
            "rest": np.add.reduceat(discount, start) / total,
        }

    def p(self, grams: np.ndarray) -> np.ndarray:
        """The probability of the last token of each n-gram given the others."""
        p = np.full(len(grams), 1 / (LEVELS + 1))
        for n, level in enumerate(self.levels, 1):
            grams_n = grams & ((1 << (BITS * n)) - 1)
            mass = _found(level["grams"], grams_n, level["mass"], 0.0)
            norm, rest = (_found(level["contexts"], grams_n >> BITS, level[name], 1.0) for name in ("norm", "rest"))
            p = mass / norm + rest * p
        return p


def _found(keys: np.ndarray, wanted: np.ndarray, values: np.ndarray, other: float) -> np.ndarray:
    at = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], other)


def padded_stream(codes: Any, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Clips one behind the other with END tokens between them, and where what is to be predicted stands."""
    parts = [row.numpy().astype(np.int64) for row in codes]
    begin = np.full(order, LEVELS)
    stream = np.concatenate([part for row in parts for part in (begin, row[1:])])
    places = np.concatenate([part for row in parts for part in (np.zeros(order, bool), np.ones(len(row) - 1, bool))])
    return stream, np.flatnonzero(places)


def score_ngrams(highest: int) -> dict[str, Any]:
    """Bits per sample of each order and kind of smoothing."""
    sounds = {split: zh.read("fsdd", split=split)[0] for split in ("train", "test")}
    codec = zh.MuLawCodec().fit(sounds["train"])
    train, test = (codec.encode(sounds[split]) for split in ("train", "test"))
    (stream, targets), (held, wanted) = padded_stream(train, highest), padded_stream(test, highest)
    samples, found = int((test.stops - test.starts - 2).sum()), {}
    for kind in ("kneser-ney", "witten-bell"):
        for order in range(1, highest + 1):
            model = Smoothed(order, stream, targets, kind)
            grams = ngrams(order, held)[wanted]
            every = (grams[::100_000, None] >> BITS << BITS) | np.arange(LEVELS + 1)
            assert np.abs(model.p(every.ravel()).reshape(every.shape).sum(1) - 1).max() < 1e-9
            found[f"{kind} {order}"] = round(float(-np.log2(model.p(grams)).sum()) / samples, 4)
            print(kind, order, found[f"{kind} {order}"], flush=True)
    return {"samples": samples, "clips": len(test), **found}


# ---- WaveNet


def train(out: Path, settings: dict[str, Any], resume: bool) -> dict[str, Any]:
    """WaveNet given the digit."""
    began, cpu = time.perf_counter(), time.process_time()
    model = zh.WaveNet(**{"random_state": 0, "device": "cpu", **settings})
    model = model.resume(out) if resume else model.fit("fsdd", True, out=out, overwrite=True)
    return {
        "steps": model.n_steps_,
        "seconds": round(time.perf_counter() - began),
        "cpu_seconds": round(time.process_time() - cpu),
        "weights": sum(p.numel() for p in model.nets_.parameters()),
    }


def score(run: Path) -> dict[str, Any]:
    """Bits per sample given the digit, and at most how many they are without it, as p(x) >= p(x | y) p(y)."""
    model, (sounds, digits) = zh.load(run), zh.read("fsdd", True, split="test")
    bits, samples = model.bits_per_sample(sounds, digits), sum(len(sound) for sound in sounds)
    log_prior = dict(zip(model.y_codec_.classes_, model.y_codec_.log_prior(), strict=True))
    digit = -sum(log_prior[digit] for digit in digits) / math.log(2)
    return {
        "clips": len(sounds),
        "samples": samples,
        "samples seen": model.nets_["net"].reach,
        "bits given the digit": bits,
        "bits at most": bits + digit / samples,
    }


class Uncached:
    """A network as a decoder that reads all it can see anew for each token."""

    def __init__(self, net: Any):
        self.net = net

    def start(self, n: int, y: Tensor | None = None, keep: Tensor | None = None) -> dict[str, Any]:
        return {"tokens": torch.zeros(n, 0, dtype=torch.long), "y": y, "keep": keep}

    def step(self, tokens: Tensor, state: dict[str, Any]) -> Tensor:
        state["tokens"] = torch.cat([state["tokens"], tokens], dim=1)[:, -self.net.reach :]
        return self.net(state["tokens"], state["y"], state["keep"])[:, -1]


def sampling(run: Path, rows: int, tokens: int, uncached: int) -> dict[str, Any]:
    """The same sounds from caches and without, and how long they take."""
    model = zh.load(run)
    net, codec = model.nets_["net"], model.codec_
    y = torch.arange(rows) % 10
    u, first = ItemNoise(list(range(rows))).uniform(tokens), torch.full((rows, 1), LEVELS)

    def made(decoder: Any, prompt: Tensor) -> tuple[Tensor, float]:
        began = time.process_time()
        drawn = list(generate(decoder, prompt, u[:, prompt.shape[1] - 1 :], TokenSampler(), context=tokens + 1, y=y))
        return torch.stack(drawn, 1), time.process_time() - began

    cached, quick = made(net, first)
    row = torch.cat([first, cached], dim=1)
    slow, long = made(Uncached(net), row[:, :-uncached])
    with torch.no_grad():  # one pass over all of each sound: what would be chosen behind each token
        again = torch.cat([TokenSampler()(net(row[[i], :-1], y[[i]])[0], u[i], row[:, :0])[None] for i in range(rows)])
    return {
        "rows": rows,
        "tokens": tokens,
        "uncached tokens": uncached,
        "rate": codec.form_.rate,
        "cached, samples/s": round(rows * tokens / quick),
        "uncached, samples/s": round(rows * uncached / long, 1),
        "identical, step by step": f"{int((cached[:, -uncached:] == slow).sum())} of {slow.numel()}",
        "identical to one pass": f"{int((cached == again).sum())} of {cached.numel()}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["ngrams", "train", "score", "sampling"])
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, help="run folder to train into")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--orders", type=int, default=6)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=4000)
    parser.add_argument("--uncached", type=int, default=20, help="last tokens of each row to make without a cache")
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    settings = {name: ast.literal_eval(value) for name, _, value in (pair.partition("=") for pair in args.set)}
    load = round(os.getloadavg()[0], 2)
    if args.what == "ngrams":
        results = score_ngrams(args.orders)
    elif args.what == "train":
        results = train(args.out, settings, args.resume)
    elif args.what == "score":
        results = score(args.run)
    else:
        results = sampling(args.run, args.rows, args.tokens, args.uncached)
    about = {"what": args.what, "settings": settings, "threads": args.threads, "load": load}
    print(json.dumps({**about, **results}, indent=2))


if __name__ == "__main__":
    main()
