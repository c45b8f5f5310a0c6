"""Numbers as people read them."""

from __future__ import annotations

import math


def digits(value: float) -> str:
    """Format a number with three significant digits, or two if it is below a thousandth."""
    if 0 < abs(value) < 1e-3:
        return f"{value:.2g}"
    places = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{min(places, 4)}f}"
