"""Named benchmarks of tables."""

from __future__ import annotations

from zaohua.evaluation.suite import Suite

SUITES = {
    "tables": Suite(
        "tables",
        ("adult", "online-shoppers", "california-housing"),
        "every model of tables",
        {},
        False,
        without=("univariate",),
    ),
}
