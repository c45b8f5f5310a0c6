"""Types of the columns of a file: plain numbers and booleans from texts, with how they were written."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd

from zaohua.core.notes import note
from zaohua.modalities.tables.dialect import CellDialect
from zaohua.modalities.tables.missing import MISSING, is_word, said
from zaohua.modalities.tables.spelling import NumberSpelling
from zaohua.modalities.tables.written import number_kind

NUMBER = r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf(?:inity)?)"
WHOLE = r"[+-]?\d+"
ZEROS = r"[+-]?0\d.*"
"""Texts with leading zeros, which are identifiers such as postcodes rather than numbers."""
SAMPLE = 10_000
"""Number of different cells from which the spelling of plain numbers is taken."""


def typed(cells: pd.Series, decimal: str | None) -> tuple[pd.Series, CellDialect]:
    """Convert texts of a column to plain numbers or booleans if all of them are; return them with their dialect.

    Numbers with marks, such as thousands separators and units, and dates stay texts: the codec reads them.

    Args:
        cells: the texts.
        decimal: decimal separator of the file: "," or "."; None if it isn't known.
    """
    text = cells.str.strip()
    missing = text.isin(MISSING)
    word = _usual(text[missing])
    present = text[~missing]
    if not len(present):
        return pd.Series(np.nan, index=cells.index, name=cells.name), CellDialect(word)
    if present.str.fullmatch(r"true|false", flags=re.IGNORECASE).all():
        return _booleans(text, missing, word)
    numbers = _numbers(present, decimal)
    if numbers is None:
        words = present[present.map(is_word)]
        rest = present.drop(words.index)
        numbers = _numbers(rest, decimal) if len(words) and rest.nunique() > 1 else None
        if numbers is None:  # texts, of which the codec reads numbers with marks, and dates
            if not len(words) or rest.nunique() < 2 or number_kind(rest) is None:
                return text.mask(missing), CellDialect(word)
            missing |= text.index.isin(words.index)
        for clause in said(words):
            note(f"column {cells.name!r}: {clause}")
        word = _usual(text[missing | text.index.isin(words.index)])
        if numbers is None:
            return text.mask(missing), CellDialect(word)
    values, spelling = numbers
    return _filled(values, text.index, cells.name), CellDialect(word, spelling)


def _usual(words: pd.Series) -> str:
    return "" if words.empty else str(words.value_counts().index[0])


def _booleans(text: pd.Series, missing: pd.Series, word: str) -> tuple[pd.Series, CellDialect]:
    small = text.str.casefold()
    values = small.map({"true": True, "false": False}).astype("boolean" if missing.any() else bool)
    usual = [_usual(text[small == name]) or name.title() for name in ("false", "true")]
    return values, CellDialect(word, booleans=None if usual == ["False", "True"] else usual)


def _numbers(present: pd.Series, decimal: str | None) -> tuple[pd.Series, dict[str, object] | None] | None:
    """Return the numbers of texts, and the fields of their spelling unless it is the usual one; None if there are none.

    Whole numbers are Python's own or int64; those among them that are written with exponents are whole as well.
    """
    comma = decimal == ","
    plain = present
    if comma and present.str.fullmatch(r"[+-]?\d*,?\d+").all() and present.str.contains(",").any():
        plain = present.str.replace(",", ".")
    elif comma and present.str.fullmatch(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+|[+-]?\d{1,3}").all():
        plain = present.str.replace(".", "")
    if not plain.str.fullmatch(NUMBER).all() or plain.str.fullmatch(ZEROS).any():
        return None
    spelling = _spelling(present, plain is not present, decimal)
    if plain.str.fullmatch(WHOLE).all():
        return pd.Series([int(value) for value in plain], index=plain.index, dtype=object), spelling
    values = pd.to_numeric(plain).astype("float64")
    exponents = plain.str.contains("[eE]", regex=True)
    if exponents.mean() <= 0.5 and plain[~exponents].str.fullmatch(WHOLE).all() and _are_whole(values[exponents]):
        whole = [
            int(float(text)) if scientific else int(text) for text, scientific in zip(plain, exponents, strict=True)
        ]
        return pd.Series(whole, index=plain.index, dtype=object), spelling
    return values, spelling


def _are_whole(values: pd.Series) -> bool:
    return bool(((values % 1 == 0) & (values.abs() <= 2**53)).all())


def _spelling(present: pd.Series, marked: bool, decimal: str | None) -> dict[str, object] | None:
    """Return the fields of the spelling of plain numbers; None if it is the usual one."""
    found = NumberSpelling.find(present.drop_duplicates().iloc[:SAMPLE], decimal if marked else ".")
    if found is None or replace(found, whole=False, doubt=None) == NumberSpelling():
        return None
    return found.to_json()


def _filled(values: pd.Series, index: pd.Index, name: object) -> pd.Series:
    """Return numbers with missing ones at the other places of an index, with a numeric dtype if they fit one."""
    some = len(values) < len(index)
    if values.dtype != object:
        return values.reindex(index).rename(name)
    fits = max(map(abs, values), default=0) < 2**63
    if not some:
        return pd.Series(values.tolist(), index=index, name=name, dtype="int64" if fits else object)
    out = pd.Series(pd.NA, index=index, name=name, dtype="Int64" if fits else object)
    out[values.index] = values
    return out
