"""Monotonic alignment against even stretching: aligners alone, as a recogniser hears their means.

    python benchmarks/speech/alignments.py --run runs/spoken-digits --recogniser recogniser.pt

Two aligners learn from the same 1,000 sequences of spoken digits in as many steps: one aligns tokens with frames, the
other stretches them evenly over the item, as ZipVoice does before its network refines them. Told are the word error
rates of the means that they lay along the time axis for sequences of words that were never trained. Codecs are those
of the run.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from digits import Clips, sequences  # isort: skip  (it imports zaohua before torch)
import numpy as np
import torch
from recogniser import Recogniser, word_error_rate
from torch import Tensor

import zaohua as zh
from zaohua.nn.alignment import Aligner, States, lies_along


class Even(Aligner):
    """An aligner that stretches tokens evenly over the item."""

    def aligned(self, states: States, frames: Tensor, lengths: Tensor) -> Tensor:
        """Return the even path."""
        cells = torch.arange(self.cells, device=frames.device)
        path = cells * states.counts.unsqueeze(1) // lengths.unsqueeze(1)
        return torch.where((cells < lengths.unsqueeze(1)) & (states.counts > 0).unsqueeze(1), path, -1)


def trained(cls: type[Aligner], model: Any, codes: Tensor, y_codes: Any, steps: int) -> Aligner:
    """Train an aligner on batches of 16."""
    torch.manual_seed(0)
    rng, index = np.random.default_rng(0), lies_along(model.y_spec_, model.spec_)
    assert index is not None
    aligner = cls(model.spec_, model.y_spec_, index, model.codec_.blank)
    optimizer = torch.optim.AdamW(aligner.parameters(), 2e-3, betas=(0.9, 0.99))
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, 10 * step / steps, 1.02 - step / steps)
        rows = rng.choice(len(codes), 16, replace=False)
        x = model.codec_.prepare(codes[rows], None)
        optimizer.zero_grad()
        aligner.loss(x, model.y_codec_.prepare(y_codes[rows], None)).mean().backward()
        torch.nn.utils.clip_grad_norm_(aligner.parameters(), 1.0)
        optimizer.step()
    return aligner


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--recogniser", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=600)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model: Any = zh.load(args.run)
    spoken, asked = sequences(Clips("train"), 1000, 0, tested=False), sequences(Clips("test"), 60, 1, tested=True)
    codes = model.codec_.encode([s.sound for s in spoken])
    y_codes = model.y_codec_.encode([{"text": s.text, "voice": s.voice} for s in spoken])
    y = model.condition([{"text": s.text, "voice": s.voice} for s in asked])
    net = Recogniser()
    net.load_state_dict(torch.load(args.recogniser))
    for name, cls in (("monotonic", Aligner), ("even", Even)):
        began = time.process_time()
        model.nets_["aligner"] = trained(cls, model, codes, y_codes, args.steps)
        spent = time.process_time() - began
        with torch.no_grad():
            means = model.ended(model.seen(model.nets_, y).parts["text"][:, :1], y)
        heard = net.eval().hear([sound.samples for sound in model.codec_.decode(means)])
        rate = word_error_rate([s.text for s in asked], heard)
        print(json.dumps({"alignment": name, "word error rate": round(rate, 4), "CPU s": round(spent)}), flush=True)


if __name__ == "__main__":
    main()
