"""Measure how often goodness-of-fit tests reject the true distribution of rounded numbers at the level of 5 %.

For each distribution, size and rounding (in standard deviations; 0: none), sets are drawn from the true distribution,
rounded, fitted and tested. The rejected fraction should be 5 %; with 400 sets it is 3 to 7 % in 94 of 100 cases.

    python benchmarks/goodness.py --sets 400 --replicates 99
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

import zaohua as zh
from zaohua.families.univariate import Univariate
from zaohua.families.univariate.rounded import rounding_of
from zaohua.tasks.goodness import goodness

Draw = Callable[[np.random.Generator, int], np.ndarray]
LAWS: dict[str, tuple[Univariate, Draw]] = {
    "normal": (zh.Normal(), lambda rng, n: rng.normal(40, 10, n)),
    "student-t": (zh.StudentT(), lambda rng, n: 5 + 2 * rng.standard_t(5, n)),
    "uniform": (zh.Uniform(), lambda rng, n: rng.uniform(-3, 8, n)),
    "exponential": (zh.Exponential(), lambda rng, n: rng.exponential(3, n)),
    "gamma": (zh.Gamma(), lambda rng, n: rng.gamma(4, 10, n)),
    "log-normal": (zh.LogNormal(), lambda rng, n: rng.lognormal(1, 0.5, n)),
    "weibull": (zh.Weibull(), lambda rng, n: 2 * rng.weibull(1.7, n)),
    "beta": (zh.Beta(), lambda rng, n: rng.beta(2, 3, n)),
    "poisson": (zh.Poisson(), lambda rng, n: rng.poisson(4, n).astype(float)),
    "negative-binomial": (zh.NegativeBinomial(), lambda rng, n: rng.negative_binomial(3, 0.3, n).astype(float)),
    "geometric": (zh.Geometric(), lambda rng, n: rng.geometric(0.3, n).astype(float)),
    "bernoulli": (zh.Bernoulli(), lambda rng, n: rng.integers(0, 2, n).astype(float)),
}


def rejected(name: str, n: int, rounding: float, sets: int, replicates: int) -> tuple[float, int]:
    """Return the fraction of sets rejected at 5 %, and the number of sets that could be tested."""
    model, draw = LAWS[name]
    step = rounding * float(draw(np.random.default_rng(0), 100_000).std())
    p = []
    for seed in range(sets):
        x = draw(np.random.default_rng(1000 + seed), n)
        x = step * np.round(x / step) if step else x
        found = goodness(model, x, replicates, seed, rounding_of(x))
        p += [] if found is None else [found.p]
    return float(np.mean(np.array(p) <= 0.05)) if p else float("nan"), len(p)


def main() -> None:
    """Print a line for each distribution, size and rounding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=400)
    parser.add_argument("--replicates", type=int, default=99)
    parser.add_argument("--laws", nargs="*", default=list(LAWS))
    parser.add_argument("--sizes", nargs="*", type=int, default=[200, 2000])
    parser.add_argument("--rounding", nargs="*", type=float, default=[0, 0.01, 0.1, 1])
    options = parser.parse_args()
    for name in options.laws:
        discrete = LAWS[name][0].is_discrete
        for n in options.sizes:
            for rounding in [0] if discrete else options.rounding:
                began = time.process_time()
                share, tested = rejected(name, n, rounding, options.sets, options.replicates)
                seconds = (time.process_time() - began) / options.sets
                print(
                    f"{name:<18} n {n:>5}  rounded to {rounding:<5} rejected {share:6.1%} of {tested}"
                    f"  {seconds:.3f} s a test",
                    flush=True,
                )


if __name__ == "__main__":
    main()
