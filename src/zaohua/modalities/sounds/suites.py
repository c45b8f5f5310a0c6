"""Named benchmarks of sounds."""

from __future__ import annotations

from zaohua.evaluation.suite import Suite

SUITES = {
    "sounds": Suite(
        "sounds",
        ("fsdd",),
        "models of sounds on spoken digits",
        {"guidance": 1.0, "temperature": 1.0},
        False,
        ("flow", "edm", "vae", "r3gan", "vq-vae"),
    ),
}
