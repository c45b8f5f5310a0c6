"""Files of text: `.txt`, folders of them, `.jsonl` with a field; read in pieces, so memory doesn't limit their size."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.texts import dialogues

FIELDS = ("text", "content", "document")
"""Names under which a line of a `.jsonl` file keeps its text, tried in this order."""
PIECE = 1 << 22
"""Bytes that are read at once."""


class TextFiles:
    """The texts of some files: a text for each file; for each line of a `.jsonl` a text or a dialogue.

    Args:
        paths: the files.
        labels: one for each file; None for none.
        field: of a line of `.jsonl` that holds its text; None takes the first of `FIELDS` that is there.
    """

    def __init__(self, paths: list[Path], labels: list[Any] | None = None, field: str | None = None):
        self.paths, self.labels, self.field = paths, labels, field

    def __len__(self) -> int:
        if not hasattr(self, "_length"):
            self._length = sum(_lines(path) if path.suffix.casefold() == ".jsonl" else 1 for path in self.paths)
        return self._length

    def __iter__(self) -> Iterator[Any]:
        """Each text as a whole, each dialogue as a list of messages or a pair."""
        return (item if dialogues.is_dialogue(item) else "".join(item) for _, item in self.places())

    def places(self) -> Iterator[tuple[str, Any]]:
        """Where each item is, and the item: a text as its pieces of a few megabytes at most, a dialogue as it is.

        Raises:
            ZaohuaError: bytes that are no UTF-8, a line that is no JSON or lacks the field; the message says where.
        """
        for path in self.paths:
            if path.suffix.casefold() == ".jsonl":
                yield from self._jsonl(path)
            else:
                yield str(path), read_pieces(path)

    def _jsonl(self, path: Path) -> Iterator[tuple[str, Any]]:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    where = f"{path}, line {number}"
                    item = self._item(line, where)
                    yield where, iter((item,)) if isinstance(item, str) else item

    def _item(self, line: bytes, where: str) -> Any:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ZaohuaError(f"{where}: is no JSON ({error})") from None
        if isinstance(record, str):
            return record
        dialogue = dialogues.of_record(record) if isinstance(record, dict) and not self.field else None
        if dialogue is not None:
            if not dialogues.is_dialogue(dialogue):
                raise ZaohuaError(
                    f"{where}: is no dialogue: messages are a list of {{'role', 'content'}}, a prompt "
                    f"and its answer are texts, not {dialogue!r:.80}"
                )
            return dialogue
        names = (self.field,) if self.field else FIELDS
        found = [record[name] for name in names if name in record] if isinstance(record, dict) else []
        if not found or not isinstance(found[0], str):
            have = ", ".join(map(repr, record)) if isinstance(record, dict) else type(record).__name__
            raise ZaohuaError(
                f"{where}: has no text under {' or '.join(map(repr, names))} (it has {have}), and no "
                "messages, or prompt and answer"
            )
        return found[0]


def read_pieces(path: Path) -> Iterator[str]:
    """A UTF-8 file (with or without a byte order mark) in pieces; line ends as they are.

    Raises:
        ZaohuaError: bytes that are no UTF-8, with their offset, or the file can't be read.
    """
    decoder, offset, first = codecs.getincrementaldecoder("utf-8")(), 0, True
    try:
        with path.open("rb") as file:
            while True:
                data = file.read(PIECE)
                held = len(decoder.getstate()[0])
                try:
                    text = decoder.decode(data, final=not data)
                except UnicodeDecodeError as error:
                    at = offset - held + error.start
                    raise ZaohuaError(
                        f"{path}: byte {at:,} ({error.object[error.start]:#04x}) is no UTF-8: save it as "
                        "UTF-8, or leave it out"
                    ) from None
                if first and text:
                    text, first = text.removeprefix("\ufeff"), False
                if text:
                    yield text
                if not data:
                    return
                offset += len(data)
    except OSError as error:
        raise ZaohuaError(f"{path}: can't be read: {error.strerror}") from None


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())
