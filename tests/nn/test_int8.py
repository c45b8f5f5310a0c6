"""Networks in 8-bit integers: near what they stand for, and exactly the same for a row alone and in a batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.int8 import Int8Transformer, int8
from zaohua.nn.integers import Int8Linear
from zaohua.nn.transformer import Transformer


@pytest.mark.parametrize("bias", [False, True])
def test_is_near_the_layer_for_rows_of_any_size(bias: bool) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(96, 40, bias=bias)
    x = torch.randn(5, 7, 96) * torch.logspace(-3, 3, 7)[:, None]
    exact, got = layer(x).detach(), Int8Linear(layer)(x)
    assert got.shape == exact.shape
    assert float(((got - exact).square().mean((0, 2)) / exact.square().mean((0, 2))).max()) < 0.02**2


def test_a_row_is_the_same_alone_and_in_a_batch() -> None:
    torch.manual_seed(0)
    quick = Int8Linear(nn.Linear(384, 200))
    x = torch.randn(33, 384)
    assert torch.equal(torch.cat([quick(row[None]) for row in x]), quick(x))


def test_zeros_and_what_is_too_small_to_gain_stay_as_they_are() -> None:
    assert torch.equal(Int8Linear(nn.Linear(8, 4, bias=False))(torch.zeros(2, 8)), torch.zeros(2, 4))
    net = nn.Sequential(nn.Linear(8, 8), nn.Sequential(nn.Linear(8, 64)))
    quick = int8(net, least=512)
    assert isinstance(quick[0], nn.Linear) and isinstance(quick[1][0], Int8Linear)
    assert isinstance(net[1][0], nn.Linear)  # the network itself is not touched


@pytest.mark.parametrize("places", [False, True])
@pytest.mark.parametrize("conditional", [False, True])
def test_a_transformer_in_integers_is_near_the_transformer(conditional: bool, places: bool) -> None:
    """However its tokens are taken up: all at once, one by one, or again after some were taken back."""
    torch.manual_seed(0)
    labels = DataSpec((), (), (Feature("y", "category", 3),)) if conditional else None
    net = Transformer(20, labels, context=24, width=64, layers=2, heads=4, places=places).eval()
    for p in net.parameters():
        if not p.any():
            torch.nn.init.normal_(p, std=p.shape[-1] ** -0.5)
    quick, tokens = int8(net, least=1), torch.randint(0, 20, (3, 24))
    assert isinstance(quick, Int8Transformer)
    y = torch.tensor([2, 0, 1]) if conditional else None
    with torch.inference_mode():
        exact = net(tokens, y)
        state, again = quick.start(3, y), quick.start(3, y)
        got = torch.stack([quick.step(token[:, None], state) for token in tokens.unbind(1)], 1)
        quick.step(tokens[:, :9].flip(1), again)
        quick.rewind(again, 9)
        both = torch.stack([quick.step(tokens[:, :10], again), quick.step(tokens[:, 10:], again)], 1)
    assert float((got - exact).square().mean() / exact.square().mean()) < 0.03**2
    assert torch.allclose(both, got[:, [9, 23]], atol=0.02)
    assert type(int8(net)) is Transformer  # too small to gain


def test_other_networks_are_copied() -> None:
    net = Transformer(20, context=24, width=64, layers=1, heads=4, architecture="gpt2").eval()
    quick = int8(net, least=1 << 12)
    assert isinstance(quick.blocks[0].inner, Int8Linear) and isinstance(net.blocks[0].inner, nn.Linear)
