"""The protocol of sounds: pictures of log-mel spectrograms are measured.

Samples are rounded to the 16 bits of a WAV file, whatever a model represents sounds by. An *ear* turns real and made
sounds alike into log-mel spectrograms of 8 bits, which are then measured as all pictures are. Its settings follow from
the training sounds alone, so that they are the same for all models that learnt from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch

from zaohua.evaluation.fidelity import Counts
from zaohua.evaluation.likeness import sounds_alike
from zaohua.evaluation.pictures import PictureProtocol
from zaohua.evaluation.results import Evaluation, Figure, Figures
from zaohua.evaluation.shown import asked_examples, side_by_side
from zaohua.evaluation.splits import Items, Pictures, Splits
from zaohua.metrics.diversity import diversity
from zaohua.modalities.base import Codes
from zaohua.modalities.sounds.clips import Clip
from zaohua.modalities.sounds.codec import SoundCodec
from zaohua.modalities.sounds.files import SoundFiles
from zaohua.modalities.sounds.mel import MelCodec
from zaohua.modalities.sounds.mu_law import MuLawCodec
from zaohua.modalities.sounds.sound import Sound, Sounds, sixteen_bits
from zaohua.modalities.sounds.spectrum import SpectrumCodec
from zaohua.modalities.sounds.waves import WaveCodec

FITTED = 4096
"""Sounds at most from which an ear learns how long sounds are, and how loud."""
WINDOW = 0.032
"""Length in seconds of the windows of the log-spectral distance, as usual for speech."""
EACH = 2
"""Samples of each class that a page plays."""
HEARD = 1_500_000
"""Samples of a model's sounds that are kept for a page to play, at most; those of two sounds in any case."""


@dataclass(frozen=True, eq=False)
class Recordings(Items):
    """Real sounds, still in their files: those, or the parts of them, that a model learns from.

    Attributes:
        values: the files, which know their labels.
        codec: the model's, which says what sounds are brought to.
    """

    values: SoundFiles
    codec: SoundCodec

    def __len__(self) -> int:
        return len(self.values)

    @property
    def labels(self) -> Any:
        """Those that the files know, or None."""
        return self.values.labels

    @property
    def groups(self) -> np.ndarray:
        """Which recording each is of."""
        return self.values.groups

    @property
    def codes(self) -> Codes:
        """Codes of the sounds, which are read from their files when this is asked for."""
        return self.codec.encode(self.values)

    def take(self, rows: np.ndarray) -> Recordings:
        """Return some of them, in the order of `rows`."""
        labels = None if self.values.labels is None else [self.values.labels[i] for i in rows]
        return Recordings(SoundFiles([self.values.sources[i] for i in rows], labels), self.codec)


class Ear:
    """Turns sounds into pictures of the mel bands of 16 bits of them, of one rate and length.

    Args:
        train: the training sounds, from which its settings follow. Its rate is that of the model that these were read
            for, and its length the one that was set there; if none was, that of 99 % of these, and 4 seconds at most.

    Attributes:
        codec: what makes the spectrograms, with its own defaults for this rate.
    """

    def __init__(self, train: Recordings):
        self.codec = MelCodec(rate=train.codec.form_.rate, seconds=train.codec.seconds, long="cut")
        self.codec.fit(train.some(FITTED, 0).values)

    def hear(self, sounds: Iterable[Sound]) -> np.ndarray:
        """Return pictures of sounds of any rate, length and channels, uint8 (n, bands, frames), highest band on top."""
        return self._pictures(self.encode(sounds))

    def picture(self, real: Recordings) -> Pictures:
        """Return real sounds as pictures."""
        return Pictures(self.codec.encode(real.values), real.values.labels, self._pictures)

    def waves(self, codes: torch.Tensor) -> np.ndarray:
        """Return encoded sounds as waves, float32 (n, length)."""
        return self.codec.waves(codes)[:, 0].numpy()

    def encode(self, sounds: Iterable[Sound]) -> torch.Tensor:
        """Return sounds of any rate, length and channels as it encodes them: 16 bits, with its rate and length."""
        heard = [Sound(sixteen_bits(sound.samples), sound.rate) for sound in sounds]
        return torch.from_numpy(np.stack([self.codec.form_.load(Clip(sound)) for sound in heard]))

    def sounds(self, real: Pictures, rows: np.ndarray) -> Sounds:
        """Return some of the real sounds, with its rate and length."""
        return self.codec.sounds(self.codec.waves(real.codes[rows]))

    def _pictures(self, codes: torch.Tensor) -> np.ndarray:
        if codes.dtype != torch.int16:
            codes = torch.from_numpy(sixteen_bits(codes.numpy()))
        x = self.codec.spectrograms(self.codec.waves(codes))
        return np.rint((x[:, 0].numpy()[:, ::-1] + 1) * 127.5).astype(np.uint8)

    @property
    def about(self) -> str:
        """Its bands, in words."""
        mel = self.codec.mel_
        return f"{mel.bands} mel bands of {mel.n_fft} samples, every {mel.hop} at {mel.rate:,} Hz"


