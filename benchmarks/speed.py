"""Side by side in one run: zaohua and its peers train the same networks on the same batches of MNIST.

    python benchmarks/speed.py dcgan|ddpm|vae|all --rounds 3 --seconds 15 --threads 2
    python benchmarks/speed.py sampling --minutes 3 --n 256

Each round trains ours, then the peer, in processes of their own, for `--seconds` after a warm-up: A, B, A, B. Printed
are the medians over the rounds, their ratio, the ratio of each round, and CPU seconds per image, which other programs
on the machine disturb less. `sampling` trains a diffusion model of ours and diffusers' for `--minutes` each, times 64
images of ours in few steps against diffusers' 1000 (20 steps timed, extrapolated), and with `--n` above 0 draws
that many images of each, with all of diffusers' steps, and prints their Fréchet distances to real ones in the
features of a recogniser with bootstrap intervals. Results are written to benchmarks/results/. Set the peers up first:
`python benchmarks/peers.py setup NAME`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from peers import SCRIPTS, python_of

HERE = Path(__file__).resolve().parent
PEERS = {"dcgan": "keras", "ddpm": "diffusers", "vae": "pythae"}
NO_SAMPLING = {"diffusers": ["--sample-steps", "0"]}


def run(command: list[str]) -> dict[str, Any]:
    """The line of JSON that a benchmark prints last."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def ours(model: str, *options: object) -> dict[str, Any]:
    return run([sys.executable, str(HERE / "ours.py"), model, "--json", *map(str, options)])


def peer(name: str, *options: object) -> dict[str, Any]:
    return run([str(python_of(name)), str(HERE / SCRIPTS[name]), "--json", *map(str, options)])


def compare(model: str, rounds: int, seconds: float, threads: int) -> dict[str, Any]:
    """Training images per second of ours and of the peer, alternating."""
    name = PEERS[model]
    a: list[dict[str, Any]] = []
    b: list[dict[str, Any]] = []
    load = os.getloadavg()[0]
    for _ in range(rounds):
        a.append(ours(model, "--seconds", seconds, "--threads", threads))
        b.append(peer(name, "--seconds", seconds, "--threads", threads, *NO_SAMPLING.get(name, [])))
    speed, cpu = "images_per_s", "cpu_s_per_image"
    mid = {side: {key: median(r[key] for r in runs) for key in (speed, cpu)} for side, runs in (("a", a), ("b", b))}
    result = {
        "model": model,
        "peer": b[0]["peer"],
        "ours": a[0]["version"],
        "threads": threads,
        "batch": a[0]["batch"],
        "parameters": {"ours": parameters(a[0]), "peer": parameters(b[0])},
        "images_per_s": {"ours": mid["a"][speed], "peer": mid["b"][speed]},
        "cpu_s_per_image": {"ours": mid["a"][cpu], "peer": mid["b"][cpu]},
        "ratio": round(mid["a"][speed] / mid["b"][speed], 3),
        "ratio_each_round": [round(x[speed] / y[speed], 3) for x, y in zip(a, b, strict=True)],
        "ratio_cpu": round(mid["b"][cpu] / mid["a"][cpu], 3),
        "load": {"start": round(load, 2), "end": round(os.getloadavg()[0], 2)},
    }
    return {**result, "runs": {"ours": a, "peer": b}}


def parameters(figures: dict[str, Any]) -> int:
    return sum(value for key, value in figures.items() if key.endswith("parameters"))


def sampling(minutes: float, n: int, threads: int, model: str, peer_steps: int) -> dict[str, Any]:
    """Seconds for 64 images, ours in few steps and diffusers in `peer_steps`, and how good they are."""
    common = ["--seconds", 60 * minutes, "--threads", threads]
    with tempfile.TemporaryDirectory() as folder:
        a_file, b_file = Path(folder, "ours.npz"), Path(folder, "peer.npz")
        a = ours(model, *common, "--samples-out", a_file, "--n", max(n, 64))
        options = ["--samples-out", b_file, "--n", n, "--inference-steps", peer_steps] if n else []
        b = peer("diffusers", *common, *options)
        quality = frechet(a_file, b_file, n) if n else {}
    seconds = b["sampling_s_per_step_of_64"] * peer_steps
    return {
        "model": model,
        "minutes": minutes,
        "threads": threads,
        "s_for_64": {"ours": a["sampling_s_for_64"], "peer_extrapolated": round(seconds, 1)},
        "ratio": round(seconds / a["sampling_s_for_64"], 1),
        "frechet": quality,
        "runs": {"ours": a, "peer": b},
    }


def frechet(a_file: Path, b_file: Path, n: int, draws: int = 50) -> dict[str, Any]:
    """Fréchet distances of n images to the test images, with 90 % intervals over resampled images."""
    from quality import recogniser, test_images
    from zaohua.metrics.frechet import frechet_distance

    judge, rng = recogniser(), np.random.default_rng(0)
    real = judge.features(test_images())
    result: dict[str, Any] = {"n": n}
    for side, file in (("ours", a_file), ("peer", b_file), ("real", None)):
        images = test_images()[rng.permutation(10_000)[:n]] if file is None else np.load(file)["images"][:n]
        features = judge.features(images)
        distance = frechet_distance(features, real)
        again = [frechet_distance(features[rng.integers(0, n, n)], real) for _ in range(draws)]
        shift = distance - np.mean(again)  # repeated images make every distance larger: only the spread counts
        result[side] = {
            "distance": round(distance, 3),
            "interval": [round(float(q + shift), 3) for q in np.quantile(again, [0.05, 0.95])],
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*PEERS, "sampling", "all"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=3, help="of training before sampling")
    parser.add_argument("--n", type=int, default=0, help="images for the Fréchet distance (0: only time them)")
    parser.add_argument("--sampler-model", choices=["ddpm", "flow"], default="ddpm")
    parser.add_argument("--peer-steps", type=int, default=1000)
    args = parser.parse_args()
    for model in PEERS if args.what == "all" else [args.what]:
        if model == "sampling":
            result = sampling(args.minutes, args.n, args.threads, args.sampler_model, args.peer_steps)
        else:
            result = compare(model, args.rounds, args.seconds, args.threads)
        print(json.dumps({key: value for key, value in result.items() if key != "runs"}, indent=2), flush=True)
        folder = HERE / "results"
        folder.mkdir(exist_ok=True)
        path = folder / f"speed-{args.what if args.what == 'sampling' else model}-{time.strftime('%Y%m%d-%H%M%S')}.json"
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
