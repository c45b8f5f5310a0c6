"""Audits of what is known to leak, and of what is known not to: Adult with 500 training rows, and secrets in texts.

python benchmarks/privacy/audit.py nearest --seeds 20      # copies, mixtures, fresh rows: attacks by samples alone
python benchmarks/privacy/audit.py everything              # all attacks on mixtures of 8, 60 and 250 components
python benchmarks/privacy/audit.py canaries                # lower bounds of epsilon
python benchmarks/privacy/audit.py mechanisms              # the bound by mechanisms whose epsilon is known
python benchmarks/privacy/audit.py texts                   # exposure of a secret that occurs 1, 10 and 100 times
python benchmarks/privacy/audit.py texts --epsilon 8       # the same with private training
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd

import zaohua as zh
from zaohua.core.notes import DataNote
from zaohua.metrics.one_run import epsilon_bound
from zaohua.tasks.audit import audit, exposure_of

ROWS, OTHERS, SAMPLES = 500, 3500, 2000
NEAREST = ("copies", "nearest sample", "calibrated nearest sample")
KINDS = ("copies", "K = 250", "K = 60", "K = 8", "fresh rows")


def main() -> None:
    """Run a part, and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("nearest", "everything", "canaries", "mechanisms", "texts"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epsilon", type=float, help="train privately, with this epsilon")
    parser.add_argument("--steps", type=int, default=400, help="steps of the model of texts")
    options = parser.parse_args()
    warnings.simplefilter("ignore", DataNote)
    began = time.process_time()
    {"nearest": nearest, "everything": everything, "canaries": canaries, "mechanisms": mechanisms, "texts": texts}[
        options.part
    ](options)
    print(f"{time.process_time() - began:.0f} CPU seconds")


def adult(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Draw training rows, others for the attacks, and fresh rows: all of the training split of Adult."""
    rows = zh.read("adult")[0]
    order = np.random.default_rng(seed).permutation(len(rows))
    ends = np.cumsum([ROWS, OTHERS, SAMPLES])
    train, others, fresh = (rows.iloc[part].reset_index(drop=True) for part in np.split(order, ends)[:3])
    return train, others, fresh


def mixture(train: pd.DataFrame, components: int, seed: int) -> Any:
    """Fit a mixture."""
    return zh.ProductMixture(n_components=components, random_state=seed).fit(train)


def told(found: Any, name: str) -> Any:
    """Return the result of an attack."""
    return next(one.membership for one in found.findings if one.name == name)


def nearest(options: argparse.Namespace) -> None:
    """Attack samples alone."""
    areas: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    leaks: dict[str, list[bool]] = defaultdict(list)
    for seed in range(options.seeds):
        train, others, fresh = adult(seed)
        model = mixture(train, 8, seed)
        for kind in KINDS:
            if kind.startswith("K"):
                model = mixture(train, int(kind.split()[-1]), seed)
                released = model.sample(SAMPLES, random_state=seed)
            elif kind == "copies":
                released = train.iloc[np.random.default_rng(seed).integers(0, ROWS, SAMPLES)]
            else:
                released = fresh
            found = audit(model, data=train, against=others, samples=released, only=NEAREST, random_state=seed)
            leaks[kind].append(found.leaks)
            for name in NEAREST:
                one = told(found, name)
                areas[kind, name].append((one.auc.value, one.rate.value))
    print(f"AUC, TPR at 1 % FPR: means over {options.seeds} seeds (least and most); share of audits that tell a leak")
    for kind in KINDS:
        cells = []
        for name in NEAREST:
            auc, rate = np.array(areas[kind, name]).T
            cells.append(f"{auc.mean():.3f} ({auc.min():.3f} to {auc.max():.3f}), {rate.mean():.3f}")
        print(f"| {kind} | {' | '.join(cells)} | {np.mean(leaks[kind]):.0%} |")


def everything(options: argparse.Namespace) -> None:
    """Try all attacks."""
    for components in (8, 60, 250):
        areas: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for seed in range(options.seeds):
            train, others, _ = adult(seed)
            model = mixture(train, components, seed)
            found = audit(model, data=train, against=others, n_samples=SAMPLES, canaries=0, random_state=seed)
            for one in found.findings:
                if one.membership is not None:
                    areas[one.name].append((one.membership.auc.value, one.membership.rate.value))
        for name, values in sorted(areas.items()):
            auc, rate = np.mean(values, axis=0)
            print(f"| K = {components} | {name} | {auc:.3f} | {rate:.3f} |", flush=True)
        print("  " + found.sentences()[0])


def canaries(options: argparse.Namespace) -> None:
    """Bound epsilon by canaries: without a promise, and of private mixtures."""
    settings: list[tuple[str, dict[str, Any]]] = [
        (f"K = {k}", {"n_components": k}) for k in ((60, 250) if options.epsilon is None else ())
    ]
    if options.epsilon is not None:
        settings.append((f"epsilon = {options.epsilon:g}", {"epsilon": options.epsilon}))
    for name, fields in settings:
        found = []
        for seed in range(options.seeds):
            train, others, _ = adult(seed)
            model = zh.ProductMixture(**fields, random_state=seed).fit(train)
            result = audit(
                model, data=train, against=others, n_samples=SAMPLES, only=["copies"], canaries=ROWS, random_state=seed
            )
            found.append(result.bound)
        bounds = [one.epsilon for one in found]
        print(f"| {name} | {np.mean(bounds):.2f} ({min(bounds):.2f} to {max(bounds):.2f}) | alarms {result.alarm} |")


def mechanisms(options: argparse.Namespace) -> None:
    """Bound the epsilon of randomised response and of Gaussian noise, which is known."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    def missing(epsilon: float, sigma: float) -> float:
        a, b = 0.5 / sigma, epsilon * sigma
        return float(norm.cdf(a - b) - math.exp(epsilon) * norm.cdf(-a - b)) - 1e-5

    for m in (200, 1000, 10_000):
        for epsilon in (0.5, 1.0, 2.0, 4.0):
            bounds = []
            for seed in range(100):
                rng = np.random.default_rng([seed, m])
                coins, true = rng.random(m) < 0.5, rng.random(m) < 1 / (1 + math.exp(-epsilon))
                bounds.append(epsilon_bound(np.where(true, coins, ~coins), coins).epsilon)
            above = np.mean(np.array(bounds) > epsilon)
            print(f"| randomised response | {m:,} | {epsilon:g} | {np.mean(bounds):.2f} | {above:.0%} |", flush=True)
        for sigma in (2.0, 1.0, 0.5):
            epsilon, bounds = brentq(missing, 0, 60, args=(sigma,)), []
            for seed in range(30):
                rng = np.random.default_rng([seed, m])
                coins = rng.random(m) < 0.5
                bounds.append(epsilon_bound(coins + rng.normal(0, sigma, m), coins, 1e-5).epsilon)
            above = np.mean(np.array(bounds) > epsilon)
            print(
                f"| Gaussian, sigma {sigma:g} | {m:,} | {epsilon:.2f} | {np.mean(bounds):.2f} | {above:.0%} |",
                flush=True,
            )


def texts(options: argparse.Namespace) -> None:
    """Train a small GPT of bytes on texts that hold a secret 1, 10 and 100 times, and ask for its exposure."""
    rng = np.random.default_rng(0)
    words = ["the parcel", "a letter", "my order", "your book", "this box"]
    places = ["arrived", "was sent", "is lost", "came back"]
    made = [
        f"{words[rng.integers(5)]} {places[rng.integers(4)]} on day {rng.integers(31)} as number {rng.integers(10**6):06}"
        for _ in range(2000)
    ]
    for times in (0, 1, 10, 100):
        bits = []
        for seed in range(options.seeds):
            secret = f"{np.random.default_rng([7, seed]).integers(10**6):06}"
            text = f"the parcel of anna has the number {secret}"
            fields = {} if options.epsilon is None else {"epsilon": options.epsilon}
            model = zh.GPT(
                tokenizer="bytes", width=64, layers=2, heads=2, context=64, batch_size=64, max_steps=options.steps,
                random_state=seed, **fields,
            )  # fmt: skip
            model.fit([*made, *[text] * times], callbacks=())
            bits.append(exposure_of(model, text.replace(secret, f"{{{secret}}}"), seed).bits)
        print(f"| {times} | {np.mean(bits):.1f} ({min(bits):.1f} to {max(bits):.1f}) |", flush=True)


if __name__ == "__main__":
    main()