class SoundProtocol(PictureProtocol):
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
    noun = "sounds"
    spoken: ClassVar[bool] = True
    min_items: ClassVar[int] = 80_000  # with fewer 94 % of spoken digits are recognised, with these 99 %

    def __init__(self, splits: Splits, n: int = 10_000, seed: int = 0):
        self.recordings: Recordings = splits.test.some(min(n, len(splits.train)), seed)
        self.ear = Ear(splits.train)
        pictures = [self.ear.picture(part) for part in (splits.train, self.recordings)]
        super().__init__(replace(splits, train=pictures[0], test=pictures[1]), n, seed)
        self.shown = side_by_side(self.class_labels(self.test), self.n, EACH)[
            : max(2, HEARD // self.ear.codec.form_.length)
        ]

    @classmethod
    def items(cls, model: Any, items: Any, labels: Any) -> Recordings:
        """Return real sounds without what the model leaves out, trims and cuts."""
        _, labels, parts = model.encode_labelled(items, labels)
        return Recordings(SoundFiles(parts.sources, labels), model.codec_)

    @classmethod
    def describe(cls, model: Any) -> str:
        """Describe the rate and the length of the sounds that a model makes."""
        codec = model.codec_
        length = "as long as nearly all" if codec.seconds is None else f"{codec.seconds:g} s"
        return f"sounds of {codec.form_.rate:,} Hz, {length}{', trimmed' if codec.trim else ''}"

    @classmethod
    def representation(cls, model: Any) -> str:
        """Describe what a model represents sounds by, of which its likelihoods are."""
        shape = model.spec_.shape
        what = ("bent " if getattr(model.codec_, "mu", 0) else "") + model.codec_.representation
        return what if shape is None else f"{what}, {' x '.join(map(str, shape))}"

    @classmethod
    def bits_measure(cls, model: Any) -> str | None:
        """Return the measure of likelihoods of single samples; None if the model represents sounds by others."""
        return "bits_per_sample" if isinstance(model.codec_, MuLawCodec) else None

    @property
    def name(self) -> str:
        """Name and hash of the features in which distances are computed, and the bands of the ear."""
        return f"{super().name}, {self.ear.about}"

    def to_measured(self, model: Any, block: Any) -> np.ndarray:
        """Return pictures of sounds."""
        return self.ear.hear(block)

    def likeness(self, model: Any, samples: Any, rows: np.ndarray) -> Counts:
        """Count SI-SDR, if the model makes phases, and the log-spectral distance."""
        made, real = self.ear.waves(self.ear.encode(samples)), self.ear.waves(self.test.codes[rows])
        window = 4 * round(WINDOW * self.ear.codec.form_.rate / 4)
        phases = isinstance(model.codec_, (SpectrumCodec, WaveCodec, MuLawCodec))
        return sounds_alike(made.reshape(len(rows), -1, made.shape[1]), real, window, phases)

    def codes_for(self, model: Any) -> Any:
        """Return the test sounds as the codec of a model encodes them."""
        return model.codec_.encode(self.recordings.values)

    def duration(self, blocks: Sequence[Any]) -> float:
        """Return how many seconds samples last."""
        return sum(sound.seconds for block in blocks if isinstance(block, Sounds) for sound in block)

    def score(self, model: Any, rows: np.ndarray, conditions: Sequence[Any] | None) -> np.ndarray:
        """Return log-likelihoods of some test sounds, as that model represents them."""
        return np.asarray(model.score_samples(SoundFiles(self.recordings.take(rows).values.sources), conditions))

    def sizes(self, model: Any, rows: np.ndarray) -> np.ndarray:
        """Return how many samples they have, as that model represents them."""
        form, seconds = model.codec_.form_, np.array(self.recordings.take(rows).values.seconds)
        sizes: np.ndarray = np.minimum(np.rint(seconds * form.rate), form.length)
        return sizes

    def measure(self, samples: np.ndarray, conditions: Sequence[Any] | None = None, copies: bool = True) -> Figures:
        """Return the figures of pictures of sounds, and their diversity."""
        figures = super().measure(samples, conditions, copies)
        judge = self.classifier
        classes = (None, None) if judge is None else (judge.predict(samples), judge.predict(self.test.values))
        varied = diversity(self.features(samples), self.real[0], *classes)
        return {**figures, "diversity": Figure(varied, n=len(samples))}

    def examples(self, samples: np.ndarray, blocks: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return the samples, some of them as sounds, and the training sounds that are nearest to these."""
        sounds, index = [sound for block in blocks for sound in block], self.nearest(samples[self.shown])
        return {
            "samples": samples,
            **self._heard([sounds[i] for i in self.shown]),
            "nearest": self.train.values[index],
            "nearest_heard": waves_of(self.ear.sounds(self.train, index)),
            "nearest_rate": np.array(self.ear.codec.form_.rate),
        }

    @property
    def real_examples(self) -> dict[str, np.ndarray]:
        """The same test sounds."""
        labels = self.test.labels
        conditions = None if labels is None else [labels[i] for i in self.shown]
        said = asked_examples(conditions, self.splits.given, len(self.shown))
        return {**self._heard(self.ear.sounds(self.test, self.shown)), **said}

    def _heard(self, sounds: Sequence[Sound]) -> dict[str, np.ndarray]:
        return {"shown": self.shown, "heard": waves_of(sounds), "rate": np.array(sounds[0].rate)}

    def matches(self, found: Evaluation) -> bool:
        """Return whether an evaluation was made by this protocol, and has what its page plays."""
        return super().matches(found) and np.array_equal(found.arrays.get("shown", ()), self.shown)


def waves_of(sounds: Sequence[Sound]) -> np.ndarray:
    """Return sounds as an array, int16 (n, samples) or (n, samples, channels), shorter ones followed by silence."""
    waves = [sixteen_bits(sound.samples) for sound in sounds]
    longest = max(map(len, waves))
    return np.stack([np.pad(wave, [(0, longest - len(wave))] + [(0, 0)] * (wave.ndim - 1)) for wave in waves])
