"""Sounds: samples and their rate, in files or in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from zaohua.modalities.modality import Modality

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec
    from zaohua.modalities.condition_base import ConditionCodec
    from zaohua.modalities.data_set import DataSet
    from zaohua.modalities.sounds.files import SoundFiles

SUFFIXES = frozenset(".wav .wave .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .caf .w64 .rf64".split())
"""Endings by which a file is taken for a sound; its content decides what it really is."""
UNREAD = (".m4a", ".m4b", ".aac", ".wma", ".amr", ".ac3", ".ape", ".wv", ".mka", ".weba")
"""Endings of sounds that can't be read."""


class Sounds(Modality):
    """Recordings of one rate, as spectrograms, waves or mu-law levels."""

    name: ClassVar[str] = "sounds"
    noun: ClassVar[str] = "sounds"
    suffixes: ClassVar[frozenset[str]] = SUFFIXES
    convert: ClassVar[Mapping[str, str]] = {
        suffix: f"convert them to .wav, .flac or .mp3, as by `ffmpeg -i x{suffix} x.wav`" for suffix in UNREAD
    }
    given: ClassVar[str] = "a list of `Sound`s"
    protocol: ClassVar[str | None] = "zaohua.modalities.sounds.evaluation:SoundProtocol"
    page: ClassVar[str | None] = "zaohua.modalities.sounds.page"
    suites: ClassVar[str | None] = "zaohua.modalities.sounds.suites:SUITES"
    original: ClassVar[str | None] = "zaohua.modalities.sounds.original:Recording"

    @property
    def codecs(self) -> tuple[type[Codec], ...]:
        """The codecs of spectrograms with and without phases, waves and levels."""
        from zaohua.modalities.sounds.mel import MelCodec
        from zaohua.modalities.sounds.mu_law import MuLawCodec
        from zaohua.modalities.sounds.spectrum import SpectrumCodec
        from zaohua.modalities.sounds.waves import WaveCodec

        return (MelCodec, SpectrumCodec, WaveCodec, MuLawCodec)

    def recognises(self, X: object) -> bool:
        """Return whether X is a list of sounds, or `SoundFiles`."""
        from zaohua.modalities.sounds.files import SoundFiles
        from zaohua.modalities.sounds.sound import Sound

        return isinstance(X, SoundFiles) or (isinstance(X, list) and any(isinstance(item, Sound) for item in X))

    def collect(self, X: object, labels: Sequence[object] | None = None) -> SoundFiles:
        """Return a list of sounds as `SoundFiles`."""
        from zaohua.modalities.files.values import all_of
        from zaohua.modalities.sounds.files import SoundFiles
        from zaohua.modalities.sounds.sound import Sound

        if isinstance(X, SoundFiles):
            return X
        return SoundFiles(all_of(X, Sound, "sounds"), labels)

    def open(self, paths: Sequence[Path], labels: Sequence[object] | None = None) -> SoundFiles:
        """Return the sounds of some files."""
        from zaohua.modalities.sounds.files import SoundFiles

        return SoundFiles(paths, labels)

    def export(self, items: object, collected: Any, path: Path, y: Sequence[object] | None = None) -> Path:
        """Write sounds one behind the other, with pauses, to a file whose suffix says the format (.wav)."""
        from zaohua.modalities.sounds.sheets import joined, write_sound

        path = path if path.suffix else path.with_suffix(".wav")
        return write_sound(joined([clip.load() for clip in collected.sources]), path)

    def condition_codec(self) -> Codec:
        """Return a codec that makes one spectrogram of each sound."""
        from zaohua.modalities.sounds.mel import MelCodec

        return MelCodec(long="cut")

    def as_condition(self, codec: ConditionCodec) -> ConditionCodec:
        """Return a codec with the options of another that makes one item of each sound."""
        return type(codec)(**{**codec.get_params(), "long": "cut"})

    def beside(self, codec: Codec) -> ConditionCodec:
        """Return a codec of the representation, rate and length of x, so that the same time lies at the same place."""
        from zaohua.modalities.sounds.codec import SoundCodec
        from zaohua.modalities.sounds.mu_law import MuLawCodec

        if not isinstance(codec, SoundCodec) or isinstance(codec, MuLawCodec):
            return self.condition_codec()
        form = codec.form_
        same = {"rate": form.rate, "seconds": form.length / form.rate, "long": "cut", "trim": False}
        return type(codec)(**{**codec.get_params(), **same})

    @property
    def datasets(self) -> tuple[DataSet, ...]:
        """Spoken digits, and tones that are made on the spot."""
        from zaohua.modalities.sounds.datasets import DATASETS

        return DATASETS
