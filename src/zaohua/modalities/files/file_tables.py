"""Tables of files and what belongs to each: `labels.csv`, Hugging Face's `metadata.csv` and `.jsonl`, LJSpeech's
`metadata.csv`, StyleGAN's `dataset.json`, captions of COCO.

A row names one file or several, and holds labels, texts or numbers of any number of columns. The same row twice is one
row. Rows of the same file that contradict each other are left out, unless they hold texts: then they are several texts
of one file, each an item. All that is told.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json, JsonValue
from zaohua.core.notes import note, shown
from zaohua.modalities.base import counted
from zaohua.modalities.files.columns import is_text_name
from zaohua.modalities.files.delimited import DELIMITERS, delimiter_of, encoding_of
from zaohua.modalities.files.folders import TABLE

FILE_COLUMNS = ("filename", "file", "file_name", "path", "image", "sound", "audio")
"""Names of columns of files, in lower case; so are those that end in `_file_name`."""
LABEL_COLUMNS = ("label", "class", "y", "target", "labels", "category", "class_name")
"""Names of columns, in lower case, whose values stay names even if they are numbers."""
SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".psv", ".jsonl", ".ndjson", ".json"})
"""Endings of such tables."""
NUMBER = re.compile(r"[-+]?(0|[1-9]\d*|\d*\.\d+|[1-9]\d*\.)(e[-+]?\d+)?", re.IGNORECASE)


class NoLabelsInside(Exception):
    """A file that may say labels doesn't; the message is why."""


@dataclass
class Listing:
    """Content of a table, before its files are looked for.

    Attributes:
        names: names of the columns.
        rows: values of each row; None where there is none.
        files: indices of the columns that name files.
    """

    names: list[str]
    rows: list[list[JsonValue]]
    files: list[int]


def listing(path: Path, is_file: Callable[[str], bool], by_values: bool = False) -> Listing:
    """Read a table of files.

    Args:
        path: the table.
        is_file: whether a name stands for a file that is there.
        by_values: whether any column may name files, whatever it is called.

    Raises:
        NoLabelsInside: it holds nothing that belongs to files.
        ZaohuaError: it is damaged; the message names the row.
    """
    suffix = path.suffix.casefold()
    if suffix in (".jsonl", ".ndjson"):
        return _json_lines(path, is_file, by_values)
    return _json(path) if suffix == ".json" else _delimited(path, is_file, by_values)


def _delimited(path: Path, is_file: Callable[[str], bool], by_values: bool) -> Listing:
    """Read delimited text with a header, or LJSpeech's without one: `id|transcript|normalized transcript`."""
    strict, data = path.name == TABLE, path.read_bytes()
    try:
        text = data.decode(encoding_of(data))
        first = next((line for line in text.splitlines() if line.strip()), None)
        if first is None:
            raise ZaohuaError(f"{path}: is empty")
        if "|" in first and not _is_file_name(first.split("|")[0]) and is_file(first.split("|")[0]):
            rows = [line.split("|") for line in re.split(r"\r\n|\n|\r", text) if line.strip()]  # quotes are letters
        else:
            rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, first)) if row]
    except (UnicodeError, csv.Error) as error:
        raise ZaohuaError(f"{path}: can't be read: {error}") from None
    names, numbered = [name.strip() for name in rows[0]], list(enumerate(rows, start=1))
    heads = [name.casefold() for name in names]
    if not any(map(_is_file_name, heads)) and not set(heads) & set(LABEL_COLUMNS) and is_file(rows[0][0]):
        if len(names) == 3:
            return _transcripts(path, rows)
        names = ["file_name", "label" if strict else "text", *(f"column {i}" for i in range(3, len(names) + 1))]
    else:
        numbered = numbered[1:]
    files = _file_columns(names, lambda at: [row[at] for _, row in numbered[:20] if len(row) > at], is_file, by_values)
    others = [at for at in range(len(names)) if at not in files]
    if strict and files:
        others = _of_label(path, names, others)
    label = names[others[0]].casefold() if strict and len(others) == 1 else ""
    unlike = label and label not in LABEL_COLUMNS and not is_text_name(label)
    if not files or not others or unlike:
        missing = "filename" if not files else "label"
        reason = f"has no column {missing!r}; its columns: {', '.join(rows[0])}"
        raise ZaohuaError(f"{path}: {reason}") if strict else NoLabelsInside(reason)
    listed, odd = list[list[JsonValue]](), list[int]()
    for number, row in numbered:
        cells: list[JsonValue] = [cell.strip() or None for cell in row]
        if any(cell is not None for cell in cells[len(names) :]):
            odd.append(number)
            continue
        cells = [*cells[: len(names)], *[None] * (len(names) - len(cells))]
        if label in LABEL_COLUMNS and cells[others[0]] is None:
            raise ZaohuaError(f"{path}: row {number} has no label")
        listed.append(cells)
    if len(odd) > len(numbered) / 10:
        raise ZaohuaError(f"{path}: row {odd[0]} has more cells than the header: put texts in quotes")
    if odd:
        note(f"left out {counted(len(odd), 'row')} of {path.name} with more cells than its header ({shown(odd)})")
    kept = sorted([*files, *others])
    names, listed = [names[at] for at in kept], [[row[at] for at in kept] for row in listed]
    return Listing(names, _typed(names, listed), [kept.index(at) for at in files])


