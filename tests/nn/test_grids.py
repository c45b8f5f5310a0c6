"""Grids of 1 to 3 axes: folding against torch's own, resizing against torch's own, and what is refused."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from zaohua.core.errors import ZaohuaError
from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.convnet import ConvDecoder, ConvEncoder
from zaohua.nn.grids import fold, resize, unfold
from zaohua.nn.layers import crop, pyramid
from zaohua.nn.unet import UNet

NAMES = ("depth", "height", "width")


def grid(*shape: int, channels: int = 1) -> DataSpec:
    return DataSpec(
        ("time",) if len(shape) == 1 else NAMES[-len(shape) :], shape, (Feature("value", "real", channels),)
    )


def test_folding_says_where_every_number_goes() -> None:
    """As `pixel_unshuffle`, generalised: channel (c, dz, dy, dx) of patch (z, y, x) is number (3z + dz, 2y + dy, x)."""
    x = torch.randn(2, 3, 6, 4, 5)
    folded = fold(x, (3, 2, 1))
    assert folded.shape == (2, 18, 2, 2, 5)
    for dz in range(3):
        for dy in range(2):
            torch.testing.assert_close(folded.unflatten(1, (3, 3, 2))[:, :, dz, dy], x[:, :, dz::3, dy::2])
    assert torch.equal(unfold(folded, (3, 2, 1)), x)


@pytest.mark.parametrize("side", [1, 2, 3])
def test_folding_of_slices_is_torchs(side: int) -> None:
    x = torch.randn(2, 4, 5, 6, 12)
    slices = F.pixel_unshuffle(x.transpose(1, 2).flatten(0, 1), side).unflatten(0, (2, 5)).transpose(1, 2)
    assert torch.equal(fold(x, (1, side, side)), slices)
    assert torch.equal(fold(x[:, :, 0], (side, side)), slices[:, :, 0])
    assert torch.equal(unfold(slices, (1, side, side)), x) and torch.equal(
        unfold(slices[:, :, 0], (side,) * 2), x[:, :, 0]
    )
    assert torch.equal(fold(x[:, :, :1, 0], (1, side)), F.pixel_unshuffle(x[:, :, :1, 0].mT, 1).mT) == (side == 1)


@pytest.mark.parametrize("size", [(9,), (30,), (7, 11), (30, 5), (6, 11, 13)])
def test_enlarging_is_torchs_linear_interpolation(size: tuple[int, ...]) -> None:
    x = torch.randn(2, 3, *(6, 5, 7)[: len(size)])
    size = tuple(max(a, b) for a, b in zip(size, x.shape[2:], strict=True))
    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[len(size)]
    torch.testing.assert_close(resize(x, size), F.interpolate(x, size=size, mode=mode))


def test_shrinking_averages_along_every_axis_alike() -> None:
    x = torch.randn(2, 3, 12, 9, 10)
    small = resize(x, (5, 4, 3))
    torch.testing.assert_close(resize(x.permute(0, 1, 4, 2, 3), (3, 5, 4)), small.permute(0, 1, 4, 2, 3))
    torch.testing.assert_close(resize(torch.ones_like(x), (5, 4, 3)), torch.ones_like(small))
    assert resize(x, (12, 9, 10)) is x


@pytest.mark.parametrize(("old", "new"), [(12, 5), (7, 3), (10, 1), (9, 8), (6, 3)])
def test_shrinking_is_torchs_whatever_the_number_of_axes(old: int, new: int) -> None:
    """One column too, where torch's own is wrong: one row is right."""
    x = torch.randn(2, 3, old)
    expected = F.interpolate(x.unsqueeze(2), size=(1, new), mode="bilinear", antialias=True).squeeze(2)
    torch.testing.assert_close(resize(x, (new,)), expected)
    torch.testing.assert_close(resize(x.unsqueeze(2), (1, new)).squeeze(2), expected)
    column = x.unsqueeze(3).to(memory_format=torch.channels_last)
    torch.testing.assert_close(resize(column, (new, 1)).squeeze(3), expected)
    torch.testing.assert_close(resize(x[..., None, None].expand(2, 3, old, 2, 4), (new, 1, 1)).flatten(2), expected)


def test_pyramid_and_crop_take_any_number_of_axes() -> None:
    assert pyramid((9,), 3) == [(9,), (5,), (3,)]
    assert pyramid((5, 3, 8), 4) == [(5, 3, 8), (3, 2, 4)]
    assert pyramid((1, 1, 1), 4, least=1) == [(1, 1, 1)]
    x = torch.randn(2, 3, 4, 5, 6)
    assert torch.equal(crop(x, (1, 2, 3)), x[:, :, :1, :2, :3]) and torch.equal(
        crop(x[..., 0, 0], (2,)), x[:, :, :2, 0, 0]
    )


def test_networks_say_how_many_axes_they_take() -> None:
    for spec, text in ((grid(5), r"1 axes \(time\)"), (grid(2, 3, 4), r"3 axes \(depth, height, width\)")):
        match = f"takes real numbers on a grid of 2 axes, not items on {text}: Flow, EDM and DDPM learn"
        with pytest.raises(ZaohuaError, match="encoder " + match):
            ConvEncoder(spec, out_dim=2)
        with pytest.raises(ZaohuaError, match="decoder " + match):
            ConvDecoder(spec, in_dim=2)


LABELS = DataSpec((), (), (Feature("label", "category", 3),))
VECTOR = DataSpec((), (), (Feature("value", "real", 3),))
ROWS = DataSpec(("column",), (2,), (Feature("a", "real", 1), Feature("b", "real", 1)))
FOUR = DataSpec(("run", *NAMES), (2, 2, 2, 2), VECTOR.features)


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        (LABELS, "not codes"),
        (VECTOR, "not items on no axes"),
        (ROWS, "not rows"),
        (FOUR, r"not items on 4 axes \(run, depth, height, width\)"),
        (DataSpec(("time",), None, VECTOR.features), r"not ragged items on 1 axes \(time\)"),
    ],
)
def test_a_unet_refuses_what_is_no_grid(spec: DataSpec, what: str) -> None:
    with pytest.raises(ZaohuaError, match=f"a U-Net takes real numbers on a grid of 1, 2 or 3 axes, {what}: Flow"):
        UNet(spec)
