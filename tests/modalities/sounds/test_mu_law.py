"""Samples as tokens: what comes back, and how long it is."""

from __future__ import annotations

import errno
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zaohua as zh
from zaohua import modalities
from zaohua.core.errors import ZaohuaError, ZaohuaWarning
from zaohua.modalities.sequences import FileStream
from zaohua.modalities.sounds import mu_law as mu_law_module
from zaohua.modalities.sounds.mu_law import LEVELS
from zaohua.modalities.sounds.spectra import mu_law, mu_law_inverse

rng = np.random.default_rng(0)
SOUNDS = [
    zh.Sound(rng.uniform(-1, 1, n).astype(np.float32) * loud, 8000)
    for n, loud in ((50, 1), (1, 1), (331, 0.01), (120, 0.2))
]


def test_sounds_come_back_as_long_as_they_were_and_within_half_a_level() -> None:
    codec = zh.MuLawCodec().fit(SOUNDS)
    back = codec.decode(codec.encode(SOUNDS)[[0, 1, 2, 3]])
    assert [len(sound) for sound in back] == [50, 1, 331, 120] and {sound.rate for sound in back} == {8000}
    for sound, other in zip(SOUNDS, back, strict=True):
        bent = [np.sign(s.samples) * np.log1p(255 * np.abs(s.samples)) / np.log(256) for s in (sound, other)]
        assert np.abs(bent[0] - bent[1]).max() <= 1 / 255 + 0.002  # half a level, and the rounding to 16 bits
    again = codec.encode(back)
    assert torch.equal(again.stream, codec.encode(SOUNDS).stream)


def test_every_level_comes_back_from_a_file(tmp_path: Path) -> None:
    levels = torch.arange(LEVELS)
    assert torch.equal(mu_law(mu_law_inverse(levels)), levels)
    sound = zh.Sound(mu_law_inverse(levels).numpy(), 8000)
    codec = zh.MuLawCodec().fit([sound])
    path = codec.write([sound], tmp_path, ["levels"])
    tokens = codec.encode(modalities.SoundFiles(path))[[0]][0]
    assert tokens.tolist() == [LEVELS, *range(LEVELS), LEVELS]


def test_rows_are_ended_and_filled_up() -> None:
    codes = zh.MuLawCodec().fit(SOUNDS).encode(SOUNDS)
    rows = codes[[1, 3]]
    assert rows.shape == (2, 122) and rows[0, 0] == rows[0, 2] == rows[1, 0] == rows[1, -1] == LEVELS
    assert (rows[0, 3:] == -1).all() and codes.apart and len(codes) == 4 and codes.stream.dtype == torch.int16


def test_longer_sounds_are_cut() -> None:
    codec = zh.MuLawCodec(seconds=0.01).fit(SOUNDS)
    assert [len(s) for s in codec.decode(codec.encode(SOUNDS)[[0, 1, 2, 3]])] == [50, 1, 80, 80]
    windows = zh.MuLawCodec(seconds=0.01, long="windows")
    assert [len(row) - 2 for row in windows.fit(SOUNDS).encode(SOUNDS)] == [50, 1, 80, 80, 80, 80, 80, 40]


def test_what_is_behind_the_end_is_no_sound() -> None:
    codec = zh.MuLawCodec().fit(SOUNDS)
    made = codec.decode(torch.tensor([[256.0, 3, 4, 256, 9], [256, 256, -1, -1, -1], [256, 1, 2, 3, 255]]))
    assert [len(sound) for sound in made] == [2, 0, 4]
    assert made[0].samples == pytest.approx(mu_law_inverse(torch.tensor([3, 4])).numpy())


def test_what_resampling_leaves_nothing_of_is_left_out() -> None:
    sounds = [*SOUNDS * 3, zh.Sound(np.ones(1, np.float32), 48_000)]
    with pytest.warns(ZaohuaWarning, match=r"1 of 13 sounds \(sound 12 \(no samples\)\) left out"):
        codec = zh.MuLawCodec(rate=8000).fit(sounds)
    assert len(codec.encode(SOUNDS)) == 4


def test_what_memory_has_no_room_for_is_in_a_file() -> None:
    codes = zh.MuLawCodec().fit(SOUNDS).encode(SOUNDS)
    room = codes.stream.nbytes / 2**30
    assert isinstance(zh.MuLawCodec(memory=room).fit(SOUNDS).encode(SOUNDS).stream, torch.Tensor)
    for memory in (0.0, 200 / 2**30, room - 2 / 2**30):  # from the beginning, from the middle, at the last END
        filed = zh.MuLawCodec(memory=memory).fit(SOUNDS).encode(SOUNDS)
        assert isinstance(filed.stream, FileStream) and len(filed.stream) == len(codes.stream)
        assert torch.equal(filed.stream[:], codes.stream) and len(filed.stream[7:7]) == 0
        assert torch.equal(filed[[2, 0, 3]], codes[[2, 0, 3]])
        assert all(torch.equal(a, b) for a, b in zip(filed, codes, strict=True))


def test_a_full_disk_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: Full())
    with pytest.raises(ZaohuaError, match=r"can't store codes .*\(No space left on device\): free disk space"):
        zh.MuLawCodec(memory=0).fit(SOUNDS)


def test_channels_are_mixed_down() -> None:
    sound = zh.Sound(np.array([[0.5, 0.1], [0.2, 0.4]], np.float32), 8000)
    codec = zh.MuLawCodec().fit([sound])
    assert codec.decode(codec.encode([sound])[[0]])[0].samples == pytest.approx([0.3, 0.3], abs=0.01)
    with pytest.raises(ZaohuaError, match="take channels='mono'"):
        zh.MuLawCodec(channels="keep").fit([sound])


def test_is_stored_and_restored() -> None:
    codec = zh.MuLawCodec().fit(SOUNDS)
    other = modalities.from_json(codec.to_json())
    assert other.to_json() == codec.to_json()
    assert torch.equal(other.encode(SOUNDS).stream, codec.encode(SOUNDS).stream)


def test_long_sounds_are_encoded_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The levels are the same, and no more than a part of a sound is in single precision at a time."""
    whole, seen = zh.MuLawCodec().fit(SOUNDS).encode(SOUNDS), []
    monkeypatch.setattr(mu_law_module, "BLOCK", 64)
    monkeypatch.setattr(mu_law_module, "mu_law", lambda waves, levels: seen.append(len(waves)) or mu_law(waves, levels))
    assert torch.equal(zh.MuLawCodec().fit(SOUNDS).encode(SOUNDS).stream, whole.stream)
    assert max(seen) == 64 and sum(seen) == 2 * sum(map(len, SOUNDS))  # fit and encode
