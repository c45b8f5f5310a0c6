from __future__ import annotations

import pytest
import torch

from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.mlp import MLP

LABEL = DataSpec((), (), (Feature("label", "category", 10),))
IMAGE = DataSpec(("height", "width"), (8, 6), (Feature("pixel", "real", 3, 256),))
CODES = DataSpec(("time",), (5,), (Feature("code", "category", 4),))


@pytest.mark.parametrize(
    ("spec", "x"),
    [(2, torch.randn(4, 2)), (IMAGE, torch.randn(4, 3, 8, 6)), (CODES, torch.randint(4, (4, 5)))],
)
def test_shapes_and_gradients(spec: DataSpec | int, x: torch.Tensor) -> None:
    net = MLP(spec, LABEL, out_dim=7, hidden=16, layers=3, time=True)
    keep = torch.tensor([True, True, False, False])
    out = net(x, torch.rand(4), torch.arange(4), keep)
    assert out.shape == (4, 7)
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_time_and_condition_matter() -> None:
    net = MLP(2, LABEL, out_dim=2, hidden=32, time=True)
    x = torch.randn(3, 2)
    out = net(x, torch.zeros(3), torch.tensor([1, 2, 3]))
    assert not torch.allclose(out, net(x, torch.ones(3), torch.tensor([1, 2, 3])))
    assert not torch.allclose(out, net(x, torch.zeros(3), torch.tensor([4, 5, 6])))
    with pytest.raises(ValueError, match="needs t"):
        net(x)


def test_unconditional_two_layers_is_the_textbook() -> None:
    net = MLP(4, out_dim=3, hidden=8, layers=2, activation="tanh")
    textbook = torch.nn.Sequential(net.inner, torch.nn.Tanh(), *net.hidden, torch.nn.Tanh(), net.outer)
    x = torch.randn(5, 4)
    torch.testing.assert_close(net(x), textbook(x))
