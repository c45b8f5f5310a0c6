"""Gradients of single items: equal to those of batches of one for every model, or the model is refused by name."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from tests.test_contract import MODELS, data_of, make
from torch import Tensor, nn

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise
from zaohua.training.events import Batch
from zaohua.training.loop import Engine
from zaohua.training.private.gradients import ItemGradients, clipped_sum
from zaohua.training.trainable import Trainable

CASES = [
    (name, kind)
    for name, kind in MODELS
    if issubclass(getattr(zh, name), Trainable) and (kind != "sounds" or name == "VAE")  # a vocoder is learnt beside it
]
REFUSED = {
    "CTGAN": "scores 5 rows together",
    "DCGAN": "the batch normalisation of its generator",
    "R3GAN": "the gradient penalties",
    "WGANGP": "the gradient penalty",
    "WaveGAN": "the gradient penalty",
}
ITEMS = 4
LOOPED = ("ChoraleRNN",)
"""Models whose items are computed one after the other."""


@functools.cache
def engine(name: str, kind: str) -> Engine:
    """A training whose weights aren't the first ones, which are silent in many networks."""
    model = make(name, precision="float32", device="cpu", epsilon=10.0, private_draws=2, max_steps=2)
    if name == "WaveNet":
        model.context = 300  # a row of each sound
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zaohua.training.private.budget.noise_for", lambda *_: 1.0)
        return training_of(model, name, kind)


def training_of(model: Any, name: str, kind: str) -> Engine:
    x, y = data_of(name, kind)
    if kind == "texts":
        x = [text[:12] for text in x]
    training = Engine(model, model._rows_to_learn(model._begin(x, y)), None, [])
    generator = torch.Generator().manual_seed(0)
    for parameter in training.nets.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator)
    for module in training.nets.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # draws for each item by itself, and nothing equals it then
    return training


@pytest.mark.parametrize(("name", "kind"), [case for case in CASES if case[0] not in REFUSED], ids="-".join)
def test_every_model_has_the_gradients_of_a_loop(name: str, kind: str) -> None:
    training = engine(name, kind)
    rows = training.batches.items[:ITEMS].repeat(2)
    assert training.private is not None
    for phase, found in training.private.gradients.items():
        training.choose(phase)

        def batch() -> Batch:
            y = None if training.data.y is None else training.data.y[rows]
            return training.batch(training.data.x[rows], y, 7, 0, len(rows), train=True)

        fresh = ItemGradients(found.phase, found.parameters, 2)
        together = fresh.of(batch(), noise)
        assert bool(fresh.looped) == (name in LOOPED), fresh.looped
        single = alone(found, batch())
        norm = sum(float(g.square().sum()) for g in single.values()) ** 0.5
        away = sum(float((together[key] - g).square().sum()) for key, g in single.items()) ** 0.5
        assert norm > 0 and away <= 1e-4 * norm
        again = fresh.of(batch(), noise)  # what is drawn is foreseen now, without the loss
        assert all(torch.allclose(again[key], g, rtol=1e-4, atol=1e-6) for key, g in together.items())


def alone(found: ItemGradients, batch: Batch) -> dict[str, Tensor]:
    """The gradients of each item by ordinary automatic differentiation."""
    looped = ItemGradients(found.phase, found.parameters, 2)
    looped.looped = "for comparison"
    return looped.of(batch, noise)


def noise(n: int = 2 * ITEMS) -> BatchNoise:
    return BatchNoise(3, n)


@pytest.mark.parametrize(("name", "kind"), [case for case in CASES if case[0] in REFUSED], ids="-".join)
def test_models_whose_items_depend_on_each_other_are_refused(name: str, kind: str) -> None:
    with pytest.raises(ZaohuaError, match=f"{name} can't be trained with epsilon=: .*{REFUSED[name]}.*can"):
        engine(name, kind)


class Pair(nn.Module):
    """A loss of a vector w: w . x + w . noise, whose gradient is x + noise."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(3))

    def forward(self, batch: Batch) -> Tensor:
        return (batch.x + batch.noise.normal(3)) @ self.w


def test_losses_of_an_item_are_averaged_before_anything_is_clipped() -> None:
    phase, x = Pair(), torch.arange(12.0).view(4, 3)
    found = ItemGradients(phase, dict(phase.named_parameters()), draws=2)
    gradients = found.of(Batch(x.repeat_interleave(2, 0), None, noise()), noise)
    torch.testing.assert_close(gradients["w"], x + noise().normal(3).view(4, 2, 3).mean(1))


def test_no_item_counts_more_than_the_norm() -> None:
    gradients: dict[str, Any] = {
        "a": torch.tensor([[3.0, 0.0], [0.1, 0.0], [torch.nan, 1.0], [torch.inf, 0.0]]),
        "b": torch.tensor([[4.0], [0.0], [1.0], [1.0]]),
    }
    total = clipped_sum(gradients, 1.0)
    torch.testing.assert_close(total["a"], torch.tensor([0.6 + 0.1, 0.0]))
    torch.testing.assert_close(total["b"], torch.tensor([0.8]))


def test_what_a_loss_draws_may_change() -> None:
    class Growing(Pair):
        def forward(self, batch: Batch) -> Tensor:
            return (batch.x + batch.noise.normal(batch.x.shape[1])).sum(1) * self.w[0]

    phase = Growing()
    found = ItemGradients(phase, dict(phase.named_parameters()))
    for size in (3, 5):
        gradient = found.of(Batch(torch.ones(2, size), None, noise(2)), lambda: noise(2))["w"][:, 0]
        torch.testing.assert_close(gradient, size + noise(2).normal(size).sum(1))
