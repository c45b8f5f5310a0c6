"""Train the demo's model of sounds, on tones, chirps and drums that are made on the spot."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zaohua.core import registry
from zaohua.core.json import Json
from zaohua.metrics.extractor import Classifier
from zaohua.modalities import MelCodec, datasets
from zaohua.modalities.sounds.sound import Sound

if TYPE_CHECKING:
    from zaohua.demo import Watch

DATA, MODEL, SHARE = "tones", "flow", 0.1
"""The data set, the model, and its fraction of the demo's time: about 1,000 steps on one core."""
SETTINGS: Json = {
    "codec": MelCodec(bands=32),
    "batch_size": 16,
    "channels": 32,
    "ema_decay": 0.99,
    "warmup_steps": 50,
    "condition_dropout": 0.0,
    "steps": 10,
    "guidance": 1.0,
    "vocoder": False,  # it would take half of the time, and tones sound well without
}
JUDGED = 16
"""Samples of each kind that the classifier judges."""
LESSONS = 6000
"""Items that the classifier sees in training."""
SHOWN = 2
"""Samples of each kind that are played."""


@dataclass(frozen=True)
class Heard:
    """A sound and its spectrogram.

    Attributes:
        sound: what the page plays.
        picture: its log-mel spectrogram, uint8 (bands, frames), the highest band on top.
    """

    sound: Sound
    picture: np.ndarray


@dataclass(frozen=True)
class SoundDemo:
    """What the page says of the model of sounds.

    Attributes:
        name, family, summary, paper: the model's.
        data: what the data set is, in a line.
        sounds: how many sounds it learnt from.
        recognised: the fraction of samples that a classifier of real sounds takes for the kind they were made for.
        real: the fraction of held-out sounds that the classifier recognises.
        seconds, steps: how long it was trained.
        parameters: how many numbers it learnt.
        speed: the seconds of sound that it makes in a second.
        history: the records of training.
        kinds: for each kind a held-out sound and SHOWN samples.
    """

    name: str
    family: str
    summary: str
    paper: str
    data: str
    sounds: int
    recognised: float
    real: float
    seconds: float
    steps: int
    parameters: int
    speed: float
    history: tuple[Json, ...]
    kinds: dict[str, tuple[Heard, ...]]


def make(out: Path, minutes: float, watch: Watch, seed: int) -> SoundDemo:
    """Train, sample and measure, and save the run in a folder of `out`.

    Args:
        out: the folder of the demo.
        minutes: the time for all of the demo.
        watch: makes the callback that shows progress.
        seed: of everything random.
    """
    entry, name = registry.find(MODEL), f"{MODEL}-{DATA}"
    model = registry.model_class(MODEL)(random_state=seed, max_minutes=SHARE * minutes, log_every=20, **SETTINGS)
    with watch(name) as callback:
        model.fit(DATA, True, out=out / name, overwrite=True, callbacks=[callback])
    (train, labels), (test, kinds) = datasets.load(DATA), datasets.load(DATA, "test")
    classifier = Classifier.train(pictures(model.codec_, train), labels, random_state=seed, min_items=LESSONS)
    names = list(dict.fromkeys(labels))
    began = time.perf_counter()
    made = model.sample(JUDGED * len(names), y=names * JUDGED, random_state=seed)
    took = time.perf_counter() - began
    seen, real = pictures(model.codec_, made), pictures(model.codec_, test)
    return SoundDemo(
        name=entry.command,
        family=entry.family,
        summary=entry.summary,
        paper=entry.paper,
        data=datasets.known()[DATA].about,
        sounds=len(train),
        recognised=classifier.accuracy(seen, names * JUDGED),
        real=classifier.accuracy(real, kinds),
        seconds=model.seconds_,
        steps=model.n_steps_,
        parameters=sum(tensor.numel() for tensor in model.tensors().values()),
        speed=sum(sound.seconds for sound in made) / took,
        history=tuple(model.history_),
        kinds={
            kind: (
                Heard(test[kinds.index(kind)], real[kinds.index(kind)]),
                *(Heard(made[i], seen[i]) for i in range(at, SHOWN * len(names), len(names))),
            )
            for at, kind in enumerate(names)
        },
    )


def pictures(codec: MelCodec, sounds: Sequence[Sound]) -> np.ndarray:
    """Draw sounds as a codec shows them to networks: uint8 (n, bands, frames), the highest band on top."""
    codes = codec.encode(sounds)
    x = codec.spectrograms(codec.waves(codes[np.arange(len(codes))]))
    return np.rint((x[:, 0].numpy()[:, ::-1] + 1) * 127.5).astype(np.uint8)
