"""Parsing of the texts of constraints.

    "start < end", "a <= b < c"        order of numbers or of dates, also in chains, by <, <=, >, >= and =
    "total = net + tax"                sums and differences
    "age >= 18", "0 < share <= 1"      constants: numbers, dates, and durations of dates ("end <= start + 30 days")
    "(city, country)"                  only combinations that occur in training

Names of columns are recognised first, so they may contain spaces and signs. `+` and `-` have spaces around them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.modalities.tables.frames import ColumnName

FORMS = "'a < b', 'a <= b < c', 'age >= 18', 'total = a + b' and '(a, b)'"
"""Examples of all forms, for messages."""
COMPARISON = re.compile(r"\s*(<=|>=|==|<|>|=)\s*")
SIGN = re.compile(r"\s+([+-])\s+")
LITERAL = re.compile(r"\s*(.*?)\s*(?=<|>|=|\s[+-]\s|$)")

Relation = Literal["<", "<=", "="]


@dataclass(frozen=True)
class Linear:
    """Comparison of a linear expression with zero: sum of coefficient * column + sum of sign * literal (relation) 0.

    Attributes:
        text: the constraint that it is part of, as it was given.
        terms: columns and their coefficients, in the order of the text.
        literals: signs and texts of the constants.
        relation: the comparison with zero.
    """

    text: str
    terms: tuple[tuple[ColumnName, int], ...]
    literals: tuple[tuple[int, str], ...]
    relation: Relation


@dataclass(frozen=True)
class Together:
    """Columns of which only the combinations that occur in training are valid."""

    text: str
    names: tuple[ColumnName, ...]


def parse(text: str, columns: Sequence[ColumnName]) -> list[Linear] | Together:
    """Parse a constraint; a chain gives several comparisons.

    Raises:
        ZaohuaError: the text isn't a constraint, or names an unknown column.
    """
    together = re.fullmatch(r"\((.+,.+)\)", text.strip())
    by_text = {str(name): name for name in columns}
    if together:
        return Together(text, tuple(_members(text, together[1], by_text)))
    if not COMPARISON.search(text):
        raise ZaohuaError(f"constraint {text!r} is none of {FORMS}")
    sides, relations = _Reader(text, by_text).read()
    return [
        _compared(text, left, relation, right)
        for left, relation, right in zip(sides[:-1], relations, sides[1:], strict=True)
    ]


def _members(text: str, inner: str, by_text: dict[str, ColumnName]) -> list[ColumnName]:
    """Split names at commas; a name that contains a comma is recognised first."""
    names, rest = [], inner.strip()
    while rest:
        fitting = [name for name in by_text if re.match(re.escape(name) + r"\s*(,|$)", rest)]
        name = max(fitting, key=len) if fitting else rest.partition(",")[0].strip()
        if name not in by_text:
            raise unknown(f"column in constraint {text!r}:", name, list(by_text))
        names.append(by_text[name])
        rest = rest[len(name) :].strip().removeprefix(",").strip()
    if len(set(names)) < max(2, len(names)):
        raise ZaohuaError(f"constraint {text!r} must name at least two columns, each once")
    return names


Side = tuple[dict[ColumnName, int], list[tuple[int, str]]]


class _Reader:
    """Reader of comparisons, from left to right."""

    def __init__(self, text: str, by_text: dict[str, ColumnName]) -> None:
        self.text, self.by_text, self.at = text, by_text, 0
        self.names = sorted(by_text, key=len, reverse=True)

    def read(self) -> tuple[list[Side], list[str]]:
        """Return the sides of all comparisons, and the signs between them."""
        sides, sign = [self._empty()], 1
        relations: list[str] = []
        while True:
            self._term(sides[-1], sign)
            if self.at >= len(self.text.rstrip()):
                return sides, relations
            if found := COMPARISON.match(self.text, self.at):
                relations.append(found[1])
                sides.append(self._empty())
                sign = 1
            elif found := SIGN.match(self.text, self.at):
                sign = 1 if found[1] == "+" else -1
            else:
                raise ZaohuaError(f"constraint {self.text!r} is none of {FORMS}")
            self.at = found.end()

    @staticmethod
    def _empty() -> Side:
        return {}, []

    def _term(self, side: Side, sign: int) -> None:
        """Read a column or a constant."""
        self.at += len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
        for name in self.names:
            end = self.at + len(name)
            if self.text.startswith(name, self.at) and self._ends(end):
                column = self.by_text[name]
                side[0][column] = side[0].get(column, 0) + sign
                self.at = end
                return
        found = LITERAL.match(self.text, self.at)
        literal = found[1].strip("'\"") if found else ""
        if not literal:
            raise ZaohuaError(f"constraint {self.text!r} is none of {FORMS}")
        if not re.match(r"[+-]?\.?\d", literal):
            raise unknown(f"column in constraint {self.text!r}:", literal, list(self.by_text))
        side[1].append((sign, literal))
        self.at = found.end(1) if found else self.at

    def _ends(self, at: int) -> bool:
        """Return True if a name may end here: an operator follows, or nothing."""
        rest = self.text[at:]
        return not rest.strip() or bool(COMPARISON.match(rest) or SIGN.match(rest))


def _compared(text: str, left: Side, sign: str, right: Side) -> Linear:
    """Return `left sign right` with everything on one side."""
    if sign in (">", ">="):
        left, right, sign = right, left, {">": "<", ">=": "<="}[sign]
    terms = dict(left[0])
    for name, coefficient in right[0].items():
        terms[name] = terms.get(name, 0) - coefficient
    terms = {name: coefficient for name, coefficient in terms.items() if coefficient}
    if not terms:
        raise ZaohuaError(f"constraint {text!r} compares no columns: leave it out")
    literals = tuple(left[1]) + tuple((-each, literal) for each, literal in right[1])
    relation: Relation = "<" if sign == "<" else "<=" if sign == "<=" else "="
    return Linear(text, tuple(terms.items()), literals, relation)
