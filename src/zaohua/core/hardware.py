"""Choice of device, precision, number of threads and memory layout for this machine."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import gc
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from zaohua.core.errors import ZaohuaError, ZaohuaWarning

if TYPE_CHECKING:
    from accelerate import Accelerator


def pick_device(name: str = "auto") -> torch.device:
    """Return the device of a name; "auto" takes an accelerator if there is one.

    Raises:
        ZaohuaError: the device isn't available.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ZaohuaError(f"device {name!r} can't be used here: {str(error).splitlines()[0]}") from None
    return torch.device(name)


def pick_precision(choice: str, device: torch.device) -> torch.dtype:
    """Return the dtype of network arithmetic; "auto" takes bfloat16 if the hardware supports it.

    On a CPU with bfloat16 units a training step is 1.1 to 1.8 times as fast (benchmarks/README.md); without them it is
    up to a hundred times slower. The choice depends on the machine alone, so that the same seed gives the same run.
    """
    if choice != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[choice]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if device.type == "cpu" and _has_bfloat16_units() else torch.float32


def autocast(dtype: torch.dtype, device: torch.device) -> torch.autocast:
    """Return a context in which networks compute in a dtype, float32 or bfloat16."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16)


@functools.cache
def _has_bfloat16_units() -> bool:
    """Return True if this CPU multiplies bfloat16 matrices in hardware (AVX-512 BF16, AMX, ARM's BF16)."""
    if hasattr(torch.cpu, "get_capabilities"):  # torch 2.10 and later
        return any(available for name, available in torch.cpu.get_capabilities().items() if name.endswith("bf16"))
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


Net = TypeVar("Net", bound=nn.Module)
SHARED_WORK = 40e6
"""Mean number of floating-point operations per matrix product above which several threads are faster."""


class ProductCounter(TorchDispatchMode):
    """Context that counts matrix products and convolutions, forward and backward, and their operations.

    A training step with small products is faster on one thread: distributing them over threads costs more than it
    saves, and if another program occupies a core, the other threads wait for it a thousand times per step. Measured
    speed of one thread relative to two, on two cores: 0.8 to 1.1 at a mean of 20 to 40 million operations, 0.7 at 150
    million and more.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch declares no types for it
        self.count, self.operations = 0, 0

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Iterable[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        """Run an operation, and count it if it is a product."""
        out = func(*args, **(kwargs or {}))
        operations = flop_registry.get(func.overloadpacket)
        if operations is not None:
            self.count += 1
            self.operations += operations(*args, **(kwargs or {}), out_val=out)
        return out

    @property
    def small(self) -> bool:
        """True if the products are too small to benefit from several threads."""
        return self.operations < SHARED_WORK * self.count


class _FirstLayers:
    """Hooks that count the operations of the first layers that compute, and then decide on the number of threads.

    Args:
        nets: networks whose layers are watched, until one of them is called again or `ENOUGH` were called.
    """

    ENOUGH = 8

    def __init__(self, nets: nn.Module):
        self.operations, self.seen = 0.0, set[int]()
        layers = [m for m in nets.modules() if not isinstance(m, nn.Embedding) and _has_matrix(m)]
        self.handles = [layer.register_forward_hook(self._called) for layer in layers]

    def _called(self, layer: nn.Module, args: tuple[object, ...], out: object) -> None:
        if id(layer) not in self.seen and isinstance(out, torch.Tensor):
            weight: torch.Tensor = layer.weight  # type: ignore[assignment]  # `_has_matrix`
            self.operations += product_operations(weight, out.numel() / weight.shape[0])
            self.seen.add(id(layer))
            if len(self.seen) < self.ENOUGH:
                return
        self.stop()
        if self.operations < SHARED_WORK * len(self.seen):
            torch.set_num_threads(1)

    def stop(self) -> None:
        """Remove the hooks."""
        for handle in self.handles:
            handle.remove()
        self.handles = []


def _has_matrix(module: nn.Module) -> bool:
    weight = getattr(module, "weight", None)
    return isinstance(weight, torch.Tensor) and weight.ndim > 1


def product_operations(weight: torch.Tensor, positions: float) -> float:
    """Return the number of floating-point operations of a matrix or kernel at a number of positions."""
    return 2.0 * weight.numel() * positions


@contextlib.contextmanager
def fitting_threads(nets: nn.Module | None) -> Iterator[None]:
    """Compute on one thread within the context if the networks' products are too small to benefit from several.

    It is the rule of training (see `ProductCounter`), applied to the first layers that compute. The number of threads
    is restored afterwards.

    Args:
        nets: the networks that will compute; None changes nothing.
    """
    threads = torch.get_num_threads()
    if nets is None or threads == 1:
        yield
        return
    first = _FirstLayers(nets)
    try:
        yield
    finally:
        first.stop()
        torch.set_num_threads(threads)


def small_products(net: nn.Module, rows: int) -> bool:
    """Return True if products of a network with a number of rows are too small to benefit from several threads."""
    weights = [p for p in net.parameters() if p.ndim > 1]
    on_cpu = bool(weights) and weights[0].device.type == "cpu"
    return on_cpu and sum(product_operations(p, rows) for p in weights) < SHARED_WORK * len(weights)


@contextlib.contextmanager
def threads_for_rows(net: nn.Module, rows: int) -> Iterator[None]:
    """Compute on one thread within the context if products of a network with a number of rows are too small to share.

    Decoding uses it, since its many steps of one token are smaller than the first pass, which reads a whole prompt.
    """
    threads = torch.get_num_threads()
    if threads > 1 and small_products(net, rows):
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def keep_freed_memory() -> None:
    """Let glibc keep up to 512 MiB of freed memory instead of returning it to the system after every step.

    Otherwise each step requests the memory of its activations again, page by page: 17 % of a small U-Net's step. The
    setting holds for the whole process. Other C libraries have no such setting, and need none.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD: larger blocks are returned
    mallopt(-1, 512 << 20)  # M_TRIM_THRESHOLD


@contextlib.contextmanager
def flushed_denormals() -> Iterator[None]:
    """Flush denormal numbers to zero within the context, because CPUs compute with them slowly.

    The setting holds for the thread, and is restored afterwards.
    """
    before = sys.float_info.min * 0.5 == 0.0  # torch can set the flag, but not query it
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def make_accelerator(device: str) -> Accelerator:
    """Create an `Accelerator`, which knows this process's device and the number of processes, and synchronises them."""
    from accelerate import Accelerator, DistributedDataParallelKwargs
    from accelerate.state import AcceleratorState

    if not is_distributed():  # its state is a singleton and would keep the first model's device
        AcceleratorState._reset_state(reset_partial_state=True)
        if {"ACCELERATE_USE_CPU", "MASTER_PORT"} <= set(os.environ) and "OMPI_COMM_WORLD_SIZE" not in os.environ:
            warnings.warn(
                "`accelerate launch --cpu` starts only one process, whatever number is requested; to start several, "
                "use `torchrun --nproc_per_node N` with the rest of the command",
                ZaohuaWarning,
                stacklevel=2,
            )
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision="no", kwargs_handlers=[unused])
    if is_distributed():
        atexit.register(_leave)
    return accelerator


def _leave() -> None:
    """Destroy the process group before exit: its network threads would otherwise abort the process."""
    if torch.distributed.is_initialized():
        gc.collect()  # wrapped networks, which refer to the group
        torch.distributed.destroy_process_group()


def is_distributed() -> bool:
    """Return True if a launcher started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_main_process() -> bool:
    """Return True if this process is the one that writes files."""
    return int(os.environ.get("RANK", "0")) == 0


def channels_last(net: Net) -> Net:
    """Convert a network's 2-D convolutions to the channels-last layout, and return it."""
    for tensor in (*net.parameters(), *net.buffers()):
        if tensor.ndim == 4:
            tensor.data = tensor.data.to(
                memory_format=torch.channels_last
            )  # `contiguous` keeps the strides of one channel
    return net


def to_device(nets: nn.ModuleDict, device: torch.device) -> nn.ModuleDict:
    """Move networks to a device, in the channels-last layout, the fastest one for CPUs and tensor cores."""
    return channels_last(nets.to(device))
