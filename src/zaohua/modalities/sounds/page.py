"""What a page shows of models of sounds: samples to hear and to see, their nearest training sounds, classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.measures import MEASURES
from zaohua.evaluation.results import Evaluation
from zaohua.evaluation.summaries import shown, title_of
from zaohua.modalities.images.page import classes, others
from zaohua.modalities.sounds.sound import Sound
from zaohua.report import markup

BYTES = 3_000_000
"""That all players of a page hold together, at most, as long as each model has two of its own."""
NEIGHBOURS = 6
"""Samples of each model that are played above their nearest training sound."""


def about(comparison: Comparison) -> str:
    """What was measured, for the head of the page."""
    seconds = comparison.arrays["heard"].shape[1] / int(comparison.arrays["rate"])
    return (
        f"Each made {comparison.rows[0].n:,} sounds of {seconds:.3g} s, which are set beside as many "
        "real ones that no model has heard. "
    )


def sections(comparison: Comparison) -> str:
    """The sections that only sounds have."""
    most = _most(comparison)
    return "\n".join(
        [
            markup.section(
                "Samples",
                _samples(comparison, most),
                "The first of each class that were made, none picked; "
                "16-bit WAV, with spectrograms of their mel bands.",
            ),
            markup.section(
                "Nearest training sounds",
                _neighbours(comparison.rows, min(NEIGHBOURS, most)),
                "Above, samples; below each, the training sound with the nearest spectrogram. The copy rate is "
                "the share of samples that are nearer than one in a hundred test sounds is; a small p says that "
                "they are more than chance brings.",
            ),
            classes(comparison.rows),
            markup.section("By other yardsticks", others(comparison), kind="even"),
        ]
    )


def _most(comparison: Comparison) -> int:
    """How many sounds of each model the page has room for."""
    each = max(row.arrays["heard"][0].nbytes for row in comparison.rows) * 4 / 3  # in base64
    room = (BYTES / each - 2 * NEIGHBOURS * len(comparison.rows)) / (1 + len(comparison.rows))
    return max(2, int(room))


def _samples(comparison: Comparison, most: int) -> str:
    """Real sounds, then samples of each model."""
    labels, at = comparison.labels, comparison.arrays["shown"]
    names = [""] * len(at) if labels is None else [str(labels[i]) for i in at]
    found = [_players("real", "never heard in training", comparison.test[at], comparison.arrays, names, most)]
    for row in comparison.rows:
        asked = row.accuracy_by_class or "accuracy" in row.figures
        told = f"{title_of('frechet', row)} {shown('frechet', row.figures['frechet'], interval=False)}"
        told += "" if asked or labels is None else ", without labels"
        found.append(
            _players(row.run, told, row.arrays["samples"][at], row.arrays, names if asked else [""] * len(at), most)
        )
    return "".join(found)


def _players(
    title: str, told: str, pictures: np.ndarray, arrays: Mapping[str, np.ndarray], names: Sequence[str], most: int
) -> str:
    """Sounds under the name of who made them, each with its picture and its label."""
    cards = [
        markup.figure(_heard(picture, wave, arrays["rate"], f"{title} {name}".strip()), escape(name))
        for picture, wave, name in zip(pictures[:most], arrays["heard"], names, strict=False)
    ]
    return f'<h3>{escape(title)}<small>{escape(told)}</small></h3><div class="players">{"".join(cards)}</div>'


def _heard(picture: np.ndarray, wave: np.ndarray, rate: Any, alt: str) -> str:
    """A spectrogram, and a player below it."""
    return markup.sheet(picture[None], 1, alt, gap=0) + Sound(wave, int(rate)).player()


def _neighbours(rows: Sequence[Evaluation], most: int) -> str:
    """Samples of each model over the training sounds that are nearest to them."""
    found = []
    for row in rows:
        copies = row.figures.get("copy_rate")
        told = "" if copies is None else f"{MEASURES['copy_rate'].title} {shown('copy_rate', copies)}"
        pairs = []
        for k, i in enumerate(row.arrays["shown"][:most]):
            above = _heard(row.arrays["samples"][i], row.arrays["heard"][k], row.arrays["rate"], f"Sample of {row.run}")
            below = _heard(
                row.arrays["nearest"][k],
                row.arrays["nearest_heard"][k],
                row.arrays["nearest_rate"],
                "The training sound that is nearest to it",
            )
            pairs.append(markup.figure(above + below))
        found.append(
            f'<h3>{escape(row.run)}<small>{escape(told)}</small></h3><div class="players">{"".join(pairs)}</div>'
        )
    return "".join(found)
