"""Two revisions of zaohua side by side in one run: training steps, sampling, decoding, scoring and start-up.

    python benchmarks/revisions.py BEFORE AFTER --rounds 3 [--threads 1] [--only flow,gpt]

BEFORE and AFTER are checkouts (`git worktree add`). Each measurement is a process of its own, and rounds alternate:
before, after, before, after. Printed are the medians of each and the ratio after / before (above 1: AFTER is faster),
with the ratios of all rounds. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

TRAIN = """
import time, zaohua as zh, numpy as np, torch
torch.set_num_threads({threads})
model, data = {setup}
marks = {{}}
def watch(event):
    if event.kind == "step":
        marks[event.step] = time.perf_counter()
model.set_params(max_steps={steps})
model.fit(*data, callbacks=[watch])
first = {steps} // 4
print(({steps} - first) / (marks[{steps}] - marks[first]))
"""
CALL = """
import time, zaohua as zh, numpy as np, torch
torch.set_num_threads({threads})
model, data = {setup}
model.set_params(max_steps={steps})
model.fit(*data, callbacks=[])
{call}
begin = time.perf_counter()
for _ in range({times}):
    {call}
print({times} / (time.perf_counter() - begin))
"""
DIGITS = (
    "(np.kron(__import__('sklearn.datasets').datasets.load_digits().images.astype(np.uint8), "
    "np.ones((4, 4), np.uint8)),)"
)
TEXT = "([' '.join(str(i * 7919 % 1000) for i in range(20000))],)"
TABLE = "(np.random.default_rng(0).normal(size=(4000, 12)).round(2),)"
MODELS = {
    "flow": (f"zh.Flow(channels=32, batch_size=32, random_state=0, device='cpu'), {DIGITS}", 40),
    "dcgan": (f"zh.DCGAN(batch_size=64, random_state=0, device='cpu'), {DIGITS}", 60),
    "vae": (f"zh.VAE(random_state=0, device='cpu'), {DIGITS}", 60),
    "gpt": (f"zh.GPT(width=128, layers=4, context=128, random_state=0, device='cpu'), {TEXT}", 60),
    "tabflow": (f"zh.TabFlow(random_state=0, device='cpu'), {TABLE}", 150),
}
CALLS = {
    "flow: sample 32": ("flow", 2, "model.sample(32, random_state=0)", 3),
    "vae: score 500": ("vae", 2, f"model.score_samples({DIGITS}[0][:500])", 3),
    "gpt: decode 200 tokens": ("gpt", 2, "model.sample(1, max_tokens=200, random_state=0)", 3),
    "tabflow: sample 1000": ("tabflow", 2, "model.sample(1000, random_state=0)", 2),
}
STARTS = {"--help": ["--help"], "models": ["models"], "train vae --help": ["train", "vae", "--help"]}


def run(checkout: Path, arguments: list[str], threads: int) -> tuple[str, float]:
    """Run Python with a checkout's package; return its last line and the seconds it took."""
    env = {**os.environ, "PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": str(threads)}
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True, cwd=checkout)
    took = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(f"{checkout}: {arguments[:2]}: {done.stderr[-800:]}")
    return (done.stdout.strip().splitlines() or [""])[-1], took


def measure(checkout: Path, name: str, threads: int) -> float:
    """Return a measurement by its name, larger for faster."""
    if name in STARTS:
        return 1 / run(checkout, ["-m", "zaohua", *STARTS[name]], threads)[1]
    if name in CALLS:
        model, steps, call, times = CALLS[name]
        code = CALL.format(setup=MODELS[model][0], steps=steps, call=call, times=times, threads=threads)
    else:
        setup, steps = MODELS[name]
        code = TRAIN.format(setup=setup, steps=steps, threads=threads)
    return float(run(checkout, ["-W", "ignore", "-c", code], threads)[0])


def main() -> None:
    """Measure both checkouts in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="names, or their beginnings, with commas between them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    wanted = tuple(filter(None, options.only.split(",")))
    names = [name for name in (*MODELS, *CALLS, *STARTS) if not wanted or name.startswith(wanted)]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {options.threads} thread(s)")
    found = {}
    for name in names:
        rounds = [
            [measure(checkout.resolve(), name, options.threads) for checkout in (options.before, options.after)]
            for _ in range(options.rounds)
        ]
        before, after = (median(values) for values in zip(*rounds, strict=True))
        ratios = [b / a for a, b in rounds]
        found[name] = {"before": before, "after": after, "ratio": after / before, "rounds": ratios}
        unit = "steps/s" if name in MODELS else "calls/s"
        shown = " ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"{name:24} {before:9.3f} -> {after:9.3f} {unit}  ratio {after / before:.2f}  ({shown})", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
