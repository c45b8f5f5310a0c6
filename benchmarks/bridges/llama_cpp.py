"""Exported .gguf files in llama.cpp: the same tokens, the price of 8 bits, and the speed of decoding.

    ZAOHUA_DATA=... python benchmarks/bridges/llama_cpp.py trained --node FOLDER --tokenizer bpe
    ZAOHUA_DATA=... python benchmarks/bridges/llama_cpp.py alphabets --node FOLDER
    ZAOHUA_DATA=... python benchmarks/bridges/llama_cpp.py published --node FOLDER --base SmolLM2.gguf
    python benchmarks/bridges/llama_cpp.py speed --node FOLDER

FOLDER is one in which `npm install node-llama-cpp@3` was run. `trained` learns tinyshakespeare for a minute,
`alphabets` it with every tokenizer and architecture for some seconds. Seconds are CPU time of one thread, of the prompt
and the new tokens together. llama.cpp keeps keys and values as float32 here, not as float16.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)

TOKENS = 200
PROMPT = "ROMEO: I dreamt a dream to-night, and this is what it was:"


def tinyshakespeare() -> str:
    """Return the text."""
    return next(Path(os.environ["ZAOHUA_DATA"], "tinyshakespeare").glob("*.txt")).read_text("utf-8")


def ours(model: Any, prompt: list[int], count: int) -> tuple[list[int], list[float], float]:
    """Return the most likely tokens after some, how much more so than the second, and the CPU seconds they took."""
    import torch

    started, found, ahead = time.process_time(), [], []
    with torch.no_grad():
        net = model.nets_["net"]
        state = net.start(1)
        logits = net.step(torch.tensor([prompt]), state)
        for _ in range(count):
            (first, second), (token, _) = (part[0].tolist() for part in logits.topk(2))
            found.append(token)
            ahead.append(first - second)
            logits = net.step(torch.tensor([[found[-1]]]), state)
    return found, ahead, time.process_time() - started


def theirs(path: Path, prompt: list[int], text: str, count: int, node: Path, threads: int = 1) -> dict[str, Any]:
    """Return the tokens that llama.cpp finds most likely, how it encodes a text, and the CPU seconds that it took."""
    with tempfile.TemporaryDirectory(dir=node) as folder:
        program = shutil.copy(Path(__file__).with_name("greedy.mjs"), folder)
        given, out = Path(folder, "given.json"), Path(folder, "out.json")
        given.write_text(json.dumps({"tokens": prompt, "text": text}))
        subprocess.run(["node", program, path.absolute(), given, str(count), out, str(threads)], check=True, cwd=node)
        found: dict[str, Any] = json.loads(out.read_text())
    return found


def compared(model: Any, node: Path, text: str = PROMPT) -> None:
    """Print how many tokens are the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = zh.export(model, "gguf", Path(folder, "made")) / "model.gguf"
        codec = model.codec_
        encoded = codec.tokenizer_.encode(text).tolist()
        prompt = [codec.begin_, *encoded]
        mine, ahead, spent = ours(model, prompt, TOKENS)
        other = theirs(path, prompt, text, TOKENS, node)
    same = next((i for i, two in enumerate(zip(mine, other["tokens"], strict=False)) if len({*two}) > 1), None)
    length = min(len(mine), len(other["tokens"]))
    print(f"greedy tokens: {length if same is None else same} of {length} the same (llama.cpp ends at an end token)")
    if same is not None:
        print(f"  at the first other one, ours is ahead of the second by {ahead[same]:.2g} in logits")
    print(f"prompt encoded alike: {other['encoded'] == encoded}")
    print(f"CPU seconds for {len(prompt)} + {length} tokens: {spent:.2f} here, {other['seconds']:.2f} there")


def bits(model: Any, texts: list[str]) -> float:
    """Return bits per byte."""
    return float(model.bits_per_byte(texts))


