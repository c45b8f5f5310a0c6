"""The public tensor layer gives what `sample`, `score_samples` and `transform` are made of, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tests.families.oracles import Mixture
from tests.trainings import digits, make
from torch import Tensor, nn

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.estimator.denoiser import Denoiser
from zaohua.estimator.tensors import Encoded, expand_condition
from zaohua.families.samplers import SAMPLERS, Heun

X, Y = digits(80)
NUMBERS = np.random.default_rng(0).normal(5, 2, size=(80, 3))
TEXTS = [f"a line of text, number {i}" for i in range(40)]


def fit(name: str, x: Any = X, y: Any = Y, **fields: Any) -> Any:
    cls = getattr(zh, name)
    model = make(name, 10, **fields) if hasattr(cls, "max_steps") else cls(random_state=0, **{**cls.tiny, **fields})
    return model.fit(x, y)


# ---- items and conditions


@pytest.mark.parametrize("name", ["GMM", "Flow", "VAE", "ImageGPT"])
def test_pictures_come_back_as_they_went_in(name: str) -> None:
    model = fit(name)
    encoded = model.encode_items(X[:7], Y[:7])
    x, y, noise = model.prepare_items(encoded)
    assert len(encoded) == len(x) == len(y) == noise.n == 7 and x.shape[1:] == model.spec_.tensor_shape
    assert np.array_equal(model.decode_tensors(x), X[:7])
    assert model.y_codec_.decode(encoded.y_codes) == Y[:7]
    rows = np.array([5, 0])
    assert np.array_equal(model.decode_tensors(model.prepare_items(encoded.take(rows)).x), X[rows])


def test_texts_numbers_and_tables_come_back_as_they_went_in() -> None:
    model = fit("GPT", TEXTS, None, context=32)
    assert model.decode_tensors(model.prepare_items(model.encode_items(TEXTS[:3])).x) == TEXTS[:3]
    model = fit("Normal", NUMBERS, None)
    assert np.array_equal(model.decode_tensors(model.prepare_items(model.encode_items(NUMBERS[:4])).x), NUMBERS[:4])
    table = pd.DataFrame({"size": np.linspace(0, 1, 80).round(2), "colour": ["red", "blue"] * 40})
    model = fit("TabFlow", table, None)
    assert model.decode_tensors(model.prepare_items(model.encode_items(table[:6])).x).equals(table[:6])


@pytest.mark.parametrize("name", ["Flow", "VAE", "GMM", "DCGAN", "ImageGPT"])
def test_sample_is_condition_then_draw_then_decode(name: str) -> None:
    model = fit(name)
    with torch.no_grad():
        x = model.draw(model.item_noise(5, random_state=7), model.condition(3, 5))
    assert np.array_equal(model.decode_tensors(x), model.sample(5, y=3, random_state=7))


@pytest.mark.parametrize("name", ["Flow", "VAE"])
def test_transform_is_encode_of_prepared_items(name: str) -> None:
    model = fit(name)
    with torch.no_grad():
        z = model.encode(*model.prepare_items(model.encode_items(X[:5], Y[:5])))
    assert np.array_equal(z.numpy(), model.transform(X[:5], Y[:5]))


@pytest.mark.parametrize(("y", "one", "some"), [(Y, 3, [1, 2, 3]), (X, X[0], X[:3])], ids=["labels", "pictures"])
def test_a_condition_is_what_sampling_hands_to_networks(
    y: Any, one: Any, some: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, seen = fit("Flow", X, y), []
    draw = model.draw

    def spied(noise: Any, y: Tensor) -> Tensor:
        seen.append(y)
        return draw(noise, y)

    monkeypatch.setattr(model, "draw", spied)
    model.sample(4, y=one, random_state=0)
    model.sample(y=some, random_state=0)
    for condition, used in ((model.condition(one, 4), seen[0]), (model.condition(some), seen[1])):
        assert condition.dtype == used.dtype and torch.equal(condition, used)
    assert model.condition(None, 4) is None


def test_conditions_that_do_not_fit_are_errors() -> None:
    model, plain = fit("GMM"), fit("GMM", X, None)
    with pytest.raises(ZaohuaError, match="n_samples is 2, but y is a list of 3 conditions"):
        model.condition([1, 2, 3], 2)
    with pytest.raises(ZaohuaError, match="fitted without labels"):
        plain.condition(3)
    with pytest.raises(ZaohuaError, match="7 items but 2 labels"):
        model.attach_conditions(model.encode_items(X[:7]).codes, [1, 2])
    with pytest.raises(ZaohuaError, match="give y too"):
        model.log_prob_fn()
    with pytest.raises(ZaohuaError, match="4 items but 3 conditions"):
        expand_condition(torch.zeros(3, 2), 4)
    assert torch.equal(expand_condition(torch.tensor([[1.0, 2.0]]), 3), torch.tensor([[1.0, 2.0]] * 3))


def test_options_of_sampling_are_those_of_a_copy() -> None:
    model = fit("Flow")
    other = model.with_options(steps=2, guidance=1.0)
    assert (other.steps, model.steps) == (2, 4) and other.nets_ is model.nets_
    assert np.array_equal(
        other.sample(2, y=1, random_state=0), model.sample(2, y=1, random_state=0, steps=2, guidance=1.0)
    )
    with pytest.raises(ZaohuaError, match="sampling option of Flow: 'channels'"):
        model.with_options(channels=8)


# ---- densities


@pytest.mark.parametrize("name", ["GMM", "MADE", "ImageGPT", "VAE", "Flow", "Normal"])
@pytest.mark.parametrize("labels", [True, False])
def test_log_prob_fn_is_score_samples(name: str, labels: bool) -> None:
    """Bit for bit, with the noise of the items; where nothing is drawn, without it and alone as well."""
    x, y = (NUMBERS if name == "Normal" else X), (Y if labels else None)
    model = fit(name, x, y)
    given = y[:6] if labels else None
    scores, batch = model.score_samples(x[:6], given), model.prepare_items(model.encode_items(x[:6], given))
    with torch.no_grad():
        log_prob = model.log_prob_fn(model.condition(given))
        assert np.array_equal(log_prob(batch.x, batch.noise).double().numpy(), scores)
        if model.score_kind == "exact":
            assert np.allclose(log_prob(batch.x).double().numpy(), scores, rtol=1e-5)
            one = model.log_prob_fn(model.condition(given[2]) if labels else None)  # one condition serves all
            assert np.allclose(float(one(batch.x)[2]), scores[2], rtol=1e-5)
        assert torch.equal(log_prob(batch.x), log_prob(batch.x))


def test_map_items_goes_through_all_items_in_order() -> None:
    model = fit("Normal", np.arange(600.0), None)
    means = model.map_items(lambda x, y, noise: x.flatten(1).mean(1), model.encode_items(np.arange(600.0)))
    assert means.dtype == np.float64 and np.allclose(np.argsort(means), np.arange(600))


# ---- denoisers

SQUARES = Mixture([0.3, 0.7], [[-0.6, 0.4, 0.1, 0.0], [0.5, -0.2, 0.0, 0.3]], [0.15, 0.3])
"""Pictures of two by two real pixels."""


class Exact(nn.Module):
    """The network that a perfectly trained Flow or DDPM would have."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.name, self.schedule = type(model).__name__, model.noise_schedule
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, x_t: Tensor, t: Tensor, y: Tensor | None, keep: Tensor | None) -> Tensor:
        t = t[0].double() / 1000
        x, e = SQUARES.predict(self.schedule)(x_t.double().flatten(1), t)
        return (e - x if self.name == "Flow" else e).view_as(x_t).float()


