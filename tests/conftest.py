"""What all tests share."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # tests share their cores, and some fork: OpenMP's threads don't survive that

import zaohua  # noqa: F401  before torch, since it decides how threads wait
