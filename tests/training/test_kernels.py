"""The check of 16-bit kernels: right ones pass once, wrong ones stop the training by name."""

import pytest
import torch
from tests.trainings import digits, make
from torch import nn

from zaohua.training import kernels
from zaohua.training.divergence import Diverged


class Faulty(nn.Linear):
    """Linear layer whose 16-bit kernel is wrong, in its output or in its gradient."""

    where = "output"

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        out = super().forward(input)
        if out.dtype != torch.bfloat16:
            return out
        return out * 1.5 if self.where == "output" else out.detach() + 0 * out


class WrongGradient(Faulty):
    where = "gradient"


def watched(net: nn.Module, x: torch.Tensor) -> dict:
    with kernels.watched(net) as layers:
        net(x)
    return layers


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (nn.Linear(7, 3), torch.ones(5, 7)),
        (nn.Conv2d(3, 4, 3, padding=1), torch.ones(2, 3, 8, 8).to(memory_format=torch.channels_last)),
        (nn.ConvTranspose2d(4, 2, 4, 2, 1), torch.ones(20, 4, 4, 4)),
        (nn.Conv1d(2, 2, 3), torch.ones(2, 2, 9)),
    ],
)
def test_right_kernels_pass_and_are_checked_once(layer, x, monkeypatch) -> None:
    monkeypatch.setattr(kernels, "_right", set())
    before = [p.clone() for p in layer.parameters()]
    layers = watched(layer, x)
    assert len(layers) == 1 and kernels.fault_in(layers) is None
    assert not watched(layer, x)
    assert all(torch.equal(a, b) and b.grad is None for a, b in zip(before, layer.parameters(), strict=True))


@pytest.mark.parametrize("cls", [Faulty, WrongGradient])
def test_wrong_kernels_are_named(cls, monkeypatch) -> None:
    monkeypatch.setattr(kernels, "_right", set())
    net = nn.Sequential(nn.Linear(4, 6), cls(6, 2))
    assert "in_features=6, out_features=2" in str(kernels.fault_in(watched(net, torch.ones(3, 4))))


def test_a_wrong_kernel_stops_the_training(monkeypatch) -> None:
    monkeypatch.setattr(kernels, "_right", set())
    monkeypatch.setattr(kernels, "TOLERANCE", 1e-9)  # nothing is as exact
    with pytest.raises(Diverged, match=r"wrong numbers in bfloat16: .* precision='float32'"):
        make("VAE", 2, precision="bfloat16").fit(*digits())


def test_the_check_leaves_the_training_as_it_is(monkeypatch) -> None:
    runs = []
    for right in (False, True):
        monkeypatch.setattr(kernels, "fault_in", lambda layers: None) if right else None
        monkeypatch.setattr(kernels, "_right", set())
        runs.append(make("VAE", 3, precision="bfloat16").fit(*digits()).tensors())
    assert all(torch.equal(runs[0][key], runs[1][key]) for key in runs[0])
