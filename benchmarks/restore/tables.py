"""Filling in tables: error, coverage of 90 % intervals and log score of hidden cells, beside other imputers.

    ZAOHUA_DATA=... python benchmarks/restore/tables.py --data adult --seeds 0 1 2

Cells of training and test rows are hidden with the same rule, a method is fitted to the training rows with holes, and
the hidden cells of the test rows are compared with what it fills in.

- hidden at random (MCAR), or with a probability that grows with the rank of one column, which is never hidden (MAR)
- error: root mean squared error of numbers, in standard deviations of the column, and error rate of categories, each
  the mean over columns; of the mean of the draws or their most frequent value, or of a method's own best guess
- coverage of 90 % intervals of numbers: how often the rank of the truth among the draws, at random among equal ones,
  lies in the middle 90 %; width: of these intervals, in standard deviations
- CRPS of numbers in standard deviations, and log score in nats per cell: of categories by the frequency in the draws
  (half a count added to each), of numbers by a kernel density of the draws, after a map of ranks to a normal
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import imputers
import numpy as np
import pandas as pd
from scipy.stats import norm

import zaohua as zh

DRIVERS = {"adult": "age", "california-housing": "median_income"}


def holes(table: pd.DataFrame, rate: float, driver: str | None, rng: np.random.Generator) -> np.ndarray:
    """Mask of the cells to hide, bool (n, columns)."""
    chance = np.full(table.shape, rate)
    if driver is not None:
        chance = np.repeat((2 * rate * table[driver].rank(pct=True).to_numpy())[:, None], table.shape[1], 1)
        chance[:, list(table.columns).index(driver)] = 0
    return (rng.random(table.shape) < chance) & table.notna().to_numpy()


class Ours:
    """A model of the package: draws, and their mean or most frequent value."""

    def __init__(self, make: Callable[[], Any]):
        self.make = make

    def fit(self, table: pd.DataFrame) -> Ours:
        self.model = self.make().fit(table)
        return self

    def best(self, table: pd.DataFrame) -> None:
        return None

    def draws(self, table: pd.DataFrame, m: int) -> list[pd.DataFrame]:
        return self.model.impute(table, n_draws=m, random_state=1)


def methods(seed: int) -> dict[str, Any]:
    return {
        "mean": imputers.Mean(seed),
        "kNN": imputers.Neighbours(seed),
        "IterativeImputer": imputers.Linear(seed),
        "random forest": imputers.Forests(seed),
        "ProductMixture": Ours(lambda: zh.ProductMixture(random_state=seed)),
        "ChainedForests": Ours(lambda: zh.ChainedForests(random_state=seed)),
        "TabAR": Ours(lambda: zh.TabAR(random_state=seed)),
        "TabAR, any order": Ours(lambda: zh.TabAR(random_state=seed, in_order=0.0, dropout=0.0)),
    }


def of_numbers(truth: np.ndarray, draws: np.ndarray, best: np.ndarray | None, seen: np.ndarray, u: np.ndarray) -> Any:
    """Figures of a numeric column: truth (n,), draws (m, n), the training values, and uniform numbers (n,)."""
    m, scale = len(draws), seen.std()
    guess = draws.mean(0) if best is None else best
    below, equal = (draws < truth).sum(0), (draws == truth).sum(0)
    place = (below + u * (equal + 1)) / (m + 1)
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    ordered = np.sort(draws, 0)
    spread = (2 * np.arange(1, m + 1) - m - 1) @ ordered / (m * (m - 1))
    crps = np.abs(draws - truth).mean(0) - spread
    ranks = np.sort(seen)

    def normal(x: np.ndarray) -> np.ndarray:
        middle = (np.searchsorted(ranks, x, "left") + np.searchsorted(ranks, x, "right")) / 2
        return norm.ppf((middle + 0.5) / (len(ranks) + 1))

    z, at = normal(draws), normal(truth)
    width = np.maximum(1.06 * z.std(0) * m**-0.2, 0.1)
    density = norm.pdf((at - z) / width).mean(0) / width
    return {
        "nrmse": np.sqrt(np.mean((guess - truth) ** 2)) / scale,
        "coverage": np.mean((place >= 0.05) & (place <= 0.95)),
        "width": np.mean(high - low) / scale,
        "crps": crps.mean() / scale,
        "log score": np.mean(np.log(np.maximum(density, 1e-6))),
    }


def of_categories(truth: np.ndarray, draws: np.ndarray, best: np.ndarray | None, known: list[Any]) -> Any:
    """Figures of a categorical column."""
    counts = np.stack([(draws == value).sum(0) for value in known])
    guess = np.array(known, object)[counts.argmax(0)] if best is None else best
    right = (draws == truth).sum(0)
    return {
        "error rate": np.mean(guess != truth),
        "log score": np.mean(np.log((right + 0.5) / (len(draws) + 0.5 * len(known)))),
    }


def measure(method: Any, train: pd.DataFrame, test: pd.DataFrame, hidden: np.ndarray, m: int, seed: int) -> Any:
    """Figures of a method, the mean over columns."""
    holed, rng = test.mask(hidden), np.random.default_rng(seed)
    began = time.process_time()
    method.fit(train)
    fitted = time.process_time()
    draws, best = method.draws(holed, m), method.best(holed)
    ended = time.process_time()
    rows = []
    for place, name in enumerate(test.columns):
        where = hidden[:, place]
        truth, seen = test[name].to_numpy()[where], train[name].dropna()
        drawn = np.stack([draw[name].to_numpy()[where] for draw in draws])
        guess = None if best is None else best[name].to_numpy()[where]
        if not where.any():
            continue
        if pd.api.types.is_numeric_dtype(test[name]):
            u = rng.random(len(truth))
            rows.append(of_numbers(truth.astype(float), drawn.astype(float), guess, seen.to_numpy(float), u))
        else:
            rows.append(of_categories(truth, drawn.astype(object), guess, sorted(seen.unique())))
    out = {key: round(float(value), 4) for key, value in pd.DataFrame(rows).mean().items()}
    return out | {"cpu s to fit": round(fitted - began), "to draw": round(ended - fitted)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", nargs="+", default=list(DRIVERS))
    parser.add_argument("--rates", nargs="+", type=float, default=[0.1, 0.3])
    parser.add_argument("--rules", nargs="+", default=["MCAR", "MAR"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--methods", nargs="+")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--test", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=100)
    options = parser.parse_args()
    for data in options.data:
        (train, _), (test, _) = (zh.read(data, split=split) for split in ("train", "test"))
        for seed in options.seeds:
            for rule in options.rules:
                for rate in options.rates:
                    rng = np.random.default_rng(seed)
                    some = train.sample(options.rows, random_state=seed).reset_index(drop=True)
                    others = test.sample(options.test, random_state=seed).reset_index(drop=True)
                    driver = DRIVERS[data] if rule == "MAR" else None
                    seen, hidden = some.mask(holes(some, rate, driver, rng)), holes(others, rate, driver, rng)
                    for name, method in methods(seed).items():
                        if options.methods is None or name in options.methods:
                            found = measure(method, seen, others, hidden, options.draws, seed)
                            row = {"data": data, "rule": rule, "rate": rate, "seed": seed, "method": name}
                            print(json.dumps(row | found), flush=True)


if __name__ == "__main__":
    main()