def trained(args: argparse.Namespace) -> None:
    """Compare a small llama that was trained on tinyshakespeare."""
    text = tinyshakespeare()
    cut = int(0.9 * len(text))
    codec = zh.TextCodec(tokenizer=args.tokenizer, vocabulary=1024)
    sizes: dict[str, Any] = {"width": 128, "layers": 4, "heads": 4, "context": 512, "batch_size": 8}
    model = zh.GPT(codec=codec, architecture="llama", max_minutes=args.minutes, device="cpu", random_state=0, **sizes)
    model = model.fit([text[:cut]])
    compared(model, args.node)
    held_out = [text[cut : cut + 20_000]]
    whole = bits(model, held_out)
    for numbers in ("f16", "q8_0"):
        with tempfile.TemporaryDirectory() as folder:
            other = bits(zh.load(zh.export(model, "gguf", Path(folder, "made"), type=numbers) / "model.gguf"), held_out)
        share = (
            2 ** ((other - whole) * len(held_out[0].encode()) / len(model.codec_.tokenizer_.encode(held_out[0]))) - 1
        )
        print(f"{numbers}: {other:.5f} bits/byte, {whole:.5f} in float32; perplexity by token {share:+.3%}")


ALPHABETS = {
    "chars": lambda text: text,
    "chars, no line break": lambda text: text.replace("\n", " "),
    "chars of 1 to 4 bytes": lambda text: "春眠不觉晓，处处闻啼鸟。a▁é😀 ?" + text,
    "bytes": lambda text: text,
    "bpe": lambda text: text,
}


def alphabets(args: argparse.Namespace) -> None:
    """Compare small models of all tokenizers that we have."""
    text = tinyshakespeare()[:30_000]
    for architecture in ("llama", "gpt2"):
        for name, changed in ALPHABETS.items():
            codec = zh.TextCodec(tokenizer=name.split()[0].strip(","), vocabulary=512)
            sizes: dict[str, Any] = {"width": 64, "layers": 2, "heads": 2, "context": 512, "batch_size": 8}
            model = zh.GPT(codec=codec, architecture=architecture, max_steps=100, device="cpu", random_state=0, **sizes)
            print(f"{architecture}, {name}")
            compared(model.fit([changed(text)]), args.node, changed(PROMPT))


def published(args: argparse.Namespace) -> None:
    """Compare published weights."""
    compared(zh.load(args.base), args.node)


def speed(args: argparse.Namespace) -> None:
    """Compare the decoding of a llama of 10.7 million weights, of one step of training, in turns."""
    import torch

    model = zh.GPT(
        codec=zh.TextCodec(tokenizer="chars"),
        architecture="llama",
        width=384,
        layers=6,
        heads=6,
        context=256,
        max_steps=1,
        batch_size=2,
        device="cpu",
        random_state=0,
    ).fit(["".join(map(chr, range(32, 97))) * 9])
    text = "ABCDEFGH"
    prompt = [model.codec_.begin_, *model.codec_.tokenizer_.encode(text).tolist()]
    print(f"{sum(p.numel() for p in model.nets_['net'].parameters()):,} weights; tokens/s of wall time, of CPU time")
    with tempfile.TemporaryDirectory() as folder:
        files = {
            kind: zh.export(model, "gguf", Path(folder, kind), type=kind) / "model.gguf" for kind in ("f32", "f16")
        }
        for _ in range(3):
            for threads in (1, 2):
                torch.set_num_threads(threads)
                started = time.perf_counter()
                spent = ours(model, prompt, TOKENS)[2]
                report("ours, float32", threads, time.perf_counter() - started, spent)
                for kind, path in files.items():
                    other = theirs(path, prompt, text, TOKENS, args.node, threads)
                    report(f"llama.cpp, {kind}", threads, other["wall"], other["seconds"])


def report(what: str, threads: int, wall: float, spent: float) -> None:
    """Print a speed."""
    print(f"{what}, {threads} threads: {TOKENS / wall:.0f}, {TOKENS / spent:.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["trained", "alphabets", "published", "speed"])
    parser.add_argument("--node", type=Path, required=True)
    parser.add_argument("--base")
    parser.add_argument("--tokenizer", default="bpe")
    parser.add_argument("--minutes", type=float, default=1.0)
    args = parser.parse_args()
    {"trained": trained, "alphabets": alphabets, "published": published, "speed": speed}[args.what](args)


if __name__ == "__main__":
    main()
