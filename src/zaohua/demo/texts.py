"""Train the demo's model of texts, a recurrent network that learns Python's own manual letter by letter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zaohua.core import registry
from zaohua.core.json import Json
from zaohua.modalities import datasets
from zaohua.modalities.texts.surprise import surprise
from zaohua.tasks.copying import copy_report

if TYPE_CHECKING:
    from zaohua.demo import Watch

DATA, MODEL, SHARE = "pydoc", "char-rnn", 0.09
"""The data set, the model, and its fraction of the demo's time."""
SETTINGS: Json = {
    "width": 256,
    "layers": 1,
    "context": 64,
    "batch_size": 16,
    "dropout": 0.0,
    "learning_rate": 4e-3,
    "warmup_steps": 30,
    "max_tokens": 400,
    "temperature": 0.6,
}
PROMPTS = ("The ", "If the ", "A class ")
RUN = 30
"""Characters in a row that count as copied from the training text."""


@dataclass(frozen=True)
class Writing:
    """What the page says of the model of texts.

    Attributes:
        name, family, summary, paper: the model's.
        data: what the data set is, in a line.
        characters: the length of the training text.
        bits: how well it predicts held-out topics, in bits per character.
        copied: the fraction of 16 samples that also stands in the training text, in runs of RUN characters or more.
        real: the same fraction of held-out text.
        seconds, steps: how long it was trained.
        parameters: how many numbers it learnt.
        history: the records of training.
        samples: each prompt with the text that begins with it.
    """

    name: str
    family: str
    summary: str
    paper: str
    data: str
    characters: int
    bits: float
    copied: float
    real: float
    seconds: float
    steps: int
    parameters: int
    history: tuple[Json, ...]
    samples: tuple[tuple[str, str], ...]


def write(out: Path, minutes: float, watch: Watch, seed: int) -> Writing:
    """Train, measure and sample, and save the run in a folder of `out`.

    Args:
        out: the folder of the demo.
        minutes: the time for all of the demo.
        watch: makes the callback that shows progress.
        seed: of everything random.
    """
    entry = registry.find(MODEL)
    model = registry.model_class(MODEL)(random_state=seed, max_minutes=SHARE * minutes, log_every=20, **SETTINGS)
    with watch(MODEL) as callback:
        model.fit(DATA, out=out / MODEL, overwrite=True, callbacks=[callback])
    report = copy_report(model, n=RUN, n_samples=16, random_state=seed)
    assert report.real is not None  # the data set has a test split
    return Writing(
        name=entry.command,
        family=entry.family,
        summary=entry.summary,
        paper=entry.paper,
        data=datasets.known()[DATA].about,
        characters=sum(map(len, datasets.load(DATA)[0])),
        bits=surprise(model, datasets.load(DATA, "test")[0]).bits_per_character,
        copied=report.samples.fraction,
        real=report.real.fraction,
        seconds=model.seconds_,
        steps=model.n_steps_,
        parameters=sum(tensor.numel() for tensor in model.tensors().values()),
        history=tuple(model.history_),
        samples=tuple(
            (prompt, model.sample(prompt=prompt, random_state=seed + i)[0]) for i, prompt in enumerate(PROMPTS)
        ),
    )
