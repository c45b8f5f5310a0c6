"""Do poems keep their form? A GPT learns the Tang poems letter by letter, and its lines are counted.

    python benchmarks/poems.py --minutes 30 --threads 1 --out poems

Of the poems (`chinese-poetry`, 2,945 to train on, a tenth of their text held out to stop in time) most are in lines of
five or seven characters between punctuation; others, such as hymns, in lines of four, or change as songs do. A line
keeps the form if it is as long as its poem's first line and that is five or seven. Counted over all lines of 200
samples, and of those that begin with five or seven; a last line cut off by the length limit doesn't count. The same
share of the test split's poems is what is real.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import torch

SETTINGS: dict[str, Any] = {
    "width": 192,
    "layers": 4,
    "heads": 4,
    "context": 96,
    "batch_size": 16,
    "dropout": 0.2,
    "validate_every": 200,
    "patience": 10,
}
PAUSES = re.compile(r"[，。？！；：、\s]+")


def kept(poem: str) -> tuple[int, int, bool]:
    """Lines that keep the form, lines, and whether the first has five or seven characters."""
    *lines, rest = PAUSES.split(poem)
    lines = [line for line in lines if line]  # the rest is empty, or cut off
    form = len(lines[0]) if lines else 0
    regular = form in (5, 7)
    return sum(regular and len(line) == form for line in lines), len(lines), regular


def share(poems: list[str]) -> dict[str, Any]:
    """How many of all lines keep the form, and of those of poems whose first line has it."""
    counts = [kept(poem) for poem in poems]
    lines, regular = sum(n for _, n, _ in counts), sum(n for _, n, begun in counts if begun)
    good = sum(k for k, _, _ in counts)
    return {
        "poems": len(poems),
        "lines": lines,
        "kept": round(good / lines, 4),
        "kept_where_first_line_is_5_or_7": round(good / max(1, regular), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="keep the run and the poems in this folder")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = zh.GPT(**SETTINGS, max_minutes=args.minutes, max_tokens=120, random_state=args.seed, device="cpu")
    model.fit("chinese-poetry", out=args.out)
    began = time.perf_counter()
    poems = model.sample(args.samples, random_state=args.seed, temperature=args.temperature)
    validation = [record["validation"] for record in model.history_ if "validation" in record]
    result = {
        "minutes": round(model.seconds_ / 60, 2),
        "steps": model.n_steps_,
        "threads": args.threads,
        "best_validation_nats": round(min(validation), 4) if validation else None,
        "temperature": args.temperature,
        "sampling_s": round(time.perf_counter() - began, 1),
        "made": share(poems),
        "real": share(zh.read("chinese-poetry", split="test")[0]),
    }
    if args.out:
        Path(args.out, "poems.txt").write_text("\n\n".join(poems) + "\n", "utf-8")
    print("\n\n".join(poems[:4]))
    print(json.dumps(result, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
