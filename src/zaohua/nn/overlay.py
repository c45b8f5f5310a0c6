"""Conditions that lie over x: a sketch of a picture, a noisy sound, a small picture of a large one.

They are resized and concatenated with x as channels, which tells a network where everything is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zaohua.core.record import Condition, Record, part_of, plain
from zaohua.core.spec import DataSpec
from zaohua.nn.grids import resize


def lies_over(y_spec: DataSpec | None, x_spec: DataSpec) -> bool:
    """Return whether y is made of real numbers on the axes of x (sketch to photo, low to high resolution)."""
    if y_spec is None or y_spec.is_record or y_spec.is_category:
        return False
    return 1 <= len(x_spec.axes) <= 3 and y_spec.axes == x_spec.axes


class Overlay(nn.Module):
    """Concatenation of an image condition with x as channels: resized to x, and a learnt value where it is dropped."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.null = nn.Parameter(torch.zeros(1, spec.channels, *[1] * len(spec.axes)))

    def forward(self, x: Tensor, y: Condition | None, keep: Tensor | None = None) -> Tensor:
        """Map x (B, C, H, W), y (B, Cy, h, w) or None, and the mask keep (B,) to (B, C + Cy, H, W)."""
        y, keep = plain(y, keep)
        null = self.null.expand(x.shape[0], -1, *x.shape[2:]).to(x.dtype)
        if y is None:
            return torch.cat([x, null], dim=1)
        y = resize(y.to(x.dtype), tuple(x.shape[2:]))
        if keep is not None:
            y = torch.where(keep.view(-1, *[1] * (y.ndim - 1)), y, null)
        return torch.cat([x, y], dim=1)


class RecordOverlay(nn.Module):
    """Overlays of those parts of a record that lie over x.

    Args:
        spec: description of the record.
        indices: which of its parts they are.
    """

    def __init__(self, spec: DataSpec, indices: Sequence[int]) -> None:
        super().__init__()
        self.indices, self.names = list(indices), [spec.parts[i][0] for i in indices]
        self.overlays = nn.ModuleList(Overlay(spec.parts[i][1]) for i in indices)

    def forward(self, x: Tensor, y: Record | None, keep: Tensor | None = None) -> Tensor:
        """Map x (B, C, H, W), records y or None, and the mask keep (B,) or (B, parts) to (B, C + channels, H, W)."""
        for i, name, overlay in zip(self.indices, self.names, self.overlays, strict=True):
            x = overlay(x, *part_of(y, keep, i, name))
        return x


def overlay_of(y_spec: DataSpec | None, x_spec: DataSpec) -> tuple[Overlay | RecordOverlay | None, int, list[int]]:
    """Return the overlay of what lies over x of a condition; what doesn't is embedded as tokens.

    Returns:
        The overlay, None if nothing lies over x; the number of channels that it adds; and for a record the indices of
        its parts.
    """
    if y_spec is None:
        return None, 0, []
    if lies_over(y_spec, x_spec):
        return Overlay(y_spec), y_spec.channels, []
    over = [i for i, (_, part) in enumerate(y_spec.parts) if lies_over(part, x_spec)]
    if not over:
        return None, 0, []
    return RecordOverlay(y_spec, over), sum(y_spec.parts[i][1].channels for i in over), over
