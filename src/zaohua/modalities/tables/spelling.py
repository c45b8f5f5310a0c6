"""Numbers as people write them: recognised in a column of texts, and written back the same way.

Thousands ("4,211.54", "4.211,54", "4 211,54", "4'211.54", "12,34,567"), currencies ("$5", "5 €", "USD 5"), percents,
one unit in the whole column ("12 kg"), parentheses or a trailing minus for negative numbers, plus signs, decimal
commas, and exponents ("2.00E+05").

Rules: all cells of a column have one spelling. Numbers with leading zeros are codes, and names such as R12 and 12.png
are names. "1,234" has a thousands separator and "0,758" a decimal comma; if no cell decides, a comma before three
digits separates thousands, and so does a point in amounts of euros or with the currency behind; other points are
decimal. `NumberSpelling.doubt` says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from zaohua.core.json import Json
from zaohua.modalities.tables.number_cells import (
    CELL,
    are_codes,
    are_currencies,
    are_names,
    are_units,
    digits_with,
    has_plus,
    is_complete,
    is_negative,
    negative_form,
    separators_of,
    unit_of,
)

LARGE = 1e16
"""Larger numbers with a fraction are written as Python does, 1e+300."""


@dataclass(frozen=True)
class NumberSpelling:
    """How the numbers of a column are written.

    Attributes:
        decimal, thousands: the separators; thousands may be "".
        indian: whether groups have two digits, except the last of three.
        before, after: currency or unit, with its space.
        negative: "-5" with another minus sign where the column has one, "5-", "(5)", or "$-5".
        plus: whether positive numbers have a plus sign.
        places: minimum number of decimal places.
        zero: whether numbers below 1 begin with a zero.
        exponent: form of exponents, such as "E+00"; "" if numbers have none.
        whole: whether all numbers are whole.
        doubt: what was guessed, as a clause; None if nothing was.
    """

    decimal: str = "."
    thousands: str = ""
    indian: bool = False
    before: str = ""
    after: str = ""
    negative: str = "-5"
    plus: bool = False
    places: int = 0
    zero: bool = True
    exponent: str = ""
    whole: bool = False
    doubt: str | None = None

    @classmethod
    def find(cls, texts: Iterable[str], decimal: str | None = None) -> NumberSpelling | None:
        """Find the spelling of texts, which are stripped and not missing; None if they aren't all numbers.

        Args:
            texts: the cells, which may be repeated.
            decimal: decimal separator that the other columns of a file have, if that is known.
        """
        counts = Counter(texts)
        cells = [match for match in map(CELL.fullmatch, counts) if match is not None]
        if not cells or len(cells) < len(counts) or not all(map(is_complete, cells)):
            return None
        units = [{unit_of(match, name) for match in cells} for name in ("before", "after")]
        if any(len(found) > 1 for found in units) or not are_currencies(units[0]) or not are_units(units[1]):
            return None
        money = bool(units[0] & {"€", "EUR"}) or ("" not in units[1] and are_currencies(units[1]))
        found = separators_of([match["number"] for match in cells], decimal, money)
        if found is None:
            return None
        point, thousands, indian, doubt = found
        counted = list(zip(cells, counts.values(), strict=True))
        with_exponent = [(match, count) for match, count in counted if match["exponent"]]
        scientific = 2 * sum(count for _, count in with_exponent) > sum(counts.values())
        usual = [pair for pair in counted if bool(pair[0]["exponent"]) == scientific]
        spelling = cls(
            decimal=point,
            thousands=thousands,
            indian=indian,
            before=_usual([(match["before"] + match["gap"], count) for match, count in counted]),
            after=_usual(
                [(match["space"] + match["after"] if match["after"] else "", count) for match, count in counted]
            ),
            negative=_usual([(negative_form(match), count) for match, count in counted if is_negative(match)]) or "-5",
            plus=2 * sum(map(has_plus, cells)) > sum(not is_negative(match) for match in cells),
            places=_places([(match["number"], count) for match, count in usual], point),
            zero=not any(match["number"].startswith(point) for match in cells),
            exponent=_exponent([match["exponent"] for match, _ in usual]) if scientific else "",
            doubt=None if units != [{""}, {""}] else doubt,  # a currency or unit has few numbers of three decimals
        )
        values = [spelling.value(text) for text in counts]
        whole = all(isinstance(value, int) for value in values)
        if whole and (are_codes([match["number"] for match in cells], thousands) or are_names(cells, thousands)):
            return None
        return replace(spelling, whole=whole)

    @property
    def is_plain(self) -> bool:
        """True if numbers are written as programs do, with a decimal point and nothing else."""
        return not (self.thousands or self.before or self.after) and self.decimal == "." and self.negative == "-5"

    def value(self, text: str) -> float | int | None:
        """Return the number that a text says, an int if it is whole; None if it is none in this spelling."""
        match = CELL.fullmatch(text.strip())
        if match is None or not is_complete(match):
            return None
        if unit_of(match, "before") not in ("", self.before.strip()) or unit_of(match, "after") not in (
            "",
            self.after.strip(),
        ):
            return None
        digits = match["number"]
        if not digits_with(self.decimal, self.thousands, self.indian).fullmatch(digits):
            return None
        digits = digits.replace(self.thousands, "") if self.thousands else digits
        whole, point, rest = digits.partition(self.decimal)
        sign = "-" if is_negative(match) else ""
        if not match["exponent"] and not rest.strip("0"):
            return int(f"{sign}{whole or '0'}")
        value = float(f"{sign}{whole or '0'}.{rest or '0'}{match['exponent'] or ''}")
        return int(value) if value.is_integer() and abs(value) <= 2**53 else value

    def values(self, texts: pd.Series) -> pd.Series:
        """Return the numbers of texts: whole ones as integers, exactly; others as float64, NaN for what is none."""
        codes, uniques = pd.factorize(texts)
        found = [self.value(str(text)) for text in uniques]
        if all(isinstance(value, int) for value in found):
            large = max(map(abs, found), default=0) >= 2**63  # type: ignore[arg-type]
            array = np.array(found, dtype=object if large else np.int64)
        else:
            array = np.array([np.nan if value is None else float(value) for value in found])
        return pd.Series(array[codes] if len(array) else array, index=texts.index, name=texts.name)

    def write(self, values: Sequence[float | int] | np.ndarray) -> np.ndarray:
        """Write numbers, as an array of objects."""
        return np.array([self.text(value) for value in np.asarray(values).tolist()], dtype=object)

    def text(self, value: float | int) -> str:
        """Write a number."""
        number = self._number(abs(value))
        if value < 0:
            if self.negative == "(5)":
                return f"({self.before}{number}{self.after})"
            minus = self.negative.strip("$5")
            if self.negative.endswith("5"):
                inside = self.negative.startswith("$")
                return (
                    f"{self.before}{minus}{number}{self.after}"
                    if inside
                    else f"{minus}{self.before}{number}{self.after}"
                )
            return f"{self.before}{number}{self.after}{minus}"
        plus = "+" if self.plus and value > 0 else ""
        return f"{plus}{self.before}{number}{self.after}"

    def _number(self, value: float | int) -> str:
        """Write the digits of a number that isn't negative."""
        if self.exponent:
            mantissa, _, power = f"{value:.{self.places}e}".partition("e")
            if float(f"{mantissa}e{power}") != value:
                mantissa, _, power = np.format_float_scientific(value, trim="-").partition("e")
            sign = "-" if int(power) < 0 else "+" if "+" in self.exponent else ""
            digits = f"{abs(int(power)):0{self.exponent.count('0')}d}"
            return f"{mantissa.replace('.', self.decimal)}{self.exponent[0]}{sign}{digits}"
        if isinstance(value, int):
            whole, rest = str(value), ""
        else:
            text = f"{value:.{self.places}f}"
            if float(text) != value:
                text = np.format_float_positional(value, trim="-")
            if value > LARGE:
                return repr(value)
            whole, _, rest = text.partition(".")
        rest = rest.ljust(self.places, "0")
        whole = "" if whole == "0" and rest and not self.zero else whole
        return self._grouped(whole) + (self.decimal + rest if rest else "")

    def _grouped(self, digits: str) -> str:
        if not self.thousands or not digits:
            return digits
        if not self.indian or len(digits) <= 3:
            return f"{int(digits):,}".replace(",", self.thousands)
        head, last = digits[:-3], digits[-3:]
        first = len(head) % 2
        groups = [head[:first], *(head[i : i + 2] for i in range(first, len(head), 2)), last]
        return self.thousands.join(group for group in groups if group)

    def to_json(self) -> Json:
        """Return the properties that aren't usual as JSON values."""
        usual = asdict(NumberSpelling())
        return {name: value for name, value in asdict(self).items() if value != usual[name] and name != "doubt"}


def _places(counted: Sequence[tuple[str, int]], point: str) -> int:
    """Return the number of decimal places that numbers are filled up to with zeros; 0 if they aren't."""
    places = {len(number.rpartition(point)[2]) if point in number else 0 for number, _ in counted}
    padded = Counter[int]()
    for number, count in counted:
        if point in number and number.endswith("0"):
            padded[len(number.rpartition(point)[2])] += count
    return places.pop() if len(places) == 1 else padded.most_common(1)[0][0] if padded else 0


def _exponent(exponents: Sequence[str]) -> str:
    """Return the form of exponents: the letter, a plus if positive ones have it, and a zero per digit."""
    plus = "+" if any("+" in exponent for exponent in exponents) else ""
    return exponents[0][0] + plus + "0" * min(sum(map(str.isdigit, exponent)) for exponent in exponents)


def _usual(counted: Sequence[tuple[str, int]]) -> str:
    """Return the most frequent text, "" if there is none."""
    counts = Counter[str]()
    for text, count in counted:
        counts[text] += count
    return counts.most_common(1)[0][0] if counts else ""
