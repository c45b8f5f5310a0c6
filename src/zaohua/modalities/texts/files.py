"""Lists of files of texts, read in chunks so that memory doesn't limit their size.

What can't be read is left out and named, if it is at most a tenth of the files, or of the lines in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note, shown
from zaohua.modalities.texts import dialogues
from zaohua.modalities.texts.raw import ending, examined, read_chunks, records_in
from zaohua.modalities.texts.records import parsed
from zaohua.modalities.texts.tally import Tally

MANY = frozenset({".jsonl", ".ndjson", ".json"})
"""Endings of files that hold a text or a dialogue in each line, or in each item of a list."""
NAMED = 5
"""Maximum number of lines or files that are named in a message."""

LocatedItem: TypeAlias = Iterator[str] | dialogues.Dialogue
"""An item as it is encoded: the chunks of a text, or a dialogue."""
TextsLike: TypeAlias = "TextFiles | Sequence[str | dialogues.Dialogue]"
"""Texts and dialogues as codecs take them: a list of them, or their files."""


class Unreadable(ZaohuaError):
    """Files or lines that can't be read; the message names them."""


class TextFiles:
    """List of the texts in files: one text per file, or one text or dialogue per record of a `.jsonl` or `.json` file.

    Args:
        paths: the files; a `.gz` behind their ending is decompressed.
        labels: one label per file, or None.
        field: key of the text in a record; None finds texts and dialogues (see `records`).

    Attributes:
        paths: the remaining files.
        skipped: (location, reason) of each file and record that was left out.
    """

    def __init__(self, paths: list[Path], labels: list[object] | None = None, field: str | None = None):
        self.paths, self.field = list(paths), field
        self._labels, self._rows = labels, np.arange(len(paths))
        self.skipped: list[tuple[str, str]] = []
        self._examined, self._length = False, -1

    def __len__(self) -> int:
        if self._length < 0:
            for _ in self.located():
                pass
        return self._length

    @property
    def labels(self) -> list[object] | None:
        """Labels of the remaining files, or None."""
        return None if self._labels is None else [self._labels[row] for row in self._rows.tolist()]

    def take(self, at: Sequence[int] | np.ndarray) -> TextFiles:
        """Return the texts of the files at these indices."""
        labels = self.labels
        return TextFiles([self.paths[i] for i in at], None if labels is None else [labels[i] for i in at], self.field)

    @property
    def rows(self) -> np.ndarray:
        """Index of each remaining item among the files as they were given, int64 (n,); of files of many, their own."""
        return np.arange(len(self)) if any(ending(path) in MANY for path in self.paths) else self._rows

    @property
    def files(self) -> list[Path] | None:
        """The file of each remaining item; None if a file holds many."""
        return None if any(ending(path) in MANY for path in self.paths) else self.paths

    def __iter__(self) -> Iterator[str | dialogues.Dialogue]:
        """Yield each text as one string, each dialogue as a list of messages or a pair."""
        return (item if dialogues.is_dialogue(item) else "".join(item) for _, item in self.located())

    def located(self) -> Iterator[tuple[str, LocatedItem]]:
        """Yield (location, item) for each item; a text is an iterator of chunks of a few megabytes.

        Raises:
            ZaohuaError: a file can't be read, or more than a tenth of the files or records; the message gives the
                locations.
        """
        self._examine()
        tally, skipped, total, length = Tally(), list[tuple[str, str]](), 0, 0
        for path in self.paths:
            if ending(path) not in MANY:
                length += 1
                yield str(path), read_chunks(path)
                continue
            for where, record in records_in(path):
                total += 1
                try:
                    item = self._item(record, tally)
                except ZaohuaError as error:
                    skipped.append((where, str(error)))
                    continue
                if item is not None:
                    length += 1
                    yield where, iter((item,)) if isinstance(item, str) else item
        if self._length < 0:  # the first time
            _check(skipped, total, "lines")
            self.skipped += skipped
            tally.report()
            self._length = length

    def _item(self, record: object, tally: Tally) -> str | dialogues.Dialogue | None:
        if isinstance(record, ZaohuaError):
            raise record
        own = Tally()  # counted only if the record is read
        item = parsed(record, own, self.field)
        if item == "":
            own.add("read", "empty text", "")
        tally.update(own)
        return item

    def _examine(self) -> None:
        """Leave out the files that aren't texts, and those that are empty, with their labels; the first time only."""
        if self._examined:
            return
        texts = [path for path in self.paths if ending(path) not in MANY]
        found = {path: examined(path) for path in texts}
        broken = [(str(path), content.error) for path, content in found.items() if content.error]
        _check(broken, len(texts), "files")
        empty = [path for path, content in found.items() if not content.length and not content.error]
        if empty and len(empty) == len(self.paths):
            raise Unreadable(f"there is no text in the data: every text is empty ({shown(empty)})")
        if empty:
            note(f"left out {len(empty):,} of {len(texts):,} files, which are empty: {shown(empty)}")
        for path, content in found.items():
            if content.nul:
                note(f"{path}: has {content.nul:,} NUL characters, which are learnt as text")
        dropped = {*empty, *(path for path, content in found.items() if content.error)}
        keep = [path not in dropped for path in self.paths]
        self._rows = np.flatnonzero(keep)
        self.paths = [path for path, kept in zip(self.paths, keep, strict=True) if kept]
        self.skipped += broken
        self._examined = True


def whole_texts(paths: Sequence[Path]) -> tuple[list[object], list[int]]:
    """Read files of one text each into memory, without white space around it; note those that can't be read.

    Returns:
        The texts, and the indices of their files.

    Raises:
        ZaohuaError: more than a tenth of the files can't be read.
    """
    texts, kept, broken = list[object](), list[int](), list[tuple[str, str]]()
    for at, path in enumerate(paths):
        try:
            texts.append("".join(read_chunks(path)).strip())
            kept.append(at)
        except ZaohuaError as error:
            broken.append((str(path), str(error).removeprefix(f"{path}: ")))
    _check(broken, len(paths), "files")
    return texts, kept


def _check(skipped: list[tuple[str, str]], total: int, noun: str) -> None:
    """Make a note of what is left out, or raise an error if it is more than a tenth."""
    if not skipped:
        return
    named = "; ".join(f"{where}: {reason}" for where, reason in skipped[:NAMED])
    more = f"; and {len(skipped) - NAMED:,} more" if len(skipped) > NAMED else ""
    if total == 1:
        raise Unreadable(named)
    if len(skipped) > total / 10:
        raise Unreadable(
            f"{len(skipped):,} of {total:,} {noun} can't be read, more than a tenth, so repair or remove them: "
            f"{named}{more}"
        )
    note(f"left out {len(skipped):,} of {total:,} {noun}: {named}{more}")
