"""Building of networks for weights that are at hand: never more memory than the weights can fill."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from zaohua.core.errors import CheckpointError

ADDED = (".embed.mix.", ".lift.")
"""Parts of names of weights that older runs lack: those of residual layers, which do nothing while they are zero."""
SPARE = 1 << 24
"""Numbers that networks may hold besides their weights, such as masks and tables of positions."""
FACTORIES = frozenset(
    (torch.empty, torch.zeros, torch.ones, torch.full, torch.randn, torch.rand, torch.eye, torch.arange)
)
"""Functions that make new tensors from sizes."""


class Bounded(TorchFunctionMode):
    """Context in which a limited number of tensors may be made, with a limited count of numbers in all.

    Args:
        limit: the count.
        tensors: the number of tensors.

    Raises:
        CheckpointError: more were asked for; nothing of the tensor was allocated then.
    """

    def __init__(self, limit: int, tensors: int):
        super().__init__()
        self.left, self.tensors = limit, tensors

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        options = dict(kwargs or {})
        if func in FACTORIES:
            planned = {name: value for name, value in options.items() if name != "generator"}
            self.left -= func(*args, **{**planned, "device": "meta"}).numel()
            self.tensors -= 1
            if self.left < 0 or self.tensors < 0:
                raise CheckpointError("its settings ask for larger networks than its weights fill")
        return func(*args, **options)


def built_for(build: Callable[[], nn.ModuleDict], tensors: Mapping[str, Tensor]) -> nn.ModuleDict:
    """Build networks, and load their weights.

    Args:
        build: function that creates the untrained networks.
        tensors: their weights.

    Raises:
        CheckpointError: the networks are others than those of the weights; the message names the first difference.
    """
    with Bounded(2 * sum(tensor.numel() for tensor in tensors.values()) + SPARE, 10 * len(tensors) + 1000):
        nets = build()
    wanted = nets.state_dict()
    added = [name for name in wanted if any(part in name for part in ADDED)]
    tensors = {**{name: torch.zeros_like(wanted[name]) for name in added}, **tensors}
    for name in [*wanted, *tensors]:
        if name not in tensors or name not in wanted:
            raise CheckpointError(f"{name} is missing from its weights" if name in wanted else f"{name} is too much")
        if wanted[name].shape != tensors[name].shape:
            shapes = f"{tuple(tensors[name].shape)}, but its settings ask for {tuple(wanted[name].shape)}"
            raise CheckpointError(f"its weights {name} are of shape {shapes}")
    nets.load_state_dict(dict(tensors))
    return nets
