"""Decoding side by side in one run: ours in torch, compiled, in 8-bit integers, transformers and llama.cpp.

    ZAOHUA_DATA=... python benchmarks/serving/decoding.py --threads 1 --rounds 3
    ZAOHUA_DATA=... python benchmarks/serving/decoding.py --threads 2 --rounds 3 --node FOLDER
    ZAOHUA_DATA=... python benchmarks/serving/decoding.py --width 192 --layers 3 --heads 3     # 1.3 million weights
    ZAOHUA_DATA=... python benchmarks/serving/decoding.py --threads 2 --rows 1 --busy 1        # beside a busy core

Greedy texts of 200 tokens of a GPT (6 layers, 6 heads, width 384, 66 tokens, context 256) that has learnt for a
moment, since a draft's guesses depend on it; transformers' networks have the same sizes and random weights. All ways
take turns; told are medians of tokens per CPU second and per second, all rows together, and how many of our tokens are
those of the network in torch. FOLDER is one in which `npm install node-llama-cpp@3` was run; llama.cpp decodes one row.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import torch

sys.path.append(str(Path(__file__).parent.parent / "bridges"))
from llama_cpp import theirs

from zaohua.core.hardware import threads_for_rows
from zaohua.families.autoregressive.decoding import generate
from zaohua.nn.int8 import int8
from zaohua.nn.quick import quick

Way = Callable[[], torch.Tensor | None]


def model_of(args: argparse.Namespace, architecture: str, steps: int) -> zh.GPT:
    """Return a model that has learnt for some steps."""
    return zh.GPT(
        width=args.width,
        layers=args.layers,
        heads=args.heads,
        architecture=architecture,
        max_steps=steps,
        batch_size=8,
        validation_fraction=0.0,
        patience=None,
        device="cpu",
        random_state=0,
    ).fit("tinyshakespeare")


def ways_of(model: zh.GPT, args: argparse.Namespace, rows: int) -> dict[str, Way]:
    """Return our ways of decoding, each of which returns tokens (rows, tokens)."""
    net, choice = model.nets_["net"], model.with_options(temperature=0.0).choice()
    begin, u = torch.full((rows, 1), model.codec_.begin_), torch.rand(rows, args.tokens)

    def way(decoder: Any, draft: Any = None) -> Way:
        def run() -> torch.Tensor:
            with threads_for_rows(net, rows):
                return torch.stack([*generate(decoder, begin, u, choice, context=model.context, draft=draft)], 1)

        return run

    lossless = {"ours, torch": way(net), "ours, compiled": way(quick(net))}
    if rows == 1:
        lossless["ours, compiled, draft"] = way(quick(net), quick(net, integers=True))
    return lossless | {"ours, torch, int8": way(int8(net)), "ours, compiled, int8": way(quick(net, integers=True))}


def peers_of(args: argparse.Namespace, rows: int, vocabulary: int) -> dict[str, Way]:
    """Return transformers' networks of the same sizes, with random weights."""
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    ends: dict[str, Any] = {"bos_token_id": 0, "eos_token_id": None}
    sizes = {"n_positions": 256, "n_embd": args.width, "n_layer": args.layers, "n_head": args.heads}
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, **sizes, **ends))
    llama = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=args.width,
            intermediate_size=8 * args.width // 3,
            num_hidden_layers=args.layers,
            num_attention_heads=args.heads,
            max_position_embeddings=256,
            tie_word_embeddings=True,
            **ends,
        )
    )
    prompt = torch.zeros(rows, 1, dtype=torch.int64)

    def way(net: Any) -> Way:
        options = {"do_sample": False, "use_cache": True, "pad_token_id": 0}
        length = {"max_new_tokens": args.tokens, "min_new_tokens": args.tokens}
        return lambda: net.generate(prompt, attention_mask=torch.ones_like(prompt), **options, **length)

    return {"transformers, GPT2LMHeadModel": way(gpt2.eval()), "transformers, LlamaForCausalLM": way(llama.eval())}


def measured(ways: dict[str, Way], args: argparse.Namespace, rows: int) -> dict[str, dict[str, Any]]:
    """Return tokens per CPU second and per second of each way, which take turns."""
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    made: dict[str, torch.Tensor] = {}
    with torch.inference_mode():
        for i in range(args.rounds + 1):  # the first one only warms up
            for name, way in ways.items():
                wall, spent = time.perf_counter(), time.process_time()
                out = way()
                spent, wall = time.process_time() - spent, time.perf_counter() - wall
                if i:
                    rates[name].append((rows * args.tokens / spent, rows * args.tokens / wall))
                elif name.startswith("ours") and out is not None:
                    made[name] = out
    return {name: told(rates[name]) | same(made, name) for name in ways}


def told(rates: list[tuple[float, float]]) -> dict[str, Any]:
    """Return medians of rates by CPU seconds and by wall clock."""
    cpu, wall = zip(*rates, strict=True)
    return {"per_cpu_second": round(median(cpu)), "per_second": round(median(wall))}


def same(made: dict[str, torch.Tensor], name: str) -> dict[str, Any]:
    """Return the share of a way's tokens that are those of the network in torch."""
    if name not in made:
        return {}
    return {"same": round(float((made[name] == made["ours, torch"]).float().mean()), 4)}


def llama_cpp(args: argparse.Namespace) -> dict[str, Any]:
    """Return the speed of llama.cpp with one row of a Llama of ours."""
    with tempfile.TemporaryDirectory() as folder:
        path = zh.export(model_of(args, "llama", 1), "gguf", Path(folder, "made"), type="f32") / "model.gguf"
        found = [theirs(path, [0], "A", args.tokens, args.node, args.threads) for _ in range(args.rounds)]
    return {"llama.cpp, f32": told([(args.tokens / one["seconds"], args.tokens / one["wall"]) for one in found])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--steps", type=int, default=30, help="that the model is trained for")
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--heads", type=int, default=6)
    parser.add_argument("--busy", type=int, default=0, help="other processes that compute all the time")
    parser.add_argument("--node", type=Path)
    parser.add_argument("--run", type=Path, help="where the model is kept, so that it needn't be trained again")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.run and args.run.is_dir():
        model = zh.load(args.run)
    else:
        model = model_of(args, "zaohua", args.steps)
        if args.run:
            model.save(args.run)
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(args.busy)]
    try:
        compare(model, args)
    finally:
        for other in others:
            other.kill()


def compare(model: zh.GPT, args: argparse.Namespace) -> None:
    """Print the speed of all ways, for each number of rows."""
    vocabulary = model.nets_["net"].head.out_features
    for rows in args.rows:
        found = measured(ways_of(model, args, rows) | peers_of(args, rows, vocabulary), args, rows)
        if rows == 1 and args.node:
            found |= llama_cpp(args)
        about = {"rows": rows, "threads": args.threads, "busy": args.busy}
        print(json.dumps({**about, **found}, indent=1), flush=True)


if __name__ == "__main__":
    main()
