"""What this machine does well: devices, and precision chosen by measurement."""

from __future__ import annotations

import ctypes
import functools
import os
import time
import warnings
from typing import TYPE_CHECKING

import torch
from torch import nn

from zaohua.errors import ZaohuaError, ZaohuaWarning

if TYPE_CHECKING:
    from accelerate import Accelerator


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" takes an accelerator when there is one.

    Raises:
        ZaohuaError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ZaohuaError(f"device {name!r} can't be used here: {str(error).splitlines()[0]}") from None
    return torch.device(name)


def pick_precision(choice: str, device: torch.device) -> torch.dtype:
    """The dtype of network arithmetic; "auto" takes bfloat16 where this very machine is faster with it."""
    if choice != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[choice]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if device.type == "cpu" and _bfloat16_gain() > 1.5 else torch.float32


@functools.cache
def _bfloat16_gain() -> float:
    """How many times faster the CPU multiplies bfloat16 matrices than float32 ones (0.01 on some, 4 on others)."""

    def seconds(dtype: torch.dtype) -> float:
        a, best = torch.ones(256, 256, dtype=dtype), float("inf")
        for _ in range(3):
            start = time.perf_counter()
            a @ a
            best = min(best, time.perf_counter() - start)
        return best

    return seconds(torch.float32) / seconds(torch.bfloat16)


def keep_freed_memory() -> None:
    """Have glibc keep up to 512 MiB of freed memory instead of handing it back after every step.

    Otherwise each step asks the system for its activations anew, page by page: 17 % of a small U-Net's step. The
    setting is the process's. Other C libraries have none, and need none.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD: larger blocks do go back
    mallopt(-1, 512 << 20)  # M_TRIM_THRESHOLD


def make_accelerator(device: str) -> Accelerator:
    """accelerate's handle on this process: its device, how many processes there are, and how to synchronise."""
    from accelerate import Accelerator, DistributedDataParallelKwargs
    from accelerate.state import AcceleratorState

    if not is_distributed():  # its state is a singleton, which would keep the device of the first model trained
        AcceleratorState._reset_state(reset_partial_state=True)
        if {"ACCELERATE_USE_CPU", "MASTER_PORT"} <= set(os.environ) and "OMPI_COMM_WORLD_SIZE" not in os.environ:
            warnings.warn("`accelerate launch --cpu` starts one process, however many are asked for; several are "
                          "started by `torchrun --nproc_per_node N` and the rest of the command", ZaohuaWarning,
                          stacklevel=2)
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(cpu=device == "cpu", mixed_precision="no", kwargs_handlers=[unused])


def is_distributed() -> bool:
    """Whether a launcher started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_main_process() -> bool:
    """Whether this process is the one that writes files."""
    return int(os.environ.get("RANK", "0")) == 0


def place(nets: nn.ModuleDict, device: torch.device) -> nn.ModuleDict:
    """Networks on a device, convolutions in channels-last: the layout that CPUs and tensor cores work fastest in."""
    return nets.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
