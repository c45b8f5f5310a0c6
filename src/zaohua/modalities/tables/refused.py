"""Columns that can't be used, all named in one message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.modalities.tables.frames import ColumnName

ItemT = TypeVar("ItemT")
MOST = 5
"""Maximum number of different errors in a message."""


class TooManyCategories(ZaohuaError):
    """Error for a column of more different values than `max_categories`."""

    def __init__(self, name: ColumnName, count: int, most: int) -> None:
        super().__init__(too_many({name: count}, most))
        self.name, self.count, self.most = name, count, most


def too_many(counts: Mapping[ColumnName, int], most: int) -> str:
    """Say that columns have too many different values, and what to do.

    Args:
        counts: number of values by column.
        most: the maximum.
    """
    names = [str(name) for name in counts]
    have = "has" if len(counts) == 1 else "have"
    them, call = ("it", "call it an identifier") if len(counts) == 1 else ("them", "call them identifiers")
    values = ", ".join(f"{name!r} {have} {count:,} different values" for name, count in list(counts.items())[:1])
    values += "".join(f", {name!r} {count:,}" for name, count in list(counts.items())[1:])
    return (
        f"column{'s' * (len(counts) > 1)} {values}, more than {option('max_categories', most)}: leave {them} out "
        f"({option('leave_out', tuple(names))}), {call} ({option('kinds', dict.fromkeys(names, 'identifier'))}), or "
        f"raise {option('max_categories')}"
    )


def each(names: Iterable[ColumnName], make: Callable[[ColumnName], ItemT]) -> list[ItemT]:
    """Call a function for each column; return the results.

    Raises:
        ZaohuaError: the function did for some columns; the message names them all.
    """
    made, errors = [], []
    for name in names:
        try:
            made.append(make(name))
        except ZaohuaError as error:
            errors.append(error)
    if not errors:
        return made
    many = [error for error in errors if isinstance(error, TooManyCategories)]
    others = [error for error in errors if not isinstance(error, TooManyCategories)]
    if len(errors) == 1:
        raise errors[0]
    texts = [str(error) for error in others[:MOST]]
    texts += [f"and {len(others) - MOST} more"] if len(others) > MOST else []
    texts += [too_many({error.name: error.count for error in many}, many[0].most)] if many else []
    raise ZaohuaError("; ".join(texts))
