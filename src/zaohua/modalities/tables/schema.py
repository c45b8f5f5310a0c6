"""Schemas: what the cells of a table's columns can be, declared from outside instead of found in the data.

    {"age":    {"low": 17, "high": 90, "integer": true},
     "height": {"low": 0.5, "high": 2.5, "decimals": 2, "missing": true},
     "income": {"categories": ["<=50K", ">50K"]}}

Numbers without "integer" or "decimals" are real numbers. With "missing", cells may be missing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from zaohua.core.errors import ZaohuaError, shown, unknown
from zaohua.core.json import Json
from zaohua.modalities.tables.columns import MAYBE, Column
from zaohua.modalities.tables.frames import ColumnName
from zaohua.modalities.tables.kinds import Kind

OF_CATEGORIES = {"categories", "missing"}
OF_NUMBERS = {"low", "high", "integer", "decimals", "missing"}
EXAMPLE = 'such as {"categories": ["a", "b"]} or {"low": 0, "high": 99, "integer": true}'
MOST_DECIMALS = 12


def read_schema(schema: Mapping[str, Any] | str | None, columns: Collection[ColumnName]) -> dict[str, Json]:
    """Read a schema, and check it.

    Args:
        schema: entries by the names of columns, or the path of a JSON file of these.
        columns: names of the table's columns; of the others nothing is declared.

    Raises:
        ZaohuaError: the file can't be read, a column is unknown, or an entry is wrong; the message names it.
    """
    if schema is None:
        return {}
    entries = _loaded(Path(schema).expanduser()) if isinstance(schema, str) else schema
    for name, entry in entries.items():
        if str(name) not in map(str, columns):
            raise unknown("column in the schema:", name, columns)
        _check(str(name), entry)
    return {str(name): dict(entry) for name, entry in entries.items()}


def _loaded(path: Path) -> Mapping[str, Any]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ZaohuaError(f"{path}: the schema can't be read ({error.strerror})") from None
    except ValueError as error:
        raise ZaohuaError(f"{path}: the schema isn't JSON ({error})") from None
    if not isinstance(entries, dict):
        raise ZaohuaError(f"{path}: a schema is an object with an entry for each column, {EXAMPLE}")
    return entries


def _check(name: str, entry: object) -> None:
    """Raise a `ZaohuaError` if an entry of a schema is wrong."""
    where = f"the schema of column {name!r}"
    if not isinstance(entry, Mapping) or not ("categories" in entry or {"low", "high"} <= entry.keys()):
        raise ZaohuaError(f"{where} must say what its cells can be, {EXAMPLE}, not {shown(entry)}")
    known = OF_CATEGORIES if "categories" in entry else OF_NUMBERS
    for key in entry:
        if key not in known:
            raise unknown(f"key in {where}:", key, sorted(known))
    for key in ("integer", "missing"):
        if not isinstance(entry.get(key, False), bool):
            raise ZaohuaError(f"{where}: {key} must be true or false, not {shown(entry[key])}")
    if "categories" in entry:
        _check_categories(where, entry["categories"])
        return
    low, high, decimals = entry["low"], entry["high"], entry.get("decimals")
    if not (_is_number(low) and _is_number(high) and low < high):
        raise ZaohuaError(f"{where}: low must be a number below high, not {shown(low)} and {shown(high)}")
    if decimals is not None and not (type(decimals) is int and 0 <= decimals <= MOST_DECIMALS):
        raise ZaohuaError(f"{where}: decimals must be a whole number from 0 to {MOST_DECIMALS}, not {shown(decimals)}")
    if entry.get("integer") and (decimals or low != int(low) or high != int(high)):
        raise ZaohuaError(f"{where}: whole numbers have whole bounds and no decimals")


def _check_categories(where: str, values: object) -> None:
    if not isinstance(values, (list, tuple)) or not values:
        raise ZaohuaError(f"{where}: categories must be a list of the values that its cells can have")
    for value in values:
        if not isinstance(value, (str, int, float, bool)):
            raise ZaohuaError(f"{where}: categories are texts, numbers, true or false, not {shown(value)}")
    if len({(type(value) is bool, value) for value in values}) < len(values):
        raise ZaohuaError(f"{where} names a category twice")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def declared(name: ColumnName, entry: Json) -> Column:
    """Return the column that a checked entry of a schema describes: nothing of it comes from data."""
    missing = MAYBE if entry.get("missing") else 0.0
    if "categories" in entry:
        values = list(entry["categories"])
        kinds = {type(value) for value in values}
        kind: Kind = "boolean" if kinds == {bool} else "categorical"
        return Column(name, kind, str(pd.Series(values).dtype), missing, categories=values)
    low, high, decimals = float(entry["low"]), float(entry["high"]), entry.get("decimals")
    if entry.get("integer"):
        return Column(name, "integer", "int64", missing, low=low, high=high, step=1.0)
    step = 0.0 if decimals is None else 10.0**-decimals
    return Column(name, "continuous", "float64", missing, low=low, high=high, step=step, decimals=decimals)
