"""Checks that linear constraints don't contradict each other or the data, with messages that name them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import linprog

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.tables.constraints import solving
from zaohua.modalities.tables.constraints.lattice import Lattice

SLACK = 1e-6
"""Slack of strict inequalities, as a fraction of the greatest constant, that counts as none."""


def check(lattice: Lattice, values: np.ndarray, rows: Sequence[object] | None = None) -> None:
    """Check constraints on values (n, m), NaN if missing.

    Args:
        lattice: the constraints.
        values: the values.
        rows: names of rows that were given; None for training rows, which are numbered.

    Raises:
        ZaohuaError: rows violate a constraint, or several together.
    """
    if rows is None and _is_contradictory(lattice):
        texts = _culprits(lattice, _is_contradictory)
        raise ZaohuaError(f"{listed(texts)} contradict each other, whatever the data are: leave one out")
    broken = lattice.broken(values)
    for text in dict.fromkeys(lattice.texts):
        raise_broken(text, np.asarray(broken[:, [each == text for each in lattice.texts]].any(1)), rows)
    wrong = solving.contradictory(lattice, values)
    if wrong.any():
        first = values[[np.flatnonzero(wrong)[0]]]
        texts = _culprits(lattice, lambda part: bool(solving.contradictory(part, first)[0]))
        raise_broken(listed(texts), wrong, rows, "whatever the missing cells are")


def raise_broken(text: str, wrong: np.ndarray, rows: Sequence[object] | None, why: str = "") -> None:
    """Raise a `ZaohuaError` if any row violates a constraint, bool (n,).

    Args:
        text: the constraint, or several as `listed` returns them.
        wrong: which rows violate it.
        rows: names of rows that were given; None for training rows.
        why: explanation.
    """
    if not wrong.any():
        return
    first = int(np.flatnonzero(wrong)[0])
    name = text if text.startswith("constraint") else f"constraint {text!r}"
    verb = "don't hold" if name.startswith("constraints") else "doesn't hold"
    count = int(wrong.sum())
    row = first if rows is None else rows[first]
    what = f"{name} {verb} in {count:,} row{'s' * (count != 1)}, the first being row {row}"
    advice = "leave it out, or the rows" if rows is None else "mend these cells, or leave the rows out"
    raise ZaohuaError(f"{what}{f' ({why})' if why else ''}: {advice}")


def listed(texts: Sequence[str]) -> str:
    """Return constraints as they are named in messages."""
    return f"constraint{'s' * (len(texts) != 1)} {' and '.join(map(repr, texts))}"


def _is_contradictory(lattice: Lattice) -> bool:
    """Return True if no real numbers at all satisfy the constraints: the greatest slack of all strict ones is 0."""
    matrix, bounds, strict = lattice.real_inequalities()
    scale = max(1.0, float(np.abs(bounds).max(initial=0.0)))
    rows = np.concatenate([matrix, strict[:, None]], axis=1)
    cost = np.append(np.zeros(matrix.shape[1]), -1.0)
    limits = [(None, None)] * matrix.shape[1] + [(0.0, 1.0)]
    found = linprog(cost, A_ub=rows, b_ub=bounds / scale, bounds=limits)
    return found.status == 2 or (found.status == 0 and bool(strict.any()) and -found.fun < SLACK)


def _culprits(lattice: Lattice, is_wrong: Callable[[Lattice], bool]) -> list[str]:
    """Return the fewest constraints that are still wrong, found by leaving out one after the other."""
    texts = list(dict.fromkeys(lattice.texts))
    for text in list(texts):
        rest = [each for each in texts if each != text]
        if rest and is_wrong(_only(lattice, rest)):
            texts = rest
    return texts


def _only(lattice: Lattice, texts: Sequence[str]) -> Lattice:
    """Return a lattice with some of its constraints."""
    keep = [k for k, text in enumerate(lattice.texts) if text in texts]
    return replace(
        lattice,
        texts=[lattice.texts[k] for k in keep],
        matrix=[lattice.matrix[k] for k in keep],
        bound=[lattice.bound[k] for k in keep],
        equal=[lattice.equal[k] for k in keep],
        strict=[lattice.strict[k] for k in keep],
    )
