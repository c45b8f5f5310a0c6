"""Random tables, and random systems of constraints that hold in them, with a check of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

Check = Callable[[pd.DataFrame], pd.Series]
"""Which rows violate a constraint; a missing cell violates nothing."""


@dataclass
class Constrained:
    """A table without missing cells, the constraints that hold in it, and their checks."""

    frame: pd.DataFrame
    checks: dict[str, Check]


def random_system(rng: np.random.Generator, n: int = 120) -> Constrained:
    """Draw six columns (numbers of any kind, perhaps dates and categories), and one to five constraints."""
    numbers = int(rng.integers(2, 5))
    dates = int(rng.integers(0, min(3, 6 - numbers) + 1)) if numbers < 4 else int(rng.integers(0, 3))
    columns, checks = _numbers(rng, n, [f"n{i}" for i in range(numbers)])
    more, these = _dates(rng, n, [f"day {i}" for i in range(dates)])
    columns, checks = columns | more, checks | these
    more, these = _categories(rng, n, [f"c{i}" for i in range(6 - numbers - dates)], columns)
    columns, checks = columns | more, checks | these
    texts = rng.permutation(list(checks))[: int(rng.integers(1, 6))]
    frame = pd.DataFrame(columns)
    return Constrained(frame[rng.permutation(frame.columns)], {text: checks[text] for text in texts})


def holed(frame: pd.DataFrame, rng: np.random.Generator, fraction: float = 0.2) -> pd.DataFrame:
    """Return a frame with a fraction of the cells missing, but never a whole column."""
    mask = rng.random(frame.shape) < fraction
    mask[:3] = False
    return frame.mask(mask)


def violations(system: Constrained, frame: pd.DataFrame) -> dict[str, int]:
    """Count the rows that violate each constraint, and leave out those that no row violates."""
    counts = {text: int(check(frame).sum()) for text, check in system.checks.items()}
    return {text: count for text, count in counts.items() if count}


def _numbers(rng: np.random.Generator, n: int, names: list[str]) -> tuple[dict[str, np.ndarray], dict[str, Check]]:
    digits = rng.choice([0, 0, 1, 2, 9])  # 9: any number
    columns: dict[str, np.ndarray] = {}
    checks: dict[str, Check] = {}
    for name in names:
        own = int(rng.choice([digits, 0 if digits < 9 else 9]))
        made = list(columns)
        how = rng.choice(["alone", "above", "sum", "difference"]) if made else "alone"
        spread = _rounded(rng.gamma(2.0, 10.0, n), own)
        if how == "above" or (how in ("sum", "difference") and len(made) < 2):
            base = str(rng.choice(made))
            gap = _rounded(rng.exponential(6.0, n), own) + rng.choice([0.0, 1.0])
            columns[name] = _rounded(columns[base] + gap, 6 if digits < 9 else 9)
            sign = "<" if (gap > 0).all() else "<="
            checks |= _ordered(base, sign, name)
            checks |= {f"{name} {'>' if sign == '<' else '>='} {base}": _less(base, sign, name)}
            for lower in [
                text.split()[0] for text in checks if text.endswith(f"<= {base}") or text.endswith(f"< {base}")
            ]:
                if lower in columns and len(lower.split()) == 1 and (columns[lower] < columns[name]).all():
                    checks |= _ordered(lower, "<", name)
                    checks[f"{lower} <= {base} <= {name}"] = _chain(lower, base, name)
        elif how == "alone":
            columns[name] = spread
        else:
            first, second = map(str, rng.choice(made, 2, replace=False))
            sign = 1 if how == "sum" else -1
            columns[name] = _rounded(columns[first] + sign * columns[second], 6 if digits < 9 else 9)
            checks[f"{name} = {first} {'+' if sign > 0 else '-'} {second}"] = _equal(name, first, sign, second)
        low, high = float(columns[name].min()), float(columns[name].max())
        checks[f"{name} >= {low!r}"] = lambda f, name=name, low=low: f[name].astype(float) < low
        checks[f"{low - 1!r} < {name} <= {high!r}"] = lambda f, name=name, low=low, high=high: (
            (f[name].astype(float) <= low - 1) | (f[name].astype(float) > high)
        )
        if made:
            other = str(rng.choice(made))
            most = float((columns[name] + columns[other]).max()) + 0.25
            checks[f"{name} + {other} < {most!r}"] = lambda f, a=name, b=other, most=most: (
                f[a].astype(float) + f[b].astype(float) >= most
            )
    types = {
        name: np.int64 if (values == np.rint(values)).all() and rng.random() < 0.7 else float
        for name, values in columns.items()
    }
    return {name: values.astype(types[name]) for name, values in columns.items()}, checks


def _rounded(values: np.ndarray, digits: int) -> np.ndarray:
    return values if digits == 9 else np.round(values, digits)


def _ordered(a: str, sign: str, b: str) -> dict[str, Check]:
    return {f"{a} {sign} {b}": _less(a, sign, b)}


def _less(a: str, sign: str, b: str) -> Check:
    def check(frame: pd.DataFrame) -> pd.Series:
        x, y = frame[a].astype(float), frame[b].astype(float)
        return x >= y if sign == "<" else x > y

    return check


def _chain(a: str, b: str, c: str) -> Check:
    return lambda f: _less(a, "<=", b)(f) | _less(b, "<=", c)(f) | _less(a, "<=", c)(f)


def _equal(total: str, a: str, sign: int, b: str) -> Check:
    def check(frame: pd.DataFrame) -> pd.Series:
        x, y, z = (frame[name].astype(float) for name in (total, a, b))
        return ~np.isclose(x, y + sign * z, rtol=1e-9, atol=1e-6) & x.notna() & y.notna() & z.notna()

    return check


def _dates(rng: np.random.Generator, n: int, names: list[str]) -> tuple[dict[str, pd.Series], dict[str, Check]]:
    columns: dict[str, pd.Series] = {}
    checks: dict[str, Check] = {}
    days = pd.Series(pd.Timestamp("2021-03-01") + pd.to_timedelta(rng.integers(0, 700, n), "D"))
    as_text = rng.random() < 0.5
    for index, name in enumerate(names):
        if index:
            before = names[index - 1]
            days = days + pd.to_timedelta(rng.integers(index % 2, 9, n), "D")
            sign = "<" if index % 2 else "<="
            checks[f"{before} {sign} {name}"] = _less_days(before, sign, name)
            checks[f"{name} <= {before} + 8 days"] = lambda f, a=before, b=name: (
                _days(f[b]) - _days(f[a]) > pd.Timedelta("8D")
            )
        checks[f"{name} >= 2021-03-01"] = lambda f, name=name: _days(f[name]) < pd.Timestamp("2021-03-01")
        columns[name] = days.dt.strftime("%d.%m.%Y") if as_text else days
    if len(names) == 3:
        checks[" < ".join([names[0], names[1]]) + f" <= {names[2]}"] = lambda f: (
            _less_days(names[0], "<", names[1])(f)
            | _less_days(names[1], "<=", names[2])(f)
            | _less_days(names[0], "<", names[2])(f)
        )
    return columns, checks


def _days(column: pd.Series) -> pd.Series:
    return column if column.dtype.kind == "M" else pd.to_datetime(column, format="%d.%m.%Y")


def _less_days(a: str, sign: str, b: str) -> Check:
    return lambda f: _days(f[a]) >= _days(f[b]) if sign == "<" else _days(f[a]) > _days(f[b])


def _categories(
    rng: np.random.Generator, n: int, names: list[str], others: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, Check]]:
    columns: dict[str, np.ndarray] = {}
    checks: dict[str, Check] = {}
    code = rng.integers(0, 12, n)
    for index, name in enumerate(names):
        columns[name] = np.array([f"{name}-{each}" for each in code])
        if index:
            _add_together(checks, [names[index - 1], name], columns)
        code = (code * 5 + index) % 7 // (1 + index)
        code = np.where(rng.random(n) < 0.1, rng.integers(0, 5, n), code)
    if len(names) == 3:
        _add_together(checks, list(names), columns)
    few = [name for name, values in others.items() if len(np.unique(values)) < 30]
    if names and few:
        _add_together(checks, [names[0], few[0]], columns | {few[0]: others[few[0]]})
    return columns, checks


def _add_together(checks: dict[str, Check], names: list[str], columns: dict[str, np.ndarray]) -> None:
    known = set(zip(*(list(map(str, np.asarray(columns[name]).tolist())) for name in names), strict=True))
    known = {tuple(_plain(value) for value in row) for row in known}

    def check(frame: pd.DataFrame) -> pd.Series:
        full = frame[names].notna().all(axis=1)
        rows = frame[names].astype(object)
        unknown = [tuple(_plain(value) for value in row) not in known for row in rows.itertuples(index=False)]
        return full & pd.Series(unknown, index=frame.index)

    checks[f"({', '.join(names)})"] = check


def _plain(value: object) -> object:
    """Return numbers as numbers, whatever they are written as."""
    try:
        return float(str(value))
    except ValueError:
        return str(value)
