"""Operators that aren't linear: clip, quantise, JPEG, alone and after others."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.operators.cases import Dense, normal
from zaohua.core.errors import ZaohuaError
from zaohua.operators.base import Operator
from zaohua.operators.blur import Blur
from zaohua.operators.chain import Chain
from zaohua.operators.compression import JPEG
from zaohua.operators.covariance import Isotropic
from zaohua.operators.frequencies import Band, Resample
from zaohua.operators.levels import NEARLY, Clip, Grey, Quantise
from zaohua.operators.masks import Mask
from zaohua.operators.resizing import Downscale
from zaohua.operators.step import Units

ONE = Isotropic(torch.tensor(1.0, dtype=torch.float64))
SEEN = torch.rand(32, 64, generator=torch.Generator().manual_seed(0)) < 0.5
PROJECTIONS: dict[str, Operator] = {
    "clip": Clip(level=0.4),
    "quantise": Quantise(levels=5),
    "two levels": Quantise(levels=2),
    "jpeg": JPEG(quality=30),
    "worst jpeg": JPEG(quality=1),
    "best jpeg": JPEG(quality=100),
    "clipped means": Chain((Downscale(factor=2), Clip(level=0.2))),
    "quantised grey": Chain((Grey(), Quantise(levels=4))),
    "jpeg of means": Chain((Downscale(factor=2), JPEG(quality=50))),
    "jpeg of fewer pixels": Chain((Resample(rate=0.5), JPEG(quality=50))),
    "clip with gaps": Chain((Mask(SEEN), Clip(level=0.3))),
}


def smooth(*shape: int, seed: int = 0) -> Tensor:
    """Smooth pictures, as JPEG is made for."""
    return (Blur(sigma=2.0)(normal(*shape, seed=seed)) * 4).clamp(-1, 1)


@pytest.mark.parametrize("name", PROJECTIONS)
def test_near_is_a_projection_on_what_was_seen(name: str) -> None:
    operator = PROJECTIONS[name]
    seen, guess = operator(smooth(2, 3, 32, 64)), smooth(2, 3, 32, 64, seed=1)
    near = operator.near(seen, guess, 0.0, ONE)
    torch.testing.assert_close(operator(near), seen, rtol=0, atol=NEARLY)
    torch.testing.assert_close(operator.near(seen, near, 0.0, ONE), near, rtol=0, atol=1e-9)
    assert torch.equal(operator.near(seen[1:], guess[1:], 0.0, ONE), near[1:])
    assert not operator.linear and operator.obstacle((3, 32, 64)) == ""


@pytest.mark.parametrize("name", [name for name in PROJECTIONS if "jpeg" not in name])
def test_no_item_that_looks_the_same_is_nearer(name: str) -> None:
    operator, truth, guess = PROJECTIONS[name], smooth(1, 3, 32, 64), smooth(1, 3, 32, 64, seed=1)
    near = operator.near(operator(truth), guess, 0.0, ONE)
    assert float((truth - near).flatten() @ (guess - near).flatten()) <= 1e-2  # obtuse: the set is convex


@pytest.mark.parametrize("name", ["clip", "quantise", "clipped means"])
def test_noise_before_a_projection_is_balanced(name: str) -> None:
    operator, guess = PROJECTIONS[name], smooth(1, 3, 32, 64, seed=1)
    seen = operator(smooth(1, 3, 32, 64))
    size = float(operator.operators[0].gram((3, 32, 64))) if isinstance(operator, Chain) else 1.0  # type: ignore[arg-type]
    exact, half = (operator.near(seen, guess, sigma, ONE) for sigma in (0.0, size**0.5))
    torch.testing.assert_close(half, (guess + exact) / 2)
    error = 0.1 * normal(*seen.shape)
    shifted = operator.near(seen, guess, 0.0, ONE, error)
    made = shifted if not isinstance(operator, Chain) else operator.operators[0](shifted)
    last = operator.operators[-1] if isinstance(operator, Chain) else operator
    torch.testing.assert_close(last(made + error), seen, rtol=0, atol=NEARLY)


def test_seen_values_stay_and_clipped_ones_go_out() -> None:
    operator = Clip(level=200.0).in_units(Units(low=0.0, scale=127.5))
    top = 200 / 127.5 - 1
    seen = torch.tensor([[[-1.0, 0.3, top, top]]], dtype=torch.float64)
    near = operator.near(seen, torch.tensor([[[-2.0, 0.9, 0.1, 0.8]]], dtype=torch.float64), 0.0, ONE)
    torch.testing.assert_close(near, torch.tensor([[[-1.0, 0.3, top, 0.8]]], dtype=torch.float64))


def jpeg_of_pillow(levels: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).astype(float)


@pytest.mark.parametrize("quality", [10, 50, 90])
@pytest.mark.parametrize("size", [(32, 48), (21, 35)], ids=str)
def test_grey_jpeg_is_that_of_pillow(size: tuple[int, int], quality: int) -> None:
    levels = ((smooth(1, 1, *size)[0, 0].numpy() + 1) * 127.5).round().astype(np.uint8)
    x = torch.tensor(levels / 127.5 - 1)[None, None]
    ours = ((JPEG(quality=quality)(x)[0, 0].numpy() + 1) * 127.5).clip(0, 255)
    assert np.abs(ours - jpeg_of_pillow(levels, quality)).max() < 3  # levels; Pillow rounds on the way


def coloured(height: int, width: int) -> tuple[np.ndarray, Tensor]:
    """A picture in colours, as levels and as a tensor."""
    levels = ((smooth(1, 3, height, width)[0].permute(1, 2, 0).numpy() * 0.6 + 1) * 127.5).round().astype(np.uint8)
    return levels, torch.tensor(levels / 127.5 - 1).permute(2, 0, 1)[None]


def test_colour_jpeg_is_that_of_pillow() -> None:
    levels, x = coloured(32, 48)
    ours = ((JPEG(quality=80)(x)[0].permute(1, 2, 0).numpy() + 1) * 127.5).clip(0, 255)
    theirs = jpeg_of_pillow(levels, 80)
    assert np.abs(ours - theirs).mean() < 0.2 * np.abs(levels - theirs).mean()  # Pillow rounds on the way


def test_file_of_pillow_is_undone() -> None:
    levels, x = coloured(32, 48)
    operator, seen = JPEG(quality=80), torch.tensor(jpeg_of_pillow(levels, 80) / 127.5 - 1).permute(2, 0, 1)[None]
    near = operator.near(seen, x, 0.0, ONE)  # the truth looks like what is seen, so it hardly moves
    assert float((near - x).abs().mean()) < 0.1 * float((seen - x).abs().mean())


@pytest.mark.parametrize("size", [(21, 35), (28, 28)], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_of_odd_sizes_is_nearly_what_was_seen(channels: int, size: tuple[int, int]) -> None:
    operator, guess = JPEG(quality=30), smooth(1, channels, *size, seed=1)
    seen = operator(smooth(1, channels, *size))
    wrong = [float((operator(x) - seen).abs().mean()) for x in (guess, operator.near(seen, guess, 0.0, ONE))]
    assert wrong[1] < 0.2 * wrong[0]


def test_jpeg_of_sounds_is_refused_in_one_line() -> None:
    with pytest.raises(ZaohuaError, match="'jpeg 50' compresses pictures of one or three colours"):
        JPEG()(torch.zeros(1, 1, 64))


@pytest.mark.parametrize(
    ("operator", "words"),
    [
        (Chain((Clip(level=0.5), Downscale())), "'clip 0.5' comes before 'downscale 2', and isn't linear"),
        (Chain((Blur(), Clip(level=0.5))), "'clip 0.5' isn't linear, and follows 'blur 1'"),
        (Chain((Band(), Quantise())), "'quantise 8' isn't linear, and follows 'band 0.5'"),
    ],
    ids=str,
)
def test_what_cannot_be_undone_together_is_said(operator: Operator, words: str) -> None:
    assert operator.obstacle((1, 8, 8)) == words


def test_full_covariance_is_refused() -> None:
    with pytest.raises(ZaohuaError, match="give it an isotropic covariance"):
        Clip(level=0.5).near(torch.zeros(1, 2), torch.zeros(1, 2), 0.0, Dense(torch.eye(2)))
