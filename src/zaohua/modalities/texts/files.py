"""Lists of text files (`.txt`, `.jsonl` and folders), read in chunks so that memory doesn't limit their size."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.texts import dialogues

FIELDS = ("text", "content", "document")
"""Keys of the text in a line of a `.jsonl` file, tried in this order."""
CHUNK = 1 << 22
"""Number of bytes that are read at once."""


LocatedItem: TypeAlias = Iterator[str] | dialogues.Dialogue
"""An item as it is encoded: the chunks of a text, or a dialogue."""
TextsLike: TypeAlias = "TextFiles | Sequence[str | dialogues.Dialogue]"
"""Texts and dialogues as codecs take them: a list of them, or their files."""


class TextFiles:
    """List of the texts in files: one text per file, or one text or dialogue per line of a `.jsonl` file.

    Args:
        paths: the files.
        labels: one label per file, or None.
        field: key of the text in a line of a `.jsonl` file; None takes the first of `FIELDS` that occurs.
    """

    def __init__(self, paths: list[Path], labels: list[object] | None = None, field: str | None = None):
        self.paths, self.labels, self.field = paths, labels, field

    def __len__(self) -> int:
        if not hasattr(self, "_length"):
            self._length = sum(_lines(path) if path.suffix.casefold() == ".jsonl" else 1 for path in self.paths)
        return self._length

    def __iter__(self) -> Iterator[str | dialogues.Dialogue]:
        """Yield each text as one string, each dialogue as a list of messages or a pair."""
        return (item if dialogues.is_dialogue(item) else "".join(item) for _, item in self.located())

    def located(self) -> Iterator[tuple[str, LocatedItem]]:
        """Yield (location, item) for each item; a text is an iterator of chunks of a few megabytes.

        Raises:
            ZaohuaError: invalid UTF-8, or a line that isn't JSON or lacks the field; the message gives the location.
        """
        for path in self.paths:
            if path.suffix.casefold() == ".jsonl":
                yield from self._jsonl(path)
            else:
                yield str(path), read_chunks(path)

    def _jsonl(self, path: Path) -> Iterator[tuple[str, LocatedItem]]:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    where = f"{path}, line {number}"
                    item = self._item(line, where)
                    yield where, iter((item,)) if isinstance(item, str) else item

    def _item(self, line: bytes, where: str) -> str | dialogues.Dialogue:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ZaohuaError(f"{where}: isn't JSON ({error})") from None
        if isinstance(record, str):
            return record
        dialogue = dialogues.from_record(record) if isinstance(record, dict) and not self.field else None
        if dialogue is not None:
            if not dialogues.is_dialogue(dialogue):
                raise ZaohuaError(
                    f"{where}: isn't a dialogue: messages must be a list of {{'role', 'content'}}, a prompt "
                    f"and its answer must be texts, not {dialogue!r:.80}"
                )
            return dialogue
        names = (self.field,) if self.field else FIELDS
        texts = [record[name] for name in names if name in record] if isinstance(record, dict) else []
        if not texts or not isinstance(texts[0], str):
            have = ", ".join(map(repr, record)) if isinstance(record, dict) else type(record).__name__
            raise ZaohuaError(
                f"{where}: has no text under {' or '.join(map(repr, names))} (it has {have}), and no "
                "messages, or prompt and answer"
            )
        return texts[0]


def read_chunks(path: Path) -> Iterator[str]:
    """Yield a UTF-8 file in chunks, without a byte order mark and with unchanged line ends.

    Raises:
        ZaohuaError: the file can't be read or isn't valid UTF-8; the message gives the offset.
    """
    decoder, offset, first = codecs.getincrementaldecoder("utf-8")(), 0, True
    try:
        with path.open("rb") as file:
            while True:
                data = file.read(CHUNK)
                held = len(decoder.getstate()[0])
                try:
                    text = decoder.decode(data, final=not data)
                except UnicodeDecodeError as error:
                    at = offset - held + error.start
                    raise ZaohuaError(
                        f"{path}: byte {at:,} ({error.object[error.start]:#04x}) isn't valid UTF-8: save it as "
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
