"""HTML building blocks of the self-contained pages: style, numbers, images and lists of facts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from zaohua.evaluation.summaries import digits
from zaohua.modalities.images import show

STYLE = Path(__file__).with_name("style.css")
SEAL = """<svg class="seal" viewBox="0 0 64 64" aria-hidden="true"><rect width="64" height="64" rx="14" \
fill="var(--seal)"/>
    <path d="M14 14h14v14H14z M36 14h14v14H36z M14 36h14v14H14z" fill="var(--paper)" opacity=".38"/>
    <path d="M36 36h14v14H36z" fill="var(--paper)"/></svg>"""


def fill(template: Path, **values: object) -> str:
    """Fill a template with values, which must be HTML, and with the style and logo that all pages share."""
    return Template(template.read_text("utf-8")).substitute(values, style=STYLE.read_text("utf-8"), seal=SEAL)


def number(value: float | None) -> str:
    """Format a number with three significant digits; return a dash for None."""
    return "–" if value is None else minus(digits(value))


def minus(text: str) -> str:
    """Replace the hyphens of a printed number by minus signs."""
    return text.replace("-", "−")


def sheet(images: np.ndarray, columns: int, alt: str, height: int = 32, gap: int = 14) -> str:
    """Arrange images in a grid on black, as one <img> element.

    Args:
        images: uint8 (n, H, W) or (n, H, W, C).
        columns: images per row.
        alt: alternative text of the image.
        height: minimum height of an image; smaller ones are enlarged.
        gap: pixels between and around the images.
    """
    shown = show.grid(images, columns, gap=gap, height=height, background=0)
    shown = np.pad(shown, [(gap, gap), (gap, gap)] + [(0, 0)] * (shown.ndim - 2))
    return f'<img src="{show.data_uri(shown)}" alt="{escape(alt)}" width="{shown.shape[1]}" height="{shown.shape[0]}">'


def figure(inside: str, caption: str = "", kind: str = "") -> str:
    """Return a <figure> element with a caption, both HTML; `kind` is its CSS class."""
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f"<figure{f' class={kind}' if kind else ''}>{inside}{below}</figure>"


def section(title: str, inside: str, note: str = "", kind: str = "") -> str:
    """Return a section of a page with a title and a note below it; `inside` and `note` are HTML."""
    below = f'\n  <p class="note">{note}</p>' if note else ""
    return f"<section{f' class={kind}' if kind else ''}>\n  <h2>{title}</h2>\n  {inside}{below}\n</section>"


def facts(entries: Sequence[tuple[str, str, str]]) -> str:
    """Return the entries of a <dl> from tuples (name, value, small print), which are HTML."""
    return "".join(
        f"<div><dt>{name}</dt><dd>{value}{f' <small>{more}</small>' if more else ''}</dd></div>"
        for name, value, more in entries
    )
