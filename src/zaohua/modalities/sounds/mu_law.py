"""Sounds <-> rows of tokens: a token for each sample, which is one of 256 levels, finer where it is quiet.

Source: ITU-T G.711 (mu-law), as in van den Oord et al., "WaveNet", 2016 (arXiv:1609.03499).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

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

LEVELS = 256
"""Levels of a sample; as it is 16 bits that are written, each level comes back from a file."""
BLOCK = 1 << 16
"""Samples that are made levels at once: on the way they take twenty times the room."""


class MuLawCodec(SoundCodec, TokenCodec):
    """Sounds <-> rows of tokens END, levels, END, each as long as the sound is: silence isn't added."""

    representation: ClassVar[str] = "mu-law levels"
    held: ClassVar[float] = 1.0

    seconds: Annotated[float, Between(above=0)] | None = None
    """Length of an item at most; None: of the longest sound, and at most 4."""
    memory: Annotated[float, Between(0)] | None = None
    """GiB of tokens to keep in memory, two bytes a sample; beyond that all are in a temporary file. None: a quarter of
    the free memory."""

    def fit(self, items: Any) -> Self:
        """Learn rate and greatest length.

        Raises:
            ZaohuaError: channels are to be kept apart, or as of all codecs of sounds.
        """
        if self.channels == "keep":
            raise ZaohuaError("MuLawCodec: channels can't be kept apart; take channels='mono'")
        return super().fit(items)

    @property
    def end_(self) -> int:
        """The END token."""
        return LEVELS

    @property
    def _key(self) -> tuple[Any, ...]:
        return *super()._key, self.modality

    def _spec(self) -> DataSpec:
        return DataSpec(
            axes=("position",), shape=None, features=(Feature("level", "category", size=LEVELS + 1),), pad=PAD
        )

    def describe(self, n: int | None = None) -> str:
        """Rate and greatest length of the sounds, and what networks see of them."""
        return f"{super().describe(n)}, as {LEVELS} mu-law levels"

    def _codes(self, files: SoundFiles) -> Sequences:
        """The tokens of sounds, int16, each sound to be learnt by itself; what is beyond `memory` is in a file."""
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
        starts = torch.tensor([1, *stops[:-1]]) - 1  # the END before it is that of the one before
        return Sequences(tape.stream(), starts, torch.tensor(stops), PAD, apart=True)

    def decode(self, x: Tensor) -> Sounds:
        """Rows of tokens (b, t) -> sounds: what stands before END (a first one aside)."""
        return Sounds(
            Sound(mu_law_inverse(self._levels(row), LEVELS).numpy(), self.form_.rate) for row in x.long().cpu()
        )

    def _levels(self, row: Tensor) -> Tensor:
        """The levels in a row of tokens."""
        row = row[1:] if len(row) and row[0] == self.end_ else row
        over = ((row < 0) | (row >= LEVELS)).nonzero()
        return row[: int(over[0])] if len(over) else row
