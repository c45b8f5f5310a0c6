"""Hugging Face transformers: greedy decoding with its cache, on a GPT of 6 layers, 6 heads, width 384 and 65 tokens.

Measured: new tokens per second of `generate` (all rows together), from prompts of one token, untrained weights.
"""

from __future__ import annotations

import argparse
import json
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel, __version__


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=65, n_positions=1024, n_embd=384, n_layer=6, n_head=6, bos_token_id=0, eos_token_id=None
    )
    model = GPT2LMHeadModel(config).eval()
    prompt = torch.zeros(args.batch, 1, dtype=torch.long)
    options = {"do_sample": False, "use_cache": True, "pad_token_id": 0, "attention_mask": torch.ones_like(prompt)}
    model.generate(prompt, max_new_tokens=10, **options)
    rates = []
    for _ in range(args.repeats):
        began = time.perf_counter()
        out = model.generate(prompt, max_new_tokens=args.tokens, min_new_tokens=args.tokens, **options)
        rates.append((out.shape[1] - 1) * args.batch / (time.perf_counter() - began))
    print(
        json.dumps(
            {
                "peer": f"transformers {__version__}, torch {torch.__version__}",
                "threads": args.threads,
                "batch": args.batch,
                "tokens_per_s": round(max(rates), 1),
                "parameters": sum(p.numel() for p in model.parameters()),
            }
        )
    )


if __name__ == "__main__":
    main()
