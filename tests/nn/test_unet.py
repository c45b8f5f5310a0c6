from __future__ import annotations

import pytest
import torch

from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.embed import Tokens, pool
from zaohua.nn.unet import UNet, UNetAttention, default_patch

LABEL = DataSpec((), (), (Feature("label", "category", 10),))
TEXT = DataSpec(("time",), None, (Feature("token", "category", 20),), pad=20)
SIZES = [(8, 8), (9, 13), (28, 28), (32, 32), (64, 40), (1, 1), (1, 13), (256, 256)]


def image(height: int, width: int, channels: int = 1) -> DataSpec:
    return DataSpec(("height", "width"), (height, width), (Feature("pixel", "real", channels, 256),))


def awake(net: UNet) -> UNet:
    """The net with no zeros at the ends of its blocks, so that everything in it has an effect."""
    for parameter in net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return net.eval()


@pytest.mark.parametrize("size", SIZES)
def test_shapes(size: tuple[int, int]) -> None:
    net = UNet(image(*size, channels=2), LABEL, channels=8, blocks=1, out_channels=5)
    assert net(torch.randn(2, 2, *size), torch.rand(2), torch.tensor([0, 9])).shape == (2, 5, *size)


@pytest.mark.parametrize("patch", [1, 2, 4])
def test_patch(patch: int) -> None:
    net = UNet(image(10, 7), channels=8, blocks=2, patch=patch)
    assert net(torch.randn(2, 1, 10, 7), torch.rand(2)).shape == (2, 1, 10, 7)
    assert [default_patch((side, side)) for side in (8, 28, 256)] == [1, 2, 4]


@pytest.mark.parametrize("y_spec", [None, LABEL, TEXT, image(14, 14, 3), DataSpec(("time",), (500,), TEXT.features)])
def test_every_parameter_learns(y_spec: DataSpec | None) -> None:
    net = awake(UNet(image(12, 12), y_spec, channels=16, blocks=1))
    y = None
    if y_spec is not None:
        shape = (5,) if y_spec.shape is None else y_spec.tensor_shape
        y = torch.randint(10, (4, *shape)) if y_spec.is_category else torch.randn(4, *shape)
    net(torch.randn(4, 1, 12, 12), torch.rand(4), y, torch.tensor([True, True, True, False])).square().sum().backward()
    silent = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent


@pytest.mark.parametrize(("y_spec", "y"), [(LABEL, torch.arange(4)), (TEXT, torch.randint(20, (4, 6)))])
def test_conditions_matter_and_can_be_dropped(y_spec: DataSpec, y: torch.Tensor) -> None:
    net = awake(UNet(image(12, 12), y_spec, channels=16, blocks=1))
    x, t = torch.randn(4, 1, 12, 12), torch.rand(4)
    keep = torch.tensor([True, False, True, False])
    some, every, none = net(x, t, y, keep), net(x, t, y), net(x, t)
    torch.testing.assert_close(some[keep], every[keep], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(some[~keep], none[~keep], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(every, none) and not torch.allclose(every, net(x, t + 1, y))


def test_overlaid_pictures_can_be_dropped() -> None:
    net = awake(UNet(image(12, 12), image(6, 6, 3), channels=16, blocks=1))
    x, t, y = torch.randn(2, 1, 12, 12), torch.rand(2), torch.randn(2, 3, 6, 6)
    some = net(x, t, y, torch.tensor([True, False]))
    torch.testing.assert_close(some[:1], net(x, t, y)[:1])
    torch.testing.assert_close(some[1:], net(x, t)[1:])
    assert not torch.allclose(some[:1], net(x, t)[:1])


def test_padding_of_texts_changes_nothing() -> None:
    net = awake(UNet(image(12, 12), TEXT, channels=16, blocks=1))
    x, t, y = torch.randn(2, 1, 12, 12), torch.rand(2), torch.randint(20, (2, 6))
    longer = torch.cat([y, torch.full((2, 7), 20)], dim=1)
    torch.testing.assert_close(net(x, t, longer), net(x, t, y), rtol=1e-4, atol=1e-5)


def test_items_do_not_see_each_other() -> None:
    net = awake(UNet(image(12, 12), LABEL, channels=16, blocks=1))
    x, t, y = torch.randn(4, 1, 12, 12), torch.rand(4), torch.arange(4)
    order = torch.tensor([3, 1, 0, 2])
    torch.testing.assert_close(net(x[order], t[order], y[order]), net(x, t, y)[order], rtol=1e-4, atol=1e-5)


def test_channels_last_gives_the_same_numbers() -> None:
    net = awake(UNet(image(28, 28), LABEL, channels=16, blocks=1))
    x, t, y = torch.randn(2, 1, 28, 28), torch.rand(2), torch.arange(2)
    expected = net(x, t, y)
    net.to(memory_format=torch.channels_last)
    torch.testing.assert_close(net(x, t, y), expected, rtol=1e-4, atol=1e-5)


def test_variance_is_kept() -> None:
    torch.manual_seed(0)
    net = UNet(image(32, 32, 3), LABEL, channels=32)
    stages = {
        name: module for name, module in net.named_modules() if name.startswith(("down.", "up.")) and name[-2] == "."
    }
    spread = {}
    for name, module in stages.items():
        module.register_forward_hook(lambda _, __, out, name=name: spread.update({name: out.std().item()}))
    net(torch.randn(8, 3, 32, 32), torch.rand(8) * 1000, torch.arange(8))
    assert all(0.05 < value < 2 for value in spread.values()), spread


def test_attention_reads_the_tokens() -> None:
    attention = UNetAttention(16, 8)
    torch.nn.init.normal_(attention.out.weight)
    x, values, present = torch.randn(2, 16, 3, 5), torch.randn(2, 4, 8), torch.ones(2, 4, dtype=torch.bool)
    out = attention(x, Tokens(values, present, pool(values, present)))
    assert out.shape == x.shape
    torch.testing.assert_close(out, attention(x, Tokens(values.flip(1), present, pool(values, present))))
    assert not torch.allclose(out, attention(x, Tokens(-values, present, pool(-values, present))))
    longer = torch.cat([values, torch.randn(2, 3, 8)], dim=1)
    torch.testing.assert_close(
        out, attention(x, Tokens(longer, torch.arange(7).expand(2, 7) < 4, pool(values, present)))
    )
