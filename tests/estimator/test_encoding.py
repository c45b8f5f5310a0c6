"""What a run learnt from is told from other data, whatever kind they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tests.sounds import RATE, tone

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.estimator.encoding import TrainingData


def data(dtype: torch.dtype = torch.int16, n: int = 40) -> TrainingData:
    """Codes as long as those of short sounds, and labels."""
    draw = torch.Generator().manual_seed(0)
    return TrainingData((3000 * torch.randn(n, 1, 500, generator=draw)).to(dtype), torch.arange(n) % 3)


@pytest.mark.parametrize("dtype", [torch.int16, torch.float32])
def test_a_trace_tells_other_data_and_no_others(dtype: torch.dtype) -> None:
    x, y, *_ = data(dtype)
    trace = json.loads(json.dumps(TrainingData(x, y).fingerprint()))
    rounded = x + (torch.arange(x.numel()) % 300 == 0).view_as(x).to(dtype)  # as another decoder might
    assert TrainingData(x, y).differs(trace) is None and TrainingData(rounded, y).differs(trace) is None
    for other, message in (
        (TrainingData(x[1:], y[1:]), "39 items to learn from instead of 40"),
        (TrainingData(x.flip(0), y), "its items"),
        (TrainingData(x[..., 1:], y), "its items"),
        (TrainingData(x, y.flip(0)), "its labels"),
        (TrainingData(x, None), "its labels"),
    ):
        assert message in str(other.differs(trace))


def test_a_trace_of_numbers_that_are_not_there() -> None:
    x = torch.tensor([[1.0, float("nan")], [float("inf"), 2.0]], dtype=torch.float64)
    trace = json.loads(json.dumps(TrainingData(x, None).fingerprint(), allow_nan=False))
    assert TrainingData(x, None).differs(trace) is None
    assert TrainingData(torch.ones_like(x), None).differs(trace) == "its items are others"


@pytest.mark.parametrize("name", ["DiffWave", "WaveNet"])
def test_a_run_is_not_resumed_with_other_sounds(name: str, tmp_path: Path) -> None:
    """Of the same number, rate and length, so that codecs are the same."""
    for folder in ("these", "others"):
        (tmp_path / folder).mkdir()
        for i in range(4):
            wave = tone(50 + 10 * i + (folder == "others"), 0.1)
            soundfile.write(tmp_path / folder / f"{i}.wav", wave, RATE)
    settings = getattr(zh, name).tiny
    getattr(zh, name)(**{**settings, "max_steps": 1}).fit(str(tmp_path / "these"), out=tmp_path / "run")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    model = getattr(zh, name)(**{**settings, "max_steps": 2})
    with pytest.raises(ZaohuaError, match=r"isn't what .*run was trained on: its items are others"):
        model.resume(tmp_path / "run", str(tmp_path / "others"))
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before
    assert model.resume(tmp_path / "run").n_steps_ == 2


def test_a_run_that_has_no_trace_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zaohua.storage import runs

    images = np.arange(8 * 64, dtype=np.uint8).reshape(8, 8, 8)
    zh.VAE(**{**zh.VAE.tiny, "max_steps": 1}).fit(images, out=tmp_path)
    state, *rest = runs.load_checkpoint(tmp_path) or ({},)
    assert state.pop("data")["items"] == 8
    monkeypatch.setattr(runs, "load_checkpoint", lambda run: (state, *rest))
    assert zh.VAE(**{**zh.VAE.tiny, "max_steps": 2}).resume(tmp_path, images).n_steps_ == 2
