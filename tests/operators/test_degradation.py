"""Degradations as text, and what a solver is told of them."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.operators.cases import normal
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise, ItemNoise
from zaohua.core.params import Between, fields_of
from zaohua.operators.base import Identity, Operator
from zaohua.operators.chain import Chain
from zaohua.operators.covariance import Isotropic
from zaohua.operators.degradation import Degradation
from zaohua.operators.masks import Mask
from zaohua.operators.noise import GaussianNoise
from zaohua.operators.resizing import Downscale
from zaohua.operators.step import Units
from zaohua.operators.texts import STEPS

BYTES = Units(low=0.0, scale=127.5)
SPEECH = Units(rate=8000.0)
ARGUMENTS = {"mask box": "2 1 3 2", "mask gap": "0.001 0.002", "noise": "10", "clip": "200"}


def random_step(name: str, generator: np.random.Generator) -> str:
    """A step with random values, which may be written as names."""
    words = [name]
    for key, field in fields_of(STEPS[name]).items():
        assert field.bounds is not None
        low, high = max(field.bounds.low, field.bounds.above or 1e-3, 1e-3), min(field.bounds.high, 1e4)
        value = float(np.exp(generator.uniform(np.log(low), np.log(high))))
        text = str(max(1, round(value))) if field.type is int else generator.choice([repr(value), f"{value:.2g}"])
        words.append(f"{key}={text}" if generator.random() < 0.3 else text)
    return " ".join(words)


def test_text_is_read_as_it_is_written() -> None:
    generator = np.random.default_rng(0)
    for _ in range(300):
        names = generator.choice([*STEPS], generator.integers(1, 5))
        degradation = Degradation.parse(" | ".join(random_step(name, generator) for name in names))
        assert Degradation.parse(str(degradation)) == degradation
        assert str(Degradation.parse(str(degradation))) == str(degradation)
        assert len({degradation, Degradation.parse(str(degradation))}) == 1


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("downscale 4|noise 10", "downscale 4 | noise 10"),
        ("  Noise   sigma=1e-5 ", "noise 1e-05"),
        ("downscale", "downscale 2"),
        ("blur motion angle=45 length=7", "blur motion 7 45"),
        ("mask box height=2 width=3", "mask box 0 0 3 2"),
        ("noise salt-and-pepper 0.1", "noise salt-and-pepper 0.1"),
        ("clicks 0.01 3", "clicks 0.01"),
        ("grey", "grey"),
        ("noise", "noise"),
    ],
)
def test_text_has_one_canonical_form(text: str, written: str) -> None:
    assert str(Degradation.parse(text)) == written
    assert Degradation.parse(Degradation.parse(text)) == Degradation.parse(written)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "degradation '' has an empty step: write it like 'downscale 4 | noise 10'"),
        ("blur 2 | | noise 1", "has an empty step"),
        ("blurr 2", "unknown degradation 'blurr'; did you mean 'blur'"),
        ("mask 1 2", "unknown degradation 'mask'; did you mean 'mask"),
        ("noise poison 3", "'noise': sigma must be a number, not 'poison'; did you mean 'noise poisson'?"),
        ("downscale 2.5", "'downscale': factor must be a whole number, not '2.5'"),
        ("downscale 1", "'downscale': factor must be between 2 and 64, not 1"),
        ("noise nan", "'noise': sigma must be between 0 and 1e.09, not nan"),
        ("noise -3", "'noise': sigma must be between 0"),
        ("noise 1 2", "'noise' takes sigma, not 2 values: 'noise 1 2'"),
        ("grey 3", "'grey' takes no values"),
        ("noise size=3", "unknown value of 'noise': 'size'"),
        ("noise sigma=3 sigma=4", "sigma of 'noise' is given twice"),
        ("mask box", "'mask box': width must be between 1"),
        ("jpeg 0", "'jpeg': quality must be between 1 and 100, not 0"),
        (" | ".join(["grey"] * 17), "at most 16 steps, not 17"),
    ],
)
def test_wrong_text_is_one_line(text: str, words: str) -> None:
    with pytest.raises(ZaohuaError, match=words) as error:
        Degradation.parse(text)
    assert "\n" not in str(error.value)


def test_steps_given_in_python_are_checked() -> None:
    with pytest.raises(ZaohuaError, match="'downscale': factor must be between 2 and 64, not 0"):
        Degradation((Downscale(factor=0),))
    with pytest.raises(ZaohuaError, match="is an operator or noise, not a str"):
        Degradation(("blur 2",))  # type: ignore[arg-type]
    with pytest.raises(ZaohuaError, match="is a text like .*, not an int"):
        Degradation.parse(3)  # type: ignore[arg-type]


class Shift(Operator):
    """A user's own operator, of one file: the rest is inherited."""

    name = "shift"

    by: Annotated[int, Between(0)] = 1
    """Values to shift by."""

    def __call__(self, x: Tensor) -> Tensor:
        return x.roll(self.by, -1)


def test_own_operators_work_like_ours() -> None:
    degradation = Degradation((Shift(by=2), GaussianNoise(sigma=0.1)))
    assert str(degradation) == "shift 2 | noise 0.1" and degradation == Degradation(
        (Shift(by=2), GaussianNoise(sigma=0.1))
    )
    x = normal(2, 1, 6)
    given = degradation.observe(x, ItemNoise([1, 2]))
    near = given.operator.near(given.seen, x * 0, 1e-3, Isotropic(torch.tensor(1.0)))
    torch.testing.assert_close(near, given.seen.roll(-2, -1), rtol=0, atol=1e-4)
    with pytest.raises(ZaohuaError, match="'by'|by must be"):
        Degradation((Shift(by=-1),))


