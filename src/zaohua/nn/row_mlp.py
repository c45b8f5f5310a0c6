"""Residual perceptron for table rows with masked features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed, TimeEmbed
from zaohua.nn.layers import Dropout, scaled


class ResidualBlock(nn.Module):
    """Residual block, h + W silu(V norm(h) + context).

    Args:
        hidden: width.
        dropout: dropout probability of hidden units.
    """

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.inner, self.outer = scaled(nn.Linear(hidden, hidden)), scaled(nn.Linear(hidden, hidden), 0.5)
        self.dropout = Dropout(dropout)

    def forward(self, h: Tensor, context: Tensor | None) -> Tensor:
        """Map h (B, hidden) and the context (B, hidden) or None to (B, hidden)."""
        inner = self.inner(self.norm(h))
        out: Tensor = h + self.outer(self.dropout(F.silu(inner if context is None else inner + context)))
        return out


class RowMLP(nn.Module):
    """Perceptron from the codes and numbers of a row to any number of outputs.

    Args:
        sizes: number of codes of each coded feature.
        numbers: number of numeric inputs.
        out_dim: number of outputs.
        y_spec: description of the condition, which is added in every block.
        hidden: width.
        blocks: number of residual blocks.
        dropout: dropout probability of hidden units.
        time: True if `forward` takes a time.
    """

    first: Tensor

    def __init__(
        self,
        sizes: Sequence[int],
        numbers: int,
        out_dim: int,
        y_spec: DataSpec | None = None,
        *,
        hidden: int = 512,
        blocks: int = 3,
        dropout: float = 0.0,
        time: bool = False,
    ) -> None:
        super().__init__()
        starts = [
            1,
            *(1 + torch.tensor([size + 1 for size in sizes]).cumsum(0)).tolist(),
        ]  # index 0, the bias, is in every row
        self.register_buffer("first", torch.tensor(starts[:-1], dtype=torch.long) + 1, persistent=False)
        self.codes = nn.EmbeddingBag(starts[-1], hidden, mode="sum")
        nn.init.normal_(self.codes.weight, std=max(1, len(sizes)) ** -0.5)
        self.numbers = scaled(nn.Linear(max(1, numbers), hidden))
        self.blocks = nn.ModuleList(ResidualBlock(hidden, dropout) for _ in range(blocks))
        self.norm, self.outer = nn.LayerNorm(hidden), scaled(nn.Linear(hidden, out_dim), 0.0)
        self.time = TimeEmbed(hidden) if time else None
        self.embed = Embed(y_spec, hidden)

    def features(
        self,
        codes: Tensor,
        numbers: Tensor,
        t: Tensor | None = None,
        y: Condition | None = None,
        keep: Tensor | None = None,
    ) -> Tensor:
        """Compute the input of the output layer, (B, hidden); see `forward` for the arguments."""
        if not numbers.shape[1]:
            numbers = numbers.new_zeros(len(numbers), 1)
        h = self.codes(F.pad(codes + self.first, (1, 0))) + self.numbers(numbers)
        context = None if self.embed.spec is None else self.embed(y, h.shape[0], keep).summary
        if self.time is not None and t is not None:
            context = self.time(t) if context is None else context + self.time(t)
        for block in self.blocks:
            h = block(h, context)
        out: Tensor = self.norm(h)
        return out

    def forward(
        self,
        codes: Tensor,
        numbers: Tensor,
        t: Tensor | None = None,
        y: Condition | None = None,
        keep: Tensor | None = None,
    ) -> Tensor:
        """Compute the outputs, (B, out_dim).

        Args:
            codes: int64 (B, features), -1 where a feature is masked.
            numbers: float32 (B, numbers).
            t: times (B,), if the network takes them.
            y: conditions, as described by `y_spec`.
            keep: bool (B,), False for rows whose condition is dropped.
        """
        out: Tensor = self.outer(self.features(codes, numbers, t, y, keep))
        return out

    def some(self, features: Tensor, outputs: slice) -> Tensor:
        """Compute a slice of the outputs from `features`."""
        return F.linear(features, self.outer.weight[outputs], self.outer.bias[outputs])
