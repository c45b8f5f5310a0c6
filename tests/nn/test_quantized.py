"""Linear layers in 8-bit integers: near the layer, and exactly the same for a row alone and in a batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zaohua.nn.quantized import Int8Linear, int8


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
