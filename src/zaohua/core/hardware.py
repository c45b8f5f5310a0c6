"""What this machine does well: devices, precision, threads and the layout of memory."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import gc
import os
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from zaohua.core.errors import ZaohuaError, ZaohuaWarning

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
    """The dtype of network arithmetic; "auto" takes bfloat16 where the hardware has units for it.

    On a CPU with them a training step is 1.1 to 1.8 times as quick (benchmarks/README.md), without them up to a hundred
    times slower. The choice follows from the machine alone, so that the same seed gives the same run.
    """
    if choice != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[choice]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if device.type == "cpu" and _has_bfloat16_units() else torch.float32


def autocast(dtype: torch.dtype, device: torch.device) -> torch.autocast:
    """The context in which networks compute in a dtype, float32 or bfloat16."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16)


@functools.cache
def _has_bfloat16_units() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware (AVX-512 BF16, AMX, ARM's BF16)."""
    if hasattr(torch.cpu, "get_capabilities"):  # torch 2.10 and later
        return any(there for name, there in torch.cpu.get_capabilities().items() if name.endswith("bf16"))
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


Net = TypeVar("Net", bound=nn.Module)
SHARED_WORK = 40e6
"""Floating-point operations in the mean product of a step from which on several threads are worth it."""


class Products(TorchDispatchMode):
    """Counts the matrix products and convolutions done inside it, forward and back, and their operations.

    A step whose products are small is quicker on one thread: handing each of them to several costs more than it saves,
    and where another program holds a core, the others wait for it a thousand times a step. Measured on two cores, one
    thread against two: 0.8 to 1.1 times the speed at a mean of 20 to 40 million operations, 0.7 at 150 and more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count, self.operations = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs the operation, and counts it if it is a product."""
        out = func(*args, **(kwargs or {}))
        operations = flop_registry.get(func.overloadpacket)
        if operations is not None:
            self.count += 1
            self.operations += operations(*args, **(kwargs or {}), out_val=out)
        return out

    @property
    def small(self) -> bool:
        """Whether they are too small to be shared out to threads."""
        return self.operations < SHARED_WORK * self.count


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


@contextlib.contextmanager
def flushed_denormals() -> Iterator[None]:
    """Take numbers too small for full precision for zero while inside, since a CPU computes with them slowly.

    The setting is the thread's, and afterwards it is what it was before.
    """
    before = sys.float_info.min * 0.5 == 0.0  # torch sets it, but doesn't tell it
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def make_accelerator(device: str) -> Accelerator:
    """accelerate's handle on this process: its device, how many processes there are, and how to synchronise."""
    from accelerate import Accelerator, DistributedDataParallelKwargs
    from accelerate.state import AcceleratorState

    if not is_distributed():  # its state is a singleton, which would keep the device of the first model trained
        AcceleratorState._reset_state(reset_partial_state=True)
        if {"ACCELERATE_USE_CPU", "MASTER_PORT"} <= set(os.environ) and "OMPI_COMM_WORLD_SIZE" not in os.environ:
            warnings.warn(
                "`accelerate launch --cpu` starts one process, however many are asked for; several are "
                "started by `torchrun --nproc_per_node N` and the rest of the command",
                ZaohuaWarning,
                stacklevel=2,
            )
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision="no", kwargs_handlers=[unused])
    if is_distributed():
        atexit.register(_leave)
    return accelerator


def _leave() -> None:
    """Leave the group of processes in order: threads of its network that still run at exit abort the process."""
    if torch.distributed.is_initialized():
        gc.collect()  # wrapped networks, which hold on to the group
        torch.distributed.destroy_process_group()


def is_distributed() -> bool:
    """Whether a launcher started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_main_process() -> bool:
    """Whether this process is the one that writes files."""
    return int(os.environ.get("RANK", "0")) == 0


def channels_last(net: Net) -> Net:
    """The same network with its convolutions of pictures in channels-last; torch refuses the layout for voxels."""
    for tensor in (*net.parameters(), *net.buffers()):
        if tensor.ndim == 4:
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)
    return net


def place(nets: nn.ModuleDict, device: torch.device) -> nn.ModuleDict:
    """Networks on a device, convolutions in channels-last: the layout that CPUs and tensor cores work fastest in."""
    return channels_last(nets.to(device))
