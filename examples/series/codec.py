"""Time series (n, T, C) <-> tensors (C, T), each channel with mean 0 and standard deviation 1/2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

import zaohua as zh
from zaohua.core.spec import DataSpec, Feature
from zaohua.report.sheets import grid, save

from .files import draw, write_csv


class SeriesCodec(zh.GridCodec):
    """Time series of one length.

    Attributes:
        mean_, scale_: of each channel, which becomes (value - mean) / scale.
    """

    modality: ClassVar[str] = "series"
    representation: ClassVar[str] = "series"
    usual_number: ClassVar[int] = 24

    def fit(self, items: Any) -> Self:
        """Learn the length, and the mean and scale of each channel."""
        series = checked(items)
        self.mean_, self.scale_ = series.mean((0, 1)), 2 * series.std((0, 1)).clip(1e-12)
        features = tuple(Feature(f"channel {i}", "real", 1, scale=float(s)) for i, s in enumerate(self.scale_))
        self.spec_ = DataSpec(axes=("time",), shape=series.shape[1:2], features=features)
        return self

    def encode(self, items: Any) -> Tensor:
        """Return what networks see, float32 (n, C, T)."""
        series = checked(items)
        expected = (*(self.spec_.shape or ()), self.spec_.channels)
        if series.shape[1:] != expected:
            raise zh.ZaohuaError(f"series are {series.shape[1:]}, but the model was fitted on {expected}")
        return torch.from_numpy((series - self.mean_) / self.scale_).float().transpose(1, 2)

    def decode(self, x: Tensor) -> np.ndarray:
        """Return series, float32 (n, T, C)."""
        return (x.transpose(1, 2).cpu().double().numpy() * self.scale_ + self.mean_).astype(np.float32)

    def as_items(self, y: Any, n: int | None) -> Any:
        """Return one series as n equal conditions, several as they are."""
        y = np.asarray(y)
        return np.repeat(y[None], n or 1, axis=0) if y.ndim == 2 else y

    def state(self) -> dict[str, Any]:
        """Return what decoding needs, as JSON values."""
        return {"mean": self.mean_.tolist(), "scale": self.scale_.tolist()} if hasattr(self, "spec_") else {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take what `state` returned."""
        self.mean_, self.scale_ = np.array(state["mean"]), np.array(state["scale"])

    def write(self, items: Any, folder: Path, names: Sequence[str]) -> list[Path]:
        """Write a .csv for each series."""
        folder.mkdir(parents=True, exist_ok=True)
        return [write_csv(values, folder / f"{name}.csv") for values, name in zip(items, names, strict=True)]

    def write_plots(self, items: Any, path: Path, y: Sequence[Any] | None, columns: int | None) -> None:
        """Write one picture of all series."""
        series = checked(items)
        low, high = series.min(), series.max()
        save(grid(np.stack([draw(values, low, high) for values in series]), columns), path)

    def write_arrays(self, items: Any, path: Path, y: Sequence[Any] | None, columns: int | None) -> None:
        """Write one .npz of all series and their labels."""
        labels = {} if y is None else {"labels": np.array(y)}
        np.savez_compressed(path, x=items, **labels)

    sheets = {".png": write_plots, ".npz": write_arrays}


def checked(items: Any) -> np.ndarray:
    """Return series as an array of floats (n, T, C), or raise an error that says what they are instead."""
    series = np.asarray(items)
    if series.ndim != 3 or series.dtype.kind not in "iuf":
        raise zh.ZaohuaError(f"series are an array of numbers (n, T, C), not {series.dtype} of shape {series.shape}")
    if not np.isfinite(series).all():
        raise zh.ZaohuaError("series hold numbers that aren't finite: leave them out or fill them in")
    return series.astype(np.float64)
