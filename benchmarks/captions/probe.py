"""A quick test of the embedding of texts: which garment, attribute and combination does a caption name?

    python benchmarks/captions/probe.py --seeds 3

`Embed` and a linear layer on what networks get from it learn from `LEARNT` phrasings; measured on `HELD_OUT` ones.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from captions import ATTRIBUTES, CHINESE, COMBINATIONS, HELD_OUT, LEARNT, can_say, caption
from zaohua.modalities import TextCodec
from zaohua.nn.embed import Embed

WORDS = [None, *(a for pair in ATTRIBUTES for a in pair)]
GARMENTS = [g for g in CHINESE if g not in WORDS]


def all_of(phrasings, seen=True):
    found = [(p, g, a) for p in phrasings for g in GARMENTS for a in WORDS if can_say(p, a)]
    return [each for each in found if ((each[1], each[2]) not in COMBINATIONS) == seen]


class Probe(nn.Module):
    def __init__(self, spec, dim):
        super().__init__()
        self.embed, self.heads = Embed(spec, dim), nn.ModuleList(nn.Linear(dim, n) for n in (10, 5))

    def forward(self, y):
        tokens = self.embed(y, len(y))
        pooled = getattr(tokens, "summary", None)
        if pooled is None:
            pooled = tokens.values.sum(1) / tokens.present.sum(1, keepdim=True)
        return [head(pooled) for head in self.heads]


def measure(seed, dim=128, steps=300, make=Probe):
    torch.manual_seed(seed)
    sets = {"learnt": all_of(LEARNT), "held out": all_of(HELD_OUT), "combination": all_of(LEARNT, False)}
    codec = TextCodec().fit([caption(*each) for each in sets["learnt"]])
    encoded = {k: codec.encode([caption(*e) for e in v])[np.arange(len(v))].long() for k, v in sets.items()}
    targets = {
        k: [torch.tensor([GARMENTS.index(g) for _, g, _ in v]), torch.tensor([WORDS.index(a) for _, _, a in v])]
        for k, v in sets.items()
    }
    probe = make(codec.spec_, dim)
    optimizer = torch.optim.AdamW(probe.parameters(), lr=2e-3, betas=(0.9, 0.99))
    began = time.process_time()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1, step / 40) * (1 - step / steps)
        rows = torch.randint(len(encoded["learnt"]), (64,))
        with torch.autocast("cpu", torch.bfloat16):
            out = probe(encoded["learnt"][rows])
        loss = sum(F.cross_entropy(o.float(), t[rows]) for o, t in zip(out, targets["learnt"], strict=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = {"s": round(time.process_time() - began, 1)}
    with torch.no_grad():
        for k in sets:
            out = probe.eval()(encoded[k])
            found[k] = [
                round((o.argmax(1) == t).float().mean().item(), 3) for o, t in zip(out, targets[k], strict=True)
            ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    for seed in range(args.seeds):
        print(seed, measure(seed))


if __name__ == "__main__":
    main()
