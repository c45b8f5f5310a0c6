"""Files that say the labels of other files: `labels.csv`, Hugging Face's `metadata.csv` and `.jsonl`, StyleGAN's
`dataset.json`.

A file has one label. Where rows contradict each other its label is unknown, so `labels` leaves it out; the same row
twice is one row. Both are told.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note, shown
from zaohua.modalities.base import counted
from zaohua.modalities.files.delimited import rows_of
from zaohua.modalities.files.folders import TABLE

FILE_COLUMNS = ("filename", "file", "file_name", "path", "image", "sound", "audio")
LABEL_COLUMNS = ("label", "class", "y", "target", "labels", "category", "class_name")
"""Names of columns, in lower case; the first that there is counts."""


class NoLabelsInside(Exception):
    """A file that may say labels doesn't; the message is why."""


class Row(NamedTuple):
    """Name of a file as a table gives it, and its label; None if it has none."""

    name: str
    label: object


def read_labels(path: Path, files: Sequence[Path]) -> dict[str, object]:
    """Read labels by file name (relative to the table's folder, with slashes).

    Args:
        path: the table. Of a `labels.csv` the delimiter may be a comma, semicolon, tab or bar.
        files: paths of the existing files, relative; names without suffix or folder are matched if that is unique.

    Returns:
        The labels of the files that have one.

    Raises:
        NoLabelsInside: a `metadata` or `dataset.json` file holds no labels.
        ZaohuaError: a column or a listed file is missing, or a row is incomplete; the message names it.
    """
    names = _FileNames(path.parent, files)
    found, lost = defaultdict[str, list[object]](list), list[str]()
    for row in _rows(path, names):
        name = Path(row.name).as_posix()
        resolved = names.resolve(name)
        lost += [name] if resolved is None else []
        if row.label is not None:
            found[resolved or name].append(row.label)
    if lost:
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        several = names.candidates(lost[0])
        wrong = f"which could be {several[0]} or {several[1]}" if several else "which is not there"
        raise ZaohuaError(f"{path}: lists {lost[0]}{more}, {wrong}")
    return _agreed(path, found)


def _agreed(path: Path, found: dict[str, list[object]]) -> dict[str, object]:
    """Return the label of each file whose rows agree; note the others, and rows that are there twice.

    Raises:
        ZaohuaError: all of several files have rows that contradict each other.
    """
    labels = {name: given[0] for name, given in found.items() if all(label == given[0] for label in given)}
    against = [name for name in found if name not in labels]
    if against:
        first = against[0]
        example = f"{first} as {' and as '.join(dict.fromkeys(repr(label) for label in found[first]))}"
        if not labels:
            raise ZaohuaError(f"{path}: its rows contradict each other: it gives {example}; give each file one label")
        note(
            f"left out {len(against):,} of {len(found):,} files, whose rows in {path.name} contradict each other "
            f"({example}" + (f"; {shown(against[1:])})" if against[1:] else ")")
        )
    twice = [name for name in labels if len(found[name]) > 1]
    if twice:
        note(f"{path.name} lists {counted(len(twice), 'file')} more than once, with the same label ({shown(twice)})")
    return labels


def _rows(path: Path, names: _FileNames) -> list[Row]:
    if path.suffix == ".jsonl":
        return _json_lines(path)
    return _dataset_json(path) if path.suffix == ".json" else _delimited(path, names)


