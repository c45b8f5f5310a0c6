"""Networks of a GAN for table rows: a densely connected generator and a critic that judges several rows at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed
from zaohua.nn.mlp import MLP


class RowGenerator(nn.Module):
    """Densely connected generator: each layer's outputs are concatenated with its inputs; the last layer is linear.

    LayerNorm normalises each row separately, so that a row doesn't depend on the others in its batch, and averaged
    weights (EMA) need no batch statistics.

    Args:
        in_dim: width of the input: noise, and whatever is concatenated with it.
        y_spec: description of the condition.
        out_dim: number of outputs.
        hidden: number of outputs of a layer.
        layers: number of layers before the last one.
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

    def forward(self, z: Tensor, y: Condition | None = None) -> Tensor:
        """Map noise z (B, in_dim) and conditions y to (B, out_dim)."""
        h = _concatenate(self.embed, z, y)
        for layer in self.hidden:
            h = torch.cat([layer(h), h], dim=1)
        out: Tensor = self.outer(h)
        return out


class PackedCritic(nn.Module):
    """Critic of `pac` rows at once, which makes mode collapse visible (Lin et al., "PacGAN", 2017, arXiv:1712.04086).

    Args:
        in_dim: width of a row.
        y_spec: description of the condition.
        pac: number of rows judged together.
        hidden: width of the hidden layers.
        layers: number of hidden layers.
        dropout: dropout probability of hidden units.
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

    def forward(self, x: Tensor, y: Condition | None = None) -> Tensor:
        """Map rows x (B, in_dim) and conditions y to scores (B / pac, 1)."""
        h = _concatenate(self.embed, x, y)
        out: Tensor = self.mlp(h.reshape(h.shape[0] // self.pac, -1))
        return out


def _concatenate(embed: Embed, x: Tensor, y: Condition | None) -> Tensor:
    """Concatenate x (B, D) with the pooled condition to (B, D + hidden); return x if the network is unconditional."""
    return x if embed.spec is None else torch.cat([x, embed(y, x.shape[0]).summary], dim=1)
