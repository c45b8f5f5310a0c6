"""Which values count as missing."""

from __future__ import annotations

import numpy as np


def missing(value: object) -> bool:
    """Return True for None, NaN, NaT, pandas' NA and an empty text."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))
