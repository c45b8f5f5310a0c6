"""What codecs say of their items, and what cards and `zaohua info` make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.sounds import tone
from tests.test_contract import data_of

import zaohua as zh
from zaohua.cli.info import facts
from zaohua.modalities import (
    Codec,
    LabelCodec,
    MelCodec,
    MuLawCodec,
    MusicCodec,
    NumberCodec,
    RollCodec,
    SpectrumCodec,
    WaveCodec,
    from_json,
)
from zaohua.modalities.base import counted
from zaohua.storage.atomic import MANIFEST, manifest_bytes, sha256

SOUNDS = [zh.Sound(tone(200, 0.1, 8000), 8000)] * 3
PIECES = [zh.Piece.from_voices(np.array([[72, 60], [72, 64]]))] * 3
TABLE = data_of("GaussianCopula", "tables")[0]
SAID = [
    (
        zh.ImageCodec(),
        np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3)).astype(np.uint8),
        "2,000 pictures of 30 x 20 pixels, 3 channels, 256 levels",
    ),
    (
        zh.ImageCodec(),
        np.random.default_rng(0).random((3, 8, 8)).astype("f4"),
        "2,000 pictures of 8 x 8 pixels, 1 channel",
    ),
    (zh.TextCodec(), ["abc", "cab!"], "2,000 texts in 4 characters"),
    (zh.TextCodec(tokenizer="bytes"), ["abc"], "2,000 texts in 256 bytes"),
    (MusicCodec(), PIECES, "2,000 pieces of music, 2 voices, 4 steps a quarter note, as events"),
    (RollCodec(), PIECES, "2,000 pieces of music, 2 voices, 4 steps a quarter note, as frames of voices"),
    (MelCodec(), SOUNDS, "2,000 sounds of 0.112 s, 8,000 Hz, mono, as log-mel spectrograms of 64 bands x 8 frames"),
    (
        SpectrumCodec(),
        SOUNDS,
        "2,000 sounds of 0.18 s, 8,000 Hz, mono, as complex spectrograms of 97 frequencies x 16 frames",
    ),
    (WaveCodec(), SOUNDS, "2,000 sounds of 0.128 s, 8,000 Hz, mono, as waves"),
    (MuLawCodec(), SOUNDS, "2,000 sounds of at most 0.1 s, 8,000 Hz, mono, as 256 mu-law levels"),
    (zh.TableCodec(), TABLE, "2,000 rows of 6 columns: 1 continuous, 1 integer, 2 categorical, 1 boolean, 1 datetime"),
    (NumberCodec(), [1.0, 2.5], "2,000 numbers"),
    (NumberCodec(), pd.DataFrame({"a": [1.0, 2.5], "b": [3, 4]}), "2,000 rows of 2 columns of numbers"),
    (LabelCodec(), ["a", "b", "a"], "2,000 items with 2 labels"),
]


@pytest.mark.parametrize(("codec", "items", "said"), SAID, ids=lambda value: type(value).__name__)
def test_codecs_say_what_their_items_are(codec: Codec, items: Any, said: str) -> None:
    fitted = codec.fit(items)
    assert fitted.describe(2000) == said
    assert from_json(fitted.to_json()).describe(2000) == said


def test_numbers_of_things() -> None:
    assert [counted(n, "piece", " of music") for n in (None, 1, 12345)] == [
        "pieces of music",
        "1 piece of music",
        "12,345 pieces of music",
    ]


@pytest.mark.parametrize(
    ("name", "kind", "items", "conditions"),
    [
        ("MusicGPT", "music", "200 pieces of music, 2 voices, ", "10 labels"),
        ("WaveNet", "mu-law", "200 sounds of at most 0.1 s, 1,000 Hz, mono, as 256 mu-law levels", "none"),
        ("ProductMixture", "tables", "200 rows of 6 columns: 1 continuous, ", "none"),
    ],
)
def test_cards_and_info_say_it(name: str, kind: str, items: str, conditions: str, tmp_path: Path) -> None:
    x, y = data_of(name, kind)
    cls = getattr(zh, name)
    cls(**cls.tiny, random_state=0).fit(x, None if conditions == "none" else y, out=tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert f"- Data: arrays in memory; {items}" in card and f"- Conditions: {conditions}\n" in card
    assert facts(tmp_path)["data"].startswith(items)
    stored = json.loads((tmp_path / "model.json").read_bytes())
    del stored["summary"]  # as in runs of before
    data = json.dumps(stored).encode()
    (tmp_path / "model.json").write_bytes(data)
    (tmp_path / MANIFEST).write_bytes(manifest_bytes({"model.json": sha256(data)}))
    assert facts(tmp_path)["data"].startswith(items.removeprefix("200 "))
