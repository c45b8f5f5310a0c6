"""Autoregressive models of frames and of notes: sums to one, cells see those below, resume, melodies kept."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise
from zaohua.core.spec import END_FRAME as END
from zaohua.estimator.encoding import TrainingData
from zaohua.families.autoregressive.frames import FrameModel, started
from zaohua.families.autoregressive.particles import resampled
from zaohua.nn.frames import CellHead, FrameRNN

TUNE = np.array([[72, 60], [72, 64], [74, 62], [76, -1]])
PIECES = [zh.Piece.from_voices(np.where(TUNE < 0, -1, TUNE + up)[:length]) for length in (2, 3, 4) for up in (0, 2, 5)]


def make_net(cells: int, size: int, **settings: Any) -> FrameRNN:
    """A network with weights large enough to have opinions."""
    torch.manual_seed(1)
    net = FrameRNN(cells, size, width=8, **settings).eval()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.7 * torch.randn_like(p))
    return net


def fit(pieces: Any = PIECES, **settings: Any) -> Any:
    settings = {"random_state": 0, "device": "cpu", "codec": zh.RollCodec(transpose=0), **settings}
    return zh.ChoraleRNN(**{**zh.ChoraleRNN.tiny, **settings}).fit(pieces)


@pytest.mark.parametrize("cell", ["lstm", "gru", "conv"])
@pytest.mark.parametrize("head", [True, False])
def test_chances_of_all_pieces_sum_to_one(cell: Any, head: bool) -> None:
    """Those of one frame, those of two, and those that go on longer."""
    net = make_net(2, 3, cell=cell, autoregressive=head)
    frames = list(itertools.product(range(3), repeat=2))
    one = torch.tensor([[frame, (END, END)] for frame in frames])
    two = torch.tensor([[a, b, (END, END)] for a in frames for b in frames])
    total = 0.0
    with torch.no_grad():
        for rows in (one, two):
            cells, ends = FrameModel.surprisal(net, started(rows), None)
            total += float((-(cells.sum(2) + ends).double().sum(1)).exp().sum())
        cells, ends = FrameModel.surprisal(net, started(two[:, :2]), None)  # two frames, not over behind the first
        _, over = net(started(two), None)
        goes_on = torch.nn.functional.logsigmoid(-over[:, 2]).double()
        total += float((goes_on - (cells.sum(2) + ends).double().sum(1)).exp().sum())
    assert total == pytest.approx(1, abs=1e-6)


def test_a_cell_sees_only_those_below_it() -> None:
    head = CellHead(4, 3, 8, 6, autoregressive=True)
    for p in head.parameters():
        torch.nn.init.normal_(p)
    h, last, frame = torch.randn(1, 8), torch.tensor([[2, 2, 0, 1]]), torch.tensor([[1, 0, 2, 1]])
    before = head(h, last, frame)
    for i in range(4):
        other = frame.clone()
        other[0, i] = (other[0, i] + 1) % 3
        changed = (head(h, last, other) != before).any(-1)[0]
        assert not changed[: i + 1].any() and changed[i + 1 :].all()
    independent = CellHead(4, 3, 8, 6, autoregressive=False)
    assert torch.equal(independent(h, last, frame), independent(h, last, 0 * frame))


@pytest.mark.parametrize("cell", ["lstm", "gru", "conv"])
def test_step_by_step_equals_at_once(cell: Any) -> None:
    net = make_net(3, 2, cell=cell, bar=4, layers=2)
    frames = torch.randint(0, 2, (4, 6, 3))
    state, frame = net.start(4), torch.full((4, 3), END)
    for t in range(6):
        h, before, frame = net.step(frame, state), frame, frames[:, t]
        logits, over = net(started(frames))
        assert torch.allclose(net.head(h, before, frame), logits[:, t], atol=1e-5)
        assert torch.allclose(net.over(h)[:, 0], over[:, t], atol=1e-5)
        net.select(state, torch.arange(4))


def test_a_dropped_note_does_not_show_as_a_move() -> None:
    net = make_net(2, 3, input_dropout=1.0).train()
    contexts = []
    for last in ([2, 0], [1, 2]):
        state = net.start(1)
        net.step(torch.tensor([[1, 0]]), state)
        contexts.append(net.step(torch.tensor([last]), state))
    assert torch.equal(*contexts)


def test_scores_are_exact_alone_and_in_batches() -> None:
    model = fit()
    scores = model.score_samples(PIECES)
    assert np.allclose([model.score_samples([piece])[0] for piece in PIECES], scores, atol=1e-5)
    frames = sum(map(len, PIECES))
    codes = model.codec_.encode(PIECES)[np.arange(len(PIECES))].long()
    cells, _ = FrameModel.surprisal(model.nets_["net"], started(codes), None)
    assert model.frame_nll(PIECES) == pytest.approx(float(cells.sum()) / frames, rel=1e-5)


def test_learns_what_always_comes_next() -> None:
    tune = [zh.Piece.from_voices([[72, 60], [74, 62], [76, 64]])] * 16
    model = fit(tune, max_steps=150, learning_rate=1e-2, warmup_steps=5, dropout=0.0, input_dropout=0.0, ema_decay=0.9)
    assert model.sample(3, random_state=0) == tune[:3] and model.frame_nll(tune) < 0.1


def test_samples_stay_in_range_and_are_the_same_alone() -> None:
    model = fit()
    many = model.sample(6, random_state=3)
    assert [model.sample(n, random_state=3) for n in (1, 4)] == [many[:1], many[:4]]
    for piece in many:
        assert piece.voices == 2 and 1 <= len(piece) <= model.max_frames
        cells = model.codec_.encode([piece])[[0]][0, :-1].long()
        assert model.codec_.seen_[torch.arange(2), cells].all()


def test_rolls_of_keys_and_independent_heads() -> None:
    rolls = [zh.Piece.from_roll(piece.roll()) for piece in PIECES]
    for head in ("autoregressive", "independent"):
        model = fit(rolls, head=head, max_steps=3, max_frames=3)
        assert all(isinstance(piece, zh.Piece) for piece in model.sample(2, random_state=0))
        assert np.isfinite(model.score_samples(rolls)).all()
    with pytest.raises(ZaohuaError, match="melody= needs a model of voices"):
        model.sample(melody="a.mid")


def test_a_melody_is_kept_and_others_are_made_up(tmp_path: Path) -> None:
    pytest.importorskip("symusic")
    from zaohua.modalities.music.midi import write_midi

    model, tune = fit(), np.array([[72], [74], [-1], [76]])
    path = write_midi(zh.Piece.from_voices(tune), tmp_path / "tune.mid", 80)
    found = model.sample(3, melody=str(path), random_state=0)
    assert all(piece.voices == 2 and np.array_equal(piece.pitches()[:, :1], tune) for piece in found)
    assert model.sample(2, melody=str(path), random_state=0) == found[:2]
    both = write_midi(zh.Piece.from_voices(np.c_[tune - 12, tune]), tmp_path / "both.mid", 80)
    assert model.sample(2, melody=str(both), melody_track="voice 2", random_state=0) == found[:2]
    (tmp_path / "bad.mid").write_bytes(path.read_bytes().replace((480).to_bytes(2, "big"), b"\0\0", 1))
    with pytest.raises(ZaohuaError, match="bad.mid: can't be read as a MIDI file: damaged: 0 ticks a quarter note"):
        model.sample(melody=str(tmp_path / "bad.mid"))


def test_a_harmony_looks_ahead(tmp_path: Path) -> None:
    """The second voice tells what the melody does next: drawn from all the melody, it must agree with it."""
    pytest.importorskip("symusic")
    from zaohua.modalities.music.midi import write_midi

    pieces = [zh.Piece.from_voices([[60, 40], [72, 50]]), zh.Piece.from_voices([[60, 45], [76, 50]])] * 8
    model = fit(
        pieces, max_steps=300, learning_rate=1e-2, warmup_steps=5, dropout=0.0, input_dropout=0.0, ema_decay=0.9
    )
    for after, below in ((72, 40), (76, 45)):
        path = write_midi(zh.Piece.from_voices([[60], [after]]), tmp_path / "tune.mid", 80)
        found = model.sample(16, melody=str(path), random_state=0)
        assert sum(int(piece.pitches()[0, 1]) == below for piece in found) >= 14


def test_resampling_keeps_what_is_likely() -> None:
    even = resampled(torch.zeros(1, 4), torch.tensor([0.5]))
    assert even.tolist() == [[-1] * 4]
    one = resampled(torch.tensor([[0.0, -50, -50, -50]]), torch.tensor([0.9]))
    assert one.tolist() == [[0] * 4]
    counts = torch.bincount(resampled(torch.tensor([[0.91, 0.05, 0.04]]).log().repeat(1, 1), torch.tensor([0.1]))[0])
    assert counts[0] >= 2


def test_parts_of_long_pieces() -> None:
    """Parts begin with a bar, bring the frame before with them, and reach both ends."""
    tune = zh.Piece.from_voices(np.c_[np.arange(30, 80), np.arange(30, 80)])
    model = fit([tune] * 8, context=8, bar=4, max_steps=2)
    data = model.rows(TrainingData(model.codec_.encode([tune]), None)).x
    codes = data[[0] * 200]  # 32 of the 50 frames, and the rest is another row
    assert data.shape == (2, 33, 2) and data[1, :3, 0].tolist() == [41, 42, 43]
    parts = model.prepare(codes, BatchNoise(0, 200), train=True)
    assert parts.shape == (200, 9, 2)
    first, second = parts[:, 0, 0], parts[:, 1, 0]
    starts = second - codes[0, 1, 0]
    assert (starts % 4 == 0).all() and (first == torch.where(starts == 0, END, second - 1)).all()
    assert set(starts.tolist()) == set(range(0, 25, 4))
    rest = model.prepare(data[[1] * 200], BatchNoise(0, 200), train=True)
    assert (rest[..., 0] == END).any(1).float().mean() > 0.3 and set(rest[:, 1, 0].tolist()) == {42, 46, 50, 54}
    assert torch.equal(model.prepare(codes, BatchNoise(0, 200)), codes.long())


def test_resumes_bit_for_bit(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"checkpoint_every": 4, "lr_schedule": "constant"}
    alone = fit(**settings, max_steps=10)
    settings |= {"random_state": 0, "device": "cpu", "codec": zh.RollCodec(transpose=0)}
    zh.ChoraleRNN(**{**zh.ChoraleRNN.tiny, **settings, "max_steps": 6}).fit(PIECES, out=tmp_path / "run")
    again = zh.load(tmp_path / "run").set_params(max_steps=10).resume(tmp_path / "run", PIECES)
    for a, b in zip(alone.nets_.state_dict().values(), again.nets_.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_notes_drawn_are_always_music() -> None:
    model = zh.MusicGPT(**{**zh.MusicGPT.tiny, "max_tokens": 60}, random_state=0, device="cpu").fit(PIECES * 8)
    for temperature in (0.5, 3.0):
        for piece in model.sample(6, random_state=1, temperature=temperature):
            pitches = piece.pitches()
            assert len(piece.notes) and piece.voices == 2
            assert (pitches >= 0).sum() == piece.notes[:, 1].sum(), "notes of a voice overlap"
            assert model.codec_.seen_[piece.notes[:, 3], piece.notes[:, 2]].all()


def test_notes_of_a_tune_are_learnt() -> None:
    tune = [zh.Piece.from_voices([[72, 60], [74, 60], [76, 64]])] * 60
    settings = {
        **zh.MusicGPT.tiny,
        "width": 32,
        "context": 32,
        "max_steps": 250,
        "learning_rate": 1e-2,
        "warmup_steps": 5,
        "dropout": 0.0,
        "optimizer": "adamw",
        "patience": None,
        "device": "cpu",
    }
    model = zh.MusicGPT(**settings, random_state=0).fit(tune)
    assert model.sample(2, temperature=0.0, random_state=0) == tune[:2]
    assert model.score(tune[:1]) > -3
