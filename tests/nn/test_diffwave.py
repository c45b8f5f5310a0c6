from __future__ import annotations

import pytest
import torch

from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.diffwave import DilatedNet, fold, unfold

LABEL = DataSpec((), (), (Feature("label", "category", 10),))
TEXT = DataSpec(("time",), None, (Feature("token", "category", 20),), pad=20)


def wave(samples: int, channels: int = 1) -> DataSpec:
    return DataSpec(("time",), (samples,), (Feature("sample", "real", channels),))


def awake(net: DilatedNet) -> DilatedNet:
    """The net with no zeros at its end, so that everything in it has an effect."""
    torch.nn.init.normal_(net.head.weight, std=0.05)
    return net.eval()


@pytest.mark.parametrize("patch", [1, 16, 32])
@pytest.mark.parametrize("samples", [256, 300, 1, 2048])
def test_shapes(samples: int, patch: int) -> None:
    net = DilatedNet(wave(samples, 2), LABEL, channels=8, layers=4, cycle=3, patch=patch, out_channels=5)
    assert net(torch.randn(2, 2, samples), torch.rand(2), torch.tensor([0, 9])).shape == (2, 5, samples)


def test_patches_are_neighbours_in_every_channel() -> None:
    x = torch.arange(12.0).view(1, 2, 6)
    assert fold(x, 3).squeeze(2)[0, :, 1].tolist() == [3, 4, 5, 9, 10, 11]
    assert torch.equal(unfold(fold(x, 3), 3), x)
    assert torch.equal(unfold(fold(x, 4), 4), torch.nn.functional.pad(x, (0, 2)))


@pytest.mark.parametrize("patch", [1, 4])
def test_reach(patch: int) -> None:
    """What a sample depends on, by gradients: `reach` samples on either side of its patch, and not one more."""
    torch.manual_seed(0)  # with others, a rectifier may be off at an end
    net = awake(DilatedNet(wave(400), channels=8, layers=5, cycle=3, patch=patch))
    assert net.reach == {1: 1 + 2 + 4 + 1 + 2, 4: 4 * (2 + 10)}[patch]
    x = torch.randn(1, 1, 400, requires_grad=True)
    net(x, torch.rand(1))[0, 0, 200].backward()
    assert x.grad is not None
    seen = x.grad[0, 0].nonzero()
    assert (seen.min().item(), seen.max().item()) == (200 - net.reach, 200 + patch - 1 + net.reach)


def test_a_wave_as_condition_lies_over_x() -> None:
    """A sample depends on the condition at its own place, and as far around it as on x."""
    torch.manual_seed(0)
    net = awake(DilatedNet(wave(400), wave(400), channels=8, layers=5, cycle=3))
    y = torch.randn(1, 1, 400, requires_grad=True)
    net(torch.randn(1, 1, 400), torch.rand(1), y)[0, 0, 200].backward()
    assert y.grad is not None
    seen = y.grad[0, 0].nonzero()
    assert (seen.min().item(), seen.max().item()) == (200 - net.reach, 200 + net.reach)


@pytest.mark.parametrize("y_spec", [None, LABEL, TEXT, wave(512)], ids=["none", "label", "text", "wave"])
def test_every_parameter_learns(y_spec: DataSpec | None) -> None:
    net = awake(DilatedNet(wave(256), y_spec, channels=8, layers=3, patch=4))
    y = None
    if y_spec is not None:
        shape = (5,) if y_spec.shape is None else y_spec.tensor_shape
        y = torch.randint(10, (4, *shape)) if y_spec.is_category else torch.randn(4, *shape)
    net(torch.randn(4, 1, 256), torch.rand(4), y, torch.tensor([True, True, True, False])).square().sum().backward()
    silent = {name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()}
    assert not silent


def test_conditions_matter_and_can_be_dropped() -> None:
    net = awake(DilatedNet(wave(256), LABEL, channels=8, layers=3, patch=4))
    x, t, y = torch.randn(4, 1, 256), torch.rand(4), torch.arange(4)
    keep = torch.tensor([True, False, True, False])
    some, every, none = net(x, t, y, keep), net(x, t, y), net(x, t)
    torch.testing.assert_close(some[keep], every[keep], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(some[~keep], none[~keep], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(every, none) and not torch.allclose(every, net(x, t + 1, y))


def test_items_do_not_see_each_other_and_channels_last_is_the_same() -> None:
    net = awake(DilatedNet(wave(256), LABEL, channels=8, layers=3, patch=4))
    x, t, y, order = torch.randn(4, 1, 256), torch.rand(4), torch.arange(4), torch.tensor([3, 1, 0, 2])
    expected = net(x, t, y)
    torch.testing.assert_close(net(x[order], t[order], y[order]), expected[order], rtol=1e-4, atol=1e-5)
    net.to(memory_format=torch.channels_last)
    torch.testing.assert_close(net(x, t, y), expected, rtol=1e-4, atol=1e-5)


def test_variance_is_about_kept() -> None:
    torch.manual_seed(0)
    net = DilatedNet(wave(2048), LABEL, channels=32, layers=20, cycle=7, patch=16)
    torch.nn.init.normal_(net.head.weight, std=(3 * 32) ** -0.5)
    assert 0.1 < net(torch.randn(4, 1, 2048), torch.rand(4), torch.arange(4)).std() < 3
