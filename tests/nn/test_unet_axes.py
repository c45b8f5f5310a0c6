"""The U-Net on 1 and 3 axes: against itself on 2, against itself with the axes swapped, and against what it was."""

from __future__ import annotations

import hashlib
import math

import pytest
import torch
from tests.nn.test_grids import grid
from tests.nn.test_unet import LABEL, TEXT, awake, image
from torch import Tensor, nn

from zaohua.core.hardware import to_device
from zaohua.core.spec import DataSpec
from zaohua.nn.unet import UNet, default_patch

SIZES = [
    (1,),
    (2,),
    (7,),
    (100,),
    (515,),
    (4099,),
    (1, 1, 1),
    (3, 5, 7),
    (2, 16, 20),
    (17, 13, 9),
    (1, 9, 5),
    (50, 6, 3),
]


def some(y_spec: DataSpec | None, n: int) -> Tensor | None:
    """n conditions."""
    if y_spec is None:
        return None
    shape = (5,) if y_spec.shape is None else y_spec.tensor_shape
    return torch.randint(10, (n, *shape)) if y_spec.is_category else torch.randn(n, *shape)


@pytest.mark.parametrize("size", SIZES)
def test_shapes_in_both_precisions_as_it_is_placed(size: tuple[int, ...]) -> None:
    net = awake(UNet(grid(*size, channels=2), LABEL, channels=8, out_channels=5))
    to_device(nn.ModuleDict({"net": net}), torch.device("cpu"))
    x, t, y, keep = torch.randn(2, 2, *size), torch.rand(2), torch.tensor([0, 9]), torch.tensor([True, True])
    found = net(x, t, y, keep)
    with torch.autocast("cpu", torch.bfloat16):
        rough = net(x, t, y, keep)
    assert found.shape == (2, 5, *size) and (rough - found).norm() < 0.05 * found.norm()
    rough.float().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("size", [(9,), (5, 3, 6)])
