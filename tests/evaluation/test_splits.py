"""What a model is measured by, where nothing was kept apart for it, is what its training held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.sounds import RATE, tone
from tests.trainings import reloaded

import zaohua as zh
from zaohua.modalities import MelCodec, MuLawCodec
from zaohua.tasks.evaluation.protocols import splits_of
from zaohua.training.order import Batches
from zaohua.training.private import starting

WINDOWS = 10
"""Of each recording."""


@pytest.mark.parametrize(
    ("name", "codec"), [("VAE", MelCodec(seconds=0.1)), ("WaveNet", MuLawCodec(seconds=0.1, long="windows"))]
)
def test_whole_recordings_are(name: str, codec: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever windows are cut of recordings, and rows of windows: a quarter of four is one of them."""
    trained = set[int]()

    class Watched(Batches):
        def __init__(self, codes: Any, y: Any, items: np.ndarray, *given: Any, **named: Any):
            windows = getattr(codes, "item_index", np.arange(len(codes)))[items]
            trained.update((windows // WINDOWS).tolist())
            super().__init__(codes, y, items, *given, **named)

    monkeypatch.setattr(starting, "Batches", Watched)
    for i in range(4):
        soundfile.write(tmp_path / f"{i}.wav", tone(50 + 10 * i, 0.1 * WINDOWS), RATE)
    cls = getattr(zh, name)
    model = cls(**{**cls.tiny, "max_steps": 1}, validation_fraction=0.25, random_state=0, codec=codec).fit(tmp_path)
    splits = splits_of(reloaded(model, tmp_path / "run"))
    held, kept = ({int(clip.source.stem) for clip in part.values.sources} for part in (splits.test, splits.train))
    assert splits.split == "validation" and len(splits.test) == WINDOWS and len(held) == 1
    assert kept == trained == set(range(4)) - held