def _of_label(path: Path, names: Sequence[str], others: list[int]) -> list[int]:
    """Return the column of labels of a `labels.csv`, and note the others; all of them if none is called so."""
    heads = [names[at].casefold() for at in others]
    label = next((others[heads.index(name)] for name in LABEL_COLUMNS if name in heads), None)
    unread = [names[at] for at in others if at != label]
    if label is None or not unread:
        return others
    note(f"{counted(len(unread), 'column')} of {path.name} not read ({shown(unread)}): a metadata.csv has any columns")
    return [label]


def _delimiter(text: str, first: str) -> str:
    """Return the delimiter by which the header names files, or else that of the first lines."""
    for delimiter in DELIMITERS:
        cells = [cell.strip(' "') for cell in first.split(delimiter)]
        if len(cells) > 1 and any(map(_is_file_name, cells)):
            return delimiter
    return delimiter_of(text) or ","


def _transcripts(path: Path, rows: Sequence[Sequence[str]]) -> Listing:
    """Return the files and texts of a table without header; of two texts the second is the normalized one."""
    note(f"texts are the third column of {path.name}, the normalized transcript")
    texts = [next((cell.strip() for cell in (*row[2:3], *row[1:2]) if cell.strip()), None) for row in rows]
    return Listing(["file_name", "text"], [[row[0].strip(), text] for row, text in zip(rows, texts, strict=True)], [0])


def _typed(names: Sequence[str], rows: list[list[JsonValue]]) -> list[list[JsonValue]]:
    """Return the rows with numbers in the columns that hold nothing else, except labels and codes such as 007."""
    for at, name in enumerate(names):
        values = [str(row[at]) for row in rows if row[at] is not None]
        plain = name.casefold() not in LABEL_COLUMNS and not is_text_name(name)
        if plain and values and all(NUMBER.fullmatch(value) for value in values):
            whole = all(re.fullmatch(r"[-+]?\d+", value) for value in values)
            for row in rows:
                row[at] = None if row[at] is None else int(str(row[at])) if whole else float(str(row[at]))
    return rows


def _json_lines(path: Path, is_file: Callable[[str], bool], by_values: bool) -> Listing:
    """Read lines of JSON: in each an object with `file_name` and whatever belongs to the file."""
    records = list[Json]()
    for number, line in enumerate(path.read_text("utf-8-sig", errors="replace").split("\n"), start=1):
        if line.strip():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                raise NoLabelsInside(f"line {number} isn't JSON") from None
            if not isinstance(record, dict):
                raise NoLabelsInside(f"line {number} isn't an object")
            records.append(record)
    if not records:
        raise NoLabelsInside("it is empty")
    names = list(dict.fromkeys(key for record in records for key in record))
    files = _file_columns(names, lambda at: [record.get(names[at]) for record in records[:20]], is_file, by_values)
    without = next(
        (n for n, r in enumerate(records, 1) if not any(isinstance(r.get(names[at]), str) for at in files)), 0
    )
    if without:
        raise NoLabelsInside(f"line {without} has no file_name")
    nested = [name for name in names if any(_is_nested(record.get(name)) for record in records)]
    kept = [at for at, name in enumerate(names) if name not in nested]
    if len(kept) <= len(files):
        raise NoLabelsInside(
            f"{nested[0]} holds lists, not one label for each file" if nested else "it has nothing but names of files"
        )
    if nested:
        note(f"left out {counted(len(nested), 'column')} of {path.name} with lists or objects ({shown(nested)})")
    rows: list[list[JsonValue]] = [[_cell(record.get(names[at])) for at in kept] for record in records]
    return Listing([names[at] for at in kept], rows, [kept.index(at) for at in files if at in kept])


