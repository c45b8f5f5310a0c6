"""Simulate the copy test: how often it accuses honest models, and how often it finds planted copies.

    python benchmarks/copying.py [--sets 100]

Honest models make new items: blurred, sharp, simple, rounded, or drawn from a Gaussian that was fitted to few training
items. They must be accused (p < 0.001) in at most 1 of 100 sets. Planted are copies of 2 % of the samples. The sizes
are those of samples, training items and held-out items. `tests/metrics/test_copy_rate.py` has a quick version.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

import zaohua as zh
from zaohua.metrics.copy_rate import ACCUSED, copy_rate
from zaohua.metrics.records import closest_records, row_copies

Draw = Callable[[np.random.Generator, int], np.ndarray]
Sets = tuple[np.ndarray, np.ndarray, np.ndarray]
SIDE = 16


def fields(rng: np.random.Generator, n: int, texture: float = 40) -> np.ndarray:
    """Draw pictures of a smooth field of three numbers, each with a texture of its own."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    level, slopes = rng.normal(size=(n, 1, 1)) * 40 + 128, rng.normal(size=(n, 2, 1)) * 30
    noise = rng.normal(size=(n, SIDE, SIDE)) * texture
    return np.clip(level + slopes[:, :1] * y + slopes[:, 1:] * x + noise, 0, 255)


def smooth(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw such pictures without texture."""
    return fields(rng, n, 0)


def rounded(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw them in 8 bits."""
    return np.rint(smooth(rng, n))


def gauss(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw vectors of 8 normal numbers."""
    return rng.normal(size=(n, 8))


def digits() -> Draw:
    """Return a function that draws real digits, 8 x 8."""
    every = np.concatenate([zh.read("digits", split=split)[0] for split in ("train", "test")]).astype(float)
    return lambda rng, n: every[rng.choice(len(every), n, replace=False)]


def fitted(rng: np.random.Generator, train: np.ndarray, n: int, components: int) -> np.ndarray:
    """Draw samples of a Gaussian along the first principal components of the training items."""
    x = train.reshape(len(train), -1)
    _, spread, axes = np.linalg.svd(x - x.mean(0), full_matrices=False)
    k = min(components, len(spread))
    z = rng.normal(size=(n, k)) * spread[:k] / len(x) ** 0.5
    return (x.mean(0) + z @ axes[:k]).reshape(n, *train.shape[1:])


def new(samples: Draw, real: Draw, sizes: tuple[int, int, int]) -> Callable[[np.random.Generator], Sets]:
    """Return a function that draws new samples, training items and held-out items."""
    return lambda rng: (samples(rng, sizes[0]), real(rng, sizes[1]), real(rng, sizes[2]))


def of_a_model(real: Draw, components: int, sizes: tuple[int, int, int]) -> Callable[[np.random.Generator], Sets]:
    """Return a function that draws real items, and samples of a Gaussian fitted to those of training."""

    def sets(rng: np.random.Generator) -> Sets:
        both = real(rng, sizes[1] + sizes[2])
        train, test = both[: sizes[1]], both[sizes[1] :]
        return fitted(rng, train, sizes[0], components), train, test

    return sets


def planted(sets: Callable[[np.random.Generator], Sets], near: float = 0.0) -> Callable[[np.random.Generator], Sets]:
    """Return a function that makes 2 % of the samples copies of training items, up to a fraction of their spread."""

    def with_copies(rng: np.random.Generator) -> Sets:
        samples, train, test = sets(rng)
        copies = train[rng.permutation(len(train))[: len(samples) // 50]].astype(float)
        out = np.array(samples, float)
        out[: len(copies)] = copies + near * train.std() * rng.normal(size=copies.shape)
        return out, train, test

    return with_copies


def rate(sets: Callable[[np.random.Generator], Sets], count: int) -> str:
    """Return the percentage of sets with p < 0.001, and the mean copy rate above what is expected."""
    found = [
        copy_rate(*sets(np.random.default_rng(seed)), random_state=seed)  # type: ignore[misc]  # mypy loses the types of a tuple of arrays that is unpacked
        for seed in range(count)
    ]
    accused = np.mean([one.p < ACCUSED for one in found])
    return f"{accused:4.0%}, {np.mean([one.rate - one.expected for one in found]):.3f}"


def tables(count: int) -> None:
    """Print how often tests of tables accuse rows of a copula fitted to few rows, and find 2 % of copies."""
    for n in (60, 200, 1000):
        accused, copied = [], []
        for seed in range(count):
            rng = np.random.default_rng(seed)
            mix = rng.normal(size=(5, 5))
            train, test = (rng.normal(size=(n, 5)) @ mix for _ in range(2))
            samples = zh.GaussianCopula(random_state=seed).fit(train).sample(n, random_state=seed)
            sizes = [0] * 5
            both = [closest_records(samples, train, test, sizes).p, row_copies(samples, train, test, sizes).p]
            accused.append([p < ACCUSED for p in both])
            samples[: n // 50] = train[: n // 50]
            copied.append(row_copies(samples, train, test, sizes).p < ACCUSED)
        near, same = np.mean(accused, axis=0)
        print(
            f"copula of {n:5,} rows: nearer {near:4.0%}, equal {same:4.0%}; 2 % copies {np.mean(copied):4.0%}",
            flush=True,
        )


def main() -> None:
    """Print a line for each kind of model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=100, help="number of sets of each kind")
    count = parser.parse_args().sets
    real = digits()
    print("honest models: accused, copy rate above the expected one")
    for sizes in ((300, 2000, 400), (300, 300, 100), (1000, 1000, 1000)):
        for name, samples, items in (
            ("blurred, of textured", smooth, fields),
            ("textured", fields, fields),
            ("smooth", smooth, smooth),
            ("smooth, 8 bits", rounded, rounded),
        ):
            print(f"{name:32}{sizes!s:20}{rate(new(samples, items, sizes), count)}", flush=True)
    for sizes in ((20, 20, 20), (100, 40, 20), (200, 40, 40), (40, 360, 40), (200, 200, 200)):
        for name, items, components in (
            ("fitted to textured ones", fields, 5),
            ("fitted closely to textured ones", fields, 1000),
            ("fitted to smooth ones", smooth, 3),
            ("fitted to digits", real, 5),
            ("fitted closely to digits", real, 1000),
        ):
            print(f"{name:32}{sizes!s:20}{rate(of_a_model(items, components, sizes), count)}", flush=True)
    print("2 % of copies: found, copy rate above the expected one")
    for near in (0.0, 0.05):
        for sizes in ((300, 2000, 400), (1000, 1000, 1000), (1000, 2000, 1000), (1000, 9000, 1000)):
            for name, samples, items in (
                ("blurred, of textured", smooth, fields),
                ("textured", fields, fields),
                ("smooth", smooth, smooth),
                ("8 normal numbers", gauss, gauss),
            ):
                found = rate(planted(new(samples, items, sizes), near), max(10, count // 5))
                title = name + (f", near {near:g}" if near else "")
                print(f"{title:32}{sizes!s:20}{found}", flush=True)
    tables(count)


if __name__ == "__main__":
    main()