@pytest.mark.parametrize("name", ["none", "label", "text", "overlaid", "series", "picture", "voxels"])
def test_every_parameter_learns_and_conditions_can_be_dropped(size: tuple[int, ...], name: str) -> None:
    y_spec = {
        "none": None,
        "label": LABEL,
        "text": TEXT,
        "overlaid": grid(*[side + 1 for side in size], channels=3),
        "series": grid(70, channels=2),
        "picture": image(9, 12),
        "voxels": grid(5, 9, 2),
    }[name]
    net = awake(UNet(grid(*size), y_spec, channels=16))
    x, t, y, keep = torch.randn(4, 1, *size), torch.rand(4), some(y_spec, 4), torch.tensor([True, True, True, False])
    out = net(x, t, y, keep)
    out.square().sum().backward()
    assert not [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    if y_spec is not None:
        every, none = net(x, t, y), net(x, t)
        torch.testing.assert_close(
            out, torch.where(keep.view(-1, *[1] * len(size), 1), every, none), rtol=1e-4, atol=1e-5
        )
        assert not torch.allclose(every, none)


def test_items_do_not_see_each_other() -> None:
    for size in ((11,), (4, 3, 5)):
        net = awake(UNet(grid(*size), LABEL, channels=16))
        x, t, y, order = torch.randn(4, 1, *size), torch.rand(4), torch.arange(4), torch.tensor([3, 1, 0, 2])
        torch.testing.assert_close(net(x[order], t[order], y[order]), net(x, t, y)[order], rtol=1e-4, atol=1e-5)


# ---- against itself on another number of axes


def widen(low: UNet, high: UNet) -> None:
    """Give `high`, on one axis more, kernels that look along the other axes only, with the weights of `low`.

    Patches are read at the first place along the new axis, and written at all.
    """
    target = high.state_dict()
    for name, source in low.state_dict().items():
        if (
            ("conv" not in name or name.startswith("embed"))
            and not name.startswith(("stem", "head", "shrink", "grow", "up", "down"))
            or source.ndim < 3
        ):
            if not name.startswith("head"):
                target[name].copy_(source)
                continue
        side = high.patch[0]
        if name == "head.bias":
            target[name].view(-1, side, source.numel()).copy_(
                source.expand_as(target[name].view(-1, side, source.numel()))
            )
            continue
        kernel = source.squeeze(2) if low.is_series else source  # (O, I, *sides)
        middle = target[name].zero_().select(2, target[name].shape[2] // 2)
        if name == "stem.weight":
            middle.view(len(kernel), 1, side, *kernel.shape[1:])[:, :, 0].copy_(kernel[:, None])
        elif name == "head.weight":
            middle.view(1, side, *kernel.shape).copy_(kernel.expand(1, side, *kernel.shape))
        else:
            middle.copy_(kernel)
    high.load_state_dict(target)


@pytest.mark.parametrize("patch", [1, 2])
@pytest.mark.parametrize("y_spec", [None, LABEL, TEXT])
@pytest.mark.parametrize("axes", [1, 2])
def test_slices_that_are_all_alike_come_out_as_one_does(axes: int, y_spec: DataSpec | None, patch: int) -> None:
    """A picture whose rows are equal, under kernels one row high, is a series; voxels of equal slices are a picture."""
    size = tuple(side * patch for side in (6, 8)[-axes:])
    low = awake(UNet(grid(*size), y_spec, channels=16, patch=patch))
    high = UNet(grid(4 * patch, *size), y_spec, channels=16, patch=patch).eval()
    widen(low, high)
    x, t, y = torch.randn(3, 1, *size), torch.rand(3), some(y_spec, 3)
    expected = low(x, t, y).unsqueeze(2).expand(-1, -1, 4 * patch, *size)
    assert expected.std() > 0.01
    torch.testing.assert_close(high(x.unsqueeze(2).expand_as(expected), t, y), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(3, 6, 5), (1, 9, 4)])
def test_voxels_may_be_turned(size: tuple[int, int, int]) -> None:
    """With its kernels turned the same way, the network turns its output; sizes that are padded included."""
    y_spec = grid(4, 3, 2, channels=2)
    net, turned = (
        awake(UNet(grid(*size), y_spec, channels=16)),
        UNet(grid(size[2], *size[:2]), y_spec, channels=16).eval(),
    )
    turned.load_state_dict(
        {name: p.permute(0, 1, 4, 2, 3) if p.ndim == 5 else p for name, p in net.state_dict().items()}
    )
    x, t, y = torch.randn(2, 1, *size), torch.rand(2), torch.randn(2, 2, 4, 3, 2)
    found = turned(x.permute(0, 1, 4, 2, 3), t, y.permute(0, 1, 4, 2, 3))
    torch.testing.assert_close(found, net(x, t, y).permute(0, 1, 4, 2, 3), rtol=1e-4, atol=1e-5)


def test_patches_grow_with_the_number_of_places() -> None:
    assert [default_patch((side,)) for side in (511, 512, 4095, 4096)] == [1, 2, 2, 4]
    assert [default_patch((side, 3)) for side in (23, 24, 127, 128)] == [1, 2, 2, 4]
    assert [default_patch((2, side, 3)) for side in (11, 12, 47, 48)] == [1, 2, 2, 4]


def test_an_axis_of_one_place_is_not_padded() -> None:
    net = UNet(grid(2, 32, 32), channels=8)
    assert net.multiple == [2, 8, 8] and net.strides == [(1, 2, 2), (1, 2, 2)]
    assert math.prod(net.patch) == 8


# ---- against what it was before it took series and voxels


@pytest.mark.parametrize(
    ("size", "y_spec", "names", "weights", "absolute", "squared"),
    [
        ((28, 28), LABEL, "062de03bf8726461", 4008.0350786872655, 1361.898313252721, 650.5249367773162),
        ((9, 13), TEXT, "67ba8d6315952f81", 6946.596338981629, 177.82340927189216, 74.20085558468519),
        ((1, 13), None, "4adfcb98b2ab81d5", 3398.0524382419717, 15.358118468895555, 5.109287400556113),
        ((40, 30), image(5, 7, 3), "cb06750d57b41360", 9308.960237202687, 2048.1409046412446, 980.7887466563564),
    ],
)
def test_pictures_are_what_they_were(
    size: tuple[int, int], y_spec: DataSpec | None, names: str, weights: float, absolute: float, squared: float
) -> None:
    """Names and shapes of parameters, first weights by the same seed, and outputs: trained networks load as before."""
    torch.manual_seed(3)
    net = UNet(image(*size, 2), y_spec, channels=16, blocks=1)
    state = net.state_dict()
    listed = "\n".join(f"{name} {tuple(p.shape)}" for name, p in state.items())
    assert hashlib.sha256(listed.encode()).hexdigest()[:16] == names
    assert sum(p.double().abs().sum() for p in state.values()).item() == pytest.approx(weights, rel=1e-6)
    awake(net)
    y = some(y_spec, 3)
    out = net(torch.randn(3, 2, *size), torch.rand(3), y, torch.tensor([True, True, False])).double()
    assert out.abs().sum().item() == pytest.approx(absolute, rel=1e-4)
    assert out.square().sum().item() == pytest.approx(squared, rel=1e-4)