def _is_nested(value: JsonValue) -> bool:
    """Return True for an object, and for a list of anything but names, which are several labels of an item."""
    return isinstance(value, dict) or (isinstance(value, list) and not all(isinstance(tag, str) for tag in value))


def _cell(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return frozenset(value)
    return (value.strip() or None) if isinstance(value, str) else value


def _json(path: Path) -> Listing:
    """Read a `dataset.json`, {"labels": [["00000/img.png", 6], ...]}, or captions of COCO."""
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise NoLabelsInside("it isn't JSON") from None
    if isinstance(data, dict) and isinstance(data.get("annotations"), list) and isinstance(data.get("images"), list):
        return _coco(path, data["images"], data["annotations"])
    labels = data.get("labels") if isinstance(data, dict) else None
    pairs = list(labels.items()) if isinstance(labels, dict) else labels
    if not isinstance(pairs, list) or not pairs:
        raise NoLabelsInside("it holds no list of labels")
    if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs):
        raise NoLabelsInside("its labels aren't pairs of a file's name and a label")
    if any(isinstance(label, (list, dict)) for _, label in pairs):
        raise NoLabelsInside("labels holds lists, not one label for each file")
    return Listing(["file_name", "label"], [[name, _cell(label)] for name, label in pairs], [0])


def _coco(path: Path, images: list[JsonValue], annotations: list[JsonValue]) -> Listing:
    """Read captions of COCO: {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}."""
    names = {image["id"]: image["file_name"] for image in images if _has(image, "id", "file_name")}
    captions = [one for one in annotations if _has(one, "image_id", "caption")]
    if not captions:
        raise NoLabelsInside("it holds no captions")
    rows: list[list[JsonValue]] = [
        [names[one["image_id"]], _cell(one["caption"])] for one in captions if one["image_id"] in names
    ]
    if not rows:
        raise NoLabelsInside("its captions have no image_id of one of its images")
    if lost := len(annotations) - len(rows):
        note(f"left out {lost:,} of {len(annotations):,} annotations of {path.name} without a caption, or an image")
    return Listing(["file_name", "caption"], rows, [0])


def _has(value: JsonValue, identity: str, text: str) -> bool:
    return isinstance(value, dict) and isinstance(value.get(identity), (int, str)) and isinstance(value.get(text), str)


def _is_file_name(name: str) -> bool:
    """Return True for the name of a column that holds names of files."""
    name = name.strip().casefold()
    return name in FILE_COLUMNS or name.endswith(("_file_name", "_filename"))


def _file_columns(
    names: Sequence[str],
    some: Callable[[int], Sequence[JsonValue]],
    is_file: Callable[[str], bool],
    by_values: bool,
) -> list[int]:
    """Return the columns that name files: by their names, the usual first, and by their first values.

    If no value of theirs is a file that is there, only the usual one counts.
    """

    def holds(at: int) -> bool:
        values = [value for value in some(at) if value not in (None, "")]
        return any(isinstance(value, str) and is_file(value) for value in values)

    named = [at for at, name in enumerate(names) if _is_file_name(name)]
    if not by_values and len(named) < 2:
        return named
    held = [at for at in (range(len(names)) if by_values else named) if holds(at)]
    return held or ([min(named, key=lambda at: _rank(names[at]))] if named else [])


def _rank(name: str) -> int:
    return FILE_COLUMNS.index(name.casefold()) if name.casefold() in FILE_COLUMNS else -1
