"""Sounds: files or samples <-> waves of one length. `mel` and `mu_law` make spectrograms and tokens of them.

What is kept while training are the waves, int16 where that loses nothing, so that one codec's codes are another's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities.base import Codec, Codes, counted
from zaohua.modalities.sounds.files import Form, SoundFiles
from zaohua.modalities.sounds.sheets import joined, write_sound, write_spectrograms
from zaohua.modalities.sounds.sound import Sound, Sounds
from zaohua.modalities.sounds.spectra import MelScale, mu_law_compress, mu_law_expand

if TYPE_CHECKING:
    from zaohua.core.noise import Noise

LONGEST = 4.0
"""Seconds of an item at most, when nobody says."""


class SoundCodec(Codec):
    """What all codecs of sounds share: files, rate, length and channels, and how sounds are written.

    Loudness is kept as it is; what is beyond [-1, 1] is clipped when decoded.

    Attributes:
        form_: what all sounds are brought to.
        windows_: whether longer ones become several.
    """

    modality: ClassVar[str] = "sounds"
    usual_number: ClassVar[int] = 16
    previewed: ClassVar[int] = 16
    held: ClassVar[float] = 0.99
    """Share of the sounds that are to be held whole, when nobody says how long an item is."""
    previews: ClassVar[tuple[str, ...]] = (".wav", ".png")

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
        parts = self._cut(trimmed)
        codes = self._codes(parts)
        self._fit_waves(codes)
        files.keep(self._key, (parts, codes))
        return self

    def _common_channels(self, files: SoundFiles) -> int:
        counts = [header.channels for header in files.headers]
        for name, count in zip(files.paths, counts, strict=True):
            if count != counts[0]:
                raise ZaohuaError(
                    f"channels differ, so they can't be kept: {files.paths[0]} has {counts[0]}, {name} "
                    f"has {count}; take channels='mono'"
                )
        return counts[0]

    @property
    def _key(self) -> tuple[Any, ...]:
        """What codes depend on."""
        return self.form_, self.windows_, self.trim

    def _fit_rate(self, rate: int) -> None:
        """Learn what follows from the rate."""

    def _length(self, samples: int, rate: int) -> int:
        """Samples that networks see of an item of so many, which ends in silence: as many or more."""
        return samples

    def _padded(self, waves: Tensor) -> Tensor:
        """Waves (..., n) with silence up to what networks see."""
        length = self._length(self.form_.length, self.form_.rate)
        return torch.nn.functional.pad(waves, (0, length - waves.shape[-1]))

    def _set(self, form: Form, windows: bool) -> None:
        """Take what sounds are brought to."""
        self.form_, self.windows_ = form, windows

    def _fit_waves(self, codes: Codes) -> None:
        """Learn what else there is to learn, and the spec."""
        self.spec_ = self._spec()

    def _spec(self) -> DataSpec:
        feature = Feature("sample", "real", size=self.form_.channels)
        return DataSpec(axes=("time",), shape=(self._length(self.form_.length, self.form_.rate),), features=(feature,))

    def encode(self, items: Any) -> Codes:
        """Sounds -> waves, int16 or float32 (n, channels, length).

        Raises:
            ZaohuaError: more than a tenth of the files are broken.
        """
        return self._taken(_files(items))[1]

    def parts(self, items: Any) -> SoundFiles:
        """Sounds as they are encoded, trimmed and cut into windows as asked, each with the label of its sound.

        Those given stay as they are, but that broken ones are left out; of the parts all can be read.
        """
        parts, codes = self._taken(_files(items))
        parts.keep(self._key, (parts, codes))
        return parts

    def _taken(self, files: SoundFiles) -> tuple[SoundFiles, Codes]:
        """The parts of sounds, and their codes."""
        kept = files.kept(self._key)
        if kept is not None:
            return kept
        parts = self._cut(self._trimmed(files))
        return parts, self._codes(parts)

    def _trimmed(self, files: SoundFiles) -> SoundFiles:
        return files.trimmed() if self.trim else files

    def _cut(self, files: SoundFiles) -> SoundFiles:
        return files.cut(self.form_.length / self.form_.rate) if self.windows_ else files

    def _codes(self, files: SoundFiles) -> Codes:
        """What is kept of sounds while training."""
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
        """One sound, or the path of one, as n (or 1) equal conditions, several as they are."""
        if isinstance(y, (Sound, str, Path)):
            return SoundFiles([y if isinstance(y, Sound) else Path(y)] * (1 if n is None else n))
        return _files(y)

    # ---- files

    def write(self, items: Any, folder: Path, names: Sequence[str]) -> list[Path]:
        """Write sounds as WAV files, of 16 bits, or floats where training had more."""
        folder.mkdir(parents=True, exist_ok=True)
        return [
            write_sound(sound, folder / f"{name}.wav", self.form_.deep)
            for name, sound in zip(names, items, strict=True)
        ]

    def _write_joined(self, items: Any, path: Path, y: Sequence[Any] | None, columns: int | None) -> None:
        """All sounds one after another."""
        write_sound(joined(items), path, self.form_.deep)

    def _write_spectrograms(self, items: Any, path: Path, y: Sequence[Any] | None, columns: int | None) -> None:
        """A picture of each sound, in one PNG."""
        write_spectrograms(items, path, self._scale, columns)

    @property
    def _scale(self) -> MelScale:
        """What spectrograms are drawn in."""
        return MelScale.usual(self.form_.rate)

    sheets = {
        ".wav": _write_joined,
        ".flac": _write_joined,
        ".ogg": _write_joined,
        ".mp3": _write_joined,
        ".png": _write_spectrograms,
    }

    # ---- JSON

    def describe(self, n: int | None = None) -> str:
        """Rate, length and channels of the sounds."""
        form = self.form_
        most = "at most " if self.spec_.shape is None else ""
        channels = "mono" if form.channels == 1 else f"{form.channels} channels"
        return f"{counted(n, 'sound')} of {most}{form.length / form.rate:.3g} s, {form.rate:,} Hz, {channels}"

    def state(self) -> dict[str, Any]:
        """What sounds are brought to."""
        return {"form": list(self.form_), "windows": self.windows_} if hasattr(self, "spec_") else {}

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        self._set(Form(*state["form"]), state["windows"])


class WaveCodec(SoundCodec):
    """Sounds <-> waves, float32 (channels, samples) in [-1, 1], bent so that quiet sounds aren't next to nothing."""

    representation: ClassVar[str] = "waves"

    multiple: Annotated[int, Between(1)] = 256
    """What networks see is a multiple of this, in samples: what is missing is silence."""
    mu: Annotated[float, Between(0, 65535)] = 31.0
    """How much mu-law's curve bends the samples that networks see; 0: they are as they are."""

    def describe(self, n: int | None = None) -> str:
        """Rate, length and channels of the sounds, and that networks see waves."""
        return f"{super().describe(n)}, as waves"

    def _length(self, samples: int, rate: int) -> int:
        return math.ceil(samples / self.multiple) * self.multiple

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Codes (b, channels, n) -> float32 in [-1, 1]."""
        return mu_law_compress(self._padded(self.waves(codes)), self.mu)

    def decode(self, x: Tensor) -> Sounds:
        """Bent waves (b, channels, n) -> sounds."""
        return self.sounds(mu_law_expand(x.float().clamp(-1, 1), self.mu))


def _files(items: Any) -> SoundFiles:
    """Items as `SoundFiles`, or an error that names the one that is none."""
    if isinstance(items, SoundFiles):
        return items
    if not isinstance(items, Iterable):
        raise ZaohuaError(
            f"sounds are given as Sound, as the path of a file or as a list of them, not as {type(items).__name__}"
        )
    for i, item in enumerate(items):
        if not isinstance(item, Sound):
            raise ZaohuaError(f"the list holds sounds, but number {i} is a {type(item).__name__}")
    return SoundFiles(list(items))
