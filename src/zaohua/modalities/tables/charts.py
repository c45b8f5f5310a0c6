"""Charts that compare real and synthetic columns of a table: histograms, categories, associations.

Shapes are SVG, but text is HTML where possible, so that it has the same size on phones and wide screens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from zaohua.metrics.features import Matrix
from zaohua.report import svg

WIDTH, HEIGHT = 240, 74
BINS = 32
SHOWN = 7
"""Categories of a column that have a bar of their own."""
SIDE, NAMES, LETTERS = 240, 100, 15
"""Of a heat map: its side, the room for the names of its rows, and how many letters of a name are shown."""


def histogram(real: Matrix, samples: Matrix, ends: tuple[str, str]) -> Markup:
    """Draw fractions of numbers in bins of one width, real ones as an area and samples as a line.

    Numbers beyond the middle 99 % of the real ones are counted in the outermost bins.

    Args:
        real: real numbers, NaN if missing.
        samples: numbers of samples, likewise.
        ends: the two ends of `span`, formatted.

    Returns:
        The picture; nothing if all real numbers are missing.
    """
    observed, sampled = (x[~np.isnan(x)] for x in (real, samples))
    if not len(observed):
        return Markup()
    low, high, count = _bins(observed)
    fractions = [
        np.bincount(np.clip((x - low) / (high - low) * count, 0, count - 1).astype(np.int64), minlength=count)
        / max(1, len(x))
        for x in (observed, sampled)
    ]
    top = max(fraction.max() for fraction in fractions)
    steps = [_steps(fraction / top) for fraction in fractions]
    label = f"Fractions of real numbers and of samples from {ends[0]} to {ends[1]}"
    parts = [
        svg.element("path", class_="real", d=f"M0,{HEIGHT} {steps[0]} {WIDTH},{HEIGHT}Z"),
        svg.element("path", class_="made", d=f"M{steps[1]}"),
    ]
    return svg.picture(WIDTH, HEIGHT, label, parts, preserveAspectRatio="none")


def span(real: Matrix) -> tuple[float, float]:
    """Return the numbers that a histogram reaches from and to; both are 0 if all are missing."""
    observed = real[~np.isnan(real)]
    low, high = (
        (float(q) for q in np.quantile(observed, [0.005, 0.995], method="nearest")) if len(observed) else (0.0, 0.0)
    )
    return low, high


def _bins(values: Matrix) -> tuple[float, float, int]:
    """Choose where bins begin and end, and how many there are; those of whole numbers hold equally many of them."""
    low, high = span(values)
    if (values == np.round(values)).all():
        width = max(1, -(-int(high - low + 1) // BINS))
        count = -(-int(high - low + 1) // width)
        return low - 0.5, low - 0.5 + width * count, count
    return (low, high, BINS) if high > low else (low - 1, low + 1, 1)


def _steps(heights: Matrix) -> str:
    """Return the points of a line along the tops of bars."""
    width = WIDTH / len(heights)
    return " ".join(
        f"{x:.1f},{HEIGHT - 2 - height * (HEIGHT - 6):.1f}"
        for k, height in enumerate(heights)
        for x in (k * width, (k + 1) * width)
    )


@dataclass(frozen=True)
class CategoryBar:
    """A category with its fractions of real rows and of samples, and how wide their bars are, 1 for the widest."""

    name: str
    real: float
    made: float
    real_width: float
    made_width: float


def categories(real: Matrix, samples: Matrix, names: Sequence[str]) -> list[CategoryBar]:
    """Make bars of the most frequent categories, and one of all others together.

    Args:
        real: fractions of the real rows, by code.
        samples: fractions of samples, likewise.
        names: names of the categories.
    """
    order = [k for k in np.argsort(-np.maximum(real, samples), kind="stable") if real[k] or samples[k]]
    lines = [(names[k], float(real[k]), float(samples[k])) for k in order[:SHOWN]]
    if rest := order[SHOWN:]:
        lines.append((f"{len(rest)} others", float(real[rest].sum()), float(samples[rest].sum())))
    top = max(max(a, b) for _, a, b in lines)
    return [CategoryBar(name, a, b, a / top, b / top) for name, a, b in lines]


def heat_map(values: Matrix, names: Sequence[str], title: str) -> Markup:
    """Draw a square of columns by columns, from 0 to 1, or from -1 to 1 in two colours.

    Args:
        values: matrix (C, C).
        names: of the columns; their numbers stand above.
        title: alternative text.
    """
    cell = SIDE / len(names)
    size, small = min(9.5, cell * 0.9), min(9.5, cell * 0.6)
    parts = []
    for i, name in enumerate(names):
        y = 12 + i * cell
        short = name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"
        parts.append(
            svg.element(
                "text",
                f"{short} {i + 1}",
                svg.element("title", name),
                x=NAMES - 5,
                y=y + cell / 2 + size * 0.35,
                text_anchor="end",
                font_size=size,
            )
        )
        parts.append(svg.text(NAMES + (i + 0.5) * cell, 9, str(i + 1), text_anchor="middle", font_size=small))
        parts += [
            svg.element(
                "rect",
                class_="less" if value < 0 else "more",
                x=NAMES + j * cell,
                y=y,
                width=cell,
                height=cell,
                fill_opacity=f"{abs(value):.2f}",
            )
            for j, value in enumerate(values[i])
            if abs(value) >= 0.005
        ]
    parts.append(svg.element("rect", class_="frame", x=NAMES, y=12, width=SIDE, height=SIDE))
    return svg.picture(NAMES + SIDE + 1, SIDE + 13, title, parts, class_="map")


def bars(values: dict[str, float], most: int = 12) -> list[tuple[str, float, float]]:
    """Choose the largest numbers to be shown as bars.

    Args:
        values: the numbers by name.
        most: how many to show.

    Returns:
        Names and numbers with the lengths of their bars, 1 for the largest and 0 for those below 0.
    """
    shown = sorted(values.items(), key=lambda item: -item[1])[:most]
    top = max(1e-9, *(value for _, value in shown), 0.0)
    return [(name, value, max(0.0, value) / top) for name, value in shown]
