"""Private tables, side by side: Adult by our mixture and by the MST of the package dpmm, at several epsilons.

    python benchmarks/privacy/tables.py --epsilons 0.3 1 3 10 --seeds 0 1 2
    python benchmarks/privacy/tables.py --epsilons 1 --seeds 0 --models mixture dpmm

Both learn the 32,561 training rows, with the same public categories and bounds and the same delta. As many rows are
sampled. Measured on 10,000 test rows: AUC and F1 of boosted trees that learn income from samples, trends, shapes, and
the two-sample score (1 if trees can't tell samples from real rows, 0 if they always can), each with the half-width of
the 95 % interval over seeds (Student's t). Seeds are of sampling and of the peer's noise; our noise has none. Results
are written to benchmarks/results/. Set the peer up first (Python below 3.12): `python benchmarks/peers.py setup dpmm`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import pandas as pd
from scipy.stats import t

from zaohua import modalities
from zaohua.metrics.columns import mean_trend, shapes, trends
from zaohua.metrics.tree_two_sample import tree_two_sample
from zaohua.metrics.utility import utility
from zaohua.modalities.tables.codec import TableCodec

HERE = Path(__file__).resolve().parents[1]
DELTA, ROWS = 1e-6, 10_000
MODELS = ("real", "mixture", "independent", "dpmm")


def schema_of(*frames: pd.DataFrame) -> dict[str, Any]:
    """What cells of the census can be: its categories and ranges, as they are published."""
    table, out = pd.concat(frames), {}
    for name, cells in table.items():
        if pd.api.types.is_integer_dtype(cells.dtype):
            out[str(name)] = {"low": int(cells.min()), "high": int(cells.max()), "integer": True}
        else:
            out[str(name)] = {"categories": sorted(cells.dropna().unique()), "missing": bool(cells.isna().any())}
    return out


class Yardstick:
    """The measures, by test rows."""

    def __init__(self, train: pd.DataFrame, test: pd.DataFrame) -> None:
        self.codec = TableCodec().fit(train)
        self.sizes = [column.size + 1 if column.is_category else 0 for column in self.codec.columns_]
        self.target = next(i for i, column in enumerate(self.codec.columns_) if column.name == "income")
        order = np.random.default_rng(0).permutation(len(test))
        self.real = self.encoded(test)[order[:ROWS]]

    def encoded(self, frame: pd.DataFrame) -> np.ndarray:
        codes = self.codec.encode(frame, unseen=True).numpy()
        for place, size in enumerate(self.sizes):
            if size:  # one more category, for those that training didn't have
                codes[codes[:, place] < 0, place] = size - 1
        return codes

    def measured(self, frame: pd.DataFrame) -> dict[str, float]:
        rows = self.encoded(frame)[:ROWS]
        learnt = utility(rows, self.real, self.sizes, self.target)
        return {
            "auc": learnt["auc"].value,
            "f1": learnt["f1"].value,
            "trends": mean_trend(trends(self.real, rows, self.sizes)),
            "shapes": float(shapes(self.real, rows, self.sizes).mean()),
            "two_sample": tree_two_sample(rows, self.real, self.sizes).score.value,
        }


def ours(kind: str, train: pd.DataFrame, schema: dict[str, Any], epsilon: float, seed: int) -> tuple[Any, Any]:
    """Fit a model of ours; return samples, and seconds."""
    if kind == "real":
        return train.sample(frac=1, random_state=seed), {}
    make = zh.ProductMixture if kind == "mixture" else zh.Independent
    start = time.perf_counter(), time.process_time()
    model = make(epsilon=epsilon, delta=DELTA, random_state=seed, schema=schema).fit(train)
    seconds = {"wall_s": time.perf_counter() - start[0], "cpu_s": time.process_time() - start[1]}
    return model.sample(len(train), random_state=seed), seconds


def peer(train: pd.DataFrame, schema: dict[str, Any], epsilon: float, seed: int) -> tuple[Any, Any]:
    """Run dpmm in its own environment; return samples, and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        data, domain, out = (Path(folder, name) for name in ("train.csv", "schema.json", "samples.csv"))
        train.to_csv(data, index=False)
        domain.write_text(json.dumps(schema))
        options = {"data": data, "schema": domain, "epsilon": epsilon, "delta": DELTA, "seed": seed, "samples-out": out}
        command = [sys.executable, str(HERE / "peers.py"), "run", "dpmm"]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"dpmm failed:\n{done.stderr[-2000:]}")
        figures = json.loads(done.stdout.strip().splitlines()[-1])
        samples = pd.read_csv(out, keep_default_na=False).round(0)
        for name, entry in schema.items():
            if "categories" in entry:
                samples[name] = samples[name].mask(samples[name] == "")
        return samples, {name: figures[name] for name in ("wall_s", "cpu_s")}


def summary(runs: list[dict[str, float]]) -> dict[str, list[float]]:
    """The mean of each figure and the half-width of its interval over seeds, which is infinite for one."""
    out = {}
    for name in runs[0]:
        values = np.array([run[name] for run in runs])
        half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.inf
        out[name] = [round(float(values.mean()), 4), round(float(half), 4)]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epsilons", type=float, nargs="+", default=[0.3, 1.0, 3.0, 10.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["real", "mixture", "dpmm"])
    args = parser.parse_args()
    train, test = (modalities.read("adult", split=split)[0] for split in ("train", "test"))
    schema, yardstick, results = schema_of(train, test), Yardstick(train, test), []
    for epsilon in args.epsilons:
        for kind in args.models:
            runs = []
            for seed in args.seeds:
                made = (
                    peer(train, schema, epsilon, seed) if kind == "dpmm" else ours(kind, train, schema, epsilon, seed)
                )
                runs.append({**yardstick.measured(made[0]), **made[1]})
                print(json.dumps({"model": kind, "epsilon": epsilon, "seed": seed, **runs[-1]}), flush=True)
            results.append({"model": kind, "epsilon": epsilon, "seeds": args.seeds, **summary(runs), "runs": runs})
    for row in results:
        figures = "  ".join(
            f"{name} {v[0]:.3f} +- {v[1]:.3f}"
            for name, v in row.items()
            if isinstance(v, list) and name not in ("seeds", "runs")
        )
        print(f"{row['model']:<12} epsilon {row['epsilon']:<4g} {figures}")
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"privacy-tables-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
