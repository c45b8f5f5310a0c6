"""A kind of data of a user's own on the command line, known as if an installed package had added it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest
import torch
from torch import Tensor

import zaohua as zh
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities import GridCodec, Modality, registry
from zaohua.modalities.modality import Read, refuse_split


class SeriesCodec(GridCodec):
    """Series, float (n, time) <-> float32 (n, 1, time) scaled to [-1, 1]."""

    modality: ClassVar[str] = "series"
    representation: ClassVar[str] = "series"

    channels: int = 1
    """Series that belong together."""
    detrend: bool = False
    """Subtract the mean of each series."""

    def fit(self, items: Any) -> Self:
        self.top_ = float(np.abs(items).max())
        self.spec_ = DataSpec(axes=("time",), shape=items.shape[1:], features=(Feature("value", "real", size=1),))
        return self

    def encode(self, items: Any) -> Tensor:
        items = items - items.mean(1, keepdims=True) * self.detrend
        return torch.tensor(items / self.top_, dtype=torch.float32)[:, None]

    def decode(self, x: Tensor) -> np.ndarray:
        return x[:, 0].numpy() * self.top_

    def as_items(self, y: Any, n: int | None) -> Any:
        return y

    def state(self) -> dict[str, Any]:
        return {"top": self.top_} if hasattr(self, "top_") else {}

    def set_state(self, state: dict[str, Any]) -> None:
        self.top_ = state["top"]

    def _write_csv(self, items: Any, path: Path, y: Sequence[Any] | None, columns: int | None) -> None:
        np.savetxt(path, items, delimiter=",")

    sheets = {".csv": _write_csv}


class Series(Modality):
    """Series of one length."""

    name: ClassVar[str] = "series"
    noun: ClassVar[str] = "series"
    other_suffixes: ClassVar[frozenset[str]] = frozenset({".npy"})

    @property
    def codecs(self) -> tuple[type[Any], ...]:
        return (SeriesCodec,)

    def recognises(self, X: Any) -> bool:
        return isinstance(X, np.ndarray) and X.ndim == 2

    def read_file(self, path: Path, split: str | None = None) -> Read | None:
        refuse_split(path, split)
        return Read(np.load(path), None) if path.suffix == ".npy" else None


@pytest.fixture
def series(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> np.ndarray:
    """A file of series, in a folder where that modality is known."""
    monkeypatch.setattr(registry, "_KNOWN", {**registry._KNOWN, "series": Series()})
    found = np.random.default_rng(0).normal(size=(16, 8))
    np.save(tmp_path / "data.npy", found)
    return found


TINY = ["--channels", "8", "--max-steps", "2", "--steps", "2", "--batch-size", "4", "--seed", "0", "--device", "cpu"]


def test_a_modality_of_ones_own_from_training_to_samples(zaohua, series: np.ndarray):
    shown = zaohua("train", "flow", "--help").out
    assert "--detrend" in shown and "--serie-channels N" not in shown and "--series-channels N" in shown
    said = zaohua("train", "flow", "data.npy", *TINY, "--modality", "series", "--detrend", "--out", "run")
    assert said.code == 0, said.err
    model = zh.load("run")
    assert isinstance(model.codec_, SeriesCodec) and model.codec_.detrend and model.channels == 8
    assert model.codec_.top_ == np.abs(series).max()
    assert zaohua("sample", "run", "-n", "3", "--seed", "1", "--out", "new.csv").code == 0
    np.testing.assert_allclose(np.loadtxt("new.csv", delimiter=","), model.sample(3, random_state=1))
    assert "detrend: true\n" in zaohua("train", "flow", "--resume", "--out", "run", "--print-config").out
    assert zaohua("train", "flow", "--resume", "--out", "run", "--max-steps", "3").code == 0
    assert zh.load("run").n_steps_ == 3
    said = zaohua("train", "flow", "data.npy", "--base", "run", "--modality", "images", "--out", "other")
    assert said.code == 2 and "--modality images: the run was trained on series" in said.err
    said = zaohua(
        "train", "flow", "data.npy", "--base", "run", "--modality", "series", "--max-steps", "1", "--out", "b"
    )
    assert said.code == 0 and zh.load("b").n_steps_ == 1


def test_a_modality_that_is_not_known_is_one_line(zaohua, series: np.ndarray):
    said = zaohua("train", "flow", "data.npy", *TINY, "--modality", "seires")
    assert said.code == 2 and "did you mean 'series'" in said.err and said.err.count("\n") == 1
    said = zaohua("train", "gmm", "digits", "--modality", "sounds")
    assert said.code == 2 and said.err == "zaohua: error: digits is a data set of images, not of sounds\n"
