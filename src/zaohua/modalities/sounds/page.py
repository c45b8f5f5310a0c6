"""Show models of sounds on the page of a comparison: samples to hear and see, nearest training sounds, classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike

from zaohua.evaluation import table
from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.measures import measure_of
from zaohua.evaluation.results import Evaluation
from zaohua.evaluation.summaries import titled
from zaohua.modalities.sounds.sound import Sound
from zaohua.report import html
from zaohua.report.sheets import Picture, on_black

TEMPLATE = Path(__file__).with_name("page.html.jinja")
BYTES = 3_000_000
"""What all players of a page hold together, at most, as long as each model has two of its own."""
NEIGHBOURS = 6
"""Samples of each model that are played above their nearest training sound."""


@dataclass(frozen=True)
class Heard:
    """A sound to play, with its spectrogram and what stands below it."""

    sound: Sound
    picture: Picture
    label: str = ""

    @classmethod
    def of(cls, picture: np.ndarray, wave: np.ndarray, rate: ArrayLike, alt: str, label: str = "") -> Heard:
        """Make one of a spectrogram (bands, frames) and samples (n,)."""
        return cls(Sound(wave, int(np.asarray(rate))), on_black(picture[None], 1, alt, gap=0), label)


@dataclass(frozen=True)
class Players:
    """Sounds of a model, or real ones: whose they are, what else is said of them, and the sounds."""

    name: str
    more: str
    sounds: list[Heard]


def about(comparison: Comparison) -> str:
    """Say how many sounds of what length were compared."""
    seconds = comparison.arrays["heard"].shape[1] / int(comparison.arrays["rate"])
    return (
        f"Each made {comparison.rows[0].n:,} sounds of {seconds:.3g} s, which are set beside as many "
        "real ones that no model has heard."
    )


def sections(comparison: Comparison) -> Markup:
    """Return the sections that only sounds have."""
    most = _most(comparison)
    return html.render(
        TEMPLATE,
        samples=_samples(comparison, most),
        neighbours=[_neighbours(row, min(NEIGHBOURS, most)) for row in comparison.rows],
        classes=table.classes(comparison.rows),
        distances=table.distances(comparison),
        remarks=table.remarks(comparison.notes, comparison.rows),
    )


def _most(comparison: Comparison) -> int:
    """Compute how many sounds of each model the page has room for."""
    each = max(row.arrays["heard"][0].nbytes for row in comparison.rows) * 4 / 3  # in base64
    room = (BYTES / each - 2 * NEIGHBOURS * len(comparison.rows)) / (1 + len(comparison.rows))
    return max(2, int(room))


def _samples(comparison: Comparison, most: int) -> list[Players]:
    """Collect real sounds, then samples of each model."""
    labels, at = comparison.labels, comparison.arrays["shown"][:most]
    said = comparison.arrays.get("asked")
    names = [str(labels[i]) for i in at] if labels is not None else [""] * len(at) if said is None else said.tolist()

    def heard(title: str, pictures: np.ndarray, arrays: Mapping[str, np.ndarray], names: Sequence[str]) -> list[Heard]:
        return [
            Heard.of(picture, wave, arrays["rate"], f"{title} {name}".strip(), name)
            for picture, wave, name in zip(pictures, arrays["heard"], names, strict=False)
        ]

    found = [Players("real", "never heard in training", heard("real", comparison.test[at], comparison.arrays, names))]
    for row in comparison.rows:
        asked = bool(row.accuracy_by_class) or any(measure_of(name).pairs for name in row.figures)
        more = titled("frechet", row, interval=False) + ("" if asked or not any(names) else ", without conditions")
        of_row = heard(row.run, row.arrays["samples"][at], row.arrays, names if asked else [""] * len(at))
        found.append(Players(row.run, more, of_row))
    return found


def _neighbours(row: Evaluation, most: int) -> tuple[str, str, list[tuple[Heard, Heard]]]:
    """Collect samples of a model with the training sounds nearest to them, its name and its copy rate."""
    arrays, below = row.arrays, "The training sound that is nearest to it"
    pairs = [
        (
            Heard.of(arrays["samples"][i], arrays["heard"][k], arrays["rate"], f"Sample of {row.run}"),
            Heard.of(arrays["nearest"][k], arrays["nearest_heard"][k], arrays["nearest_rate"], below),
        )
        for k, i in enumerate(arrays["shown"][:most])
    ]
    return row.run, titled("copy_rate", row), pairs
