"""Training by CPU time, since cores may be shared: `max_minutes` then counts what this process used on one thread."""

from __future__ import annotations

import time
from typing import Any

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import torch


def by_cpu_time() -> None:
    """Use one thread, and let the clock of training be the CPU time of this process."""
    torch.set_num_threads(1)
    time.perf_counter = time.process_time


def cost(model: zh.Flow | zh.GPT) -> dict[str, Any]:
    """Return the steps and CPU minutes of a model that was trained by CPU time."""
    return {"steps": model.n_steps_, "CPU minutes": round(model.seconds_ / 60, 2)}
