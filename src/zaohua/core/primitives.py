"""Primitives that models define, from which all tables of capabilities are made.

This module imports nothing, so that the command line reads it in milliseconds.
"""

from __future__ import annotations

PRIMITIVES: dict[str, str] = {
    "draw": "sample",
    "log_prob": "score",
    "encode": "transform",
    "decode": "inverse transform",
    "denoise": "denoise",
    "complete": "complete",
    "restore": "restore",
}
"""Name of the capability that each primitive provides, as in the table of models."""
METHODS = (
    "sample",
    "score_samples",
    "transform",
    "inverse_transform",
    "denoiser",
    "impute",
    "restore",
    "stream",
    "chat",
    "infill",
)
"""Methods of models that the index tells of, so that servers know them before they load a model."""
