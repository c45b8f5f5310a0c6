"""From spectrograms to spectra with phases, frame by frame: the network of a vocoder.

Source: Siuzdak, "Vocos: Closing the gap between time-domain and Fourier-based neural vocoders for high-quality audio
synthesis", 2023 (arXiv:2306.00814); its blocks are those of Liu et al., "A ConvNet for the 2020s", 2022
(arXiv:2201.03545).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LOUDEST = 5.0
"""Largest log magnitude of a spectrum, so that nothing overflows; a full-scale sine has 0."""


class FrameBlock(nn.Module):
    """x + a little of: a convolution along the frames, channel by channel, then a perceptron for each frame.

    Args:
        width: channels.
        layers: how many such blocks there are: each begins as a 1 / layers part.
        kernel_size: frames that the convolution looks at, odd.
    """

    def __init__(self, width: int, layers: int, kernel_size: int = 7):
        super().__init__()
        self.along = nn.Conv2d(width, width, (1, kernel_size), padding=(0, kernel_size // 2), groups=width)
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)
        self.share = nn.Parameter(torch.full((width,), 1 / layers))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, frames, width) -> the same shape."""
        near = self.along(x.mT[:, :, None]).squeeze(2).mT  # a picture one row high, channels last: half Conv1d's time
        return x + self.share * self.down(F.gelu(self.up(self.norm(near))))


class SpectrumNet(nn.Module):
    """Mel bands of each frame -> its spectrum, as magnitude and phase.

    The magnitude is what a linear map of the bands says, times what the blocks say; the map begins as that of `bins`.

    Args:
        bands: mel bands.
        bins: first guess of log magnitudes from the bands x, weight (n, bands) and bias (n,), n = n_fft / 2 + 1.
        width: channels of the blocks.
        layers: how many blocks.
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
        """x (B, bands, frames) -> complex64 (B, n, frames)."""
        hidden = self.norm_out(self.blocks(self.norm_in(self.enter(x).mT)))
        log_gain, phase = self.leave(hidden).float().chunk(2, dim=2)
        magnitude = (self.guess(x.mT).float() + log_gain).clamp(max=LOUDEST).exp()
        return torch.complex(magnitude * phase.cos(), magnitude * phase.sin()).mT
