"""The protocol of sounds: what is measured is a picture of what is heard.

Samples are heard as a WAV file of 16 bits would hold them, whatever a model takes sounds for. An *ear* turns real and
made ones alike into log-mel spectrograms of 8 bits, which everything of the protocol of pictures then measures. What
an ear hears follows from the training sounds alone, so that it is the same for all models that learnt from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch

from zaohua.evaluation.protocol import side_by_side
from zaohua.evaluation.results import Evaluation, Figure, Figures
from zaohua.evaluation.splits import Pictures, Recordings, Splits
from zaohua.metrics.diversity import diversity
from zaohua.modalities.images.evaluation import ImageProtocol, title
from zaohua.modalities.sounds.clips import Clip
from zaohua.modalities.sounds.files import SoundFiles
from zaohua.modalities.sounds.mel import MelCodec
from zaohua.modalities.sounds.sound import Sound, Sounds, sixteen_bits

FITTED = 4096
"""Sounds at most that tell an ear how long it listens, and how loud they are."""
EACH = 2
"""Samples of each class that a page plays."""
HEARD = 1_500_000
"""Samples of a model's sounds that are kept for a page to play, at most; those of two sounds in any case."""


class Ear:
    """Hears 16 bits of sounds of one rate and length, as pictures of their mel bands.

    Args:
        train: what it hears first. It listens at the rate of the model that these were read for, and as long as was
            asked of that; if nothing was, as long as 99 % of these last, and 4 seconds at most.

    Attributes:
        codec: what makes the spectrograms, with its own defaults for this rate.
    """

    def __init__(self, train: Recordings):
        self.codec = MelCodec(rate=train.codec.form_.rate, seconds=train.codec.seconds, long="cut")
        self.codec.fit(train.some(FITTED, 0).values)

    def hear(self, sounds: Iterable[Sound]) -> np.ndarray:
        """Pictures of sounds of any rate, length and channels, uint8 (n, bands, frames), the highest band on top."""
        heard = [Sound(sixteen_bits(sound.samples), sound.rate) for sound in sounds]
        return self._pictures(torch.from_numpy(np.stack([self.codec.form_.load(Clip(sound)) for sound in heard])))

    def picture(self, real: Recordings) -> Pictures:
        """Real sounds, as it hears them."""
        return Pictures(self.codec.encode(real.values), real.values.labels, self._pictures)

    def sounds(self, real: Pictures, rows: np.ndarray) -> Sounds:
        """Some of the real sounds, as it hears them."""
        return self.codec.sounds(self.codec.waves(real.codes[rows]))

    def _pictures(self, codes: torch.Tensor) -> np.ndarray:
        if codes.dtype != torch.int16:
            codes = torch.from_numpy(sixteen_bits(codes.numpy()))
        x = self.codec.spectrograms(self.codec.waves(codes))
        return np.rint((x[:, 0].numpy()[:, ::-1] + 1) * 127.5).astype(np.uint8)

    @property
    def about(self) -> str:
        """What it hears, in words."""
        mel = self.codec.mel_
        return f"{mel.bands} mel bands of {mel.n_fft} samples, every {mel.hop} at {mel.rate:,} Hz"


class SoundProtocol(ImageProtocol):
    """What all models of sounds of a comparison are measured by.

    Args:
        splits: `Recordings`.
        n: samples, and test sounds to compare them with; fewer if there are fewer.
        seed: of the extractors, and of what is drawn.

    Attributes:
        ear: what makes pictures of sounds.
        recordings: the test sounds, as models take them.
        shown: which test sounds and samples a page plays.

    Raises:
        ZaohuaError: there are too few sounds.
    """

    modality = "sounds"
    min_items: ClassVar[int] = 80_000  # with fewer 94 % of spoken digits are recognised, with these 99 %

    def __init__(self, splits: Splits, n: int = 10_000, seed: int = 0):
        self.recordings: Recordings = splits.test.some(min(n, len(splits.train)), seed)
        self.ear = Ear(splits.train)
        pictures = [self.ear.picture(part) for part in (splits.train, self.recordings)]
        super().__init__(replace(splits, train=pictures[0], test=pictures[1]), n, seed)
        self.shown = side_by_side(self.test.labels, self.n, EACH)[: max(2, HEARD // self.ear.codec.form_.length)]

    @property
    def name(self) -> str:
        """Name and hash of what figures are taken in, and what the ear hears."""
        return f"{title(self.extractors[0])}, {self.ear.about}"

    def seen(self, model: Any, block: Any) -> np.ndarray:
        """What is heard."""
        return self.ear.hear(block)

    def score(self, model: Any, rows: np.ndarray, asked: Sequence[Any] | None) -> np.ndarray:
        """Log-likelihoods of some test sounds, as that model takes them."""
        return np.asarray(model.score_samples(SoundFiles(self.recordings.take(rows).values.sources), asked))

    def dims(self, model: Any, rows: np.ndarray) -> np.ndarray:
        """How many samples they have, as that model takes them."""
        form, seconds = model.codec_.form_, np.array(self.recordings.take(rows).values.seconds)
        return np.minimum(np.rint(seconds * form.rate), form.length)

    def measure(self, pixels: np.ndarray, asked: Sequence[Any] | None = None, copies: bool = True) -> Figures:
        """The figures of their pictures, and their diversity."""
        figures = super().measure(pixels, asked, copies)
        judge = self.classifier
        classes = (None, None) if judge is None else (judge.predict(pixels), judge.predict(self.test.pixels))
        varied = diversity(self.features(pixels), self.real[0], *classes)
        return {**figures, "diversity": Figure(varied, n=len(pixels))}

    def kept(self, samples: np.ndarray, drawn: Sequence[Any]) -> dict[str, np.ndarray]:
        """Some samples as they sound, and the training sounds that are nearest to them."""
        sounds, index = [sound for block in drawn for sound in block], self.nearest(samples[self.shown])
        return {
            **self._heard([sounds[i] for i in self.shown]),
            "nearest": self.train.pixels[index],
            "nearest_heard": waves_of(self.ear.sounds(self.train, index)),
            "nearest_rate": np.array(self.ear.codec.form_.rate),
        }

    @property
    def real_kept(self) -> dict[str, np.ndarray]:
        """The same test sounds."""
        return self._heard(self.ear.sounds(self.test, self.shown))

    def _heard(self, sounds: Sequence[Sound]) -> dict[str, np.ndarray]:
        return {"shown": self.shown, "heard": waves_of(sounds), "rate": np.array(sounds[0].rate)}

    def matches(self, found: Evaluation) -> bool:
        """Whether an evaluation was made by this protocol, and has what its page plays."""
        return super().matches(found) and np.array_equal(found.arrays.get("shown", ()), self.shown)


def waves_of(sounds: Sequence[Sound]) -> np.ndarray:
    """Sounds as an array, int16 (n, samples) or (n, samples, channels), shorter ones with silence behind them."""
    waves = [sixteen_bits(sound.samples) for sound in sounds]
    longest = max(map(len, waves))
    return np.stack([np.pad(wave, [(0, longest - len(wave))] + [(0, 0)] * (wave.ndim - 1)) for wave in waves])
