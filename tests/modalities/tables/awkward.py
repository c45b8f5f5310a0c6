"""Awkward tables: what each is, the frame, and what is wrong with it (None if it can be learnt)."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd

Awkward = tuple[str, pd.DataFrame, str | None]


def frames() -> list[Awkward]:
    """The awkward tables."""
    rng = np.random.default_rng(0)
    n = 60
    half = rng.random(n) < 0.5
    normal = rng.normal(size=n)
    days = pd.Timestamp("1955-03-27") + pd.to_timedelta(rng.integers(0, 20_000, n), "D")

    def one(values: Any, name: Any = "a", dtype: Any = None) -> pd.DataFrame:
        return pd.DataFrame({name: pd.Series(values, dtype=dtype), "b": rng.integers(0, 3, len(values))})

    return [
        ("no rows", pd.DataFrame({"a": pd.Series([], dtype=float)}), r"0 sample\(s\)"),
        ("no columns", pd.DataFrame(index=range(4)), r"0 feature\(s\)"),
        ("one row", pd.DataFrame({"a": [1.5], "b": ["x"]}), None),
        ("ten rows", pd.DataFrame({"a": np.arange(10) ** 2, "b": list("aabbccddee")}), None),
        ("one column", pd.DataFrame({"a": normal}), None),
        ("all categories", pd.DataFrame({c: rng.choice(list("xyz"), n) for c in "abc"}), None),
        ("all numbers", pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd")), None),
        ("300 columns", pd.DataFrame(rng.integers(0, 40, (n, 300))), None),
        ("emoji names", pd.DataFrame({"🌱 größe": normal, "名": rng.choice(["甲", "乙"], n)}), None),
        ("numbers as names", pd.DataFrame({0: normal, 7: half}), None),
        ("a name twice", pd.DataFrame(np.ones((3, 2)), columns=["a", "a"]), "two columns are called 'a'"),
        (
            "names of two levels",
            pd.DataFrame(np.ones((3, 2)), columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
            "names of several levels",
        ),
        (
            "missing with its partner",
            pd.DataFrame({"a": np.where(half, normal, np.nan), "b": np.where(half, "yes", None)}),
            None,
        ),
        (
            "whole numbers that may be missing",
            one(pd.array(np.where(half, rng.integers(0, 99, n), None)), dtype="Int64"),
            None,
        ),
        ("whole numbers as floats", one(np.where(half, rng.integers(0, 99, n), np.nan)), None),
        ("whole numbers beyond 2^53", one(2**60 + rng.integers(0, 10**6, n)), None),
        ("whole numbers beyond int64", one([2**70 + int(i) for i in rng.integers(0, 10**6, n)]), None),
        ("unsigned bytes", one(rng.integers(0, 255, n).astype(np.uint8)), None),
        ("single floats", one(normal.astype(np.float32)), None),
        ("mostly zero", one(np.where(rng.random(n) < 0.8, 0.0, rng.exponential(size=n))), None),
        ("heavy tails", one(rng.standard_cauchy(n) * 1e6), None),
        ("two decimals", one(np.round(rng.exponential(10, n), 2)), None),
        ("infinite", one(np.where(half, normal, np.inf)), r"column 'a' holds \d+ infinite values, the first in row \d"),
        ("constant number", one(np.full(n, 3.25)), None),
        ("constant text", one(["same"] * n), None),
        ("never a value", one([None] * n), None),
        ("never a number", one([np.nan] * n), None),
        ("true, false or missing", one(pd.array(np.where(half, True, None)), dtype="boolean"), None),
        ("codes with leading zeros", one([f"{i:05d}" for i in rng.integers(0, 9, n)]), None),
        (
            "an ordered category",
            one(pd.Categorical(rng.choice(["low", "high"], n), ["low", "mid", "high"], ordered=True)),
            None,
        ),
        ("days before 1970", one(days), None),
        (
            "times with a zone",
            one(days.tz_localize("Europe/Berlin", nonexistent="shift_forward", ambiguous="NaT")),
            None,
        ),
        ("days as text", one(days.strftime("%d.%m.%Y")), None),
        ("missing times", one(pd.Series(days).where(half)), None),
        ("datetime objects", one([datetime.datetime(2020, 1, 1 + i % 28, 12) for i in range(n)], dtype=object), None),
        ("spans of time", one(pd.to_timedelta(rng.integers(0, 99, n), "h")), None),
        ("identifiers", pd.DataFrame({"id": [f"AB-{i:04d}" for i in range(n)], "x": normal}), None),
        ("numbered rows", pd.DataFrame({"n": np.arange(n), "x": normal}), None),
        ("identifiers only", pd.DataFrame({"id": [f"u{i}" for i in range(n)]}), "all columns are identifiers"),
        ("too many categories", one([f"c{i // 2}" for i in range(2400)]), "column 'a' has 1,200 different values"),
        ("lists in cells", one([[1, 2]] * n), "column 'a' holds a list in row 0"),
        ("texts among numbers", one([*range(n - 1), "many"]), None),
        ("texts or None", one(np.where(half, "text", None), dtype=object), None),
        ("a member of its own", one(["common"] * (n - 1) + ["rare"]), None),
    ]
