"""Check of the 16-bit kernels that a training uses against float32, once for each kind of layer and shape in a process.

Processors have had kernels that read memory that nobody had written (docs/known-issues.md): the numbers are silently
wrong, or NaN. So after the first step of a training in bfloat16 on a CPU, each layer runs again on random numbers of
the same shape, forwards and backwards, twice, amid freed memory full of NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
TOLERANCE = 0.1
"""Maximum relative error of outputs and gradients; right kernels are within 0.01."""
ITEMS = 16
"""Maximum number of items of a batch that are computed again."""

Key = tuple[object, ...]
_right = set[Key]()
"""Kinds of layers and shapes that were found right in this process."""


@contextmanager
def watched(nets: nn.Module) -> Iterator[dict[Key, tuple[nn.Module, Tensor]]]:
    """Gather one layer of each kind and shape that computes within the context, with an empty input like its own."""
    layers: dict[Key, tuple[nn.Module, Tensor]] = {}

    def called(layer: nn.Module, args: tuple[Tensor, ...]) -> None:
        x = args[0]
        key = (str(layer), type(layer), *x.shape, *x.stride())
        if key not in _right and x.device.type == "cpu" and x.is_floating_point():
            layers[key] = layer, torch.empty_like(x[:ITEMS], dtype=torch.float32)

    handles = [layer.register_forward_pre_hook(called) for layer in nets.modules() if isinstance(layer, LAYERS)]
    try:
        yield layers
    finally:
        for handle in handles:
            handle.remove()


def fault_in(layers: dict[Key, tuple[nn.Module, Tensor]]) -> str | None:
    """Compute layers in bfloat16 and in float32; describe the first that differs, or return None."""
    for key, (layer, like) in layers.items():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            x = torch.empty_like(like).normal_()
        x, exact = _rounded(x), None
        for dtype in (torch.float32, torch.bfloat16, torch.bfloat16):
            _leave_dirty_memory(layer, x)
            found = _outputs(layer, x, dtype)
            exact = found if exact is None else exact
            errors = [float((a - b).norm() / b.norm().clamp(min=1e-30)) for a, b in zip(found, exact, strict=True)]
            if not max(errors) < TOLERANCE:  # NaN, too
                return f"{layer} with inputs of shape {tuple(like.shape)} has a relative error of {max(errors):.2g}"
        _right.add(key)
    return None


def _rounded(x: Tensor) -> Tensor:
    """Round to bfloat16, so that the exact result has the same input."""
    return x.bfloat16().float()


def _outputs(layer: nn.Module, x: Tensor, dtype: torch.dtype) -> list[Tensor]:
    """Return a layer's output and the gradients of its square with respect to input and weight, float32."""
    x = x.detach().requires_grad_()
    weights = {name: _rounded(p.detach()).requires_grad_() for name, p in layer.named_parameters()}
    with torch.enable_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        out = functional_call(layer, weights, (x,)).float()
        gradients = torch.autograd.grad(out.square().sum(), [x, weights["weight"]])
    return [out.detach(), *gradients]


def _leave_dirty_memory(layer: nn.Module, x: Tensor) -> None:
    """Fill memory of the sizes that a layer needs with NaN, and free it."""
    sizes = [x.numel(), *(p.numel() for p in layer.parameters())]
    dirty = [torch.full((size * part,), torch.nan) for size in sizes for part in (1, 1, 2, 2)]
    del dirty
