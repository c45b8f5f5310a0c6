"""Write numbers as people read them, on pages and in terminals."""

from __future__ import annotations

import math


def digits(value: float) -> str:
    """Write a number with three significant digits, or two if it is below a thousandth.

    Args:
        value: any finite number.

    Returns:
        The digits, with a hyphen as minus sign: people copy these from a terminal.
    """
    if 0 < abs(value) < 1e-3:
        return f"{value:.2g}"
    places = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{min(places, 4)}f}"


def number(value: float | None) -> str:
    """Write a number as `digits` does but with a minus sign, and a dash where there is none."""
    return "–" if value is None else minus(digits(value))


def whole(value: int | None) -> str:
    """Write a whole number with commas between thousands, and a dash where there is none."""
    return "–" if value is None else minus(f"{value:,}")


def minus(text: str) -> str:
    """Replace the hyphens of a printed number by minus signs."""
    return text.replace("-", "−")


def percent(value: float | None, places: int = 1) -> str:
    """Write a fraction in percent, and a dash where there is none."""
    return "–" if value is None else f"{value:.{places}%}"
