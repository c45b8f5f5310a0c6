"""The optimiser Muon, and the state of any optimiser as tensors named `PHASE.PARAMETER.SLOT`, without pickle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from zaohua.core.hardware import pick_precision

Parameters = Mapping[str, Mapping[str, nn.Parameter]]
"""Trained parameters, by phase and name."""


class Muon(torch.optim.AdamW):
    """Muon for selected matrices, AdamW for all other parameters.

    Muon steps along the orthogonalised momentum, so that all singular directions of a matrix are learnt equally fast.

    Args:
        parameters: the parameters by name.
        chosen: function that returns True for the names of matrices that Muon updates. A convolution's weight is taken
            as the matrix (out, in * kernel size).
        lr: learning rate of AdamW. Muon's steps have the root mean square that AdamW's typically have.
        betas: decay rates of AdamW's moments.
        momentum: decay rate of Muon's Nesterov momentum.
        weight_decay: decoupled weight decay, of matrices only.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; the size of the step from
    Liu et al., "Muon is Scalable for LLM Training", 2025 (arXiv:2502.16982).
    """

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        chosen: Callable[[str], bool],
        *,
        lr: float,
        betas: tuple[float, float],
        weight_decay: float,
        momentum: float = 0.95,
    ):
        matrices = {name for name, p in parameters.items() if p.ndim > 1 and chosen(name)}
        kinds = {
            name: "muon" if name in matrices else "matrix" if p.ndim > 1 else "vector" for name, p in parameters.items()
        }
        decay = {"muon": weight_decay, "matrix": weight_decay, "vector": 0.0}
        groups: list[dict[str, Any]] = [
            {
                "params": [p for name, p in parameters.items() if kinds[name] == kind],
                "weight_decay": decay[kind],
                "muon": kind == "muon",
                "momentum": momentum,
            }
            for kind in decay
        ]
        super().__init__([group for group in groups if group["params"]], lr=lr, betas=betas, fused=True)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no closure, and no loss to return
        """Take a step of Muon for the selected matrices, and of AdamW for the other parameters."""
        all_groups = self.param_groups
        self.param_groups = [group for group in all_groups if not group["muon"]]
        try:
            super().step()
        finally:
            self.param_groups = all_groups
        for group in all_groups:
            if group["muon"]:
                self._muon_step(group)

    def _muon_step(self, group: dict[str, Any]) -> None:
        by_shape: defaultdict[tuple[int, ...], list[Tensor]] = defaultdict(list)
        for p in group["params"]:
            if p.grad is not None:
                by_shape[tuple(p.shape)].append(p)
        for shape, ps in by_shape.items():  # all matrices of a shape at once
            grads = [p.grad for p in ps if p.grad is not None]
            momenta = [self.state[p].setdefault("momentum", torch.zeros_like(p)) for p in ps]
            torch._foreach_lerp_(momenta, grads, 1 - group["momentum"])
            ahead = torch._foreach_lerp(grads, momenta, group["momentum"])
            torch._foreach_mul_(ps, 1 - group["lr"] * group["weight_decay"])
            steps = orthogonalise(torch.stack([step.flatten(1) for step in ahead]))
            length = 0.2 * max(steps.shape[1:]) ** 0.5
            torch._foreach_add_(ps, [step.view(shape) for step in steps], alpha=-group["lr"] * length)


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """Orthogonalise matrices (k, m, n) approximately, by Newton-Schulz iteration.

    Singular values become about 0.7 to 1.2: each step applies a polynomial of degree five to them that is steep at
    zero. Computed in bfloat16 if the hardware supports it.
    """
    x = matrices.to(pick_precision("auto", matrices.device))
    flip = x.shape[-2] > x.shape[-1]
    x = x.mT if flip else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        a = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(a, a, a, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return (x.mT if flip else x).to(matrices.dtype)


def optimizer_tensors(optimizers: Mapping[str, torch.optim.Optimizer], parameters: Parameters) -> dict[str, Tensor]:
    """Return the whole state of optimisers (moments, step counts) as named tensors."""
    return {
        f"{phase}.{name}.{slot}": torch.as_tensor(value)
        for phase, optimizer in optimizers.items()
        for name, parameter in parameters[phase].items()
        for slot, value in optimizer.state.get(parameter, {}).items()
    }


def load_optimizer_tensors(
    optimizers: Mapping[str, torch.optim.Optimizer], parameters: Parameters, tensors: Mapping[str, Tensor]
) -> None:
    """Restore the result of `optimizer_tensors` in optimisers of the same parameters."""
    by_name = {
        f"{phase}.{name}": (optimizer, parameter)
        for phase, optimizer in optimizers.items()
        for name, parameter in parameters[phase].items()
    }
    for key, value in tensors.items():
        name, slot = key.rsplit(".", 1)
        optimizer, parameter = by_name[name]
        if value.shape == parameter.shape:  # with the parameter's memory layout, which fused kernels require
            value = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
        elif optimizer.defaults.get("fused"):
            value = value.to(parameter.device)
        optimizer.state[parameter][slot] = value
