"""Linear operators: adjoints, and proximal points against dense linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from torch.nn import functional as F

from tests.operators.cases import LINEAR, ODD, SEEN, UNEVEN, Dense, matrix, normal
from zaohua.core.errors import ZaohuaError
from zaohua.operators.base import Operator
from zaohua.operators.blur import Blur, Kernel, MotionBlur
from zaohua.operators.covariance import Covariance, Isotropic
from zaohua.operators.frequencies import Band, Resample, dct, inverse_dct
from zaohua.operators.masks import Mask, MaskBox
from zaohua.operators.resizing import Bicubic, Downscale
from zaohua.operators.step import Units

SIZES = [(1, 1, 1), (1, 1, 6), (2, 8, 5)]


@pytest.mark.parametrize("name", LINEAR)
def test_adjoint_has_the_same_inner_products(name: str) -> None:
    operator, shape = LINEAR[name]
    x = normal(2, *shape)
    y = normal(*operator(x).shape, seed=1)
    assert operator(x).shape[1:] == operator.after(shape)
    left, right = (operator(x) * y).flatten(1).sum(1), (x * operator.adjoint(y, shape)).flatten(1).sum(1)
    torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(operator.adjoint(y, shape), Operator.adjoint(operator, y, shape), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("operator", [Downscale(factor=2), Bicubic(factor=3), Resample(rate=0.4), Band(cutoff=0.5),
                                      Blur(sigma=2.0), MotionBlur(length=5.0, angle=70.0)], ids=str)  # fmt: skip
@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_sizes_of_any_kind(operator: Operator, shape: tuple[int, ...]) -> None:
    x = normal(1, *shape)
    y = normal(*operator(x).shape, seed=1)
    torch.testing.assert_close((operator(x) * y).sum(), (x * operator.adjoint(y, shape)).sum())


def test_gram_is_a_a_transposed_in_its_basis() -> None:
    for operator, shape in LINEAR.values():
        gram = operator.gram(shape)
        if gram is not None:
            a = matrix(operator, shape)
            y = normal(3, *operator.after(shape))
            turned = torch.as_tensor(gram) * operator.turned(y, shape)
            torch.testing.assert_close(operator.turned(turned, shape, back=True).flatten(1), y.flatten(1) @ (a @ a.T))


def spread(kind: str, n: int) -> tuple[Covariance, torch.Tensor]:
    """A covariance, and its matrix."""
    if kind == "isotropic":
        return Isotropic(torch.tensor(0.7, dtype=torch.float64)), 0.7 * torch.eye(n, dtype=torch.float64)
    root = normal(n, n, seed=5) / n**0.5
    full = root @ root.T + 0.1 * torch.eye(n, dtype=torch.float64)
    return Dense(full), full


@pytest.mark.parametrize("kind", ["isotropic", "full"])
@pytest.mark.parametrize("noise", ["even", "of each item", "of each value"])
@pytest.mark.parametrize("name", LINEAR)
def test_near_is_the_mean_given_what_is_seen(name: str, noise: str, kind: str) -> None:
    operator, shape = LINEAR[name]
    x, a = normal(2, *shape, seed=2), matrix(operator, shape)
    covariance, full = spread(kind, a.shape[1])
    seen = operator(normal(2, *shape, seed=3))
    sigma: float | torch.Tensor = 0.3
    if noise == "of each item":
        sigma = torch.tensor([0.2, 0.5], dtype=torch.float64).view(2, *[1] * len(shape))
    elif noise == "of each value":
        sigma = 0.2 + normal(*seen.shape, seed=4).abs()
    seen, error = seen + sigma * normal(*seen.shape, seed=6), normal(*seen.shape, seed=7)
    out = operator.near(seen, x, sigma, covariance, error)
    sizes = torch.as_tensor(sigma, dtype=torch.float64).expand(seen.shape).flatten(1)
    for row, size in enumerate(sizes):
        total = a @ full @ a.T + torch.diag(size**2)
        rest = (seen - error)[row].flatten() - a @ x[row].flatten()
        exact = x[row].flatten() + full @ a.T @ torch.linalg.solve(total, rest)
        torch.testing.assert_close(out[row].flatten(), exact, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", ["isotropic", "full"])
@pytest.mark.parametrize("name", LINEAR)
def test_near_without_noise_is_seen_so_with_the_least_change(name: str, kind: str) -> None:
    operator, shape = LINEAR[name]
    x, a = normal(2, *shape, seed=2), matrix(operator, shape)
    covariance, full = spread(kind, a.shape[1])
    seen = operator(normal(2, *shape, seed=3))
    out = operator.near(seen, x, 0.0, covariance)
    faint = kind == "full" and any(word in name for word in ("blur", "motion", "kernel"))  # 100 iterations end early
    torch.testing.assert_close(operator(out), seen, rtol=0, atol=0.2 if faint else 2e-3)
    change, ways = (out - x).flatten(1).T, full @ a.T  # the least change is one of these ways
    torch.testing.assert_close(ways @ torch.linalg.pinv(ways) @ change, change, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", LINEAR)
def test_item_alone_is_as_in_a_batch(name: str) -> None:
    operator, shape = LINEAR[name]
    x, covariance = normal(3, *shape, seed=2), Isotropic(torch.tensor(0.7))
    seen = operator(normal(3, *shape, seed=3))
    together = operator.near(seen, x, 0.1, covariance)
    torch.testing.assert_close(operator.near(seen[1:2], x[1:2], 0.1, covariance), together[1:2], rtol=0, atol=1e-5)


def test_cosine_transform_is_orthonormal() -> None:
    for shape in [(1, 1, 1), (1, 1, 5, 8), (2, 3, 7)]:
        x = normal(*shape)
        torch.testing.assert_close(inverse_dct(dct(x)), x)
        torch.testing.assert_close(dct(x).square().sum(), x.square().sum())


def test_blur_is_that_of_scipy() -> None:
    x = normal(1, 1, 9, 14)
    ours = Blur(sigma=1.3)(x)[0, 0].numpy()
    np.testing.assert_allclose(ours, ndimage.gaussian_filter(x[0, 0].numpy(), 1.3, truncate=12), atol=1e-10)


def test_kernel_is_that_of_scipy_even_if_larger_than_the_picture() -> None:
    for kernel, shape in [(UNEVEN, (9, 8)), (normal(4, 5), (9, 8)), (normal(11, 9), (4, 3))]:
        x = normal(1, 1, *shape)
        ours = Kernel(kernel)(x)[0, 0].numpy()
        np.testing.assert_allclose(ours, ndimage.convolve(x[0, 0].numpy(), kernel.numpy(), mode="reflect"), atol=1e-10)


def test_motion_blur_of_a_point_is_a_line() -> None:
    x = torch.zeros(1, 1, 11, 11, dtype=torch.float64)
    x[0, 0, 5, 5] = 1
    line = MotionBlur(length=5.0, angle=0.0)(x)[0, 0]
    torch.testing.assert_close(line[5, 3:8], torch.full((5,), 0.2, dtype=torch.float64))
    assert float(line.sum()) == pytest.approx(1) and float(line[4].sum()) == 0
    rising = MotionBlur(length=7.0, angle=45.0)(x)[0, 0]
    assert rising[3, 7] > 0.1 > 0.001 > rising[7, 7]


def test_bicubic_is_that_of_pillow() -> None:
    x = normal(1, 1, 24, 20).float()
    small = Image.fromarray(x[0, 0].numpy()).resize((5, 6), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(Bicubic(factor=4)(x)[0, 0].numpy(), np.asarray(small), atol=1e-5)


def test_block_means_are_those_of_pillow_at_odd_sizes() -> None:
    x = normal(1, 1, 7, 11).float()
    small = Image.fromarray(x[0, 0].numpy()).reduce(3)
    np.testing.assert_allclose(Downscale(factor=3)(x)[0, 0].numpy(), np.asarray(small), atol=1e-6)


def test_resampling_keeps_low_frequencies() -> None:
    def wave(n: int) -> torch.Tensor:
        return torch.cos(torch.pi * 5 * (torch.arange(n, dtype=torch.float64) + 0.5) / n).view(1, 1, n)

    half = Resample(rate=4000.0).in_units(Units(rate=8000.0))
    torch.testing.assert_close(half(wave(64)), wave(32))
    torch.testing.assert_close(Band(cutoff=1000.0).in_units(Units(rate=8000.0))(wave(64)), wave(64))
    torch.testing.assert_close(Band(cutoff=300.0).in_units(Units(rate=8000.0))(wave(64)), 0 * wave(64))
    assert half.before((1, 32)) == (1, 64)


@pytest.mark.parametrize("operator", [Band(cutoff=0.5), Mask(SEEN)], ids=str)
def test_orthogonal_projections_keep_what_they_made(operator: Operator) -> None:
    x = normal(1, *ODD)
    torch.testing.assert_close(operator(operator(x)), operator(x))


def test_nothing_hidden_is_what_is_seen_and_all_hidden_is_the_guess() -> None:
    x, seen, covariance = normal(1, *ODD), normal(1, *ODD, seed=1), Isotropic(torch.tensor(0.3))
    assert torch.equal(Mask(torch.zeros(ODD, dtype=torch.bool)).near(seen, x, 0.0, covariance), x)
    torch.testing.assert_close(Mask(torch.ones(ODD, dtype=torch.bool)).near(seen, x, 0.0, covariance), seen)


def test_what_lies_under_a_mask_does_not_matter() -> None:
    seen, garbage = normal(1, *ODD), 1e3 * normal(1, *ODD, seed=1)
    for operator in (Mask(SEEN), LINEAR["grey and mask of pictures"][0]):
        shape = operator.after(ODD)
        given = operator(seen)
        spoilt = given + garbage[:, : shape[0]].masked_fill(SEEN, 0)
        x = normal(1, *ODD, seed=2)
        for sigma in (0.0, 0.5):
            near = [operator.near(y, x, sigma, spread("full", x.numel())[0]) for y in (given, spoilt)]
            torch.testing.assert_close(*near)


def test_noise_above_the_data_leaves_the_guess() -> None:
    x, seen = normal(1, *ODD), normal(1, *ODD, seed=1)
    near = Mask(SEEN).near(seen, x, 1e6, Isotropic(torch.tensor(1.0)))
    torch.testing.assert_close(near, x, rtol=0, atol=1e-6)


def test_blur_without_noise_stays_finite_in_single_precision() -> None:
    operator = Blur(sigma=4.0)
    x = normal(1, 1, 32, 32).float()
    near = operator.near(operator(x), x * 0, 0.0, Isotropic(torch.tensor(1.0)))
    assert float(near.abs().max()) < 10
    torch.testing.assert_close(operator(near), operator(x), rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("operator", "shape", "words"),
    [
        (Mask(SEEN), (1, 6, 7), "a mask of 5 x 7 doesn't fit items of 1 x 6 x 7"),
        (MaskBox(x=4, y=0, width=4, height=2), ODD, "reaches outside of a picture of 7 x 5"),
        (MotionBlur(), (1, 50), "has a kernel of 2 axes, but the items have 1"),
        (LINEAR["grey of pictures"][0], (1, 5, 7), "not of 1 channels"),
        (Downscale(), (1, 2, 2, 2), "one or two axes, not of 3"),
    ],
)
def test_what_does_not_fit_is_one_line(operator: Operator, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ZaohuaError, match=words) as error:
        operator(torch.zeros(1, *shape))
    assert "\n" not in str(error.value)


def test_pooling_is_that_of_torch() -> None:
    x = normal(2, 3, 8, 12)
    torch.testing.assert_close(Downscale(factor=4)(x), F.avg_pool2d(x, 4))
