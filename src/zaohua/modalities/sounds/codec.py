"""Base of the codecs of sounds, in files or in memory; `waves`, `mel` and `mu_law` make tensors of them.

Waveforms are what is stored during training, as int16 if that is lossless, so that the codecs share encoded items.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError, named
from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities.base import Codes, counted
from zaohua.modalities.sounds import heard
from zaohua.modalities.sounds.files import Form, SoundFiles
from zaohua.modalities.sounds.losses import tell_headers, tell_lengths
from zaohua.modalities.sounds.sound import Sound, Sounds
from zaohua.modalities.sounds.written import SoundsLike, WrittenSounds

if TYPE_CHECKING:
    from zaohua.core.noise import Noise
    from zaohua.operators.degradation import Degradation

LONGEST = 4.0
"""Maximum default length of an item, in seconds."""


class SoundCodec(WrittenSounds):
    """Base of the codecs of sounds: reading files, rate, length and channels, and writing sounds.

    Loudness isn't normalised. Decoded samples are clipped to [-1, 1].

    Attributes:
        windows_: True if longer sounds are split into windows.
    """

    modality: ClassVar[str] = "sounds"
    usual_number: ClassVar[int] = 16
    previewed: ClassVar[int] = 16
    ended: ClassVar[float] = -2.0
    held: ClassVar[float] = 0.99
    """Fraction of the sounds that fit into the default length of an item."""

    rate: Annotated[int, Between(100, 768_000)] | None = None
    """Sampling rate in Hz; None: the most frequent rate of the files. Other files are resampled."""
    seconds: Annotated[float, Between(above=0)] | None = None
    """Length of an item in seconds; None: enough for 99 % of the sounds, at most 4. Shorter sounds are padded with
    silence."""
    long: Literal["auto", "cut", "windows"] = "auto"
    """Treatment of longer sounds: "cut" the end off, or split them into "windows", each an item; "auto": windows if
    half of the sounds are longer."""
    channels: Literal["mono", "keep"] = "mono"
    """Mix all channels down to one, or keep them."""
    trim: bool = False
    """Trim leading and trailing silence."""
    memory: Annotated[float, Between(0)] | None = None
    """GiB of sounds to hold in memory; more is read during training. None: a quarter of the free memory."""

    def fit(self, items: SoundsLike) -> Self:
        """Determine rate, length and channels from the training sounds.

        Args:
            items: `SoundFiles`, or a list of `Sound`s.

        Raises:
            ZaohuaError: too many files are broken, or files differ in their channels and these are to be kept.
        """
        files = _files(items)
        rates = [header.rate for header in files.headers]
        rate = self.rate or max(sorted(set(rates)), key=rates.count)
        channels = 1 if self.channels == "mono" else self._common_channels(files)
        trimmed = self._trimmed(files)
        lengths = np.array(trimmed.seconds)
        seconds = self.seconds or min(float(np.quantile(lengths, self.held, method="higher")), LONGEST)
        windows = self.long == "windows" or (self.long == "auto" and bool(np.median(lengths) > seconds))
        self._fit_rate(rate)
        samples = max(1, round(seconds * rate))
        length = self._length(samples, rate) if self.seconds is None else samples
        self._set(Form(rate, length, channels, any(header.deep for header in trimmed.headers)), windows)
        parts, waves = self._encoded(trimmed)
        self._fit_waves(waves)
        files.cache(self._key, (parts, waves))
        return self

    def _common_channels(self, files: SoundFiles) -> int:
        counts = [header.channels for header in files.headers]
        for name, count in zip(files.paths, counts, strict=True):
            if count != counts[0]:
                raise ZaohuaError(
                    f"channels differ, so they can't be kept: {files.paths[0]} has {counts[0]}, {name} "
                    f"has {count}; take {self.option('channels', 'mono')}"
                )
        return counts[0]

    @property
    def _key(self) -> tuple[object, ...]:
        """Key of the cache of encoded sounds: all that they depend on."""
        return self.form_, self.windows_, self.trim

    def _fit_rate(self, rate: int) -> None:
        """Set what depends on the rate."""

    def _length(self, samples: int, rate: int) -> int:
        """Return the length that an item is padded to for networks, in samples."""
        return samples

    def _padded(self, waves: Tensor) -> Tensor:
        """Pad waveforms (..., n) with silence to the length that networks see."""
        length = self._length(self.form_.length, self.form_.rate)
        return torch.nn.functional.pad(waves, (0, length - waves.shape[-1]))

    def _set(self, form: Form, windows: bool) -> None:
        """Set the format that sounds are converted to."""
        self.set_form(form)
        self.windows_ = windows

    def _fit_waves(self, codes: Codes) -> None:
        """Set the spec, and whatever else depends on the waveforms."""
        self.spec_ = self._spec()

    def _spec(self) -> DataSpec:
        feature = Feature("sample", "real", size=self.form_.channels)
        return DataSpec(axes=("time",), shape=(self._length(self.form_.length, self.form_.rate),), features=(feature,))

    def encode(self, items: SoundsLike) -> Codes:
        """Encode sounds as waveforms, int16 or float32 (n, channels, length).

        Raises:
            ZaohuaError: more than a tenth of the files are broken.
        """
        return self._parts_and_codes(_files(items))[1]

    def parts(self, items: SoundsLike) -> SoundFiles:
        """Return the sounds as they are encoded: trimmed and split into windows, each with the label of its sound.

        The given items aren't changed, except that broken files are dropped. All returned parts are readable.
        """
        parts, waves = self._parts_and_codes(_files(items))
        parts.cache(self._key, (parts, waves))
        return parts

    def _parts_and_codes(self, files: SoundFiles) -> tuple[SoundFiles, Codes]:
        """Return the parts of sounds and their encoding."""
        cached: tuple[SoundFiles, Codes] | None = files.pop_cached(self._key)
        if cached is not None:
            return cached
        return self._encoded(self._trimmed(files))

    def _trimmed(self, files: SoundFiles) -> SoundFiles:
        return files.trimmed() if self.trim else files

    def _split(self, files: SoundFiles) -> SoundFiles:
        return files.split(self.form_.length / self.form_.rate) if self.windows_ else files

    def _encoded(self, files: SoundFiles) -> tuple[SoundFiles, Codes]:
        """Return the parts of trimmed sounds and their encoding, and note what isn't read of them."""
        form = self.form_
        lengths, length = files.seconds, form.length / form.rate
        tell_headers(files.headers, form.rate, form.channels)
        if self.windows_:
            kept = [
                seconds if seconds <= length else math.floor(seconds / length + 0.5) * length for seconds in lengths
            ]
        else:
            kept = [length] * len(lengths)
        tell_lengths(lengths, kept, form.rate, self.windows_)
        parts = self._split(files)
        return parts, self._codes(parts)

    def _codes(self, files: SoundFiles) -> Codes:
        """Encode sounds in the form that is stored during training."""
        return files.decode(self.form_, self.memory)

    def waves(self, codes: Tensor) -> Tensor:
        """Convert encoded sounds to float32 samples in [-1, 1]."""
        return codes.float() / 32768 if codes.dtype == torch.int16 else codes

    def gain(self, waves: Tensor) -> Tensor:
        """Return by what to multiply sounds (b, channels, n) so that they are as loud as those of training, (b,).

        By default 1: a codec that knows how loud these were says so.
        """
        return waves.new_ones(len(waves))

    def observation(self, degradation: Degradation) -> Self:
        """Return the same codec for what is heard of sounds."""
        return heard.codec_of(self)

    def observe(self, codes: Tensor, x: Tensor, degradation: Degradation, noise: Noise) -> Tensor:
        """Degrade the waves of a batch, and represent them as sounds are."""
        return self.prepare(heard.heard(self.waves(codes), self.form_.rate, degradation, noise), noise)

    def ends(self, x: Tensor) -> Tensor:
        """Return the number of samples before new sounds (b, ...) `ended`, int64 (b,), or else the fitted length."""
        places = x.ne(self.ended).flatten(1, -2).any(1).sum(1)
        samples = self._samples(places).clamp(max=self.form_.length)
        return torch.where(places == x.shape[-1], self.form_.length, samples)

    def _samples(self, places: Tensor) -> Tensor:
        """Convert numbers of places of the time axis to samples, at least 1."""
        return places

    def sounds(self, waves: Tensor, ends: Tensor | None = None) -> Sounds:
        """Convert samples (b, channels, n) to sounds, clipped to [-1, 1].

        Args:
            waves: the samples.
            ends: number of samples of each sound, see `ends`; None for the fitted length.

        Raises:
            ZaohuaError: a sample is NaN or infinite.
        """
        array = waves.detach().to("cpu", torch.float32).numpy()
        if not np.isfinite(array).all():
            raise ZaohuaError("samples are NaN or infinite, so they are no sound")
        stops = [self.form_.length] * len(array) if ends is None else ends.tolist()
        cut = [wave[:, :stop] for wave, stop in zip(array.clip(-1, 1), stops, strict=True)]
        return Sounds(Sound(wave[0] if len(wave) == 1 else wave.T, self.form_.rate) for wave in cut)

    def as_items(self, y: object, n: int | None) -> SoundFiles:
        """Return n (or 1) copies of a single sound or path; return a list of sounds unchanged."""
        if isinstance(y, (Sound, str, Path)):
            return SoundFiles([y if isinstance(y, Sound) else Path(y)] * (1 if n is None else n))
        return _files(y)

    # ---- JSON

    def learns(self) -> str:
        """Return that it tells the form of the sounds."""
        return "rate, length, channels and loudness of the sounds"

    def describe(self, n: int | None = None) -> str:
        """Describe rate, length and channels of the sounds."""
        form = self.form_
        most = "at most " if self.spec_.shape is None else ""
        channels = "mono" if form.channels == 1 else f"{form.channels} channels"
        return f"{counted(n, 'sound')} of {most}{form.length / form.rate:.3g} s, {form.rate:,} Hz, {channels}"

    def found(self) -> Json:
        """Return the rate, the length and the number of channels."""
        form = self.form_
        return {"rate": form.rate, "seconds": round(form.length / form.rate, 4), "channels": form.channels}

    def state(self) -> Json:
        """Return the format that sounds are converted to, as JSON values."""
        return {"form": list(self.form_), "windows": self.windows_} if hasattr(self, "spec_") else {}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self._set(Form(*state["form"]), state["windows"])


def _files(items: object) -> SoundFiles:
    """Return items as `SoundFiles`; raise an error that names the first item that isn't a sound."""
    if isinstance(items, SoundFiles):
        return items
    if not isinstance(items, Iterable):
        raise ZaohuaError(
            f"sounds must be given as a Sound, as the path of a file or as a list of them, not {type(items).__name__}"
        )
    for i, item in enumerate(items):
        if not isinstance(item, Sound):
            raise ZaohuaError(f"the list holds sounds, but number {i} is {named(item)}")
    return SoundFiles(list(items))
