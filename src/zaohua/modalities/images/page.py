"""Show models of pictures on the page of a comparison: samples, nearest training pictures, classes, other features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from PIL import Image

from zaohua.evaluation import table
from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.results import Evaluation
from zaohua.evaluation.shown import side_by_side
from zaohua.evaluation.summaries import titled
from zaohua.report import html
from zaohua.report.sheets import Picture, on_black

TEMPLATE = Path(__file__).with_name("page.html.jinja")
LARGEST, ENLARGED = 96, 56
"""Pixels of the longer side that larger pictures are made smaller to, and of the shorter that small ones grow to."""
NEIGHBOURS = 8
"""Samples of each model that are shown above their nearest training picture."""


@dataclass(frozen=True)
class Sheet:
    """Pictures of a model, or real ones, under the names of their classes.

    Attributes:
        name: of the run; "real" for real pictures.
        more: what else the caption says.
        picture: the pictures.
        names: the classes, one for each column; empty without classes.
        named: whether the names of the classes are shown.
        columns: pictures in a row.
    """

    name: str
    more: str
    picture: Picture
    names: list[str]
    named: bool
    columns: int


def about(comparison: Comparison) -> str:
    """Say how many pictures of what size were compared."""
    height, width = comparison.test.shape[1:3]
    return (
        f"Each made {comparison.rows[0].n:,} pictures of {width} × {height} pixels, which are set beside as many "
        "real ones that no model has seen."
    )


def sections(comparison: Comparison) -> Markup:
    """Return the sections that only pictures have."""
    return html.render(
        TEMPLATE,
        sheets=_sheets(comparison),
        pairs=_pairs(comparison),
        neighbours=_neighbours(comparison.rows),
        classes=table.classes(comparison.rows),
        distances=table.distances(comparison),
        remarks=table.remarks(comparison.notes, comparison.rows),
    )


def _sheets(comparison: Comparison) -> list[Sheet]:
    """Lay out real pictures, then samples of each model, a column for each label."""
    labels = comparison.labels
    names = [] if labels is None else [str(name) for name in sorted(set(labels), key=str)[:12]]
    columns = len(names) or 10
    real = _on_black(real_sheet(comparison), columns, "Real pictures")
    found = [Sheet("real", "never seen in training", real, names, True, columns)]
    for row in comparison.rows:
        asked = bool(row.accuracy_by_class) or "accuracy" in row.figures
        more = titled("frechet", row, interval=False)
        more += ", without labels" if names and not asked else ""
        picture = _on_black(sheet(comparison, row), columns, f"Samples of {row.run}")
        found.append(Sheet(row.run, more, picture, names, asked, columns))
    return found


def _pairs(comparison: Comparison) -> list[tuple[str, list[tuple[str, Picture]]]]:
    """Lay out conditions that aren't labels: the text of each, and pictures of it, of the real item and of samples."""
    found = []
    for i, text in enumerate(comparison.arrays.get("asked", np.array([], str)).tolist()):
        named = [("condition", comparison.arrays["asked_pictures"])] if "asked_pictures" in comparison.arrays else []
        named += [("real", comparison.test), *((row.run, row.arrays["samples"]) for row in comparison.rows)]
        shown = [(name, _on_black(images[i : i + 1], 1, f"{name}: {text}".strip(": "))) for name, images in named]
        found.append((text, shown))
    return found


def _on_black(images: np.ndarray, columns: int, alt: str) -> Picture:
    return on_black(_fit(images), columns, alt, ENLARGED, gap=4)


def _fit(images: np.ndarray) -> np.ndarray:
    """Shrink pictures to the size that a page shows."""
    height, width = images.shape[1:3]
    if max(height, width) <= LARGEST:
        return images
    size = (max(1, round(width * LARGEST / max(height, width))), max(1, round(height * LARGEST / max(height, width))))
    squeezed = images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images
    return np.stack([np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)) for image in squeezed])


def _neighbours(rows: Sequence[Evaluation]) -> list[tuple[str, str, tuple[Picture, Picture]]]:
    """Lay out samples of each model and the training pictures nearest to them, with its name and its copy rate."""
    found = []
    for row in rows:
        samples, nearest = row.arrays.get("samples"), row.arrays.get("nearest")
        if samples is None or nearest is None or not len(nearest):
            continue
        k = min(NEIGHBOURS, len(samples), len(nearest))
        above = _on_black(samples[:k], k, f"Samples of {row.run}")
        below = _on_black(nearest[:k], k, "The training pictures that are nearest to them")
        found.append((row.run, titled("copy_rate", row), (above, below)))
    return found


def sheet(comparison: Comparison, row: Evaluation, each: int = 8) -> np.ndarray:
    """Choose the samples to show.

    Args:
        comparison: the models.
        row: the model.
        each: samples of each label, which has a column; those of a model without labels are its first.
    """
    samples: np.ndarray = row.arrays["samples"]
    chosen: np.ndarray = samples[side_by_side(comparison.labels, len(samples), each)]
    return chosen


def real_sheet(comparison: Comparison, each: int = 8) -> np.ndarray:
    """Choose the test pictures to show, `each` of a label."""
    test: np.ndarray = comparison.test
    chosen: np.ndarray = test[side_by_side(comparison.labels, len(test), each)]
    return chosen
