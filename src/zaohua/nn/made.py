"""Masked multilayer perceptron (MADE): output i depends on the inputs before i only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed


class MaskedLinear(nn.Linear):
    """Linear layer whose weights are multiplied by a fixed binary mask."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.float(), persistent=False)
        fan_in = mask.float().sum(1, keepdim=True).clamp(min=1)
        with torch.no_grad():
            nn.init.normal_(self.weight).mul_((2 / fan_in).sqrt())
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in) to (B, out)."""
        return F.linear(x, self.weight * self.mask, self.bias)

    def some(self, x: Tensor, rows: Tensor | slice) -> Tensor:
        """Compute the outputs `rows` only: map (B, in) to (B, rows)."""
        return F.linear(x, self.weight[rows] * self.mask[rows], self.bias[rows])


@dataclass
class MaskedUnits:
    """State of sequential sampling: the numbers sampled so far, and the hidden units that depend on these only.

    Attributes:
        count: number of values sampled so far.
        x: the values (n, in); zero for those still to be sampled.
        hidden: units of each layer (n, hidden); zero for those that depend on values still to be sampled.
        context: contribution of the condition to every hidden layer, (n, hidden).
        bias: contribution of the condition to the outputs, (n, out).
    """

    count: int
    x: Tensor
    hidden: list[Tensor]
    context: Tensor
    bias: Tensor


class MaskedMLP(nn.Module):
    """Autoregressive perceptron: parameters of each number's distribution given those before it, in raster order.

    Each hidden unit has a degree and sees only inputs up to it. The channels of a pixel are ordered among themselves.

    Args:
        x_spec: description of x, real numbers (channels, *axes).
        y_spec: description of the condition, which is added to every hidden layer.
        n_parameters: number of parameters of each number's distribution.
        hidden: width of the hidden layers.
        layers: number of hidden layers, at least 1.
        dropout: dropout probability of hidden units.

    Source: Germain et al., "MADE: Masked Autoencoder for Distribution Estimation", 2015 (arXiv:1502.03509).
    """

    rows: Tensor

    def __init__(
        self,
        x_spec: DataSpec,
        y_spec: DataSpec | None = None,
        *,
        n_parameters: int,
        hidden: int = 1024,
        layers: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        channels, size = x_spec.channels, x_spec.size
        self.shape = (n_parameters * channels, *x_spec.tensor_shape[1:])
        order = torch.arange(size).view(-1, channels).T.flatten()  # channel by channel, the memory layout of tensors
        degrees = (torch.arange(hidden) * max(size - 1, 1)) // hidden  # evenly spread: a unit sees inputs 0 .. degree
        self.bounds = torch.searchsorted(degrees, torch.arange(size + 1)).tolist()
        rows = order.argsort()[:, None] + size * torch.arange(n_parameters)
        self.register_buffer("rows", rows, persistent=False)  # the outputs of each number, in order
        masks = [degrees[:, None] >= order[None, :], *[degrees[:, None] >= degrees[None, :]] * (layers - 1)]
        before = order[:, None] > degrees[None, :]
        self.inner = nn.ModuleList(MaskedLinear(mask) for mask in masks)
        self.outer = MaskedLinear(before.repeat(n_parameters, 1))
        self.direct = MaskedLinear((order[:, None] > order[None, :]).repeat(n_parameters, 1))
        for layer in (self.outer, self.direct):
            nn.init.zeros_(layer.weight)
        self.embed = Embed(y_spec, hidden)
        self.condition = None if y_spec is None else nn.Linear(hidden, math.prod(self.shape))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """Map x (B, C, *axes), conditions y and the mask keep (B,) to (B, n_parameters C, *axes)."""
        x = x.flatten(1)
        context = None if self.condition is None else self.embed(y, x.shape[0], keep).summary
        h = x
        for layer in self.inner:
            h = layer(h) if context is None else layer(h) + context
            h = self.drop(F.relu(h))
        out: Tensor = self.outer(h) + self.direct(x)
        if self.condition is not None:
            out = out + self.condition(context)
        return out.view(x.shape[0], *self.shape)

    @property
    def _layers(self) -> list[MaskedLinear]:
        return cast("list[MaskedLinear]", self.inner)

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> MaskedUnits:
        """Return the initial state for n items, before the first number."""
        zeros, size = self.outer.weight.new_zeros, self.direct.in_features
        hidden = [zeros(n, layer.out_features) for layer in self._layers]
        if self.condition is None:
            return MaskedUnits(0, zeros(n, size), hidden, zeros(hidden[0].shape), zeros(n, math.prod(self.shape)))
        context = self.embed(y, n, keep).summary
        return MaskedUnits(0, zeros(n, size), hidden, context, self.condition(context))

    def step(self, values: Tensor, state: MaskedUnits) -> Tensor:
        """Add the last number (n, 1), or none (n, 0) at first; return parameters of the next one, (n, n_parameters).

        A unit of degree i is final as soon as number i is known, so each unit is computed once per item.
        """
        for value in values.unbind(1):
            state.x[:, self.rows[state.count, 0]] = value
            new = slice(self.bounds[state.count], self.bounds[state.count + 1])
            h, state.count = state.x, state.count + 1
            for layer, units in zip(self._layers, state.hidden, strict=True):
                units[:, new] = F.relu(layer.some(h, new) + state.context[:, new])
                h = units
        rows = self.rows[state.count]
        return self.outer.some(state.hidden[-1], rows) + self.direct.some(state.x, rows) + state.bias[:, rows]

    @staticmethod
    def select(state: MaskedUnits, rows: Tensor) -> None:
        """Replace each row of the state by that at its index in `rows`, (B,), which has the same condition."""
        state.x = state.x[rows]
        state.hidden = [units[rows] for units in state.hidden]
