"""The gated PixelCNN: what a pixel's numbers depend on."""

from __future__ import annotations

import pytest
import torch

from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.pixelcnn import GatedPixelCNN


@pytest.mark.parametrize(("layers", "cycle"), [(5, 1), (3, 2), (0, 1)])
def test_a_pixel_sees_all_those_before_it_within_reach_and_no_other(layers: int, cycle: int) -> None:
    """No blind spot, in particular above and to the right."""
    size = 7
    spec = DataSpec(("height", "width"), (size, size), (Feature("pixel", "real", 2, 2),))
    torch.manual_seed(0)
    net = GatedPixelCNN(spec, out_channels=3, width=16, layers=layers, first_size=3, dilation_cycle=cycle).double()
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.3)
    x = torch.randn(1, 2, size, size, dtype=torch.double)
    slopes = torch.autograd.functional.jacobian(net, x)[0, :, :, :, 0]  # (out, h, w) of the numbers, (c, h, w) of x
    seen = slopes.abs().sum(dim=(0, 3)) > 0
    reach = 1 + sum(2 ** (i % cycle) for i in range(layers))
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    down = rows[:, :, None, None] - rows  # how far above a pixel another one is
    left = columns[:, :, None, None] - columns
    above = (down >= 1) & (down <= reach) & (left >= -reach) & (left <= reach)
    beside = (down == 0) & (left >= 1) & (left <= reach)
    assert not seen[~(above | beside)].any()
    if layers:
        assert seen[above | beside].all()
