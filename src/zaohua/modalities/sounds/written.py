"""Base of the codecs of sounds: sounds are written to files, one by one or all in one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, TypeAlias

from zaohua.modalities.base import Codec
from zaohua.modalities.sounds.files import Form
from zaohua.modalities.sounds.sheets import joined, write_sound, write_spectrograms
from zaohua.modalities.sounds.sound import Sound
from zaohua.modalities.sounds.spectra import MelScale

SoundsLike: TypeAlias = Sequence[Sound]
"""Sounds as codecs take them: `SoundFiles`, or a list of `Sound`s."""


class WrittenSounds(Codec[SoundsLike]):
    """Base of codecs whose items are sounds.

    Attributes:
        form_: format that all sounds are converted to.
    """

    previews: ClassVar[tuple[str, ...]] = (".wav", ".png")

    def set_form(self, form: Form) -> None:
        """Take the format that all sounds are converted to."""
        self.form_ = form

    def write(self, items: SoundsLike, folder: Path, names: Sequence[str]) -> list[Path]:
        """Write sounds as WAV files, of 16 bits, or of floats if the training sounds had more."""
        folder.mkdir(parents=True, exist_ok=True)
        return [
            write_sound(sound, folder / f"{name}.wav", self.form_.deep)
            for name, sound in zip(names, items, strict=True)
        ]

    def _write_joined(self, items: SoundsLike, path: Path, y: Sequence[object] | None, columns: int | None) -> None:
        """Write all sounds to one file, one after another."""
        write_sound(joined(items), path, self.form_.deep)

    def _write_spectrograms(
        self, items: SoundsLike, path: Path, y: Sequence[object] | None, columns: int | None
    ) -> None:
        """Write the spectrograms of all sounds to one PNG."""
        write_spectrograms(items, path, self._scale, columns)

    @property
    def _scale(self) -> MelScale:
        """Scale of the spectrograms to draw."""
        return MelScale.default(self.form_.rate)

    sheets = {
        ".wav": _write_joined,
        ".flac": _write_joined,
        ".ogg": _write_joined,
        ".mp3": _write_joined,
        ".png": _write_spectrograms,
    }
