"""Items and figures as a page shows them: pictures, heat maps, words, cells, bars and histograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from PIL import Image
from torch import Tensor

from zaohua.report import html, svg
from zaohua.report.scale import Scale
from zaohua.report.sheets import png
from zaohua.tasks.explain.subject import Subject

LARGEST, SMALLEST = 224, 112
"""Longest side of a picture on the page, and the side that small ones are enlarged to at least."""
RED, BLUE = (200, 72, 50), (47, 120, 170)
"""Colours of heat maps that can be seen on light and on dark pages."""
HISTOGRAM = (300, 92)
"""Width and height of a histogram."""


@dataclass(frozen=True)
class Tile:
    """A picture or a text, with its caption.

    Attributes:
        content: the picture as an element, or the text.
        caption: what it is.
        more: small print below it.
        mark: class of the caption: "good", "bad" or nothing.
    """

    content: Markup | str
    caption: str = ""
    more: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Bar:
    """A named number in a list of bars.

    Attributes:
        name, value: what it is, and its text.
        share: length, from -1 to 1.
        more: a second number, in small print.
    """

    name: str
    value: str
    share: float
    more: str = ""


def tiles(subject: Subject, x: Tensor, captions: Sequence[str] = (), alt: str = "item") -> list[Tile]:
    """Show items, given as tensors (n, ...)."""
    captions = list(captions) or [""] * len(x)
    drawn = pictures(subject, x)
    if drawn is not None:
        return [Tile(image(part, f"{alt} {c}".strip()), c) for part, c in zip(drawn, captions, strict=True)]
    if subject.is_grid and x.ndim == 3:
        return [Tile(wave(part[0].double().numpy(), alt), c) for part, c in zip(x, captions, strict=True)]
    return [Tile(words, c) for words, c in zip(texts(subject, x), captions, strict=True)]


def pictures(subject: Subject, x: Tensor) -> np.ndarray | None:
    """Return tensors in [-1, 1] as pictures, uint8 (n, H, W) or (n, H, W, 3); None for items that aren't any.

    Of spectrograms low frequencies are below.
    """
    if not subject.is_grid or x.ndim != 4:
        return None
    pixels = np.rint(np.clip((x.float().cpu().numpy() + 1) * 127.5, 0, 255)).astype(np.uint8)
    drawn = np.moveaxis(pixels, 1, -1) if pixels.shape[1] == 3 else pixels[:, 0]
    return drawn if upright(subject) else drawn[:, ::-1]


def upright(subject: Subject) -> bool:
    """Whether the first row of a grid is the upper one, as in pictures; in spectrograms it is the lower one."""
    return subject.model.spec_.axes[:1] == ("height",)


def image(pixels: np.ndarray, alt: str, least: int = SMALLEST) -> Markup:
    """Return a picture as an element, small ones enlarged by repeating pixels, large ones made smaller."""
    height, width = pixels.shape[:2]
    times = max(1, round(least / max(height, width)))
    if max(height, width) > LARGEST:
        share = LARGEST / max(height, width)
        size = (max(1, round(width * share)), max(1, round(height * share)))
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
        height, width = pixels.shape[:2]
    pixels = np.ascontiguousarray(pixels.repeat(times, 0).repeat(times, 1))
    uri = html.data_uri(png(pixels))
    return svg.element("img", src=uri, alt=alt, width=times * width, height=times * height)


def heat(values: np.ndarray, alt: str, scale: float | None = None) -> Markup:
    """Draw a map (H, W): red above 0, blue below; nothing is transparent.

    Args:
        values: the map.
        alt: what it shows.
        scale: value that has the full colour; by default the 99.5th percentile of sizes.
    """
    most = scale or float(np.quantile(np.abs(values), 0.995)) or 1e-9
    share = np.clip(np.abs(values) / most, 0, 1)
    out = np.empty((*values.shape, 4), np.uint8)
    out[..., :3] = np.where((values >= 0)[..., None], RED, BLUE)
    out[..., 3] = np.rint(255 * share**0.8)
    return image(out, alt)


def wave(values: np.ndarray, alt: str) -> Markup:
    """Draw a curve of numbers, such as a wave; long ones by the largest and smallest of each part."""
    width, height = 520, 84
    parts = np.array_split(values, min(len(values), width // 2))
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 1e-9)
    y = Scale(low, high, height - 2, 2)
    step = width / len(parts)
    points = [(i * step, y(float(extreme))) for i, part in enumerate(parts) for extreme in (part.min(), part.max())]
    return svg.picture(width, height, alt, [svg.path(points, "a")], class_="wave")


def texts(subject: Subject, x: Tensor) -> list[str]:
    """Return items as texts: rows as their cells, pieces as their notes."""
    items = subject.model.decode_tensors(x)
    if hasattr(items, "to_dict"):
        return ["\n".join(f"{k}: {_cell(v)}" for k, v in row.items()) for row in items.to_dict("records")]
    return [_told(item) for item in items]


def _cell(value: object) -> str:
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def _told(item: object) -> str:
    notes = getattr(item, "notes", None)
    if notes is not None:
        return f"{len(notes)} notes"
    return item if isinstance(item, str) else " ".join(_cell(v) for v in np.ravel(np.asarray(item)).tolist())


def bars(names: Sequence[str], values: np.ndarray, unit: str = "", more: Sequence[str] = ()) -> list[Bar]:
    """Make bars of named numbers, relative to the largest size."""
    most = float(np.abs(values).max()) or 1e-9
    small = list(more) or [""] * len(names)
    return [
        Bar(name, f"{value:.2f}{unit}".replace("-", "−"), float(value) / most, extra)
        for name, value, extra in zip(names, values.tolist(), small, strict=True)
    ]


def words(names: Sequence[str], values: np.ndarray, unit: str) -> list[tuple[str, float, str]]:
    """Return words with their heat from -1 to 1, and what a pointer tells of them."""
    most = max(float(np.quantile(np.abs(values), 0.98)), 1e-9)
    shown = []
    for name, value in zip(names, values.tolist(), strict=True):
        told = f"{name.strip() or 'space'}: {value:.2f} {unit}" if name else f"end: {value:.2f} {unit}"
        shown.append((name or "⏹", max(-1.0, min(1.0, value / most)), told))
    return shown


def histogram(usual: np.ndarray, value: float, alt: str) -> Markup:
    """Draw the distribution of held-out items, and where the item is."""
    width, height = HISTOGRAM
    inside = usual[np.isfinite(usual)]
    low, high = (float(q) for q in np.quantile(inside, [0.005, 0.995]))
    low, high = min(low, value), max(high, value)
    room = (high - low) * 0.04 or 1.0
    counts, edges = np.histogram(inside, 36, (low - room, high + room))
    x, y = Scale(low - room, high + room, 0, width), Scale(0, float(counts.max()), height - 4, 16)
    parts = [
        svg.element(
            "rect", x=x(a) + 0.5, width=max(1.0, x(b) - x(a) - 1), y=y(c), height=height - 4 - y(c), class_="usual"
        )
        for a, b, c in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
        if c
    ]
    parts.append(svg.line(0, height - 4, width, height - 4, "axis"))
    parts.append(svg.line(x(value), 14, x(value), height, "here"))
    anchor = "start" if x(value) < 40 else "end" if x(value) > width - 40 else "middle"
    parts.append(svg.text(x(value), 10, "this item", class_="here", text_anchor=anchor))
    return svg.picture(width, height, alt, parts, class_="histogram")


def image_map(values: np.ndarray, alt: str) -> Markup:
    """Draw a small table of numbers of at least 0 as a map."""
    return heat(np.asarray(values, np.float64), alt, float(values.max()) or 1.0)


def columns(values: np.ndarray, alt: str) -> Markup:
    """Draw numbers of at least 0 as columns, the largest first."""
    width, height = HISTOGRAM
    ordered = np.sort(values)[::-1][:128]
    y, step = Scale(0, float(ordered[0]) or 1.0, height - 4, 4), width / len(ordered)
    parts = [
        svg.element("rect", x=i * step, width=max(1.0, step - 1), y=y(v), height=height - 4 - y(v), class_="nats")
        for i, v in enumerate(ordered.tolist())
    ]
    return svg.picture(
        width, height, alt, [*parts, svg.line(0, height - 4, width, height - 4, "axis")], class_="histogram"
    )
