"""The networks of a GAN of rows: a generator that hands its input on, and a critic of several rows at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed, pool
from zaohua.nn.mlp import MLP


class RowGenerator(nn.Module):
    """Normalised layers, each of which adds its outputs to what it was given, and a linear one.

    Each row is normalised by itself, so that it doesn't depend on those it is made with, and averaged weights need no
    statistics of their own.

    Args:
        in_dim: numbers of noise, and what else it is given.
        y_spec: what the condition is.
        out_dim: width of what it makes.
        hidden: outputs of a layer.
        layers: how many there are before the last.
    """

    def __init__(self, in_dim: int, y_spec: DataSpec | None, *, out_dim: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.embed = Embed(y_spec, hidden)
        dim = in_dim + hidden * (y_spec is not None)
        self.hidden = nn.ModuleList()
        for _ in range(layers):
            self.hidden.append(nn.Sequential(nn.Linear(dim, hidden), nn.LayerNorm(hidden), nn.ReLU()))
            dim += hidden
        self.outer = nn.Linear(dim, out_dim)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Noise (B, in_dim), y as its spec says -> (B, out_dim)."""
        h = _with(self.embed, z, y)
        for layer in self.hidden:
            h = torch.cat([layer(h), h], dim=1)
        return self.outer(h)


class PackedCritic(nn.Module):
    """A perceptron that judges `pac` rows at once, so that rows too much alike are told as well (Lin et al., "PacGAN",
    2017, arXiv:1712.04086).

    Args:
        in_dim: width of a row.
        y_spec: what the condition is.
        pac: rows that are judged together.
        hidden: width of the hidden layers.
        layers: how many there are.
        dropout: probability with which a hidden unit is dropped.
    """

    def __init__(
        self, in_dim: int, y_spec: DataSpec | None, *, pac: int, hidden: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.embed, self.pac = Embed(y_spec, hidden), pac
        self.mlp = MLP(
            pac * (in_dim + hidden * (y_spec is not None)),
            out_dim=1,
            hidden=hidden,
            layers=layers,
            activation="leaky_relu",
            dropout=dropout,
        )

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Rows (B, in_dim), y as its spec says -> scores (B / pac, 1)."""
        h = _with(self.embed, x, y)
        return self.mlp(h.reshape(len(h) // self.pac, -1))


def _with(embed: Embed, x: Tensor, y: Tensor | None) -> Tensor:
    """x (B, D) with the condition behind it, (B, D + hidden); as it is where there is none."""
    return x if embed.spec is None else torch.cat([x, pool(embed(y, len(x)))], dim=1)
