"""Muon, and the state of any optimiser as named tensors: `PHASE.PARAMETER.SLOT`, with no pickle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

Parameters = Mapping[str, Mapping[str, nn.Parameter]]
"""Trained parameters by phase and name."""


class Muon(torch.optim.AdamW):
    """AdamW, but for chosen matrices steps along the orthogonalised momentum: all their directions are learnt alike.

    Args:
        parameters: by name.
        chosen: whether a name's matrix is stepped by Muon; of a convolution the matrix of its taps, (out, in * taps).
        lr: learning rate of AdamW; a matrix's step is as long as it would make one, root mean square.
        betas: of AdamW.
        momentum: of Muon, with Nesterov's look ahead.
        weight_decay: decoupled, of matrices only.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; the length of the step from
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
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # nothing is returned
        """AdamW's step for its parameters, Muon's for the chosen matrices."""
        everything = self.param_groups
        self.param_groups = [group for group in everything if not group["muon"]]
        try:
            super().step()
        finally:
            self.param_groups = everything
        for group in everything:
            if group["muon"]:
                self._muon(group)

    def _muon(self, group: dict[str, Any]) -> None:
        alike: defaultdict[tuple[int, ...], list[Tensor]] = defaultdict(list)
        for p in group["params"]:
            if p.grad is not None:
                alike[tuple(p.shape)].append(p)
        for shape, ps in alike.items():  # all matrices of a shape at once
            grads = [p.grad for p in ps if p.grad is not None]
            momenta = [self.state[p].setdefault("momentum", torch.zeros_like(p)) for p in ps]
            torch._foreach_lerp_(momenta, grads, 1 - group["momentum"])
            ahead = torch._foreach_lerp(grads, momenta, group["momentum"])
            torch._foreach_mul_(ps, 1 - group["lr"] * group["weight_decay"])
            steps = orthogonal(torch.stack([step.flatten(1) for step in ahead]))
            length = 0.2 * max(steps.shape[1:]) ** 0.5
            torch._foreach_add_(ps, [step.view(shape) for step in steps], alpha=-group["lr"] * length)


def orthogonal(matrices: Tensor, steps: int = 5) -> Tensor:
    """The nearest matrices with (roughly) equal singular values, by Newton-Schulz steps; (k, m, n).

    Singular values come out between about 0.7 and 1.2: each step is a polynomial of degree five, steep at zero. In
    bfloat16 where that is fast.
    """
    from zaohua.core.hardware import pick_precision

    x = matrices.to(pick_precision("auto", matrices.device))
    flip = x.shape[-2] > x.shape[-1]
    x = x.mT if flip else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        a = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(a, a, a, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return (x.mT if flip else x).to(matrices.dtype)


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
    by_name = {
        f"{phase}.{name}": (optimizer, parameter)
        for phase, optimizer in optimizers.items()
        for name, parameter in parameters[phase].items()
    }
    for key, value in tensors.items():
        name, slot = key.rsplit(".", 1)
        optimizer, parameter = by_name[name]
        if value.shape == parameter.shape:  # laid out in memory as the parameter is: fused kernels rely on it
            value = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
        elif optimizer.defaults.get("fused"):
            value = value.to(parameter.device)
        optimizer.state[parameter][slot] = value
