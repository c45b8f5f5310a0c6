"""Passages of one piece in another one."""

from __future__ import annotations

import numpy as np
import pytest

import zaohua as zh
from zaohua.modalities.music.themes import overlap


def piece(notes: list[tuple[int, int, int]]) -> zh.Piece:
    """Notes (onset, duration, pitch)."""
    return zh.Piece(np.array([(*note, 0) for note in notes]).reshape(-1, 4))


def drawn(seed: int, notes: int = 40) -> list[tuple[int, int, int]]:
    rng = np.random.default_rng(seed)
    onsets = np.cumsum(rng.integers(1, 5, notes)).tolist()
    return list(zip(onsets, rng.integers(1, 9, notes).tolist(), rng.integers(40, 80, notes).tolist(), strict=True))


def moved(notes: list[tuple[int, int, int]], later: int, higher: int) -> list[tuple[int, int, int]]:
    return [(onset + later, duration, pitch + higher) for onset, duration, pitch in notes]


def test_a_passage_is_found_in_any_key_and_at_any_time() -> None:
    theme = drawn(0, 30)
    other = [*drawn(1), *moved(theme, 200, 5), *moved(drawn(2), 400, 0)]
    found = overlap([piece(theme), piece(drawn(3, 30))], [piece(drawn(4)), piece(other)], 24)
    assert found.fractions == (pytest.approx(29 / 30), 0) and found.longest == 29  # the first note has no interval
    assert found.sizes == (30, 30) and found.fraction == pytest.approx(29 / 60)


def test_another_rhythm_is_another_passage() -> None:
    theme = drawn(0, 30)
    slower = [(2 * onset, 2 * duration, pitch) for onset, duration, pitch in theme]
    held = [(onset, duration + (i == 15), pitch) for i, (onset, duration, pitch) in enumerate(theme)]
    assert overlap([piece(slower)], [piece(theme)], 10).fraction == 0
    assert overlap([piece(held)], [piece(theme)], 20).fraction == 0
    assert overlap([piece(held)], [piece(theme)], 10).fraction == pytest.approx(29 / 30)


def test_passages_dont_go_on_in_the_next_piece() -> None:
    theme = drawn(0, 30)
    assert overlap([piece(theme)], [piece(theme[:15]), piece(theme[15:])], 16).fraction == 0


def test_pieces_without_notes() -> None:
    assert overlap([piece([]), piece(drawn(0))], [piece([])], 4).fraction == 0
