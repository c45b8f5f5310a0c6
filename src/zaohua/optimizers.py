"""The state of optimisers as named tensors: `PHASE.PARAMETER.SLOT`, with no pickle."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

Parameters = Mapping[str, Mapping[str, nn.Parameter]]
"""Trained parameters by phase and name."""


def optimizer_tensors(optimizers: Mapping[str, torch.optim.Optimizer], parameters: Parameters) -> dict[str, Tensor]:
    """All state of the optimisers (moments, step counts) as tensors."""
    return {
        f"{phase}.{name}.{slot}": torch.as_tensor(value)
        for phase, optimizer in optimizers.items()
        for name, parameter in parameters[phase].items()
        for slot, value in optimizer.state.get(parameter, {}).items()
    }


def load_optimizer_tensors(
    optimizers: Mapping[str, torch.optim.Optimizer], parameters: Parameters, tensors: Mapping[str, Tensor]
) -> None:
    """The inverse of `optimizer_tensors`, into optimisers of the same parameters."""
    by_name = {f"{phase}.{name}": (optimizer, parameter) for phase, optimizer in optimizers.items()
               for name, parameter in parameters[phase].items()}
    for key, value in tensors.items():
        name, slot = key.rsplit(".", 1)
        optimizer, parameter = by_name[name]
        if value.shape == parameter.shape:  # laid out in memory as the parameter is: fused kernels rely on it
            value = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
        elif optimizer.defaults.get("fused"):
            value = value.to(parameter.device)
        optimizer.state[parameter][slot] = value
