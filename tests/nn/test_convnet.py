from __future__ import annotations

from typing import Any

import pytest
import torch

from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.convnet import ConvDecoder, ConvEncoder
from zaohua.nn.layers import pyramid

LABEL = DataSpec((), (), (Feature("label", "category", 10),))
TEXT = DataSpec(("time",), None, (Feature("token", "category", 20),), pad=20)
SIZES = [(8, 8), (9, 13), (28, 28), (32, 32), (64, 40), (1, 1), (1, 13), (256, 256)]
STYLES: list[dict[str, Any]] = [
    {"blocks": "plain", "norm": "batch", "kernel_size": 5},
    {"blocks": "plain", "norm": "none", "kernel_size": 4, "dropout": 0.3},
    {"blocks": "residual", "norm": "none", "kernel_size": 3},
    {"blocks": "residual", "norm": "group", "kernel_size": 4, "activation": "silu", "depth": 2},
]


def image(height: int, width: int, channels: int = 1) -> DataSpec:
    return DataSpec(("height", "width"), (height, width), (Feature("pixel", "real", channels, 256),))


@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style['blocks']}-{style['norm']}")
@pytest.mark.parametrize("size", SIZES)
def test_shapes(size: tuple[int, int], style: dict[str, Any]) -> None:
    spec = image(*size, channels=3)
    encoder = ConvEncoder(spec, LABEL, out_dim=6, channels=4, max_channels=16, **style).eval()
    decoder = ConvDecoder(spec, LABEL, in_dim=6, out_channels=2, channels=4, max_channels=16, **style).eval()
    z = encoder(torch.randn(2, 3, *size), torch.arange(2))
    assert z.shape == (2, 6)
    assert decoder(z, torch.arange(2)).shape == (2, 2, *size)


def test_pyramid() -> None:
    assert pyramid((28, 28), 4) == [(28, 28), (14, 14), (7, 7), (4, 4)]
    assert pyramid((9, 13), 7) == [(9, 13), (5, 7)]
    assert pyramid((8, 8), 7, least=2) == [(8, 8), (4, 4), (2, 2)]
    assert pyramid((1, 1), 4, least=2) == [(1, 1)]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style['blocks']}-{style['norm']}")
@pytest.mark.parametrize("y_spec", [None, LABEL, TEXT, image(14, 14, 3)], ids=["none", "label", "text", "image"])
@pytest.mark.parametrize("out_dim", [1, 6])
def test_every_parameter_learns(out_dim: int, y_spec: DataSpec | None, style: dict[str, Any]) -> None:
    spec, keep = image(12, 12), torch.tensor([True, True, True, False])
    y = None
    if y_spec is not None:
        shape = (5,) if y_spec.shape is None else y_spec.tensor_shape
        y = torch.randint(10, (4, *shape)) if y_spec.is_category else torch.randn(4, *shape)
    encoder = ConvEncoder(spec, y_spec, out_dim=out_dim, channels=8, **style)
    decoder = ConvDecoder(spec, y_spec, in_dim=out_dim, channels=8, **style)
    for parameter in [*encoder.parameters(), *decoder.parameters()]:
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    decoder(encoder(torch.randn(4, 1, 12, 12), y, keep), y, keep).pow(3).sum().backward()
    for net in (encoder, decoder):
        silent = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
        assert not silent


@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style['blocks']}-{style['norm']}")
def test_gradient_penalties(style: dict[str, Any]) -> None:
    """R1 (Mescheder et al. 2018): the gradient of |grad_x D|^2 exists and agrees with finite differences."""
    critic = ConvEncoder(image(8, 8), LABEL, out_dim=1, channels=8, **style).double().eval()
    for parameter in critic.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    x, y = torch.randn(3, 1, 8, 8, dtype=torch.float64), torch.arange(3)

    def penalty() -> torch.Tensor:
        points = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(critic(points, y).sum(), points, create_graph=True)
        return slope.square().sum()

    weight = critic.stem.conv.weight
    (gradient,) = torch.autograd.grad(penalty(), weight)
    with torch.no_grad():
        weight[0, 0, 0, 0] += 1e-6
        upper = penalty_value(penalty)
        weight[0, 0, 0, 0] -= 2e-6
        lower = penalty_value(penalty)
    torch.testing.assert_close(gradient[0, 0, 0, 0], (upper - lower) / 2e-6, rtol=1e-3, atol=1e-4)


def penalty_value(penalty: Any) -> torch.Tensor:
    with torch.enable_grad():
        return penalty().detach()


def test_double_backward_through_the_decoder() -> None:
    decoder = ConvDecoder(image(8, 8), in_dim=4, channels=8, blocks="residual")
    z = torch.randn(2, 4, requires_grad=True)
    (slope,) = torch.autograd.grad(decoder(z).square().sum(), z, create_graph=True)
    slope.square().sum().backward()
    assert decoder.stem.weight.grad is not None


@pytest.mark.parametrize("out_dim", [1, 6])
def test_conditions_matter_and_can_be_dropped(out_dim: int) -> None:
    encoder, decoder = ConvEncoder(image(8, 8), LABEL, out_dim=out_dim), ConvDecoder(image(8, 8), LABEL, in_dim=3)
    y, keep = torch.arange(4), torch.tensor([True, False, True, False])
    for net, x in ((encoder, torch.randn(4, 1, 8, 8)), (decoder, torch.randn(4, 3))):
        some, every, none = net(x, y, keep), net(x, y), net(x)
        torch.testing.assert_close(some[keep], every[keep])
        torch.testing.assert_close(some[~keep], none[~keep])
        assert not torch.allclose(every, none)


def test_items_do_not_see_each_other_and_channels_last_is_the_same() -> None:
    order = torch.tensor([3, 1, 0, 2])
    encoder, decoder = ConvEncoder(image(28, 28), out_dim=6), ConvDecoder(image(28, 28), in_dim=6)
    x = torch.randn(4, 1, 28, 28)
    expected = decoder(encoder(x))
    torch.testing.assert_close(decoder(encoder(x[order])), expected[order], rtol=1e-3, atol=1e-4)
    encoder.to(memory_format=torch.channels_last)
    decoder.to(memory_format=torch.channels_last)
    torch.testing.assert_close(decoder(encoder(x)), expected, rtol=1e-3, atol=1e-4)


def test_textbook_dcgan() -> None:
    generator = ConvDecoder(
        image(28, 28), in_dim=100, channels=128, max_channels=128, kernel_size=5, norm="batch", blocks="plain"
    )
    discriminator = ConvEncoder(
        image(28, 28), out_dim=1, channels=128, max_channels=128, kernel_size=5, norm="none", dropout=0.3
    )
    assert generator.stem.out_features == 7 * 7 * 128
    layers = [m for m in generator.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert [(m.in_channels, m.out_channels, m.kernel_size) for m in layers] == [(128, 128, (5, 5)), (128, 1, (5, 5))]
    layers = [m for m in discriminator.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [m.stride for m in layers] == [(2, 2)] * 3 and discriminator.head.in_features == 4 * 4 * 128


@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style['blocks']}-{style['norm']}")
def test_variance_is_about_kept(style: dict[str, Any]) -> None:
    torch.manual_seed(0)
    spec = image(64, 64, 3)
    out = ConvDecoder(spec, in_dim=32, channels=16, **style)(torch.randn(16, 32))
    assert 0.2 < out.std() < 5
    smooth = torch.nn.functional.interpolate(torch.randn(16, 3, 4, 4), scale_factor=16)
    assert 0.2 < ConvEncoder(spec, out_dim=32, channels=16, **style)(smooth).std() < 5
