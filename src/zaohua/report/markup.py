"""What the pages share that stand alone: their style, and numbers, pictures and facts as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from zaohua.report import sheets
from zaohua.report.numbers import digits

STYLE = Path(__file__).with_name("style.css")
SEAL = """<svg class="seal" viewBox="0 0 64 64" aria-hidden="true"><rect width="64" height="64" rx="14" \
fill="var(--seal)"/>
    <path d="M14 14h14v14H14z M36 14h14v14H36z M14 36h14v14H14z" fill="var(--paper)" opacity=".38"/>
    <path d="M36 36h14v14H36z" fill="var(--paper)"/></svg>"""


def fill(template: Path, **values: object) -> str:
    """A template with its values in it, which are HTML already, and with the style and the seal that all pages have."""
    return Template(template.read_text("utf-8")).substitute(values, style=STYLE.read_text("utf-8"), seal=SEAL)


def number(value: float | None) -> str:
    """Three digits that count, or a dash."""
    return "–" if value is None else minus(digits(value))


def minus(text: str) -> str:
    """A number as it is printed, with a minus sign instead of a hyphen."""
    return text.replace("-", "−")


def sheet(images: np.ndarray, columns: int, alt: str, height: int = 32, gap: int = 14) -> str:
    """Pictures side by side on black, as one.

    Args:
        images: uint8 (n, H, W) or (n, H, W, C).
        columns: pictures in a row.
        alt: what one would see.
        height: what pictures are enlarged to at least.
        gap: pixels between and around them.
    """
    shown = sheets.grid(images, columns, gap=gap, height=height, background=0)
    shown = np.pad(shown, [(gap, gap), (gap, gap)] + [(0, 0)] * (shown.ndim - 2))
    uri = sheets.data_uri(shown)
    return f'<img src="{uri}" alt="{escape(alt)}" width="{shown.shape[1]}" height="{shown.shape[0]}">'


def figure(inside: str, caption: str = "", kind: str = "") -> str:
    """Something to look at with its caption, both HTML, and a class for its style."""
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f"<figure{f' class={kind}' if kind else ''}>{inside}{below}</figure>"


def section(title: str, inside: str, note: str = "", kind: str = "") -> str:
    """A part of a page under its title, with what is to be said below it; the inside and the note are HTML."""
    below = f'\n  <p class="note">{note}</p>' if note else ""
    return f"<section{f' class={kind}' if kind else ''}>\n  <h2>{title}</h2>\n  {inside}{below}\n</section>"


def facts(listed: Sequence[tuple[str, str, str]]) -> str:
    """Facts for a <dl>: what it is, its value, and what is added in small; all HTML."""
    return "".join(
        f"<div><dt>{name}</dt><dd>{value}{f' <small>{more}</small>' if more else ''}</dd></div>"
        for name, value, more in listed
    )
