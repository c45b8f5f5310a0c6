"""The search in latent space, against linear decoders, whose posterior is known in closed form."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from zaohua.core.noise import BatchNoise, ItemNoise
from zaohua.families.latent_search import LatentSearch
from zaohua.operators.base import Identity, Observation, Operator, Sigma
from zaohua.operators.covariance import Covariance
from zaohua.operators.masks import Mask
from zaohua.operators.resizing import Downscale

SHAPE, SIZE = (1, 4, 4), 5
SIGMA = 0.3
WEIGHT = torch.randn(SIZE, 16, generator=torch.Generator().manual_seed(0))
HALF = torch.arange(4).lt(2).expand(1, *SHAPE)


def decode(z: Tensor, which: Tensor | None = None) -> Tensor:
    """A probabilistic principal component analysis: x = W z + 0.2."""
    return (z @ WEIGHT.to(z.dtype) + 0.2).view(-1, *SHAPE)


def posterior(operator: Operator, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (B, d) and covariance of z given seen = A(W z + 0.2) + SIGMA e."""
    base = operator(decode(torch.zeros(1, SIZE))).flatten()
    a = (operator(decode(torch.eye(SIZE))).flatten(1) - base).T
    precision = torch.eye(SIZE) + a.T @ a / SIGMA**2
    mean = torch.linalg.solve(precision, a.T @ (seen.flatten(1) - base).T / SIGMA**2).T
    return mean, torch.linalg.inv(precision)


def observed(operator: Operator, n: int = 3, seed: int = 1) -> Tensor:
    noise = BatchNoise(seed, n)
    clean = operator(decode(noise.normal(SIZE)))
    return clean + SIGMA * noise.normal(*clean.shape[1:])


@pytest.mark.parametrize("operator", [Identity(), Mask(HALF), Downscale(factor=2)], ids=lambda o: o.name)
def test_most_probable_latents_of_a_linear_decoder_are_reached(operator: Operator) -> None:
    seen = observed(operator)
    z = LatentSearch(starts=2, steps=300)(decode, SIZE, Observation(seen, operator, SIGMA), BatchNoise(2, len(seen))).z
    torch.testing.assert_close(z, posterior(operator, seen)[0], atol=2e-3, rtol=0)


def test_draws_of_a_linear_decoder_have_the_posterior_as_their_distribution() -> None:
    n, operator = 4096, Mask(HALF)
    seen = observed(operator, 1)
    mean, covariance = posterior(operator, seen)
    search = LatentSearch(starts=1, candidates=1)
    z = search(decode, SIZE, Observation(seen.expand(n, *SHAPE), operator, SIGMA), BatchNoise(3, n), gamma=1.0).z
    assert ((z.mean(0) - mean) / (covariance.diagonal() / n).sqrt()).abs().max() < 4
    found = (z - z.mean(0)).T @ (z - z.mean(0)) / (n - 1)
    error = ((covariance**2 + covariance.diagonal().outer(covariance.diagonal())) / n).sqrt()
    assert ((found - covariance) / error).abs().max() < 4


def test_an_item_is_the_same_alone_and_in_a_batch() -> None:
    seen, search = observed(Identity(), 3), LatentSearch(starts=2, steps=20)
    many = search(decode, SIZE, Observation(seen, Identity(), SIGMA), ItemNoise([4, 5, 6]), gamma=1.0).z
    one = search(decode, SIZE, Observation(seen[1:2], Identity(), SIGMA), ItemNoise([5]), gamma=1.0).z
    torch.testing.assert_close(one[0], many[1], atol=1e-5, rtol=0)


def test_the_best_of_several_ends_is_kept() -> None:
    """|z| decodes to two hills of which only one is probable: a bad start ends in the worse one."""

    def two_hills(z: Tensor, which: Tensor) -> Tensor:
        return torch.where(z > 0, z - 1, -z - 2).view(-1, 1, 1, 1)  # seen = 0: z = 1, or z = -2

    given = Observation(torch.zeros(64, 1, 1, 1), Identity(), 0.1)
    one = LatentSearch(starts=1, candidates=1)(two_hills, 1, given, BatchNoise(0, 64)).z
    assert bool((one < 0).all())  # the origin counts as below 0
    several = LatentSearch(starts=8, candidates=8)(two_hills, 1, given, BatchNoise(0, 64)).z
    torch.testing.assert_close(several, torch.full((64, 1), 0.99), atol=0.01, rtol=0)


class Rounded(Operator):
    """Values rounded to whole numbers, of which no gradient can be taken."""

    name = "rounded"
    linear = False

    def __call__(self, x: Tensor) -> Tensor:
        return x.round()

    def near(
        self, seen: Tensor, x: Tensor, sigma: Sigma, covariance: Covariance, error: Tensor | float = 0.0
    ) -> Tensor:
        return x.clamp(seen - 0.5, seen + 0.5)


def test_operators_with_steps_are_met_without_their_gradient() -> None:
    truth = 3 * decode(BatchNoise(7, 4).normal(SIZE))

    def wide(z: Tensor, which: Tensor | None = None) -> Tensor:
        return 3 * decode(z)

    search: Any = LatentSearch(starts=1, least=0.02)
    z = search(wide, SIZE, Observation(truth.round(), Rounded()), BatchNoise(8, 4)).z
    assert float((wide(z) - truth).abs().max()) < 1.0  # within the bins, or nearly
    assert float((wide(z).round() != truth.round()).float().mean()) < 0.05


def test_the_best_condition_of_the_candidates_is_kept() -> None:
    """Conditions 0 and 1 shift what is decoded; the observation tells which it was."""

    def shifted(z: Tensor, which: Tensor) -> Tensor:
        return z.view(-1, 1, 1, 1) + 10.0 * (which % 2).view(-1, 1, 1, 1)

    seen = torch.tensor([0.0, 10.0, 10.0, 0.0]).view(-1, 1, 1, 1)
    found = LatentSearch(starts=2, candidates=4)(shifted, 1, Observation(seen, Identity(), 0.1), BatchNoise(0, 4))
    assert (found.which % 2).tolist() == [0, 1, 1, 0]
