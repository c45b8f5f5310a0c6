"""Cost of sampling: network calls, time and memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import torch
from torch import nn

from zaohua.core.noise import derive_seed
from zaohua.estimator.base import GenerativeModel
from zaohua.evaluation.results import Cost

P = ParamSpec("P")
T = TypeVar("T")
STATUS = Path("/proc/self/status")
STEPS = ("step", "log_probabilities")
"""Methods of networks that decode step by step, or feature by feature."""
BLOCK = 256
"""Number of samples drawn at once."""


def sample(
    model: GenerativeModel, n: int, y: Sequence[object] | None, seed: int, log: Callable[[int], None] | None = None
) -> tuple[list[object], float, int | None]:
    """Draw samples in blocks.

    Args:
        model: fitted model.
        n: number of samples.
        y: conditions of the samples.
        seed: seed of all samples; blocks don't depend on n.
        log: function that is called with the number of samples so far, after each block.

    Returns:
        The blocks, the seconds of sampling, and the peak memory of the process during sampling in bytes.
    """
    _reset_peak()
    blocks, began = [], time.perf_counter()
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        conditions = None if y is None else list(y[start:stop])
        blocks.append(model.sample(stop - start, y=conditions, random_state=derive_seed(seed, "sample", start) % 2**62))
        if log is not None:
            log(stop)
    return blocks, time.perf_counter() - began, _peak()


def cost(model: GenerativeModel, n: int, seconds: float, memory: int | None, duration: float = 0.0) -> Cost:
    """Return the cost of a model, given the seconds of sampling n items and, of sounds, their duration in seconds."""
    return Cost(
        getattr(model, "seconds_", None),
        sum(tensor.numel() for tensor in model.tensors().values()),
        evaluations(model),
        1000 * seconds / n,
        memory,
        model.device_.type,
        duration / seconds if duration else None,
    )


def evaluations(model: GenerativeModel) -> int:
    """Count the network calls of one sample: forward passes, or single steps of autoregressive decoding.

    Two are drawn, as a single text may be decoded with a draft, which pays on some machines and not on others.
    """
    return calls(model, lambda: model.sample(2, random_state=0))


def calls(model: GenerativeModel, work: Callable[[], object]) -> int:
    """Count the network calls of some work with a model."""
    nets = getattr(model, "nets_", None)
    if nets is None:
        return 0
    count = 0

    def called(*_: object) -> None:
        nonlocal count
        count += 1

    handles = [net.register_forward_pre_hook(called) for net in nets.values()]
    try:
        with _steps(nets.values(), called):
            work()
    finally:
        for handle in handles:
            handle.remove()
    return count


@contextmanager
def _steps(nets: Iterable[nn.Module], called: Callable[[], None]) -> Iterator[None]:
    """Count calls of `STEPS`, for which there are no hooks."""
    stepping = [(net, name) for net in nets for name in STEPS if hasattr(net, name)]
    for net, name in stepping:
        object.__setattr__(net, name, _counted(getattr(net, name), called))
    try:
        yield
    finally:
        for net, name in stepping:
            object.__delattr__(net, name)


def _counted(function: Callable[P, T], called: Callable[[], None]) -> Callable[P, T]:
    def counted(*args: P.args, **kwargs: P.kwargs) -> T:
        called()
        return function(*args, **kwargs)

    return counted


def _reset_peak() -> None:
    """Reset the peak memory of the process, if the system allows it."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def _peak() -> int | None:
    """Return the peak memory since the reset, of a GPU if it was used, else of the process."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return int(torch.cuda.max_memory_allocated())
    try:
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None
    return 1024 * int(line.split()[1])
