"""Bits per byte of published weights, without training, on three texts.

    ZAOHUA_DATA=... python benchmarks/bridges/bits.py --base SmolLM2.gguf --characters 12000

The texts are the end of tinyshakespeare's last tenth, the help of Python's `pydoc` topics, and the paragraphs with
questions of XQuAD that `finetune.py` holds out; of each the last characters, or all of it with `--characters 0`.
"""

from __future__ import annotations

import argparse
import time
from pydoc_data.topics import topics

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
from finetune import questions
from llama_cpp import tinyshakespeare


def texts() -> dict[str, str]:
    """Return the texts by their names."""
    whole = tinyshakespeare()
    asked = dict.fromkeys(line for prompt, _ in questions("en")[1] for line in prompt.split("\n\n"))
    return {
        "tinyshakespeare, last tenth": whole[int(0.9 * len(whole)) :],
        "pydoc topics": "\n\n".join(topics[name] for name in sorted(topics)),
        "XQuAD, held-out articles": "\n\n".join(asked),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True)
    parser.add_argument("--characters", type=int, default=12_000)
    args = parser.parse_args()
    model = zh.load(args.base)
    for name, text in texts().items():
        part, started = text[-args.characters :], time.process_time()
        bits = model.bits_per_byte([part])
        spent = time.process_time() - started
        print(f"{name}: {bits:.3f} bits/byte of {len(part):,} of {len(text):,} characters, {spent:.0f} s", flush=True)


if __name__ == "__main__":
    main()
