"""Pairs in a table whose columns name files: the part of the preferred kind of data is x, the rest y."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

from zaohua.core.advice import option
from zaohua.core.notes import note
from zaohua.modalities import halves, registry
from zaohua.modalities.files.delimited import encoding_of
from zaohua.modalities.files.file_names import FileNames
from zaohua.modalities.files.listing import SUFFIXES, NoLabelsInside
from zaohua.modalities.files.paired_files import TEXT, read_file_table
from zaohua.modalities.found import Found
from zaohua.modalities.listed import of_suffix
from zaohua.modalities.modality import Modality

HEAD = 1 << 16
"""Bytes at the beginning of a table in which names of files are looked for."""


def read_pairs_of_table(table: Path, labelled: bool, wanted: Sequence[Modality]) -> Found | None:
    """Read the files or texts of a wanted kind that a table names, and the other columns as what belongs to them.

    Args:
        table: a file.
        labelled: whether to read the other columns.
        wanted: kinds of data that are preferred as x.

    Returns:
        These; None if the file isn't a table that names files, or holds nothing of a wanted kind.
    """
    suffix = table.suffix.casefold()
    of_rows = any(kind.other_suffixes and not kind.suffixes for kind in wanted)  # then the table itself is wanted
    if suffix not in SUFFIXES or of_rows or not wanted:
        return None
    if suffix == ".json" and "caption" not in table.name.casefold() and table.name != "dataset.json":
        return None
    if suffix != ".json" and not _names_files(table, wanted):
        return None
    of_files = [kind for kind in registry.known() if kind not in wanted or TEXT not in kind.suffixes]
    suffixes = frozenset(itertools.chain.from_iterable(kind.suffixes for kind in of_files))
    beside = [path for path in table.parent.iterdir() if path.is_file()] if suffix == ".json" else []
    try:
        columns = read_file_table(table, beside, suffixes=suffixes)
    except NoLabelsInside:
        return None
    return halves.split(columns, wanted, labelled)


def _names_files(table: Path, wanted: Sequence[Modality]) -> bool:
    """Return True if a word in the first lines of a table is the name of a file, or ends as wanted files do."""
    with table.open("rb") as file:
        head = file.read(HEAD)
    names = FileNames(table, ())
    text = head.decode(encoding_of(head), errors="replace")
    for mark in '"{}[],;\t|\r':
        text = text.replace(mark, "\n")
    words = dict.fromkeys(word.strip() for line in text.split("\n")[:2000] for word in (line, line.partition(":")[2]))
    endings = {word: Path(word).suffix.casefold() for word in words}
    ours = frozenset(itertools.chain.from_iterable(kind.suffixes for kind in wanted if TEXT not in kind.suffixes))
    return any(
        ending in ours or (of_suffix(ending, registry.known()) and names.is_file(word))
        for word, ending in endings.items()
    )


def tell_files(table: Path, columns: Iterable[tuple[str, Sequence[object]]]) -> None:
    """Note the columns of a table that name files, which aren't read with it.

    Args:
        table: the file of the table.
        columns: the name and the first values of each column.
    """
    names = FileNames(table, ())
    for name, values in columns:
        texts = [value for value in values if isinstance(value, str)]
        kind = of_suffix(Path(texts[0]).suffix.casefold(), registry.known()) if texts else None
        if kind is not None and names.is_file(texts[0]):
            note(
                f"column {name!r} holds names of {kind.noun}, learnt as names: {option('modality', kind.name)} learns "
                "these, given the other columns"
            )
