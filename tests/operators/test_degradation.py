"""Degradations as text, and what a solver is told of them."""

from __future__ import annotations

import pytest
import torch

from zaohua.core.noise import ItemNoise
from zaohua.operators.degradation import Degradation
from zaohua.operators.step import Units

BYTES = Units(low=0.0, scale=127.5)


@pytest.mark.parametrize("text", ["downscale 4", "downscale 4 | noise 10", "grey | noise 0.1", "noise 1e-05"])
def test_text_is_read_as_it_is_written(text: str) -> None:
    assert str(Degradation.parse(text)) == text
    assert Degradation.parse(str(Degradation.parse(text))) == Degradation.parse(text)


def test_noise_is_in_the_items_units() -> None:
    problem = Degradation.parse("downscale factor=2 | noise 12.75").in_units(BYTES)
    observation = problem.observe(torch.zeros(2, 1, 4, 4), ItemNoise([1, 2]))
    assert observation.sigma == pytest.approx(0.1)
    assert observation.seen.shape == (2, 1, 2, 2)


def test_variances_of_noise_before_and_after_add() -> None:
    degradation = Degradation.parse("noise 0.8 | downscale 2 | noise 0.3")
    problem = degradation.inverse_problem(torch.zeros(1, 1, 2, 2), (1, 4, 4))
    assert problem.sigma == pytest.approx(0.5)
