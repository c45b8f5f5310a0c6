"""Sequences laid along the time axis: alignments against enumeration, and a language whose letters are known."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from zaohua.core.record import Record
from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.alignment import STATES, Aligner, laid_spec, lies_along
from zaohua.nn.monotonic import best_path

TEXT = DataSpec(("position",), None, (Feature("token", "category", size=4),), pad=-1)
LABEL = DataSpec((), (), (Feature("label", "category", size=2),))
SETS = DataSpec(("member",), None, (Feature("label", "category", size=2),), pad=-1)
LENGTHS = (4, 5, 7, 6)
"""Frames of each letter of the language."""


def spectrogram(frames: int = 40, bands: int = 3) -> DataSpec:
    return DataSpec(("band", "frame"), (bands, frames), (Feature("magnitude", "real", size=1),))


def words(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Words of 2 to 6 letters, padded, and their spectrograms: each letter has a spectrum and a length of its own."""
    rng = np.random.default_rng(seed)
    spectra = torch.tensor([[0.9, -0.9, 0.0], [-0.8, 0.7, 0.5], [0.3, 0.9, -0.7], [-0.6, -0.2, 0.9]])
    x, y = torch.full((n, 1, 3, 40), -1.0), torch.full((n, 6), -1)
    for i in range(n):
        letters = rng.integers(4, size=rng.integers(2, 7)).tolist()
        word = torch.cat([spectra[c].repeat(LENGTHS[c], 1) for c in letters])[:40]
        x[i, 0, :, : len(word)], y[i, : len(letters)] = word.T, torch.tensor(letters)
    return x, y


def fitted(steps: int = 150) -> Aligner:
    torch.manual_seed(0)
    aligner = Aligner(spectrogram(), TEXT, 0, -1.0)
    optimizer = torch.optim.Adam(aligner.parameters(), 3e-3)
    for step in range(steps):
        optimizer.zero_grad()
        aligner.loss(*words(12, step)).mean().backward()
        torch.nn.utils.clip_grad_norm_(aligner.parameters(), 1.0)
        optimizer.step()
    return aligner


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    return fitted()


def test_paths_are_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    score = rng.normal(size=(5, 4, 7)).astype(np.float32)
    counts, lengths = np.array([4, 3, 1, 2, 4]), np.array([7, 5, 3, 7, 4])
    found = best_path(score, counts, lengths)
    for item, (count, length) in enumerate(zip(counts, lengths, strict=True)):
        every = [
            np.repeat(np.arange(count), np.diff([0, *cuts, length]))
            for cuts in itertools.combinations(range(1, length), count - 1)
        ]
        best = max(every, key=lambda path: score[item, path, np.arange(length)].sum())
        assert found[item].tolist() == [*best, *[-1] * (7 - length)]


def test_an_item_shorter_than_its_sequence_is_shared_evenly_and_one_without_gets_nothing() -> None:
    found = best_path(np.zeros((2, 4, 3), np.float32), np.array([4, 0]), np.array([2, 3]))
    assert found.tolist() == [[0, 2, -1], [-1, -1, -1]]


def test_what_lies_along_what() -> None:
    record = DataSpec(("part",), None, (), parts=(("voice", LABEL), ("words", TEXT)))
    image = DataSpec(("height", "width"), (8, 8), (Feature("pixel", "real", size=1),))
    series = DataSpec(("time",), (30,), (Feature("value", "real", size=2),))
    assert [lies_along(y, spectrogram()) for y in (TEXT, LABEL, SETS, record, None)] == [0, None, None, 1, None]
    assert lies_along(TEXT, series) == 0 and lies_along(TEXT, image) is None
    names = [(name, spec.channels) for name, spec in laid_spec(record, series, 1).parts]
    assert names == [("voice", 2), ("words", 3)]


def test_unseen_words_are_spoken_as_their_letters_say(aligner: Aligner) -> None:
    x, y = words(40, seed=10_000)
    with torch.no_grad():
        laid = aligner.lay(y)
    mean = laid.parts["sequence"][:, :1]
    truth, said = aligner.lengths(x), aligner.ends(laid)
    assert said is not None and (said - truth).abs().max() <= 2
    assert (mean - x).abs().mean() < 0.1  # 0.6 of an item that is blank
    aligned = aligner.lay(y, x).parts["sequence"][:, :1]
    assert (aligned - x).abs().mean() < 0.05


