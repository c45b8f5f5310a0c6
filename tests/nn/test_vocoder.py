"""The network of vocoders: what it gives before it has learnt anything, and how far it looks."""

from __future__ import annotations

import pytest
import torch

from zaohua.nn.vocoder import LOUDEST, SpectrumNet


def network(layers: int = 2) -> SpectrumNet:
    torch.manual_seed(0)
    return SpectrumNet(4, (torch.eye(6, 4), torch.arange(6.0)), width=8, layers=layers).eval()


def test_gives_a_spectrum_for_each_frame() -> None:
    spectrum = network()(torch.randn(3, 4, 10))
    assert spectrum.shape == (3, 6, 10) and spectrum.dtype == torch.complex64


def test_magnitudes_begin_as_the_guess_and_are_bounded() -> None:
    net, x = network(), torch.randn(3, 4, 10)
    torch.nn.init.zeros_(net.leave.weight)
    torch.nn.init.zeros_(net.leave.bias)
    guess = torch.einsum("nb,kbt->knt", torch.eye(6, 4), x) + torch.arange(6.0)[:, None]
    assert torch.allclose(net(x).abs().log(), guess.clamp(max=LOUDEST), atol=1e-4)
    assert torch.isfinite(net(1e4 * x).abs()).all()


@pytest.mark.parametrize("layers", [0, 2])
def test_a_frame_depends_on_three_frames_more_on_either_side_with_each_convolution(layers: int) -> None:
    net, x = network(layers), torch.randn(1, 4, 40)
    changed = x.clone()
    changed[..., 20] += 1
    moved = (net(x) != net(changed)).any(1)[0].nonzero()[:, 0]
    reach = 3 * (layers + 1)
    assert moved.min() == 20 - reach and moved.max() == 20 + reach


def test_spectra_are_precise_under_autocast() -> None:
    net, x = network(), torch.randn(2, 4, 10)
    with torch.autocast("cpu", torch.bfloat16):
        spectrum = net(x)
    assert spectrum.dtype == torch.complex64 and (spectrum - net(x)).abs().max() < 0.05 * net(x).abs().max()
