"""Grammar of single numbers as people write them: signs, currencies, digits with separators, exponents and units."""

from __future__ import annotations

import re
import unicodedata

SPACES = " \u00a0\u202f\u2009"
MINUS = r"\-\u2212\u2013"
"""Minus signs, as part of a regular expression in brackets."""
CURRENCIES = frozenset(
    "AED ARS AUD BDT BGN BHD BRL CAD CHF CLP CNY COP CZK DKK DZD EGP ETB EUR GBP GHS HKD HRK HUF IDR ILS INR IQD IRR "
    "ISK JOD JPY KES KRW KWD KZT LBP LKR MAD MXN MYR NGN NOK NPR NZD OMR PEN PHP PKR PLN QAR RMB RON RSD RUB SAR SEK "
    "SGD THB TND TRY TWD TZS UAH UGX USD UYU UZS VES VND XAF XOF ZAR ZMW BTC ETH Rs Rs. R RM kr kr. Kr Fr. Fr S/ Lei "
    "Kč zł Ft".split()
)
"""Words that may stand before a number; symbols of currencies may as well, alone or after letters, as in US$."""
UNIT = re.compile(r"(?:[%‰°]|[^\W\d_])[^\d,;:!?(){}<>=]{0,11}")
DASH = re.compile(rf"[.,][{MINUS}\u2014]{{1,2}}")
"""What stands for decimal places that are zero, as in "CHF 5.-" and "5,– €"; it is no minus sign."""
CELL = re.compile(
    rf"(?P<open>\()?(?P<first>[+{MINUS}])?\s?(?P<before>[^\d+{MINUS}().,]*?[^\d+{MINUS}(),]??)(?P<gap>[{SPACES}]?)"
    rf"(?P<second>[+{MINUS}])?(?P<number>\d[\d.,'’{SPACES}]*(?<=\d)(?:\.(?![^\W\d_]|[{MINUS}\u2014]))?"
    rf"|(?<![^\W\d_])[.,]\d+)(?P<exponent>[eE][+-]?\d+)?"
    rf"(?P<space>[{SPACES}]?)(?P<after>{DASH.pattern}[^\d()]*?|[^\d\s(){MINUS}][^\d()]*?)?(?P<third>[{MINUS}])?(?P<close>\))?"
)
"""A whole cell. A point before a letter ends no number: "42.png" and "7.com" are names."""
SYSTEMS = [
    *((".", ""), (".", ","), (",", ""), (",", "."), (".", "'"), (".", "’"), (",", "'"), (",", "’")),
    *((decimal, space) for space in SPACES for decimal in ".,"),
]
"""Decimal and thousands separators, in the order of their likelihood."""
MANY_DIGITS = 7
"""Whole numbers of at least so many digits, equally many in all cells, that points or spaces part are codes."""


# ---- parts of a cell


def is_complete(match: re.Match[str]) -> bool:
    """Return True if a cell has at most one sign, and both parentheses or none."""
    signs = sum(match[name] is not None for name in ("first", "second", "third"))
    return bool(match["open"]) == bool(match["close"]) and signs + bool(match["open"]) <= 1


def is_negative(match: re.Match[str]) -> bool:
    """Return True if a cell has a minus sign or parentheses."""
    sign = match["first"] or match["second"] or match["third"]
    return bool(match["open"]) or (sign is not None and sign != "+")


def has_plus(match: re.Match[str]) -> bool:
    """Return True if a cell has a plus sign."""
    return "+" in (match["first"], match["second"])


def negative_form(match: re.Match[str]) -> str:
    """Return how a negative cell is written, as `NumberSpelling.negative`."""
    if match["open"]:
        return "(5)"
    if match["third"]:
        return f"5{match['third']}"
    return (
        f"{match['first']}5" if match["first"] else f"${match['second']}5" if match["before"] else f"{match['second']}5"
    )


def unit_of(match: re.Match[str], name: str) -> str:
    """Return the unit "before" or "after" the number, without spaces."""
    return (match[name] or "").strip()


def is_symbol(text: str) -> bool:
    """Return True if a text is the symbol of a currency, alone or after letters, as in US$."""
    return bool(text) and unicodedata.category(text[-1]) == "Sc" and text[:-1].isalpha() >= (len(text) > 1)


def are_currencies(units: set[str]) -> bool:
    """Return True if texts before numbers are empty or currencies."""
    return all(not unit or is_symbol(unit) or unit in CURRENCIES for unit in units)


def are_units(units: set[str]) -> bool:
    """Return True if texts after numbers are empty, currencies or units, which may follow a dash for decimal places."""
    rest = [DASH.sub("", unit, count=1).strip() if DASH.match(unit) else unit for unit in units]
    return all(not unit or is_symbol(unit) or UNIT.fullmatch(unit) is not None for unit in rest)


# ---- separators


def digits_with(decimal: str, thousands: str, indian: bool) -> re.Pattern[str]:
    """Return the regular expression of unsigned numbers with these separators."""
    point = re.escape(decimal)
    whole = r"(?:0|[1-9]\d*)"
    if thousands:
        group = r"\d\d" if indian else r"\d{3}"
        mark = re.escape(thousands)
        whole = rf"(?:[1-9]\d{{0,{1 if indian else 2}}}(?:{mark}{group})*{mark}\d{{3}}|{whole})"
    return re.compile(rf"{whole}(?:{point}\d*)?|{point}\d+")


def separators_of(
    numbers: list[str], decimal: str | None, money: bool = False
) -> tuple[str, str, bool, str | None] | None:
    """Return the decimal and thousands separators, whether groups are Indian, and what was guessed; None if none.

    Args:
        numbers: the digits of numbers, with their separators.
        decimal: decimal separator of the other columns of a file, if that is known.
        money: True for amounts of money whose points separate thousands if three digits follow each.
    """
    fitting = []
    for point, thousands in SYSTEMS:
        if thousands and not any(thousands in number for number in numbers):
            continue
        for indian in (False, True) if thousands == "," else (False,):
            if all(map(digits_with(point, thousands, indian).fullmatch, numbers)):
                fitting.append((point, thousands, indian))
                break
    if not fitting:
        return None
    known = [system for system in fitting if system[0] == decimal]
    if known:
        return *known[0], None
    grouped = (",", ".", False)
    point, thousands, indian = (
        grouped if money and fitting[0] == (".", "", False) and grouped in fitting else fitting[0]
    )
    other = {",": (",", "", False), ".": (".", "", False)}.get(thousands)
    first = next((number for number in numbers if thousands and thousands in number), "")
    doubtful = other in fitting and (thousands == "." or all("," in number for number in numbers))
    said = f"{first} is read as {first.replace(thousands, '')}" if doubtful else None
    return point, thousands, indian, said


def are_codes(numbers: list[str], thousands: str) -> bool:
    """Return True if whole numbers are rather codes, such as telephone numbers in groups."""
    digits = {sum(map(str.isdigit, number)) for number in numbers}
    return bool(thousands) and thousands not in ",'’" and len(digits) == 1 and digits.pop() >= MANY_DIGITS


def are_names(cells: list[re.Match[str]], thousands: str) -> bool:
    """Return True if whole numbers without a separator all follow one letter directly, as in names such as R12."""
    return (
        not thousands
        and all(match["before"].isalpha() and len(match["before"]) == 1 for match in cells)
        and not any(match["gap"] or is_negative(match) for match in cells)
    )
