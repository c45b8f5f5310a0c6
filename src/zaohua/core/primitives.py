"""The primitives that models define: the one source of all tables of what models can do.

This module is light (no torch): the command line reads it in milliseconds.
"""

from __future__ import annotations

PRIMITIVES: dict[str, str] = {
    "draw": "sample",
    "log_prob": "score",
    "encode": "transform",
    "decode": "inverse transform",
    "denoise": "denoise",
    "complete": "impute",
}
"""Each primitive, and the name of what it lets people do in the table of models."""
