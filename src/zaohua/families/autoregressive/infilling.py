"""Filling in the middle: some texts a b c are learnt in the order a, c, b, so that b can be generated.

Source: Bavarian et al., "Efficient Training of Language Models to Fill in the Middle", 2022 (arXiv:2207.14255), prefix
first, within a context. The special tokens are read but not learnt, so they take no probability from texts in their own
order.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from zaohua.core.noise import Noise

EXTRA = 5
"""Number of special tokens in a rearranged row."""


class Marks(NamedTuple):
    """Special tokens of rearranged rows.

    Attributes:
        begin, end: the tokens before and after a text.
        prefix, suffix, middle: those before its parts.
    """

    begin: int
    end: int
    prefix: int
    suffix: int
    middle: int


def rearranged(x: Tensor, noise: Noise, fraction: float, marks: Marks) -> Tensor:
    """Rearrange some rows: BEGIN, PREFIX, a, SUFFIX, c, MIDDLE, b, END of a text a b c that lies within the row.

    Args:
        x: rows of tokens, int64 (B, t), padded with -1; rows with tokens that aren't learnt stay as they are.
        noise: noise of the B rows.
        fraction: probability that a row is rearranged.
        marks: the special tokens.

    Returns:
        int64 (B, t); padded with -1 where the text in a row is short.
    """
    positions, size = torch.arange(x.shape[1], device=x.device).expand_as(x), x.shape[1]
    u = noise.uniform(4).to(x.device)
    around = (u[:, 1] * (x != -1).sum(1)).long()[:, None]  # the text is the one around this position
    border = (x == marks.begin) | (x == marks.end) | (x < 0)
    low = torch.where(border & (positions <= around), positions, -1).amax(1, keepdim=True) + 1
    high = torch.where(border & (positions >= around), positions, size).amin(1, keepdim=True)
    n = torch.minimum(high - low, torch.full_like(low, size - EXTRA))
    chosen = (u[:, :1] < fraction) & (n > 0) & ~(x < -1).any(1, keepdim=True)
    first, second = (u[:, 2:] * (n + 1)).long().minimum(n).sort(1).values[:, :, None].unbind(1)
    suffix = 2 + first
    middle = suffix + 1 + n - second
    last = n + EXTRA - 1
    source = low + torch.where(
        positions < suffix,
        positions - 2,
        torch.where(positions < middle, second + positions - suffix - 1, first + positions - middle - 1),
    )
    out = x.gather(1, source.clamp(0, size - 1))
    out = out.masked_fill(positions == 1, -2 - marks.prefix)
    out = out.masked_fill(positions == suffix, -2 - marks.suffix).masked_fill(positions == middle, -2 - marks.middle)
    out = out.masked_fill(positions == 0, marks.begin).masked_fill(positions == last, marks.end)
    out = out.masked_fill(positions > last, -1)
    return torch.where(chosen, out, x)
