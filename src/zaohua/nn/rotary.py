"""Rotary positions: pairs of channels are turned by angles that grow with the position."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from zaohua.nn.blueprint import Blueprint, Stretch


class Turn(NamedTuple):
    """Cosines and sines of the angles of some positions, (t, D / 2) each."""

    cos: Tensor
    sin: Tensor

    def at(self, places: slice | Tensor, dtype: torch.dtype) -> Turn:
        """Return the angles of some positions: those of all rows, or of each row by itself, (B, t)."""
        cos, sin = self.cos[places].to(dtype), self.sin[places].to(dtype)
        return Turn(cos, sin) if isinstance(places, slice) else Turn(cos.unsqueeze(1), sin.unsqueeze(1))


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate pairs of channels of x (..., t, D) by angles that grow with the position; cos, sin (t, <= D / 2).

    Channels beyond twice as many as there are angles stay as they are.
    """
    turned, rest = x, None
    if 2 * cos.shape[-1] < x.shape[-1]:
        turned, rest = x[..., : 2 * cos.shape[-1]], x[..., 2 * cos.shape[-1] :]
    a, b = turned.chunk(2, dim=-1)
    parts = [a * cos - b * sin, b * cos + a * sin]
    return torch.cat(parts if rest is None else [*parts, rest], dim=-1)


def angles(blueprint: Blueprint, head_width: int, positions: int, local: bool = False) -> Turn:
    """Compute the cosines and sines of the positions 0, 1, ...

    Args:
        blueprint: the settings.
        head_width: channels of a head.
        positions: number of positions.
        local: for layers with a window, which may have angles of their own.
    """
    count = int(head_width * blueprint.rotary_share) // 2
    own = local and blueprint.rotary_local is not None
    base = blueprint.rotary_local if own and blueprint.rotary_local is not None else blueprint.rotary_base
    exponents = torch.linspace(0, 1, count) if blueprint.rotary_ends else torch.arange(count) / count
    frequencies, scale = base**-exponents, 1.0
    if blueprint.stretch is not None and not own:
        frequencies, scale = stretched(frequencies, base, blueprint.stretch), blueprint.stretch.scale
    turned = torch.arange(positions)[:, None] * frequencies
    return Turn(turned.cos(), turned.sin()) if scale == 1 else Turn(turned.cos() * scale, turned.sin() * scale)


def stretched(frequencies: Tensor, base: float, stretch: Stretch) -> Tensor:
    """Return frequencies (n,), in radians per token, for a longer context."""
    slow = frequencies / stretch.factor
    if stretch.kind == "linear":
        return slow
    if stretch.kind == "llama3":
        waves = stretch.context * frequencies / (2 * math.pi)  # periods within the first context
        kept = ((waves - stretch.low) / (stretch.high - stretch.low)).clamp(0, 1)
    else:
        count = len(frequencies)
        low, high = (_channel(turns, count, base, stretch.context) for turns in (stretch.high, stretch.low))
        if stretch.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, 2 * count - 1)
        ramp = (torch.arange(count, dtype=torch.float32) - low) / max(high - low, 1e-3)
        kept = 1 - ramp.clamp(0, 1)
    return slow * (1 - kept) + frequencies * kept


def _channel(turns: float, count: int, base: float, context: int) -> float:
    """Return the index of the frequency that turns so many times within a context."""
    return count * math.log(context / (2 * math.pi * turns)) / math.log(base)