def test_an_item_alone_is_as_in_a_batch_and_padding_moves_nothing(aligner: Aligner) -> None:
    x, y = words(6, seed=1)
    short = y[:, :4].masked_fill(torch.arange(4) > 1, -1)
    long = torch.nn.functional.pad(short, (0, 30), value=-1)
    left = torch.cat([torch.full((6, 5), -1), short], dim=1)
    with torch.no_grad():
        whole = aligner.lay(short).parts["sequence"]
        for other in (long, left):
            assert (aligner.lay(other).parts["sequence"] - whole).abs().max() < 1e-5
        assert (aligner.lay(short[2:3]).parts["sequence"] - whole[2:3]).abs().max() < 1e-5
        assert (aligner.loss(x[2:3], y[2:3]) - aligner.loss(x, y)[2:3]).abs().max() < 1e-5


def test_a_long_axis_is_aligned_in_cells_of_several_places() -> None:
    spec = DataSpec(("time",), (1100,), (Feature("value", "real", size=2),))
    aligner = Aligner(spec, TEXT, 0, 0.0)
    x = torch.randn(3, 2, 1100)
    x[1, :, 500:] = 0.0
    assert (aligner.stride, aligner.cells) == (3, 367)
    assert torch.equal(aligner.items(aligner.frames(x)), x)
    assert aligner.lengths(x).tolist() == [367, 167, 367]
    assert aligner.lay(torch.tensor([[0, 1]]), x[:1]).parts["sequence"].shape == (1, 3, 1100)


def test_items_of_one_length_are_filled_and_too_long_sequences_are_faster() -> None:
    y = torch.arange(60).remainder(4).view(1, -1)
    for blank in (None, -1.0):
        laid = Aligner(spectrogram(), TEXT, 0, blank).lay(y)
        assert (laid.parts["sequence"][:, 1] == 1).all()
    laid = Aligner(spectrogram(), TEXT, 0, None).lay(y[:, :1])
    assert (laid.parts["sequence"][:, 1] == 1).all()


def test_a_part_that_is_missing_is_laid_as_missing() -> None:
    spec = DataSpec(("part",), None, (), parts=(("voice", LABEL), ("words", TEXT)))
    aligner = Aligner(spectrogram(), spec, 1, -1.0)
    voice, everyone = torch.tensor([0, 1, 1]), torch.ones(3, dtype=torch.bool)
    tokens = torch.tensor([[0, 1], [2, -1], [-1, -1]])
    there = torch.tensor([True, False, True])
    y = Record({"voice": voice, "words": tokens}, {"voice": everyone, "words": there})
    laid = aligner.lay(y)
    assert laid.present["words"].tolist() == [True, False, False]  # the last is an empty text
    assert laid.parts["words"].shape == (3, 2, 3, 40) and torch.equal(laid.parts["voice"], voice)
    ends: Any = aligner.ends(laid)
    assert ends[0] < 40 and ends[1:].tolist() == [40, 40]
    without = aligner.lay(Record({"voice": voice}, {"voice": everyone, "words": ~everyone}))
    assert "words" not in without.parts and not without.present["words"].any()
    assert aligner.loss(torch.zeros(3, 1, 3, 40), y)[2] == 0


def test_voices_have_means_of_their_own() -> None:
    spec = DataSpec(("part",), None, (), parts=(("voice", LABEL), ("words", TEXT)))
    aligner = Aligner(spectrogram(), spec, 1, -1.0)
    y = Record(
        {"voice": torch.tensor([0, 1]), "words": torch.tensor([[1, 2], [1, 2]])},
        dict.fromkeys(("voice", "words"), torch.ones(2, dtype=torch.bool)),
    )
    states = aligner.states(y, y.parts["words"])
    assert states.counts.tolist() == [STATES * 4] * 2 and not torch.allclose(states.means[0], states.means[1])
    hidden = aligner.lay(y, keep=torch.tensor([[True, True], [False, True]]))
    shown = aligner.lay(y)
    nobody = Record(y.parts, {**y.present, "voice": ~y.present["voice"]})
    unknown = aligner.states(nobody, y.parts["words"]).means
    assert torch.equal(unknown[0], unknown[1])
    first, second = (laid.parts["words"][:, :1] for laid in (hidden, shown))
    assert torch.equal(first[0], second[0]) and not torch.allclose(first[1], second[1])
    assert torch.equal(hidden.parts["words"][:, 1], shown.parts["words"][:, 1])  # the same durations
