"""Files and what belongs to them, as folders keep them: a table that names the files, or a text beside each.

A row names one file or several, and holds labels, texts or numbers of any number of columns. The same row twice is one
row. Rows of the same file that contradict each other are left out, unless they hold texts: then they are several texts
of one file, each an item. All that is told.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note, shown
from zaohua.modalities.base import counted
from zaohua.modalities.files.columns import Column, Columns, is_text_name
from zaohua.modalities.files.delimited_tables import delimited
from zaohua.modalities.files.file_names import FileNames
from zaohua.modalities.files.folders import LABEL_FILES, split_folder
from zaohua.modalities.files.json_tables import json_lines, json_table
from zaohua.modalities.files.listing import IsFile, Listing, NoLabelsInside

TEXT = ".txt"
"""Ending of the texts beside files."""
CAPTIONED = 0.5
"""Smallest fraction of files that have a text beside them, for these texts to be taken for theirs."""


def read_file_table(
    table: Path,
    files: Sequence[Path] = (),
    others: Sequence[Path] = (),
    folder: Path | None = None,
    suffixes: Collection[str] | None = None,
) -> Columns:
    """Read a table of files, with the files that are there; what is missing or contradicts is left out and noted.

    Args:
        table: the table.
        files: files that names without suffix or folder may stand for.
        others: files that only whole names stand for.
        folder: folder of the files, if they are known to lie in another than the table's.
        suffixes: endings of files, any of which any column may name; None if only columns that are called so do.

    Raises:
        NoLabelsInside: it holds nothing that belongs to files.
        ZaohuaError: it is damaged, lists many files that aren't there, or leads out of its folder.
    """
    names = FileNames(table, files, others, folder)

    def is_surely(name: str) -> bool:
        return suffixes is not None and Path(name).suffix.casefold() in suffixes and names.is_file(name)

    listed = _listing(table, names.is_file, None if suffixes is None else is_surely)
    for at in listed.files:
        found = names.found([None if row[at] is None else str(row[at]) for row in listed.rows])
        for row, path in zip(listed.rows, found, strict=True):
            row[at] = path
    there = [row for row in listed.rows if any(isinstance(row[at], Path) for at in listed.files)]
    rows = _agreed(table, listed, there)
    columns = [Column(name, [row[at] for row in rows]) for at, name in enumerate(_short(listed))]
    return Columns(columns, table.name, [table])


def _listing(table: Path, is_file: IsFile, is_surely: IsFile | None) -> Listing:
    suffix = table.suffix.casefold()
    if suffix in (".jsonl", ".ndjson"):
        return json_lines(table, is_file, is_surely)
    return json_table(table) if suffix == ".json" else delimited(table, is_file, is_surely)


def _short(listed: Listing) -> list[str]:
    """Return the names of columns, of those of files without `_file_name`."""
    short = [re.sub("_file_?name$", "", name, flags=re.IGNORECASE) for name in listed.names]
    alone = {name for name, count in Counter([*short, *set(listed.names)]).items() if count == 1}
    return [short[at] if at in listed.files and short[at] in alone else name for at, name in enumerate(listed.names)]


def _agreed(table: Path, listed: Listing, rows: Sequence[Sequence[object]]) -> list[Sequence[object]]:
    """Return the rows without repetitions and without those that contradict each other, and note these."""
    by_files = defaultdict[tuple[object, ...], list[Sequence[object]]](list)
    twice, seen = dict[tuple[object, ...], None](), set[tuple[object, ...]]()
    for row in rows:
        key = tuple(row[at] for at in listed.files)
        if tuple(row) in seen:
            twice[key] = None
        else:
            seen.add(tuple(row))
            by_files[key].append(row)
    several = [key for key, own in by_files.items() if len(own) > 1]
    texts = any(is_text_name(name) for at, name in enumerate(listed.names) if at not in listed.files)
    if several and texts:
        note(f"{counted(len(several), 'file')} with several texts in {table.name}: each text is an item, with its file")
    elif several:
        first = _name(table, several[0])
        others = [at for at in range(len(listed.names)) if at not in listed.files]
        values = [[row[at] for at in others] for row in by_files[several[0]]]
        example = f"{first} as {' and as '.join(repr(own[0] if len(own) == 1 else tuple(own)) for own in values)}"
        if len(several) == len(by_files):
            raise ZaohuaError(f"{table}: its rows contradict each other: it gives {example}; give each file one label")
        more = f"; {shown([_name(table, key) for key in several[1:]])})" if several[1:] else ")"
        note(
            f"left out {len(several):,} of {len(by_files):,} files, whose rows in {table.name} contradict each other "
            f"({example}{more}"
        )
    agreed = [key for key in twice if texts or len(by_files[key]) == 1]
    if agreed:
        names = shown([_name(table, key) for key in agreed])
        note(f"{table.name} lists {counted(len(agreed), 'file')} more than once, with the same label ({names})")
    return [row for own in by_files.values() if texts or len(own) == 1 for row in own]


def _name(table: Path, key: tuple[object, ...]) -> str:
    path = next(path for path in key if isinstance(path, Path))
    return path.relative_to(table.parent).as_posix() if path.is_relative_to(table.parent) else str(path)


def tables_of(folder: Path, split: str | None, files: Sequence[Path]) -> list[Path]:
    """Return the tables of files of a folder, those of the split before those beside it.

    Captions of COCO are JSON files called so, in the folder or in its subfolder `annotations`.

    Args:
        folder: the folder.
        split: the split that is read, as for `split_folder`.
        files: all files in it.
    """
    own = split_folder(folder, split)
    places = dict.fromkeys((own, folder))
    found = [place / name for place in places for name in LABEL_FILES if (place / name).is_file()]
    homes = {*places, *(place / "annotations" for place in places)}
    captions = [f for f in files if f.parent in homes and f.suffix == ".json" and "caption" in f.name.casefold()]
    of_split = [f for f in captions if (split or "train").casefold() in f.name.casefold()]
    return [*found, *(of_split or captions)]


def from_tables(
    folder: Path, split: str | None, paths: Sequence[Path], files: Sequence[Path]
) -> tuple[Columns | None, list[Path]]:
    """Read the first table of a folder that says what belongs to its files.

    Args:
        folder: the folder.
        split: the split that is read.
        paths: files of the kind that names stand for, of the split.
        files: all files in the folder.

    Returns:
        The columns, or None; and the tables that were looked at.
    """
    looked_at = list[Path]()
    for table in tables_of(folder, split, files):
        looked_at.append(table)
        try:
            return read_file_table(table, paths, files), looked_at
        except NoLabelsInside as reason:
            note(f"{table.name} isn't read as labels: {reason}")
    return None, looked_at


def texts_beside(paths: Sequence[Path], files: Sequence[Path]) -> dict[Path, Path]:
    """Return the text that lies beside each of some files, with the same name but for the ending.

    Texts beside few of the files are taken for none of theirs; that is noted.
    """
    stems = {file.with_suffix(""): file for file in files if file.suffix.casefold() == TEXT}
    found = {path: stems[path.with_suffix("")] for path in paths if path.with_suffix("") in stems}
    if found and len(found) < CAPTIONED * len(paths):
        note(f"texts lie beside {len(found):,} of {len(paths):,} files only, so they aren't read with these")
        return {}
    return found
