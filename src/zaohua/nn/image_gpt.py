"""The causal transformer over the numbers of a picture, whose levels are its tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zaohua.core.spec import DataSpec
from zaohua.nn.transformer import Cache, Transformer


class PixelTransformer(nn.Module):
    """Logits of the level of every number given those before it: pixels in raster order, their channels in order.

    Args:
        transformer: with a vocabulary of the levels and one more, the token at the beginning.
        x_spec: the picture, of equally spaced levels.
    """

    def __init__(self, transformer: Transformer, x_spec: DataSpec) -> None:
        super().__init__()
        self.transformer, self.shape = transformer, x_spec.tensor_shape
        self.begin = transformer.tokens.num_embeddings - 1

    def forward(self, x: Tensor, y: Tensor | None = None, keep: Tensor | None = None) -> Tensor:
        """x (B, C, H, W), y as its spec says, keep bool (B,) -> float32 (B, levels C, H, W), level by level."""
        channels, height, width = self.shape
        tokens = self._tokens(x.permute(0, 2, 3, 1).flatten(1))
        first = torch.full_like(tokens[:, :1], self.begin)
        logits = self.transformer(torch.cat([first, tokens[:, :-1]], dim=1), y, keep)[..., : self.begin]
        return logits.view(len(x), height, width, channels, -1).permute(0, 4, 3, 1, 2).flatten(1, 2)

    def start(self, n: int, y: Tensor | None = None, keep: Tensor | None = None) -> list[Cache]:
        """n pictures without any number."""
        return self.transformer.start(n, y, keep)

    def step(self, values: Tensor, state: list[Cache]) -> Tensor:
        """The last number (n, 1), none (n, 0) at first -> logits of the next one's levels, (n, levels)."""
        nothing = torch.full((len(values), 1), self.begin, device=values.device)
        tokens = self._tokens(values) if values.shape[1] else nothing
        return self.transformer.step(tokens, state)[:, : self.begin]

    def _tokens(self, values: Tensor) -> Tensor:
        """Numbers in [-1, 1] -> the numbers of their levels."""
        return ((values + 1) * ((self.begin - 1) / 2)).round().long()
