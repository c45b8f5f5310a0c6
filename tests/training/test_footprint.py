"""Memory that a step needs, foreseen before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.trainings import PLAIN, Mean, digits, make
from torch import Tensor, nn

import zaohua as zh
from zaohua.core import memory
from zaohua.core.errors import ZaohuaError
from zaohua.training import footprint, loop

SMALL = {**PLAIN, "batch_size": 8}


@pytest.fixture
def foreseen(monkeypatch: pytest.MonkeyPatch) -> list[footprint.Footprint | None]:
    """What trainings foresee, in order."""
    found = list[footprint.Footprint | None]()

    def foresee(*arguments: Any) -> footprint.Footprint | None:
        found.append(footprint.foresee(*arguments))
        return found[-1]

    monkeypatch.setattr(loop, "foresee", foresee)
    return found


def test_activations_are_counted_by_item(foreseen: list[Any]) -> None:
    """The mean of 64 numbers squares its inputs less a weight: it saves one difference of 256 bytes for each item."""
    Mean(max_steps=1, **SMALL).fit(digits()[0])
    Mean(max_steps=1, grad_accumulation=4, **SMALL).fit(digits()[0])
    whole, parts = foreseen
    assert whole.per_item == parts.per_item > 0 and (whole.at_once, parts.at_once) == (8, 2)
    assert whole.total > parts.total


@pytest.mark.parametrize("name", ["VAE", "DCGAN", "Flow"])
def test_foreseeing_changes_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    images = digits()[0]
    with_probe = make(name, 2).fit(images)
    monkeypatch.setattr(loop, "foresee", lambda *arguments: None)
    without = make(name, 2).fit(images)
    for one, other in zip(with_probe.nets_.state_dict().values(), without.nets_.state_dict().values(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("free", "message"),
    [
        (
            300_000,
            r"a step with 64 items at once takes at least \d+ MiB of memory, and 1 MiB are free: "
            r"grad_accumulation=\d+ gives the same result in less, or take smaller items \(size=\)",
        ),
        (200, r"one item in training, with its networks, takes at least 1 MiB .*: take smaller items \(size=\)"),
    ],
)
def test_a_step_that_cannot_fit_is_refused_before_anything_is_written(
    free: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, "free_memory", lambda: free)
    monkeypatch.setattr(footprint, "PER_WEIGHT", 0)
    monkeypatch.setattr(footprint, "limited", lambda size: footprint.nullcontext())
    with pytest.raises(ZaohuaError, match=message):
        make("VAE", 2, batch_size=64).fit(digits(64)[0], out=tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_loss_that_needs_a_whole_batch_has_no_forecast(foreseen: list[Any]) -> None:
    class Whole(Mean):
        def loss(self, nets: nn.ModuleDict, batch: Any, phase: str) -> Tensor:
            assert len(batch) == 8
            return super().loss(nets, batch, phase)

    Whole(max_steps=2, **SMALL).fit(digits()[0])
    assert foreseen == [None]


def test_running_out_of_memory_in_training_says_what_takes_less(monkeypatch: pytest.MonkeyPatch) -> None:
    class Large(Mean):
        def loss(self, nets: nn.ModuleDict, batch: Any, phase: str) -> Tensor:
            if len(batch) > 4:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")
            return super().loss(nets, batch, phase)

    with pytest.raises(ZaohuaError, match="out of memory at step 0: grad_accumulation=2 gives the same result in less"):
        Large(max_steps=2, **SMALL).fit(digits()[0])


def test_a_size_that_cannot_be_held_is_refused_with_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 2**30)
    pictures = [Image.fromarray(image.astype(np.uint8)) for image in digits(2)[0]]
    for images in (digits(2)[0], pictures):
        with pytest.raises(ZaohuaError, match=r"a picture of 60,000 x 60,000 pixels takes at least 16.8 GiB of memory"):
            zh.VAE(size=60_000, max_steps=1).fit(images)
    with pytest.raises(ZaohuaError, match=r"2,000 pictures of 1,000 x 1,000 pixels takes at least 1.9 GiB"):
        zh.VAE(size=1000, max_steps=1).fit(np.zeros((2000, 2, 2), np.uint8))
    with pytest.raises(ZaohuaError, match=r"Gaussian of 2 items of 1,000,000 values takes at least 14,901.2 GiB"):
        zh.Gaussian(size=1000).fit(digits(2)[0])


def test_items_are_sampled_in_chunks_by_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    model, sizes = make("VAE", 1).fit(digits()[0]), list[int]()
    draw = type(model).draw

    def counted(self: Any, noise: Any, y: Any) -> Tensor:
        sizes.append(noise.n)
        if noise.n > 5:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return draw(self, noise, y)

    whole = model.sample(12, random_state=0)
    monkeypatch.setattr(type(model), "draw", counted)
    np.testing.assert_array_equal(model.sample(12, random_state=0, batch_size=5), whole)
    assert sizes == [5, 5, 2]
    np.testing.assert_array_equal(model.sample(12, random_state=0), whole)
    assert sizes[3:] == [12, 6, 3, 3, 3, 3]
    with pytest.raises(ZaohuaError, match="batch_size must be a whole number of at least 1, not 0"):
        model.sample(2, batch_size=0)
    assert model.at_once() == 256
    model.spec_ = zh.ImageCodec().fit(np.zeros((1, 1024, 1024, 3), np.uint8)).spec_
    assert model.at_once() == 1
