"""Build SVG pictures element by element, with every text and attribute escaped."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape


def element(name: str, *inside: str, **attributes: object) -> Markup:
    """Build an element.

    Args:
        name: of the element.
        inside: what it holds. Text is escaped; elements are `Markup` already.
        attributes: floats are rounded to one decimal, hyphens are written as underscores, and `class_` stands for
            `class`. None leaves an attribute out.
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), f"{x:.1f}" if isinstance(x, float) else x)
        for key, x in attributes.items()
        if x is not None
    )
    if not inside:
        return Markup("<{}{}/>").format(name, written)
    return Markup("<{0}{1}>{2}</{0}>").format(name, written, Markup("").join(map(escape, inside)))


def picture(width: float, height: float, label: str, parts: Iterable[str], **attributes: object) -> Markup:
    """Build a whole picture.

    Args:
        width, height: of its coordinates; the page decides how large it is.
        label: what it shows, for those who can't see it.
        parts: its elements.
        attributes: others of the picture.
    """
    return element("svg", *parts, viewBox=f"0 0 {width} {height}", role="img", aria_label=label, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Build a straight line."""
    return element("line", class_=class_, x1=x1, x2=x2, y1=y1, y2=y2)


def text(x: float, y: float, words: str, **attributes: object) -> Markup:
    """Build a line of text.

    Args:
        x, y: where it stands, on its baseline.
        words: what it says.
        attributes: `class_` or `text_anchor`, for example.
    """
    return element("text", words, x=x, y=y, **attributes)


def path(points: Iterable[tuple[float, float]], class_: str) -> Markup:
    """Build a line from point to point."""
    return element("path", class_=class_, d="M" + " ".join(f"{x:.1f},{y:.1f}" for x, y in points))
