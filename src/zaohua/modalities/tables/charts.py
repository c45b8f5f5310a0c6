"""Charts that compare real and synthetic columns of a table: histograms, categories, associations.

Shapes are SVG, but text is HTML where possible, so that it has the same size on phones and wide screens.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from zaohua.metrics.features import Matrix
from zaohua.report.markup import number

WIDTH, HEIGHT = 240, 74
BINS = 32
SHOWN = 7
"""Maximum number of categories of a column that are shown individually."""
SIDE, NAMES, LETTERS = 240, 100, 15
"""Heat maps: side length, width of the names of rows, and maximum length of a name."""


def histogram(real: Matrix, samples: Matrix, ends: tuple[str, str]) -> str:
    """Draw a histogram: real numbers filled, samples as a line; return "" without real numbers.

    Numbers beyond the middle 99 % of the real ones are counted in the bins at the ends.

    Args:
        real: real numbers, NaN if missing.
        samples: numbers of the samples, NaN if missing.
        ends: the two ends of `span`, formatted.
    """
    observed, sampled = (x[~np.isnan(x)] for x in (real, samples))
    if not len(observed):
        return ""
    low, high, count = _bins(observed)
    fractions = [
        np.bincount(np.clip((x - low) / (high - low) * count, 0, count - 1).astype(np.int64), minlength=count)
        / max(1, len(x))
        for x in (observed, sampled)
    ]
    top = max(fraction.max() for fraction in fractions)
    steps = [_steps(fraction / top) for fraction in fractions]
    label = f"Fractions of real numbers and of samples from {ends[0]} to {ends[1]}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{escape(label)}">'
        f'<path class="real" d="M0,{HEIGHT} {steps[0]} {WIDTH},{HEIGHT}Z"/>'
        f'<path class="made" d="M{steps[1]}"/></svg>'
        f'<div class="ends"><span>{escape(ends[0])}</span><span>{escape(ends[1])}</span></div>'
    )


def span(real: Matrix) -> tuple[float, float]:
    """Return the range of a histogram: the middle 99 % of the real numbers."""
    observed = real[~np.isnan(real)]
    low, high = (
        (float(q) for q in np.quantile(observed, [0.005, 0.995], method="nearest")) if len(observed) else (0.0, 0.0)
    )
    return low, high


def _bins(values: Matrix) -> tuple[float, float, int]:
    """Return start, end and number of the bins; for integers, every bin contains equally many integers."""
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


def categories(real: Matrix, samples: Matrix, names: Sequence[str]) -> str:
    """Draw the frequencies of the most frequent categories, real ones above those of samples.

    Args:
        real: frequencies of the categories in real rows.
        samples: frequencies of the categories in samples.
        names: names of the categories.
    """
    order = [k for k in np.argsort(-np.maximum(real, samples), kind="stable") if real[k] or samples[k]]
    lines = [(names[k], float(real[k]), float(samples[k])) for k in order[:SHOWN]]
    if rest := order[SHOWN:]:
        lines.append((f"{len(rest)} others", float(real[rest].sum()), float(samples[rest].sum())))
    top = max(max(a, b) for _, a, b in lines)
    return "".join(
        f'<div class="category"><span title="{escape(name)}">{escape(name)}</span><div class="bars">'
        f'<i class="real" style="width:{a / top:.1%}"></i><i class="made" style="width:{b / top:.1%}"></i>'
        f"</div><span>{_percentage(a)} <b>{_percentage(b)}</b></span></div>"
        for name, a, b in lines
    )


def _percentage(value: float) -> str:
    return f"{value:.0%}" if value >= 0.0995 or not value else f"{value:.1%}"


def heat_map(values: Matrix, names: Sequence[str], title: str) -> str:
    """Draw a heat map of columns by columns, from 0 to 1, or from -1 to 1 in two colours.

    Args:
        values: matrix (C, C).
        names: names of the columns; above the map they are replaced by numbers.
        title: alternative text.
    """
    cell = SIDE / len(names)
    size, small = min(9.5, cell * 0.9), min(9.5, cell * 0.6)
    parts = []
    for i, name in enumerate(names):
        y = 12 + i * cell
        short = name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"
        parts.append(
            f'<text x="{NAMES - 5}" y="{y + cell / 2 + size * 0.35:.1f}" text-anchor="end" '
            f'font-size="{size:.1f}">{escape(short)} {i + 1}<title>{escape(name)}</title></text>'
        )
        parts.append(
            f'<text x="{NAMES + (i + 0.5) * cell:.1f}" y="9" text-anchor="middle" font-size="{small:.1f}">'
            f"{i + 1}</text>"
        )
        parts += [
            f'<rect class="{"less" if value < 0 else "more"}" x="{NAMES + j * cell:.1f}" y="{y:.1f}" '
            f'width="{cell:.1f}" height="{cell:.1f}" fill-opacity="{abs(value):.2f}"/>'
            for j, value in enumerate(values[i])
            if abs(value) >= 0.005
        ]
    frame = f'<rect class="frame" x="{NAMES}" y="12" width="{SIDE}" height="{SIDE}"/>'
    return (
        f'<svg class="map" viewBox="0 0 {NAMES + SIDE + 1} {SIDE + 13}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}{frame}</svg>"
    )


def bars(values: dict[str, float], most: int = 12) -> str:
    """Draw the largest values as horizontal bars; values of 0 and below have no bar.

    Args:
        values: values by name.
        most: maximum number of bars.
    """
    shown = sorted(values.items(), key=lambda item: -item[1])[:most]
    top = max(1e-9, *(value for _, value in shown), 0.0)
    return "".join(
        f'<div class="line"><span>{escape(name)}</span><div class="track"><i class="bar thick" '
        f'style="left:0;width:{max(0.0, value) / top:.1%}"></i></div><span>{number(value)}</span></div>'
        for name, value in shown
    )
