"""Filling gaps of texts: exact matches and surprisal on held-out lines of tinyshakespeare.

With what follows, and without.

    ZAOHUA_DATA=... python benchmarks/restore/texts.py --minutes 3

A GPT of characters is trained with a part of its rows rearranged for filling in. Gaps of 5 to 10 characters, and of 1
to 3 words, are cut out of the end of the text, which it hasn't learnt.

- left only: the likeliest continuation of what is before the gap, of the gap's length
- candidates: candidates from left to right, weighed by the likelihood of what follows
- infilling: what follows is read first

exact: how often the likeliest filling of the right length is the true one. surprisal: nats per character of the true
gap. Left only and infilling it is of all texts that begin with the gap; "with its end" adds what is paid for the end of
the gap. For candidates it is an upper bound: the normaliser is estimated with the truth among the candidates.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "translate"))
from common import mean, trained

import zaohua as zh

SIDE = 50
"""Characters that are seen on each side of a gap."""


def gaps(text: str, n: int, kind: str, rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """What is before, in and after n gaps."""
    found = []
    words = [match.span() for match in re.finditer(r"[A-Za-z']+", text)]
    while len(found) < n:
        if kind == "words":
            first = int(rng.integers(len(words) - 3))
            low, high = words[first][0], words[first + int(rng.integers(3))][1]
        else:
            low = int(rng.integers(SIDE, len(text) - SIDE - 10))
            high = low + int(rng.integers(5, 11))
        if SIDE <= low and high + SIDE <= len(text) and high - low <= 20:
            found.append((text[low - SIDE : low], text[low:high], text[high : high + SIDE]))
    return found


def nats(model: Any, text: str, opening: list[int] | None = None, *, after: int = 0, end: bool = False) -> float:
    """Sum of -log p of the tokens of a text after an opening (by default END), without the first `after` of them."""
    codec = model.codec_
    tokens = codec.tokenizer_.encode(text).tolist() + ([codec.end_] if end else [])
    opening = [codec.end_] if opening is None else opening
    row = torch.tensor([[*opening, *tokens]])
    return float(model.nats(row, None)[len(opening) - 1 + after :].sum())


def measured(model: Any, parts: list[tuple[str, str, str]], candidates: int) -> dict[str, dict[str, list[float]]]:
    """Exact matches and surprisals of each gap, by each way."""
    plain = copy.copy(model)
    plain.fim = 0.0  # the same network, without reading what follows
    out: dict[str, dict[str, list[float]]] = {
        "left only": {"exact": [], "surprisal": []},
        "candidates": {"exact": [], "surprisal": []},
        "infilling": {"exact": [], "surprisal": [], "with its end": []},
    }
    for number, (before, gap, after) in enumerate(parts):
        size, options = len(gap), {"length": len(gap), "random_state": number, "temperature": 0.0}
        left = plain.sample(1, prompt=before, max_tokens=size, temperature=0.0)[0][len(before) :]
        out["left only"]["exact"].append(left == gap)
        own = nats(plain, before + gap, after=len(before))
        out["left only"]["surprisal"].append(own / size)
        seen = after[: model.context // 4]
        text = before + "___" + after
        for way, which in (("candidates", plain), ("infilling", model)):
            found = zh.fill(which, text, candidates=candidates if which is plain else 1, **options).texts
            out[way]["exact"].append(found == before + gap + after)
        drawn = [
            row[len(before) :] for row in plain.sample(candidates, prompt=before, max_tokens=size, temperature=1.0)
        ]
        follows = [-nats(plain, before + each + seen, after=len(before) + len(each)) for each in [gap, *drawn]]
        log_z = float(np.logaddexp.reduce(follows) - np.log(len(follows)))
        out["candidates"]["surprisal"].append((own - follows[0] + log_z) / size)
        opening = model.with_options(prompt=before, suffix=after).opening()
        out["infilling"]["surprisal"].append(nats(model, gap, opening) / size)
        out["infilling"]["with its end"].append(nats(model, gap, opening, end=True) / size)
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--fim", type=float, default=0.5)
    parser.add_argument("--candidates", type=int, default=64)
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("--run", help="a folder to keep the model in, or to take it from")
    options = parser.parse_args()
    text = (Path(os.environ["ZAOHUA_DATA"]) / "tinyshakespeare/input.txt").read_text()
    border = int(0.9 * len(text))
    if options.run and Path(options.run).exists():
        model, took = zh.load(options.run), {}
    else:
        model = zh.GPT(width=128, layers=4, context=256, batch_size=16, fim=options.fim, dropout=0.0, random_state=0)
        model, took = trained(model, [text[:border]], None, options.minutes)
        if options.run:
            model.save(options.run)
    for kind in ("characters", "words"):
        parts = gaps(text[border:], options.n, kind, np.random.default_rng(0))
        found = measured(model, parts, options.candidates)
        for way, figures in found.items():
            row = {"gaps": kind, "way": way} | {name: mean(values) for name, values in figures.items()}
            print(json.dumps(row | took), flush=True)
        for way in ("candidates", "infilling"):
            paired = {
                f"{name} - left only": mean(
                    np.array(found[way][name], float) - np.array(found["left only"][name], float)
                )
                for name in ("exact", "surprisal")
            }
            print(json.dumps({"gaps": kind, "way": way} | paired), flush=True)


if __name__ == "__main__":
    main()
