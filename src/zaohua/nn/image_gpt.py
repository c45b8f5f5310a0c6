"""Causal transformer over the numbers of an image, with intensity levels as tokens."""

from __future__ import annotations

from typing import NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.attention import Cache
from zaohua.nn.quick import quick
from zaohua.nn.transformer import Transformer


class _Decoder(Protocol):
    """The transformer, or its compiled decoder."""

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> list[Cache]: ...

    def step(self, tokens: Tensor, state: list[Cache]) -> Tensor: ...

    def select(self, state: list[Cache], rows: Tensor) -> None: ...


class Drawing(NamedTuple):
    """State of images that are drawn."""

    decoder: _Decoder
    caches: list[Cache]


class PixelTransformer(nn.Module):
    """Autoregressive network: logits of each number's level given the numbers before it, in raster order.

    Args:
        transformer: transformer whose vocabulary is the levels and a start token.
        x_spec: description of the image, with equally spaced levels.
    """

    def __init__(self, transformer: Transformer, x_spec: DataSpec) -> None:
        super().__init__()
        self.transformer, self.shape = transformer, x_spec.tensor_shape
        self.begin = transformer.tokens.num_embeddings - 1

    def forward(self, x: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """Map x (B, C, H, W), conditions y and the mask keep (B,) to logits (B, levels C, H, W), level by level."""
        channels, height, width = self.shape
        tokens = self._tokens(x.permute(0, 2, 3, 1).flatten(1))
        first = torch.full_like(tokens[:, :1], self.begin)
        logits = self.transformer(torch.cat([first, tokens[:, :-1]], dim=1), y, keep)[..., : self.begin]
        out: Tensor = logits.view(x.shape[0], height, width, channels, -1).permute(0, 4, 3, 1, 2).flatten(1, 2)
        return out

    def attention(self, x: Tensor, y: Condition | None = None) -> list[Tensor]:
        """Return the weights of attention of each block, as `Transformer.attention` does, of images x (B, C, H, W)."""
        tokens = self._tokens(x.permute(0, 2, 3, 1).flatten(1))
        first = torch.full_like(tokens[:, :1], self.begin)
        return self.transformer.attention(torch.cat([first, tokens[:, :-1]], dim=1), y)

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> Drawing:
        """Return the initial state for n images, before the first number."""
        decoder = cast(_Decoder, quick(self.transformer))
        return Drawing(decoder, decoder.start(n, y, keep))

    def step(self, values: Tensor, state: Drawing) -> Tensor:
        """Add the last number (n, 1), or none (n, 0) at first; return logits of the next one's levels, (n, levels)."""
        start = torch.full((len(values), 1), self.begin, device=values.device)
        tokens = self._tokens(values) if values.shape[1] else start
        return state.decoder.step(tokens, state.caches)[:, : self.begin]

    def select(self, state: Drawing, rows: Tensor) -> None:
        """Replace each row of the state by that at its index in `rows`, (B,), which has the same condition."""
        state.decoder.select(state.caches, rows)

    def _tokens(self, values: Tensor) -> Tensor:
        """Convert numbers in [-1, 1] to the indices of their levels."""
        return ((values + 1) * ((self.begin - 1) / 2)).round().long()
