"""Vocoder network: from spectrograms to complex spectra, frame by frame.

Source: Siuzdak, "Vocos: Closing the gap between time-domain and Fourier-based neural vocoders for high-quality audio
synthesis", 2023 (arXiv:2306.00814); its blocks are those of Liu et al., "A ConvNet for the 2020s", 2022
(arXiv:2201.03545).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LOUDEST = 5.0
"""Maximum log-magnitude of a spectrum, which prevents overflow; a full-scale sine has 0."""


class FrameBlock(nn.Module):
    """ConvNeXt block: depthwise convolution along the frames, then a perceptron per frame, scaled and added to x.

    Args:
        width: number of channels.
        layers: number of blocks in the network; the initial scale is 1 / layers.
        kernel_size: odd kernel size of the convolution, in frames.
    """

    def __init__(self, width: int, layers: int, kernel_size: int = 7):
        super().__init__()
        self.along = nn.Conv2d(width, width, (1, kernel_size), padding=(0, kernel_size // 2), groups=width)
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)
        self.share = nn.Parameter(torch.full((width,), 1 / layers))

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, frames, width) to the same shape."""
        near = self.along(x.mT[:, :, None]).squeeze(2).mT  # an image one row high, channels last: half of Conv1d's time
        out: Tensor = x + self.share * self.down(F.gelu(self.up(self.norm(near))))
        return out


class SpectrumNet(nn.Module):
    """Network from mel bands to complex spectra, predicted as magnitude and phase.

    The log-magnitude is a linear map of the bands plus a correction by the blocks; `bins` initialises the map.

    Args:
        bands: number of mel bands.
        bins: initial linear map from bands to log-magnitudes, weight (n, bands) and bias (n,), n = n_fft / 2 + 1.
        width: number of channels of the blocks.
        layers: number of blocks.
    """

    def __init__(self, bands: int, bins: tuple[Tensor, Tensor], width: int, layers: int):
        super().__init__()
        weight, bias = bins
        self.enter, self.norm_in = nn.Conv1d(bands, width, 7, padding=3), nn.LayerNorm(width)
        self.blocks = nn.Sequential(*[FrameBlock(width, layers) for _ in range(layers)])
        self.norm_out, self.leave = nn.LayerNorm(width), nn.Linear(width, 2 * len(bias))
        self.guess = nn.Linear(bands, len(bias))
        with torch.no_grad():
            self.guess.weight.copy_(weight)
            self.guess.bias.copy_(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, bands, frames) to complex spectra, complex64 (B, n, frames)."""
        hidden = self.norm_out(self.blocks(self.norm_in(self.enter(x).mT)))
        log_gain, phase = self.leave(hidden).float().chunk(2, dim=2)
        magnitude = (self.guess(x.mT).float() + log_gain).clamp(max=LOUDEST).exp()
        return torch.complex(magnitude * phase.cos(), magnitude * phase.sin()).mT
