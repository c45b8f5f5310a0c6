"""Vocoders: waves of spectrograms, learnt from sounds; by themselves, or beside what makes the spectrograms.

The network gives the spectrum of each frame, with phases, and the inverse Fourier transform makes a wave of it. Its
loss is

    |log mel(w) - log mel(w')|_1  +  mean over resolutions of  || |S(w)| - |S(w')| || / || S(w) ||  +
                                                               |log |S(w)| - log |S(w')||_1

of real waves w and made ones w', S being Fourier transforms with windows of half, the same and twice the spectrogram's
length. What is 80 dB below the loudest, the least that a spectrogram shows, counts as silence.

Sources: Siuzdak, "Vocos", 2023 (arXiv:2306.00814); Yamamoto, Song and Kim, "Parallel WaveGAN", 2020
(arXiv:1910.11480), section 2.2, for the distances at several resolutions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import Noise
from zaohua.core.params import Between, Sampling
from zaohua.core.spec import DataSpec
from zaohua.estimator.tensors import chunks
from zaohua.modalities.base import GridCodec
from zaohua.modalities.sounds.mel import MelCodec
from zaohua.nn.vocoder import SpectrumNet
from zaohua.training.events import Batch
from zaohua.training.trainable import Trainable

AT_ONCE = 64
"""Spectrograms that waves are made of together."""


class VocoderFamily(Trainable[MelCodec]):
    """One network, `vocoder(x) -> spectra`; channels of a sound are vocoded one by one."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"vocoder": ("vocoder",)}
    conditional: ClassVar[bool] = False
    encodes_y: ClassVar[bool] = False
    default_steps: ClassVar[int] = 6000

    width: Annotated[int, Between(1)] = 192
    """Channels of the network's blocks."""
    layers: Annotated[int, Between(1)] = 6
    """How many blocks."""
    crop: Annotated[int, Between(2)] = 32
    """Frames of each sound that a step looks at: where it is loud, mostly."""
    share: Annotated[float, Between(high=1, above=0)] = 1.0
    """Share of a batch's sounds that a step looks at."""
    batch_size = 16
    learning_rate = 1e-3
    weight_decay = 0.01
    max_grad_norm = 10.0

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """A network along frames, which begins with the magnitudes that the bands say."""
        mel, zero = self.codec_.mel_, self.codec_.log_mel(torch.zeros(()))
        spread = mel.filters(torch.device("cpu")).T
        weight = spread / spread.sum(1, keepdim=True).clamp(min=1e-8) * (self.codec_.log_mel(torch.ones(())) - zero)
        return nn.ModuleDict(
            {"vocoder": SpectrumNet(mel.bands, (weight, zero.expand(len(weight))), self.width, self.layers)}
        )

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """The distance of a part of each sound to what is made of its spectrogram, (B,); 0 of those not looked at."""
        assert batch.codes is not None
        x, waves = self._crops(batch.x, self.codec_.waves(batch.codes), batch.noise)
        if self.share == 1:
            return self._distance_made(nets["vocoder"], x, waves)
        chosen = batch.noise.uniform() < self.share
        rows = chosen.nonzero()[:, 0] if chosen.any() else torch.zeros(1, dtype=torch.int64, device=x.device)
        away = self._distance_made(nets["vocoder"], x[rows], waves[rows]) * chosen[rows] / self.share
        return away.new_zeros(len(batch)).index_add(0, rows, away)

    def _distance_made(self, net: nn.Module, x: Tensor, waves: Tensor) -> Tensor:
        """From waves (B, C, n) to what is made of their spectrograms, (B,)."""
        made = self.vocode(net, x)
        with torch.autocast(x.device.type, enabled=False):
            return self.distance(waves.flatten(0, 1), made.flatten(0, 1)).view(len(x), -1).mean(1)

    def _crops(self, x: Tensor, waves: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
        """A part of each item, (B, C, bands, L) and (B, C, (L - 1) hop), in whose middle it is often loud."""
        hop, frames = self.codec_.mel_.hop, x.shape[-1]
        length = min(self.crop, frames)
        loud = (x + 1).mean((1, 2)) + 1e-3  # dB above silence, more or less
        middle = (loud.cumsum(1) < noise.uniform()[:, None] * loud.sum(1, keepdim=True)).sum(1)
        first = (middle - length // 2).clamp(0, frames - length)
        waves = F.pad(waves, (0, (frames - 1) * hop - waves.shape[-1]))
        return _cut(x, first, length), _cut(waves, first * hop, (length - 1) * hop)

    def vocode(self, net: nn.Module, x: Tensor) -> Tensor:
        """Spectrograms (B, C, bands, frames) -> waves (B, C, (frames - 1) hop), float32."""
        spectrum = net(x.flatten(0, 1))
        with torch.autocast(x.device.type, enabled=False):
            return self.codec_.mel_.istft(spectrum).view(*x.shape[:2], -1)

    def distance(self, real: Tensor, made: Tensor) -> Tensor:
        """Of waves (B, n): in nats of loudness and shares of it, see above; (B,)."""
        codec, mel = self.codec_, self.codec_.mel_
        away = (codec.log_mel(codec.spectrograms(made)) - codec.log_mel(codec.spectrograms(real))).abs().mean((1, 2))
        floor = float(codec.log_mel(-torch.ones(())).exp())
        sizes = (mel.n_fft // 2, mel.n_fft, 2 * mel.n_fft)
        for n in sizes:
            away = away + spectral_distance(replace(mel, n_fft=n, hop=n // 4), real, made, floor) / len(sizes)
        return away

    # ---- primitives

    @property
    def latent_size(self) -> int:
        """Cells of a spectrogram."""
        return self.spec_.size

    def encode(self, x: Tensor, y: Tensor | None, noise: Noise) -> Tensor:
        """The spectrogram itself, (B, D)."""
        return x.flatten(1)

    def decode(self, z: Tensor, y: Tensor | None) -> Tensor:
        """The spectrogram (B, D) as one; it becomes a sound on its way out."""
        return z.view(len(z), *self.spec_.tensor_shape)

    def decode_tensors(self, x: Tensor) -> Any:
        """Make sounds of spectrograms, by the network."""
        net, device = self.nets_["vocoder"], self.device_
        with torch.no_grad():
            waves = [self.vocode(net, x[rows].clamp(-1, 1).to(device)).cpu() for rows in chunks(len(x), AT_ONCE)]
        return self.codec_.sounds(torch.cat(waves))


class VocoderMixin(Trainable[GridCodec]):
    """A model of pictures that takes sounds as well, as spectrograms."""

    vocoder: Annotated[bool, Sampling] = True
    """For sounds: learn beside to make sounds of spectrograms; otherwise by Griffin and Lim's method."""

    def learners(self) -> tuple[Trainable, ...]:
        """Return the model itself, and its vocoder if it learns spectrograms."""
        vocoder = self._make_vocoder()
        return super().learners() if vocoder is None else (*super().learners(), vocoder)

    def _make_vocoder(self) -> VocoderFamily | None:
        """Make the untrained vocoder of this model's spectrograms; None of other data, or without a vocoder."""
        if not (self.vocoder and isinstance(self.codec_, MelCodec)):
            return None
        vocoder = VocoderFamily(share=min(1.0, VocoderFamily.batch_size / self.batch_size))  # as much work as by itself
        vocoder.codec_, vocoder.spec_ = self.codec_, self.spec_
        return vocoder

    def decode_tensors(self, x: Tensor) -> Any:
        """Decode tensors to items; spectrograms by the vocoder, or by the Griffin-Lim algorithm without one."""
        vocoder = self._make_vocoder()
        if vocoder is None:
            return super().decode_tensors(x)
        if "vocoder" not in self.nets_:
            raise ZaohuaError(f"this {type(self).__name__} was trained without a vocoder: sample with vocoder=False")
        vocoder.nets_ = self.nets_
        return vocoder.decode_tensors(x)


def spectral_distance(scale: Any, real: Tensor, made: Tensor, floor: float) -> Tensor:
    """Spectral convergence and mean difference of log magnitudes at one resolution, (B,).

    Args:
        scale: what takes the Fourier transform, `stft`.
        real, made: waves (B, n).
        floor: magnitude below which there is silence.
    """
    n = real.shape[-1]
    padded = (F.pad(waves, (0, -n % scale.hop)) for waves in (real, made))
    a, b = (torch.view_as_real(scale.stft(waves)).square().sum(-1).clamp(min=floor**2).sqrt() for waves in padded)
    converged = (a - b).square().sum((1, 2)).clamp(min=1e-12).sqrt() / a.square().sum((1, 2)).sqrt()
    return converged + (a.log() - b.log()).abs().mean((1, 2))


def _cut(x: Tensor, first: Tensor, length: int) -> Tensor:
    """x (B, ..., n) -> (B, ..., length), each item from its own place on."""
    index = first[:, None] + torch.arange(length, device=x.device)
    return x.gather(-1, index.view(len(x), *[1] * (x.ndim - 2), length).expand(*x.shape[:-1], length))
