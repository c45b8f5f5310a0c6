"""Sounds: files or samples <-> waves of one length (`WaveCodec`), or log-mel spectrograms of them (`MelCodec`).

What is kept while training are the waves, int16 where that loses nothing, so that one codec's codes are another's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.codecs.base import Codec, Codes
from zaohua.codecs.sound_files import Form, SoundFiles
from zaohua.codecs.spectra import MelScale
from zaohua.data.sounds import Sound, Sounds
from zaohua.errors import ZaohuaError
from zaohua.fields import Between
from zaohua.spec import DataSpec, Head

if TYPE_CHECKING:
    from zaohua.noise import Noise

LONGEST = 4.0
"""Seconds of an item at most, when nobody says."""
HELD = 0.99
"""Share of the sounds that are to be held whole, when nobody says."""
RANGE = math.log(10) * 80 / 20
"""Nats of loudness below the loudest that a spectrogram shows: 80 dB."""


class SoundCodec(Codec):
    """What all codecs of sounds share: files, rate, length and channels, and how sounds are written.

    Attributes:
        form_: what all sounds are brought to.
    """

    kind: ClassVar[str] = "sounds"
    usual_number: ClassVar[int] = 16

    rate: Annotated[int, Between(100, 768_000)] | None = None
    """Samples a second; None: as most files have. Others are resampled."""
    seconds: Annotated[float, Between(above=0)] | None = None
    """Length of an item; None: what 99 % of the sounds fit in, and at most 4. Shorter ones end in silence."""
    long: Literal["auto", "cut", "windows"] = "auto"
    """What becomes of longer ones: cut off at the end, or windows of them, each an item; auto: windows if half of the
    sounds are longer."""
    channels: Literal["mono", "keep"] = "mono"
    """Mix all channels down to one, or keep them apart."""
    trim: bool = False
    """Leave out the silence at both ends of each sound."""
    memory: Annotated[float, Between(0)] | None = None
    """GiB of sounds to keep in memory; what takes more is read while training. None: a quarter of the free memory."""

    def fit(self, items: Any) -> Self:
        """Learn rate, length and channels.

        Args:
            items: `SoundFiles`.

        Raises:
            ZaohuaError: too many files are broken, or channels that are to be kept differ.
        """
        files = _files(items)
        headers = files.headers
        rates = [header.rate for header in headers]
        rate = self.rate or max(sorted(set(rates)), key=rates.count)
        channels = 1 if self.channels == "mono" else headers[0].channels
        if any(header.channels != channels for header in headers) and channels > 1:
            raise ZaohuaError("channels differ from file to file, so they can't be kept: take channels='mono'")
        if self.trim:
            files.trim()
        lengths = np.array(files.seconds)
        seconds = self.seconds or min(float(np.quantile(lengths, HELD, method="higher")), LONGEST)
        windows = self.long == "windows" or (self.long == "auto" and np.median(lengths) > seconds)
        self._set(Form(rate, self._length(round(seconds * rate), rate), channels,
                       any(header.deep for header in files.headers)), windows)
        codes = self._decode(files)
        self._fit_waves(codes)
        files.keep(self._key, codes)
        return self

    @property
    def _key(self) -> tuple[Any, ...]:
        """What codes depend on."""
        return self.form_, self.windows_, self.trim

    def _length(self, samples: int, rate: int) -> int:
        """Samples of an item that is to have about so many."""
        return max(1, samples)

    def _set(self, form: Form, windows: bool) -> None:
        """Take what sounds are brought to."""
        self.form_, self.windows_ = form, windows

    def _fit_waves(self, codes: Codes) -> None:
        """Learn what else there is to learn, and the spec."""
        self.spec_ = self._spec()

    def _spec(self) -> DataSpec:
        head = Head("sample", "real", size=self.form_.channels)
        return DataSpec(axes=("time",), shape=(self.form_.length,), heads=(head,))

    def encode(self, items: Any) -> Codes:
        """Sounds -> waves, int16 or float32 (n, channels, length).

        Raises:
            ZaohuaError: more than a tenth of the files are broken.
        """
        files = _files(items)
        kept = files.kept(self._key)
        if kept is not None:
            return kept
        if self.trim:
            files.trim()
        return self._decode(files)

    def _decode(self, files: SoundFiles) -> Codes:
        if self.windows_:
            files.cut(self.form_.length / self.form_.rate)
        return files.decode(self.form_, self.memory)

    def waves(self, codes: Tensor) -> Tensor:
        """Codes -> float32 samples in [-1, 1]."""
        return codes.float() / 32768 if codes.dtype == torch.int16 else codes

    def sounds(self, waves: Tensor) -> Sounds:
        """Samples (b, channels, n) -> sounds of the length learnt, clipped to [-1, 1]."""
        array = np.nan_to_num(waves.detach().to("cpu", torch.float32).numpy()).clip(-1, 1)
        array = array[..., : self.form_.length]
        return Sounds(Sound(wave[0] if len(wave) == 1 else wave.T, self.form_.rate) for wave in array)

    def as_items(self, y: Any, n: int | None) -> Any:
        """One sound as n (or 1) equal conditions, several as they are."""
        if isinstance(y, SoundFiles):
            return y
        return SoundFiles([y] * (1 if n is None else n) if isinstance(y, Sound) else list(y))

    # ---- files

    def write(self, items: Any, folder: Path, names: Sequence[str]) -> list[Path]:
        """Write sounds as WAV files, of 16 bits, or 24 where training had more than 16."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.wav" for name in names]
        for path, sound in zip(paths, items, strict=True):
            self._write_sound(sound, path)
        return paths

    def _write_sound(self, sound: Sound, path: Path) -> None:
        import soundfile

        subtype = "PCM_24" if self.form_.deep else "PCM_16"
        kind = subtype if soundfile.check_format(path.suffix[1:].upper(), subtype) else None  # OGG knows no bits
        soundfile.write(path, sound.samples, sound.rate, subtype=kind)

    def _write_joined(self, items: Any, path: Path, y: Sequence[Any] | None, columns: int | None) -> None:
        """All sounds one after another, with a tenth of a second between them."""
        pause = np.zeros((items[0].rate // 10, *items[0].samples.shape[1:]), np.float32)
        parts = [part for sound in items for part in (sound.samples, pause)]
        self._write_sound(Sound(np.concatenate(parts[:-1]), items[0].rate), path)

    sheets = {".wav": _write_joined, ".flac": _write_joined, ".ogg": _write_joined}

    # ---- JSON

    def state(self) -> dict[str, Any]:
        """What sounds are brought to."""
        return {"form": list(self.form_), "windows": self.windows_} if hasattr(self, "spec_") else {}

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        self._set(Form(*state["form"]), state["windows"])


class WaveCodec(SoundCodec):
    """Sounds <-> waves, float32 (channels, samples) in [-1, 1]."""

    modality: ClassVar[str] = "waves"

    multiple: Annotated[int, Between(1)] = 256
    """The number of samples is rounded up to a multiple of this."""

    def _length(self, samples: int, rate: int) -> int:
        return max(1, math.ceil(samples / self.multiple)) * self.multiple

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Codes (b, channels, n) -> float32 in [-1, 1]."""
        return self.waves(codes)

    def decode(self, x: Tensor) -> Sounds:
        """Waves (b, channels, n) -> sounds."""
        return self.sounds(x)


class MelCodec(SoundCodec):
    """Sounds <-> log-mel spectrograms, (channels, bands, frames), 80 dB below the loudest being -1 and the loudest 1.

    Decoding is Griffin and Lim's method; models that train a vocoder have a better one.

    Attributes:
        mel_: what the spectrograms are.
        top_: natural logarithm of the largest mel magnitude of the training sounds.
    """

    modality: ClassVar[str] = "sounds"

    n_fft: Annotated[int, Between(16, 16384)] | None = None
    """Samples in a window, even; None: the power of two next to 32 ms."""
    hop: Annotated[int, Between(1)] | None = None
    """Samples from one window to the next; None: half a window."""
    bands: Annotated[int, Between(4, 512)] | None = None
    """Mel bands; None: 64, and 80 from 16 kHz on."""
    rounds: Annotated[int, Between(1, 10_000)] = 60
    """Rounds of Griffin and Lim's method."""

    def _length(self, samples: int, rate: int) -> int:
        n_fft = self.n_fft or 2 ** round(math.log2(0.032 * rate))
        hop = self.hop or n_fft // 2
        if n_fft % 2 or hop > n_fft // 2:
            raise ZaohuaError(f"MelCodec: n_fft ({n_fft}) must be even, and hop ({hop}) at most half of it")
        self.mel_ = MelScale(rate, n_fft, hop, self.bands or (80 if rate >= 16_000 else 64))
        if self.seconds is not None:
            return max(1, samples)
        return (8 * math.ceil((math.ceil(samples / hop) + 1) / 8) - 1) * hop  # frames: a multiple of 8

    def _fit_waves(self, codes: Codes) -> None:
        top = -math.inf
        for start in range(0, len(codes), 256):
            waves = self.waves(codes[np.arange(start, min(start + 256, len(codes)))])
            top = max(top, float(self.mel_.log_mel(self._padded(waves)).max()))
        self.top_ = top
        self.spec_ = self._spec()

    def _spec(self) -> DataSpec:
        frames = 1 + math.ceil(self.form_.length / self.mel_.hop)
        head = Head("magnitude", "real", size=self.form_.channels, scale=RANGE / 2)
        return DataSpec(axes=("band", "frame"), shape=(self.mel_.bands, frames), heads=(head,))

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Codes (b, channels, n) -> float32 (b, channels, bands, frames) in [-1, 1]."""
        return self.spectrograms(self.waves(codes))

    def spectrograms(self, waves: Tensor) -> Tensor:
        """Waves (b, channels, n) in [-1, 1] -> what networks see of them."""
        return ((self.mel_.log_mel(self._padded(waves)) - self.top_) * (2 / RANGE) + 1).clamp(-1, 1)

    def log_mel(self, x: Tensor) -> Tensor:
        """The inverse of the scaling: natural logarithms of mel magnitudes."""
        return (x.float() - 1) * (RANGE / 2) + self.top_

    def decode(self, x: Tensor) -> Sounds:
        """Spectrograms (b, channels, bands, frames) -> sounds, by Griffin and Lim's method."""
        log_mel = self.log_mel(x.clamp(-1, 1))
        return self.sounds(self.mel_.griffin_lim(self.mel_.magnitudes(log_mel), self.rounds))

    def _padded(self, waves: Tensor) -> Tensor:
        """With silence to a multiple of the hop."""
        return torch.nn.functional.pad(waves, (0, -waves.shape[-1] % self.mel_.hop))

    def state(self) -> dict[str, Any]:
        """What sounds are brought to, and the scale of their spectrograms."""
        if not hasattr(self, "spec_"):
            return {}
        mel = self.mel_
        return {**super().state(), "mel": [mel.rate, mel.n_fft, mel.hop, mel.bands], "top": self.top_}

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        super().set_state(state)
        self.mel_, self.top_ = MelScale(*state["mel"]), state["top"]


def _files(items: Any) -> SoundFiles:
    """Items as `SoundFiles`, or an error that names the one that is none."""
    if isinstance(items, SoundFiles):
        return items
    for i, item in enumerate(items):
        if not isinstance(item, Sound):
            raise ZaohuaError(f"the list holds sounds, but number {i} is a {type(item).__name__}")
    return SoundFiles(list(items))
