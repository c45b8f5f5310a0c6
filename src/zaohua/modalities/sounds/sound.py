"""The public type of sounds: samples and their rate, with a player in notebooks."""

from __future__ import annotations

import functools
import hashlib
import io
import tarfile
import wave
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, SupportsIndex, overload

import numpy as np
from numpy.typing import DTypeLike

from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError, shown

if TYPE_CHECKING:
    from markupsafe import Markup

RATES = range(100, 768_001)
"""Valid sampling rates in Hz."""
MOST_CHANNELS = 32
PLAYED = 16
"""Maximum number of players that a notebook shows for a list."""


@dataclass(frozen=True, eq=False)
class Sound:
    """Sound: samples of one or several channels, and the sampling rate.

    Attributes:
        samples: float32 (n,) or (n, channels), in [-1, 1], of up to 32 channels; integers are scaled by the range of
            their type.
        rate: sampling rate in Hz, 100 to 768,000.

    Raises:
        ZaohuaError: samples or rate are invalid.
    """

    samples: np.ndarray
    rate: int

    def __post_init__(self) -> None:
        samples = as_array(self.samples, "sounds")
        if samples.ndim not in (1, 2) or samples.dtype.kind not in "if":
            raise ZaohuaError(
                f"samples must be real numbers (n,) or (n, channels), not {samples.dtype} {samples.shape}"
            )
        if samples.ndim == 2 and not 1 <= samples.shape[1] <= MOST_CHANNELS:
            raise ZaohuaError(
                f"samples of shape {samples.shape} have {samples.shape[1]} channels, but at most {MOST_CHANNELS} are "
                "supported: give (n, channels), such as x.T, instead of (channels, n)"
            )
        if not isinstance(self.rate, (int, np.integer)) or int(self.rate) not in RATES:
            limits = f"from {RATES[0]} to {RATES[-1]} Hz"
            raise ZaohuaError(f"a sound's rate must be an integer {limits}, not {shown(self.rate)}")
        if samples.dtype.kind == "i":
            samples = samples / -float(np.iinfo(samples.dtype).min)
        object.__setattr__(self, "samples", np.asarray(samples, np.float32))
        object.__setattr__(self, "rate", int(self.rate))

    def __len__(self) -> int:
        return len(self.samples)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.samples, dtype=dtype, copy=copy)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sound) and self.rate == other.rate and np.array_equal(self.samples, other.samples)

    def __repr__(self) -> str:
        of = f", {self.channels} channels" if self.channels > 1 else ""
        return f"<Sound: {self.seconds:.3g} s at {self.rate} Hz{of}>"

    @property
    def channels(self) -> int:
        """Number of channels."""
        return 1 if self.samples.ndim == 1 else self.samples.shape[1]

    @functools.cached_property
    def peak(self) -> float:
        """Largest magnitude of a sample, computed once; NaN if any sample is, 0 without samples."""
        return float(max(self.samples.max(initial=0), -self.samples.min(initial=0)))

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self) / self.rate

    def wav(self) -> bytes:
        """Encode the sound as a 16-bit WAV file; samples are clipped to [-1, 1]."""
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(self.channels)
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes(sixteen_bits(self.samples).astype("<i2").tobytes())
        return out.getvalue()

    def player(self) -> Markup:
        """Return an HTML player that holds the sound itself."""
        from markupsafe import Markup

        from zaohua.report.html import data_uri  # takes time to import, and only pages and notebooks need it

        return Markup('<audio controls preload="none" src="{}"></audio>').format(data_uri(self.wav(), "audio/wav"))

    def _repr_html_(self) -> str:
        return self.player()


class Sounds(list[Sound]):
    """List of sounds that a notebook shows as players; slices are `Sounds`, too."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Sound: ...
    @overload
    def __getitem__(self, index: slice) -> Sounds: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Sound | Sounds:
        return Sounds(super().__getitem__(index)) if isinstance(index, slice) else super().__getitem__(index)

    def _repr_html_(self) -> str:
        more = f"<div>and {len(self) - PLAYED} more</div>" if len(self) > PLAYED else ""
        return "".join(f"<div>{i} {sound.player()}</div>" for i, sound in enumerate(self[:PLAYED])) + more


def read_archive(path: Path, digest: str) -> dict[str, Sound]:
    """Read the 16-bit WAV files of a .tar.gz archive, by their names without suffix.

    Args:
        path: the archive; other files and folders in it are ignored.
        digest: expected sha256 of all names and samples, in the order of the names.

    Raises:
        ZaohuaError: the archive can't be read, or holds other sounds.
    """
    files: dict[str, tuple[bytes, int]] = {}
    try:
        with tarfile.open(path) as archive:  # in one pass, as it is compressed
            for member in archive:
                inside, stream = Path(member.name), archive.extractfile(member)
                if stream is not None and inside.suffix == ".wav" and not inside.name.startswith("."):
                    with wave.open(stream) as file:
                        files[inside.stem] = file.readframes(file.getnframes()), file.getframerate()
    except (OSError, EOFError, tarfile.TarError, wave.Error, zlib.error) as error:
        raise ZaohuaError(f"{path}: can't be read: {error}") from error
    hashed = hashlib.sha256()
    for name in sorted(files):
        hashed.update(name.encode() + files[name][0])
    if hashed.hexdigest() != digest:
        raise ZaohuaError(f"{path}: holds {len(files)} sounds, which aren't the published ones")
    return {name: Sound(np.frombuffer(samples, "<i2"), rate) for name, (samples, rate) in files.items()}


def sixteen_bits(samples: np.ndarray) -> np.ndarray:
    """Round samples in [-1, 1) to int16; the inverse of a division by 32768."""
    scaled = np.asarray(samples) * np.float32(32768)  # a power of two: exact in single precision, too
    return np.rint(scaled, out=scaled).clip(-32768, 32767, out=scaled).astype(np.int16)
