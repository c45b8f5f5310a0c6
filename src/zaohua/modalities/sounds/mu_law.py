"""Codec from sounds to tokens: each sample is quantised to one of 256 mu-law levels.

Source: ITU-T G.711 (mu-law), as in van den Oord et al., "WaveNet", 2016 (arXiv:1609.03499).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.core.spec import PAD, DataSpec, Feature
from zaohua.modalities.sequences import Sequences, Tape, TokenCodec
from zaohua.modalities.sounds.clips import UnusableSound
from zaohua.modalities.sounds.codec import SoundCodec
from zaohua.modalities.sounds.files import SoundFiles, room
from zaohua.modalities.sounds.sound import Sound, Sounds
from zaohua.modalities.sounds.spectra import mu_law, mu_law_inverse
from zaohua.modalities.sounds.written import SoundsLike

LEVELS = 256
"""Number of levels of a sample; 16-bit files preserve them exactly."""
BLOCK = 1 << 16
"""Samples that are quantised at once, which temporarily takes twenty times their memory."""


class MuLawCodec(SoundCodec, TokenCodec[SoundsLike]):
    """Codec from sounds to rows of tokens END, levels, END, each as long as the sound: no silence is added."""

    representation: ClassVar[str] = "mu-law levels"
    held: ClassVar[float] = 1.0

    seconds: Annotated[float, Between(above=0)] | None = None
    """Maximum length of an item in seconds; None: that of the longest sound, at most 4."""
    memory: Annotated[float, Between(0)] | None = None
    """GiB of tokens to hold in memory, at two bytes per sample; beyond that all are in a temporary file. None: a
    quarter of the free memory."""

    def fit(self, items: SoundsLike) -> Self:
        """Determine rate and maximum length from the training sounds.

        Raises:
            ZaohuaError: channels are to be kept, or as in `SoundCodec.fit`.
        """
        if self.channels == "keep":
            raise ZaohuaError(f"MuLawCodec doesn't support several channels: take {self.option('channels', 'mono')}")
        return super().fit(items)

    @property
    def end_(self) -> int:
        """The END token."""
        return LEVELS

    @property
    def _key(self) -> tuple[object, ...]:
        return *super()._key, self.modality

    def _spec(self) -> DataSpec:
        return DataSpec(
            axes=("position",), shape=None, features=(Feature("level", "category", size=LEVELS + 1),), pad=PAD
        )

    def describe(self, n: int | None = None) -> str:
        """Describe rate and maximum length of the sounds, and the representation."""
        return f"{super().describe(n)}, as {LEVELS} mu-law levels"

    def _codes(self, files: SoundFiles) -> Sequences:
        """Encode sounds as tokens, int16, with a break between sounds; store them in a file if they exceed `memory`."""
        tape, stops = Tape(np.int16, room(self.memory)), []
        end = np.array([self.end_])

        def work(row: int, codes: np.ndarray) -> Tensor:
            wave = torch.from_numpy(codes)[0]
            if not len(wave):
                raise UnusableSound("no samples")
            return torch.cat([mu_law(self.waves(part), LEVELS).short() for part in wave.split(BLOCK)])

        def take(levels: Tensor) -> None:
            tape.append(levels.numpy())
            tape.append(end)
            stops.append(len(tape))

        tape.append(end)
        files.each(self.form_, work, take)
        files.report()
        starts = torch.tensor([1, *stops[:-1]]) - 1  # a sound's first END is the last END of the sound before it
        return Sequences(tape.stream(), starts, torch.tensor(stops), PAD, apart=True)

    def decode(self, x: Tensor) -> Sounds:
        """Convert rows of tokens (b, t) to sounds, up to END; a leading END is skipped."""
        return Sounds(
            Sound(mu_law_inverse(self._levels(row), LEVELS).numpy(), self.form_.rate) for row in x.long().cpu()
        )

    def _levels(self, row: Tensor) -> Tensor:
        """Return the levels of a row of tokens, up to END."""
        row = row[1:] if len(row) and row[0] == self.end_ else row
        end = ((row < 0) | (row >= LEVELS)).nonzero()
        return row[: int(end[0])] if len(end) else row