@pytest.mark.parametrize("name", STEPS)
def test_observation_is_what_a_call_returns_and_a_solver_can_use_it(name: str) -> None:
    shape = (1, 64) if name in ("clicks", "mask gap") else (3, 16, 24)
    units = SPEECH if len(shape) == 2 else BYTES
    degradation = Degradation.parse(f"{name} {ARGUMENTS.get(name, '')}").in_units(units)
    x = normal(3, *shape).float().clamp(-0.9, 0.9)
    given = degradation.observe(x, ItemNoise([1, 2, 3]))
    assert torch.equal(given.seen, degradation(x, ItemNoise([1, 2, 3])))
    assert torch.equal(degradation(x[1:2], ItemNoise([2])), given.seen[1:2])
    near = given.operator.near(given.seen, x * 0, given.sigma, Isotropic(torch.tensor(1.0)))
    assert near.shape == x.shape and bool(near.isfinite().all())
    assert degradation.before(tuple(given.seen.shape[1:])) == shape


def test_values_are_in_the_items_units() -> None:
    given = Degradation.parse("downscale factor=2 | noise 12.75").in_units(BYTES).observe(
        torch.zeros(2, 1, 4, 4), ItemNoise([1, 2])
    )  # fmt: skip
    assert given.sigma == pytest.approx(0.1) and given.seen.shape == (2, 1, 2, 2)
    seen = Degradation.parse("mask gap 0.5 0.25").in_units(Units(rate=8.0))(torch.ones(1, 1, 8), ItemNoise([0]))
    assert seen[0, 0].tolist() == [1, 1, 1, 1, 0, 0, 1, 1]
    with pytest.raises(ZaohuaError, match="'resample 4000': what isn't a sound has no hertz"):
        Degradation.parse("resample 4000").in_units(BYTES)
    with pytest.raises(ZaohuaError, match="'band 5000' is above the 4000 of the sounds"):
        Degradation.parse("band 5000").in_units(SPEECH)


@pytest.mark.parametrize(
    ("text", "sigma"),
    [
        ("noise 0.3 | noise 0.4", 0.5),
        ("noise 0.8 | downscale 2 | noise 0.3", 0.5),
        ("noise 0.3 | mask box 1 1 2 2", 0.3),
        ("noise 0.4 | resample 0.5", 0.2),
        ("noise 0.4 | downscale 2 | resample 0.5", 0.1),
        ("noise 0.4 | band 0.5", 0.4),
        ("noise 0.4 | jpeg 50", 0.4),
        ("downscale 2 | noise 0.1", 0.1),
    ],
)
def test_variances_of_noise_before_and_after_add(text: str, sigma: float) -> None:
    degradation, shape = Degradation.parse(text), (1, 8, 8)
    given = degradation.observe(torch.zeros(2, *shape), ItemNoise([1, 2]))
    assert given.sigma == pytest.approx(sigma)
    if "mask" not in text and "band" not in text and "jpeg" not in text:
        seen = degradation(torch.zeros(500, *shape), BatchNoise(0, 500))
        assert float(seen.std()) == pytest.approx(sigma, rel=0.05)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("noise 10 | blur 2", "'noise 10' comes before 'blur 2', after which it is no independent noise"),
        ("noise poisson 30 | downscale 2", "'noise poisson 30' comes before 'downscale 2', after which"),
        ("noise salt-and-pepper 0.1 | noise 3", "comes before 'noise 3', after which it can't be found"),
        ("clip 0.5 | noise 0.1", "'noise 0.1' comes after 'clip 0.5', which isn't linear"),
        ("clip 0.5 | downscale 2", "'clip 0.5' comes before 'downscale 2', and isn't linear"),
        ("blur 1 | jpeg 50", "'jpeg 50' isn't linear, and follows 'blur 1'"),
    ],
)
def test_what_a_solver_cannot_undo_is_said_but_can_be_trained_for(text: str, words: str) -> None:
    degradation, x = Degradation.parse(text), normal(2, 1, 8, 8).float()
    with pytest.raises(ZaohuaError, match=words) as error:
        degradation.observe(x, ItemNoise([1, 2]))
    assert "\n" not in str(error.value)
    assert not torch.equal(degradation(x, ItemNoise([1, 2])), x)


@pytest.mark.parametrize("text", ["mask random 0.5", "scratches 3"])
def test_places_drawn_by_others_are_unknown(text: str) -> None:
    with pytest.raises(ZaohuaError, match=f"where '{text}' changed values isn't known"):
        Degradation.parse(text).inverse_problem(torch.zeros(1, 1, 8, 8), (1, 8, 8))


def test_drawn_places_are_the_items_own() -> None:
    degradation, x = Degradation.parse("mask random 0.5 | blur 1 | scratches 2"), normal(3, 3, 9, 7).float()
    given = degradation.observe(x, ItemNoise([1, 2, 3]))
    assert isinstance(given.operator, Chain) and isinstance(given.operator.operators[0], Mask)
    hidden = ~given.operator.operators[0].seen
    assert hidden.shape == (3, 1, 9, 7) and not torch.equal(hidden[0], hidden[1])


def test_chain_without_operators_is_the_identity() -> None:
    assert isinstance(Degradation.parse("noise 3").observe(torch.zeros(1, 1, 4), ItemNoise([1])).operator, Identity)
