"""Vocoders: networks that generate waveforms from spectrograms, trained alone or together with a model of spectrograms.

The network predicts the complex spectrum of each frame, and the inverse Fourier transform makes a waveform of it. The
loss is

    |log mel(w) - log mel(w')|_1  +  mean over resolutions of  || |S(w)| - |S(w')| || / || S(w) ||  +
                                                               |log |S(w)| - log |S(w')||_1

for real waveforms w and reconstructions w', where S are Fourier transforms with windows of half, the same and twice the
spectrogram's length. Magnitudes 80 dB below the loudest, the floor of spectrograms, count as silence.

Sources: Siuzdak, "Vocos", 2023 (arXiv:2306.00814); Yamamoto, Song and Kim, "Parallel WaveGAN", 2020
(arXiv:1910.11480), section 2.2, for the distances at several resolutions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import Noise
from zaohua.core.params import Between, Sampling
from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.estimator.tensors import chunks
from zaohua.modalities.base import GridCodec
from zaohua.modalities.sounds.mel import MelCodec
from zaohua.modalities.sounds.sound import Sounds
from zaohua.modalities.sounds.spectra import MelScale
from zaohua.nn.vocoder import SpectrumNet
from zaohua.training.events import Batch
from zaohua.training.trainable import Trainable

AT_ONCE = 64
"""Number of spectrograms that are vocoded together."""


class VocoderFamily(Trainable[MelCodec]):
    """Base of vocoders: one network, `vocoder(x) -> spectra`; the channels of a sound are vocoded one by one."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"vocoder": ("vocoder",)}
    conditional: ClassVar[bool] = False
    encodes_y: ClassVar[bool] = False
    normal_latents: ClassVar[bool] = False
    default_steps: ClassVar[int] = 6000

    width: Annotated[int, Between(1)] = 192
    """Width of the network's blocks."""
    layers: Annotated[int, Between(1)] = 6
    """Number of blocks."""
    crop: Annotated[int, Between(2)] = 32
    """Frames of the crop of each sound in a training step, preferably where it is loud."""
    batch_fraction: Annotated[float, Between(high=1, above=0)] = 1.0
    """Fraction of a batch's sounds that a training step uses."""
    batch_size = 16
    learning_rate = 1e-3
    weight_decay = 0.01
    max_grad_norm = 10.0

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build a network along frames, initialised with the inverse of the mel filters."""
        mel, zero = self.codec_.mel_, self.codec_.log_mel(torch.zeros(()))
        spread = mel.filters(torch.device("cpu")).T
        weight = spread / spread.sum(1, keepdim=True).clamp(min=1e-8) * (self.codec_.log_mel(torch.ones(())) - zero)
        return nn.ModuleDict(
            {"vocoder": SpectrumNet(mel.bands, (weight, zero.expand(len(weight))), self.width, self.layers)}
        )

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return the distance of a crop of each sound to its reconstruction, (B,); 0 for sounds that are skipped."""
        assert batch.codes is not None
        x, waves = self._crops(batch.x, self.codec_.waves(batch.codes), batch.noise)
        if self.batch_fraction == 1:
            return self._reconstruction_distance(nets["vocoder"], x, waves)
        chosen = batch.noise.uniform() < self.batch_fraction
        rows = chosen.nonzero()[:, 0] if chosen.any() else torch.zeros(1, dtype=torch.int64, device=x.device)
        away = self._reconstruction_distance(nets["vocoder"], x[rows], waves[rows]) * chosen[rows] / self.batch_fraction
        return away.new_zeros(len(batch)).index_add(0, rows, away)

    def _reconstruction_distance(self, net: nn.Module, x: Tensor, waves: Tensor) -> Tensor:
        """Return the distance of waveforms (B, C, n) to reconstructions from their spectrograms, (B,)."""
        reconstructed = self.vocode(net, x)
        with torch.autocast(x.device.type, enabled=False):
            return self.distance(waves.flatten(0, 1), reconstructed.flatten(0, 1)).view(len(x), -1).mean(1)

    def _crops(self, x: Tensor, waves: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
        """Crop each item to (B, C, bands, L) and (B, C, (L - 1) hop), preferably where it is loud."""
        hop, frames = self.codec_.mel_.hop, x.shape[-1]
        length = min(self.crop, frames)
        loud = (x + 1).mean((1, 2)) + 1e-3  # dB above silence, more or less
        middle = (loud.cumsum(1) < noise.uniform()[:, None] * loud.sum(1, keepdim=True)).sum(1)
        first = (middle - length // 2).clamp(0, frames - length)
        waves = F.pad(waves, (0, (frames - 1) * hop - waves.shape[-1]))
        return _cut(x, first, length), _cut(waves, first * hop, (length - 1) * hop)

    def vocode(self, net: nn.Module, x: Tensor) -> Tensor:
        """Convert spectrograms (B, C, bands, frames) to waveforms (B, C, (frames - 1) hop), float32."""
        spectrum = net(x.flatten(0, 1))
        with torch.autocast(x.device.type, enabled=False):
            return self.codec_.mel_.istft(spectrum).view(*x.shape[:2], -1)

    def distance(self, real: Tensor, reconstructed: Tensor) -> Tensor:
        """Return the distance of waveforms (B, n), as defined in the module, (B,)."""
        codec, mel = self.codec_, self.codec_.mel_
        away = (
            (codec.log_mel(codec.spectrograms(reconstructed)) - codec.log_mel(codec.spectrograms(real)))
            .abs()
            .mean((1, 2))
        )
        floor = float(codec.log_mel(-torch.ones(())).exp())
        sizes = (mel.n_fft // 2, mel.n_fft, 2 * mel.n_fft)
        for n in sizes:
            away = away + spectral_distance(replace(mel, n_fft=n, hop=n // 4), real, reconstructed, floor) / len(sizes)
        return away

    # ---- primitives

    @property
    def latent_size(self) -> int:
        """Number of cells of a spectrogram."""
        return self.spec_.size

    def encode(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return the spectrogram itself, (B, D)."""
        return x.flatten(1)

    def decode(self, z: Tensor, y: Condition | None) -> Tensor:
        """Reshape a spectrogram (B, D); `decode_tensors` makes sounds of it."""
        return z.view(len(z), *self.spec_.tensor_shape)

    def _items_of(self, x: Tensor) -> Sounds:
        """Decode spectrograms to sounds by the network."""
        net, device = self.nets_["vocoder"], self.device_
        with torch.no_grad():
            waves = [self.vocode(net, x[rows].clamp(-1, 1).to(device)).cpu() for rows in chunks(len(x), AT_ONCE)]
        found = torch.cat(waves)
        self.refuse_invalid(~found.flatten(1).isfinite().all(1))
        return self.codec_.sounds(found, self.codec_.ends(x))


class VocoderMixin(Trainable[GridCodec]):
    """Base of models of images that also take sounds, as spectrograms."""

    vocoder: Annotated[bool, Sampling(modality=MelCodec.modality)] = True
    """For sounds: train a vocoder along with the model; otherwise decode by the Griffin-Lim algorithm."""

    def learners(self) -> tuple[Trainable, ...]:
        """Return the model itself, and its vocoder if it learns spectrograms."""
        vocoder = self._make_vocoder()
        return super().learners() if vocoder is None else (*super().learners(), vocoder)

    def _make_vocoder(self) -> VocoderFamily | None:
        """Make the untrained vocoder of this model's spectrograms; None of other data, or without a vocoder."""
        if not (self.vocoder and isinstance(self.codec_, MelCodec)):
            return None
        vocoder = VocoderFamily(
            batch_fraction=min(1.0, VocoderFamily.batch_size / self.batch_size)
        )  # as much work as by itself
        vocoder.codec_, vocoder.spec_ = self.codec_, self.spec_
        return vocoder

    def trained_vocoder(self) -> VocoderFamily | None:
        """Return the vocoder that was trained along with this model; None of other data, or without a vocoder.

        Raises:
            ZaohuaError: it was trained without one.
        """
        vocoder = self._make_vocoder()
        if vocoder is None:
            return None
        if "vocoder" not in self.nets_:
            raise ZaohuaError(
                f"this {type(self).__name__} was trained without a vocoder: sample with {option('vocoder', False)}"
            )
        vocoder.nets_ = self.nets_
        return vocoder

    def _items_of(self, x: Tensor) -> Any:
        """Decode tensors to items; spectrograms by the vocoder, or by the Griffin-Lim algorithm without one."""
        vocoder = self.trained_vocoder()
        return super()._items_of(x) if vocoder is None else vocoder.decode_tensors(x)


def spectral_distance(scale: MelScale, real: Tensor, reconstructed: Tensor, floor: float) -> Tensor:
    """Return spectral convergence plus the mean difference of log magnitudes at one resolution, (B,).

    Args:
        scale: spectrogram parameters, with `stft`.
        real, reconstructed: waveforms (B, n).
        floor: magnitude of silence.
    """
    n = real.shape[-1]
    padded = (F.pad(waves, (0, -n % scale.hop)) for waves in (real, reconstructed))
    a, b = (torch.view_as_real(scale.stft(waves)).square().sum(-1).clamp(min=floor**2).sqrt() for waves in padded)
    converged = (a - b).square().sum((1, 2)).clamp(min=1e-12).sqrt() / a.square().sum((1, 2)).sqrt()
    return converged + (a.log() - b.log()).abs().mean((1, 2))


def _cut(x: Tensor, first: Tensor, length: int) -> Tensor:
    """Cut x (B, ..., n) to (B, ..., length), each item from its own index."""
    index = first[:, None] + torch.arange(length, device=x.device)
    return x.gather(-1, index.view(len(x), *[1] * (x.ndim - 2), length).expand(*x.shape[:-1], length))
