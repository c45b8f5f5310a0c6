"""Shapes <-> tensors (1, X, Y, Z) of -1 where a voxel is empty and 1 where it is filled.

The spec calls them real numbers, not two levels: of levels flows learn a density, for which they spread each over its
bin, and with only two of them a slip near the border fills or empties a voxel.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

import zaohua as zh
from zaohua.core.noise import Noise
from zaohua.core.spec import DataSpec, Feature
from zaohua.report.sheets import grid, save

from .drawing import draw
from .files import write_binvox


class VoxelCodec(zh.GridCodec):
    """Solid shapes on a grid of one size."""

    modality: ClassVar[str] = "voxels"
    representation: ClassVar[str] = "voxels"

    turn: bool = False
    """Turn half of the shapes by a quarter about the vertical, in training; the grid must be as wide as deep."""

    def fit(self, items: Any) -> Self:
        """Learn the size of the grid."""
        shape = _checked(items).shape[1:]
        if self.turn and shape[0] != shape[1]:
            raise zh.ZaohuaError(f"shapes of {shape[0]} x {shape[1]} voxels can't be turned: leave turn out")
        feature = Feature("occupancy", "real", size=1, scale=0.5)
        self.spec_ = DataSpec(axes=("x", "y", "z"), shape=shape, features=(feature,))
        return self

    def encode(self, items: Any) -> Tensor:
        """Return codes, uint8 (n, 1, X, Y, Z)."""
        voxels = _checked(items)
        if voxels.shape[1:] != self.spec_.shape:
            raise zh.ZaohuaError(
                f"shapes have {voxels.shape[1:]} voxels, but the model was fitted on {self.spec_.shape}"
            )
        return torch.from_numpy(voxels.astype(np.uint8)).unsqueeze(1)

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Return what networks see, float32 in {-1, 1}."""
        x = codes.float() * 2 - 1
        if not (self.turn and train):
            return x
        turned = noise.uniform().view(-1, 1, 1, 1, 1) < 0.5
        return torch.where(turned, x.transpose(2, 3).flip(2), x)

    def decode(self, x: Tensor) -> np.ndarray:
        """Return shapes, bool (n, X, Y, Z)."""
        return (x[:, 0] > 0).cpu().numpy()

    def as_items(self, y: Any, n: int | None) -> Any:
        """Return one shape as n equal conditions, several as they are."""
        y = np.asarray(y)
        return np.repeat(y[None], n or 1, axis=0) if y.ndim == 3 else y

    def write(self, items: Any, folder: Path, names: Sequence[str]) -> list[Path]:
        """Write a .binvox file for each shape."""
        folder.mkdir(parents=True, exist_ok=True)
        return [write_binvox(shape, folder / f"{name}.binvox") for shape, name in zip(items, names, strict=True)]

    def write_views(self, items: Any, path: Path, y: Sequence[Any] | None, columns: int | None) -> None:
        """Write one picture of all shapes, seen from above a corner."""
        save(grid(np.stack([draw(shape) for shape in _checked(items)]), columns), path)

    def write_arrays(self, items: Any, path: Path, y: Sequence[Any] | None, columns: int | None) -> None:
        """Write one .npz of all shapes and their labels."""
        labels = {} if y is None else {"labels": np.array(y)}
        np.savez_compressed(path, x=_checked(items), **labels)

    sheets = {".png": write_views, ".npz": write_arrays}


def _checked(items: Any) -> np.ndarray:
    """Return shapes as a boolean array (n, X, Y, Z), or raise an error that says what they are instead."""
    voxels = np.asarray(items)
    if voxels.ndim != 4:
        raise zh.ZaohuaError(f"shapes are an array (n, X, Y, Z), not of shape {voxels.shape}")
    if voxels.dtype != bool and not np.isin(voxels, (0, 1)).all():
        raise zh.ZaohuaError("shapes are arrays of true and false, or of 0 and 1, and these hold other numbers")
    return voxels.astype(bool)