def _delimited(path: Path, names: _FileNames) -> list[Row]:
    """Read a CSV with a column of file names and one of labels."""
    rows, strict = rows_of(path), path.name == TABLE
    if not rows:
        raise ZaohuaError(f"{path}: is empty")
    head = [name.strip().casefold() for name in rows[0]]
    file_at = next((head.index(name) for name in FILE_COLUMNS if name in head), None)
    label_at = next((head.index(name) for name in LABEL_COLUMNS if name in head), None)
    if strict and file_at is None and label_at is None and len(head) == 2 and names.resolve(rows[0][0]) is not None:
        file_at, label_at, rows = 0, 1, [head, *rows]  # no header: the first row is a file already
    if not strict and file_at is not None and label_at is None:
        columns: dict[str, list[object]] = {
            name: [row[i].strip() for row in rows[1:] if len(row) > i] for i, name in enumerate(head)
        }
        label_at = head.index(_only_label(columns, head[file_at]))
    if file_at is None or label_at is None:
        missing = "filename" if file_at is None else "label"
        reason = f"has no column {missing!r}; its columns: {', '.join(rows[0])}"
        raise ZaohuaError(f"{path}: {reason}") if strict else NoLabelsInside(reason)
    listed = []
    for number, row in enumerate(rows[1:], start=2):
        label = row[label_at].strip() if len(row) > max(file_at, label_at) else ""
        if strict and not label:
            raise ZaohuaError(f"{path}: row {number} has no label")
        if len(row) > file_at:
            listed.append(Row(row[file_at].strip(), label or None))
    return listed


def _json_lines(path: Path) -> list[Row]:
    """Read a `metadata.jsonl`: in each line an object with `file_name` and a label."""
    records = []
    for number, line in enumerate(path.read_text("utf-8-sig", errors="replace").splitlines(), start=1):
        if line.strip():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                raise NoLabelsInside(f"line {number} isn't JSON") from None
            if not isinstance(record, dict) or not isinstance(record.get("file_name"), str):
                raise NoLabelsInside(f"line {number} has no file_name")
            records.append(record)
    if not records:
        raise NoLabelsInside("it is empty")
    keys = list(dict.fromkeys(key for record in records for key in record))
    name = next((key for known in LABEL_COLUMNS for key in keys if key.casefold() == known), None)
    if name is None:
        name = _only_label({key: [record.get(key) for record in records] for key in keys}, "file_name")
    return [Row(record["file_name"], _scalar(record.get(name), name)) for record in records]


def _dataset_json(path: Path) -> list[Row]:
    """Read a `dataset.json`: {"labels": [["00000/img.png", 6], ...]}."""
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise NoLabelsInside("it isn't JSON") from None
    labels = data.get("labels") if isinstance(data, dict) else None
    pairs = list(labels.items()) if isinstance(labels, dict) else labels
    if not isinstance(pairs, list) or not pairs:
        raise NoLabelsInside("it holds no list of labels")
    if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs):
        raise NoLabelsInside("its labels aren't pairs of a file's name and a label")
    return [Row(name, _scalar(label, "labels")) for name, label in pairs]


def _scalar(label: object, name: str) -> object:
    if isinstance(label, (list, dict)):
        raise NoLabelsInside(f"{name} holds lists, not one label for each file")
    return label if label != "" else None


def _only_label(columns: dict[str, list[object]], file_column: str) -> str:
    """Return the only column beside that of file names, if its values recur as labels do; note that it was guessed.

    Raises:
        NoLabelsInside: there is none, or several, or it holds texts that don't recur.
    """
    others = [name for name in columns if name != file_column]
    if len(others) == 1 and not any(isinstance(value, (list, dict)) for value in columns[others[0]]):
        values = [value for value in columns[others[0]] if value not in (None, "")]
        if values and 2 * len(set(values)) <= len(values):
            note(f"labels are taken from {others[0]!r}, the only column beside the files' names")
            return others[0]
    held = f"only {', '.join(others)}" if others else "no other either"
    raise NoLabelsInside(f"it has no column of labels ({held})")


class _FileNames:
    """Look-up of files by names that may lack the suffix or the folder.

    Args:
        folder: folder of the files.
        files: their paths relative to the folder.
    """

    def __init__(self, folder: Path, files: Sequence[Path]):
        self.folder, self._by_name = folder, defaultdict[str, set[str]](set)
        for file in files:
            for name in (file.stem, file.with_suffix("").as_posix()):
                self._by_name[name].add(file.as_posix())

    def candidates(self, name: str) -> list[str]:
        """Return the files that a name without suffix could refer to."""
        return sorted(self._by_name.get(name, ()))

    def resolve(self, name: str) -> str | None:
        """Return the file that a name refers to, if it is unique."""
        if (self.folder / name).is_file():
            return name
        files = self.candidates(name)
        return files[0] if len(files) == 1 else None
