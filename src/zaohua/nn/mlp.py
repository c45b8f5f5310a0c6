"""Multilayer perceptron for vectors, small images, rows and points in the plane."""

from __future__ import annotations

import math
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed, TimeEmbed
from zaohua.nn.rows import RowLayout

Activation = Literal["silu", "relu", "leaky_relu", "tanh", "gelu"]
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "silu": nn.SiLU,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
}


class MLP(nn.Module):
    """Multilayer perceptron; time and condition are added to every hidden layer.

    Args:
        x_spec: description of x, or the number of its features.
        y_spec: description of the condition.
        out_dim: number of outputs.
        hidden: width of the hidden layers.
        layers: number of hidden layers, at least 1.
        activation: name of the activation.
        dropout: dropout probability of hidden units.
        time: True if `forward` takes a time.
    """

    def __init__(
        self,
        x_spec: DataSpec | int,
        y_spec: DataSpec | None = None,
        *,
        out_dim: int,
        hidden: int = 512,
        layers: int = 2,
        activation: Activation = "silu",
        dropout: float = 0.0,
        time: bool = False,
    ) -> None:
        super().__init__()
        self.categories = 0
        self.rows = RowLayout(x_spec) if isinstance(x_spec, DataSpec) and x_spec.is_row else None
        in_dim = x_spec if isinstance(x_spec, int) else x_spec.size
        if isinstance(x_spec, DataSpec) and x_spec.is_category:
            self.categories = x_spec.channels
            in_dim = math.prod(x_spec.tensor_shape) * self.categories
        elif self.rows is not None:
            in_dim = self.rows.width
        self.inner = nn.Linear(in_dim, hidden)
        self.hidden = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers - 1))
        self.outer = nn.Linear(hidden, out_dim)
        self.act = nn.Sequential(ACTIVATIONS[activation](), nn.Dropout(dropout))
        self.time = TimeEmbed(hidden) if time else None
        self.embed = Embed(y_spec, hidden)

    def forward(
        self, x: Tensor, t: Tensor | None = None, y: Condition | None = None, keep: Tensor | None = None
    ) -> Tensor:
        """Map x (B, ...), times t (B,), conditions y and the mask keep (B,) to (B, out_dim)."""
        if self.categories:
            x = F.one_hot(x.long(), self.categories)
        elif self.rows is not None:
            x = self.rows.wide(x)
        h = self.inner(x.flatten(1).to(self.inner.weight.dtype))
        context = self._context(x.shape[0], t, y, keep)
        if context is not None:
            h = h + context
        for layer in self.hidden:
            h = layer(self.act(h))
            if context is not None:
                h = h + context
        out: Tensor = self.outer(self.act(h))
        return out

    def _context(self, n: int, t: Tensor | None, y: Condition | None, keep: Tensor | None) -> Tensor | None:
        """Return the sum of time and condition for the hidden layers, (n, hidden); None if there is neither."""
        condition = None if self.embed.spec is None else self.embed(y, n, keep).summary
        if self.time is None:
            return condition
        if t is None:
            raise ValueError("a network with time=True needs t")
        out: Tensor | None = self.time(t) if condition is None else condition + self.time(t)
        return out


class Flat(nn.Module):
    """Perceptron with its output reshaped, for use as an encoder or decoder."""

    def __init__(self, mlp: MLP, shape: tuple[int, ...]):
        super().__init__()
        self.mlp, self.shape = mlp, shape

    def forward(self, x: Tensor, y: Condition | None = None) -> Tensor:
        """Map (B, ...) to (B, *shape)."""
        out: Tensor = self.mlp(x, y=y).view(x.shape[0], *self.shape)
        return out