def exact(name: str) -> Any:
    """A model of real pictures, with the exact network for `SQUARES`."""
    model = fit(name, np.random.default_rng(0).normal(size=(40, 4, 4)), None)
    model.spec_ = fit("GMM", np.random.default_rng(0).normal(size=(40, 2, 2)), None).spec_
    model.nets_ = nn.ModuleDict({"net": Exact(model)}).requires_grad_(False)
    return model


@pytest.mark.parametrize("name", ["Flow", "DDPM"])
def test_a_denoiser_is_the_mixtures(name: str) -> None:
    """Whatever the network predicts, expected data and noise are those of the closed form; so are samples."""
    model = exact(name)
    denoiser = model.denoiser()
    assert isinstance(denoiser, Denoiser) and type(denoiser.schedule) is type(model.noise_schedule)
    x_t = torch.randn(9, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    for t in (0.9, 0.5, 0.05):
        truth = SQUARES.predict(denoiser.schedule)(x_t.double().flatten(1), torch.tensor(t, dtype=torch.float64))
        for made, exactly in zip(denoiser(x_t, t), truth, strict=True):
            assert made.dtype == torch.float32 and torch.allclose(made.flatten(1).double(), exactly, atol=2e-4)
    noise = torch.randn(4000, 1, 2, 2, generator=torch.Generator().manual_seed(1))
    x = Heun().sample(denoiser, denoiser.times(30), denoiser.start(noise)).flatten(1).double()
    assert torch.allclose(x.mean(0), SQUARES.mean, atol=0.04) and torch.allclose(x.T.cov(), SQUARES.cov, atol=0.03)


@pytest.mark.parametrize("name", ["Flow", "DDPM", "EDM"])
def test_sample_is_the_samplers_steps_with_the_denoiser(name: str) -> None:
    model = fit(name)
    for sampler, cls in SAMPLERS.items():
        with torch.no_grad():
            denoiser, noise = model.denoiser(model.condition(3)), model.item_noise(5, random_state=7)
            x, stepper = denoiser.start(noise.normal(*model.spec_.tensor_shape)), cls()
            times = denoiser.times(model.steps)
            for t, s in zip(times[:-1], times[1:], strict=True):
                x = stepper.step(denoiser, x, t, s, noise)
        assert np.array_equal(model.decode_tensors(x), model.sample(5, y=3, random_state=7, sampler=sampler))


@pytest.mark.parametrize("name", ["Flow", "DDPM", "EDM"])
def test_a_denoiser_keeps_data_in_range_and_lets_gradients_through(name: str) -> None:
    model = fit(name)
    denoiser, t = model.denoiser(model.condition(3)), torch.tensor(0.5, dtype=torch.float64)
    x_t = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    x, e = denoiser(x_t, t)
    alpha, sigma = float(denoiser.schedule.alpha(t)), float(denoiser.schedule.sigma(t))
    assert x.abs().max() <= 1 and torch.allclose(alpha * x + sigma * e, x_t, atol=1e-3 * sigma)
    x.square().sum().backward()
    assert x_t.grad is not None and x_t.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in model.nets_.parameters())


def test_encoded_items_without_conditions_are_taken_as_they_are() -> None:
    encoded = Encoded(torch.arange(5))
    assert len(encoded) == 5 and encoded.take(np.array([3])).codes.tolist() == [3] and encoded.y_codes is None
