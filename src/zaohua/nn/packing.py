"""Packing: several short sequences in one row, none of which sees another, instead of padding each to the longest.

Source: Krell et al., "Efficient Sequence Packing without Cross-contamination", 2021 (arXiv:2107.02027).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

WORTHWHILE = 0.85
"""Share of the rows that must be left for packing to pay, since masks and copies cost something, too."""


class Packed(NamedTuple):
    """Sequences in fewer rows.

    Attributes:
        tokens: int64 (P, t), 0 where there is none.
        segments: which sequence each token is of, int64 (P, t); -1 where there is none.
        places: where each token of the sequences is among all of `tokens`, int64 (n, t); 0 for padding.
    """

    tokens: Tensor
    segments: Tensor
    places: Tensor


def packed(tokens: Tensor, lengths: Tensor) -> Packed | None:
    """Pack sequences into rows as long as the longest, the longest first, each where it fits first.

    Args:
        tokens: int64 (n, t), padded behind.
        lengths: number of tokens of each, (n,).

    Returns:
        The rows; None if they wouldn't be clearly fewer, or if there are no tokens.
    """
    room = int(lengths.max()) if len(lengths) else 0
    if not room or int(lengths.sum()) > WORTHWHILE * len(lengths) * room:
        return None
    filled: list[int] = []
    starts = torch.zeros_like(lengths)
    sizes = lengths.tolist()
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        row = next((row for row, used in enumerate(filled) if used + sizes[i] <= room), len(filled))
        if row == len(filled):
            filled.append(0)
        starts[i] = row * room + filled[row]
        filled[row] += sizes[i]
    if len(filled) > WORTHWHILE * len(sizes):
        return None
    at = torch.arange(tokens.shape[1], device=tokens.device)
    present = at < lengths[:, None]
    places = torch.where(present, starts[:, None] + at, 0)
    flat = tokens.new_zeros(len(filled) * room)
    segments = torch.full_like(flat, -1)
    flat[places[present]] = tokens[present]
    segments[places[present]] = torch.arange(len(tokens), device=tokens.device)[:, None].expand_as(present)[present]
    return Packed(flat.view(-1, room), segments.view(-1, room), places)


def positions_of(segments: Tensor) -> Tensor:
    """Return the position of each token within its sequence, int64 (P, t)."""
    at = torch.arange(segments.shape[1], device=segments.device).expand_as(segments)
    first = torch.ones_like(segments, dtype=torch.bool)
    first[:, 1:] = segments[:, 1:] != segments[:, :-1]
    return at - torch.where(first, at, 0).cummax(1).values


def same_sequence(segments: Tensor) -> Tensor:
    """Return which tokens a token sees: those before it of its own sequence, and itself, bool (P, 1, t, t)."""
    same = segments[:, :, None] == segments[:, None]
    return same.tril().unsqueeze(1)
