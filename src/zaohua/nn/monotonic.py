"""Monotonic alignment: which cell of an item belongs to which state of a sequence, by dynamic programming.

Source: Kim, Kim, Kong and Yoon, "Glow-TTS: A Generative Flow for Text-to-Speech via Monotonic Alignment Search", 2020
(arXiv:2005.11129).
"""

from __future__ import annotations

import numpy as np


def best_path(score: np.ndarray, counts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Find the monotonic alignment of the greatest total score, in which no state is left out.

    Args:
        score: log-density of each cell in each state, (B, N, T).
        counts: number of states of each item, int64 (B,).
        lengths: number of cells of each item, int64 (B,). An item of fewer cells than states gets an even alignment,
            and one without states none.

    Returns:
        The state of each cell, int64 (B, T); -1 from an item's length on.
    """
    n, _, cells = score.shape
    best = np.full(score.shape[:2], -np.inf, np.float32)
    best[:, 0] = score[:, 0, 0]
    advanced = np.zeros((cells, *best.shape), bool)
    before = np.full_like(best, -np.inf)
    for t in range(1, cells):
        before[:, 1:] = best[:, :-1]
        np.greater(before, best, out=advanced[t])
        best = np.maximum(before, best) + score[:, :, t]
    path, rows = np.empty((n, cells), np.int64), np.arange(n)
    state = np.maximum(counts - 1, 0)
    for t in range(cells - 1, -1, -1):
        inside = t < lengths
        path[:, t] = np.where(inside, state, -1)
        state = state - (inside & advanced[t, rows, state])
    even = np.arange(cells) * counts[:, None] // lengths[:, None]
    even = np.where(np.arange(cells) < lengths[:, None], even, -1)
    path = np.where((counts > lengths)[:, None], even, path)
    return np.where(counts[:, None] > 0, path, -1)
