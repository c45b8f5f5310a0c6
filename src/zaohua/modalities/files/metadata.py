"""Tables of the conditions of files, in the layout of Hugging Face's folders, which reading takes for pairs again."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from zaohua.storage.outputs import GIVEN

NAME = "file_name"
"""Column of the names of files."""
CELLS = (str, int, float, bool, set, frozenset, list)
"""Types of conditions that a table holds: those of files and arrays are left out."""


def write_metadata(folder: Path, paths: Sequence[Path], y: Sequence[object] | None, column: str = "") -> Path | None:
    """Write `metadata.csv`, which tells the condition of each file of a folder; `.jsonl` if any is a set or a vector.

    Args:
        folder: the folder.
        paths: its files.
        y: the condition of each: a label, a text, a number, a set of labels, or a dictionary of such.
        column: name of the column of conditions that aren't dictionaries; by default `label`.

    Returns:
        The path; None if nothing was written, since the files have no conditions, or not one each.
    """
    if y is None or len(y) != len(paths) or not paths:
        return None
    rows = [_cells(condition, column or "label") for condition in y]
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names or NAME in names:
        return None
    listed = [{NAME: path.name, **row} for path, row in zip(paths, rows, strict=True)]
    if any(isinstance(value, list) for row in rows for value in row.values()):
        table = folder / GIVEN[1]
        table.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in listed), "utf-8")
        return table
    table = folder / GIVEN[0]
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [NAME, *names], lineterminator="\n")
        writer.writeheader()
        writer.writerows(listed)
    return table


def _cells(condition: object, column: str) -> dict[str, object]:
    """Return a condition as cells by column, without those that a table can't hold."""
    parts = condition if isinstance(condition, Mapping) else {column: condition}
    found: dict[str, object] = {}
    for name, value in parts.items():
        if getattr(value, "ndim", 2) < 2 and hasattr(value, "tolist"):
            value = value.tolist()
        if isinstance(value, CELLS):
            found[name] = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
    return found
