"""Items on a regular grid of 1, 2 or 3 axes: series, pictures and voxels, (B, C, *sides)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.spec import DataSpec


def check_axes(what: str, spec: DataSpec, *takes: int) -> None:
    """Refuse items that don't lie on a regular grid with a number of axes that a network can take.

    Args:
        what: the network, for the message.
        spec: the items.
        takes: the numbers of axes that it takes.

    Raises:
        ZaohuaError: the items have another number of axes, or no fixed size, or aren't made of real numbers.
    """
    axes = f"{len(spec.axes)} axes ({', '.join(spec.axes)})" if spec.axes else "no axes"
    if spec.is_row or spec.is_category or spec.shape is None:
        problem = "rows" if spec.is_row else "codes" if spec.is_category else f"ragged items on {axes}"
    elif len(spec.axes) not in takes:
        problem = f"items on {axes}"
    else:
        return
    wanted = " or ".join([", ".join(map(str, takes[:-1])), str(takes[-1])] if takes[1:] else [str(takes[0])])
    raise ZaohuaError(
        f"{what} takes real numbers on a grid of {wanted} axes, not {problem}: Flow, EDM and DDPM learn grids of "
        "1, 2 or 3 axes of fixed lengths"
    )


def fold(x: Tensor, patch: tuple[int, ...]) -> Tensor:
    """Move patches into channels: torch's `pixel_unshuffle` for patches of any sides, on any number of axes.

    Args:
        x: (B, C, *sides), each side a multiple of its patch's.
        patch: sides of a patch.

    Returns:
        (B, C * prod(patch), *(sides / patch)).
    """
    if len(patch) == 2 and patch[0] == patch[1]:
        return F.pixel_unshuffle(x, patch[0])  # keeps channels-last, and with it the last digits of gradients
    sides = [n for side, step in zip(x.shape[2:], patch, strict=True) for n in (side // step, step)]
    axes = range(2, 2 + len(sides))
    split = x.reshape(*x.shape[:2], *sides)  # (B, C, places, step, places, step ...)
    return split.permute(0, 1, *axes[1::2], *axes[::2]).flatten(1, 1 + len(patch))


def unfold(x: Tensor, patch: tuple[int, ...]) -> Tensor:
    """Move channels back into patches, as `pixel_shuffle` does: the inverse of `fold`."""
    if len(patch) == 2 and patch[0] == patch[1]:
        return F.pixel_shuffle(x, patch[0])
    n = len(patch)
    sides = [side * step for side, step in zip(x.shape[2:], patch, strict=True)]
    split = x.unflatten(1, (x.shape[1] // math.prod(patch), *patch))  # (B, C, step, step ..., places, places ...)
    order = [axis for i in range(n) for axis in (2 + n + i, 2 + i)]
    out: Tensor = split.permute(0, 1, *order).reshape(x.shape[0], -1, *sides)
    return out


def resize(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Resize x (B, C, *sides) by linear interpolation, antialiased where it shrinks, one axis after another."""
    if tuple(x.shape[2:]) == size:
        return x
    if len(size) == 2 and (size[1] > 1 or size[0] == 1):  # torch's result is wrong where it is a column (2.13)
        return F.interpolate(x, size=size, mode="bilinear", antialias=True)
    with torch.autocast(x.device.type, enabled=False):
        for axis, length in enumerate(size, start=2):
            weights = _interpolation(x.shape[axis], length).to(x)
            x = (x.movedim(axis, -1) @ weights.T).movedim(-1, axis)
    return x


def _interpolation(old: int, new: int) -> Tensor:
    """Weights (new, old) of linear interpolation between the centres of places: a triangle around each new one."""
    scale = old / new
    centres = (torch.arange(new, dtype=torch.float64)[:, None] + 0.5) * scale
    distance = (torch.arange(old, dtype=torch.float64) + 0.5 - centres).abs()
    weights = (1 - distance / max(scale, 1.0)).clamp(min=0)
    return weights / weights.sum(1, keepdim=True)
