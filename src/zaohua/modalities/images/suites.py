"""Named benchmarks of images."""

from __future__ import annotations

from zaohua.evaluation.suite import Suite

SUITES = {
    "images-small": Suite(
        "images",
        ("mnist", "fashion-mnist"),
        "every model of images on pictures of 28 x 28 pixels",
        {"guidance": 1.0, "temperature": 1.0},  # what was learnt, not what is easier to recognise
    ),
}
