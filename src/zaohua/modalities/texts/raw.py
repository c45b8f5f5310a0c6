"""Reading of text files: their encoding by the byte order mark, compression, chunks, and records of JSON."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import JsonValue
from zaohua.core.notes import note, shown
from zaohua.modalities.texts.dialogues import is_message

CHUNK = 1 << 22
"""Number of bytes that are read at once."""
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""Byte order marks, and the encodings that they say."""
LISTS = ("data", "train", "examples", "rows", "items", "instances")
"""Keys of the list of records in a .json file that is an object."""
DAMAGE = (OSError, EOFError, zlib.error)
"""Errors of reading a damaged file."""


@dataclass(frozen=True)
class Content:
    """What a file of text holds.

    Attributes:
        length: number of characters.
        nul: number of those that are NUL.
        error: why it can't be read; "" if it can.
    """

    length: int = 0
    nul: int = 0
    error: str = ""


def ending(path: Path) -> str:
    """Return the suffix of a file in lower case, without a .gz behind it."""
    suffixes = [suffix.casefold() for suffix in path.suffixes]
    return suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else "".join(suffixes[-1:])


def open_binary(path: Path) -> IO[bytes]:
    """Open a file for reading; decompress it if it ends in .gz."""
    return cast(IO[bytes], gzip.open(path) if path.suffix.casefold() == ".gz" else path.open("rb"))


def encoding_of(head: bytes) -> tuple[str, int]:
    """Return the encoding that the first bytes of a file say, and the length of its mark; UTF-8 without a mark."""
    return next(((name, len(mark)) for mark, name in MARKS.items() if head.startswith(mark)), ("utf-8", 0))


def read_chunks(path: Path) -> Iterator[str]:
    """Yield a file in chunks of text, without a byte order mark and with unchanged line ends.

    The file is UTF-8, or UTF-16 or UTF-32 if a byte order mark says so.

    Raises:
        ZaohuaError: the file can't be read or decoded; the message gives the offset.
    """
    try:
        with open_binary(path) as file:
            data = file.read(max(CHUNK, 4))
            encoding, skipped = encoding_of(data)
            decoder, offset, data = codecs.getincrementaldecoder(encoding)(), skipped, data[skipped:]
            while True:
                held = len(decoder.getstate()[0])
                try:
                    text = decoder.decode(data, final=not data)
                except UnicodeDecodeError as error:
                    at, byte = offset - held + error.start, error.object[error.start]
                    raise ZaohuaError(
                        f"{path}: byte {at:,} ({byte:#04x}) isn't valid {encoding[:6].upper()}: save it as "
                        "UTF-8, or leave it out"
                    ) from None
                if text:
                    yield text
                if not data:
                    return
                offset += len(data)
                data = file.read(CHUNK)
    except DAMAGE as error:
        raise ZaohuaError(f"{path}: {_reason(error)}") from None


def examined(path: Path) -> Content:
    """Return what a file of text holds, from reading it all."""
    length = nul = 0
    try:
        for chunk in read_chunks(path):
            length, nul = length + len(chunk), nul + chunk.count("\0")
    except ZaohuaError as error:
        return Content(error=str(error).removeprefix(f"{path}: "))
    if nul > length / 10:
        return Content(
            error=f"{nul:,} of its {length:,} characters are NUL: it isn't text, or UTF-16 without a byte order mark: "
            "save it as UTF-8, or leave it out"
        )
    return Content(length, nul)


def records_in(path: Path) -> Iterator[tuple[str, JsonValue | ZaohuaError]]:
    """Yield (location, record) for each record of a file of JSON: of a list, or one in each line.

    What isn't JSON, or can't be read, is an error in place of a record.
    """
    try:
        if ending(path) == ".json" or _begins_a_list(path):
            try:
                records = _listed(path, json.loads(_decoded(path)))
            except (ValueError, RecursionError) as error:
                if ending(path) == ".json" and not _has_records(path):
                    yield str(path), ZaohuaError(f"can't be read as JSON ({error})")
                    return
            else:
                yield from ((f"{path}, item {number}", record) for number, record in enumerate(records, 1))
                return
        for number, line in enumerate(_lines(path), 1):
            if line.strip():
                yield f"{path}, line {number}", _record(line)
    except DAMAGE as error:
        yield str(path), ZaohuaError(_reason(error))
    except ZaohuaError as error:
        yield str(path), ZaohuaError(str(error).removeprefix(f"{path}: "))


def may_hold_texts(path: Path) -> bool:
    """Return False for a .json file whose lists hold lists of other things than texts, such as piano rolls."""
    if ending(path) != ".json":
        return True
    first = next((record for _, record in records_in(path)), None)
    return not isinstance(first, list) or not any(isinstance(part, list) for part in first)


def _record(line: bytes | str) -> JsonValue | ZaohuaError:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return ZaohuaError(f"isn't JSON ({error})")


def _lines(path: Path) -> Iterator[bytes | str]:
    """Yield the lines of a file; as bytes if it is UTF-8, so that an invalid byte spoils one line only."""
    with open_binary(path) as file:
        encoding, skipped = encoding_of(file.read(4))
        file.seek(skipped)
        yield from file if encoding == "utf-8" else io.TextIOWrapper(file, encoding, "replace", newline="\n")


def _decoded(path: Path) -> str:
    return "".join(read_chunks(path))


def _begins_a_list(path: Path) -> bool:
    """Return True if the first line of a file begins a list and doesn't end it, as in JSON that is laid out in lines.

    A list in a line of its own may be one record or all of them: records in lines are more than one line.
    """
    lines = (line.strip() for line in _lines(path))
    first = next((line for line in lines if line), b"")
    opens = first[:1] in ("[", b"[")
    return opens and (isinstance(_record(first), ZaohuaError) or next((line for line in lines if line), None) is None)


def _has_records(path: Path) -> bool:
    """Return True if the first line of a file is a record of JSON."""
    first = next((line for line in _lines(path) if line.strip()), b"")
    return isinstance(_record(first), (dict, list, str))


def _listed(path: Path, table: JsonValue) -> list[JsonValue]:
    """Return the records of a file of JSON: a list, the list in an object, or one object or dialogue alone."""
    if isinstance(table, list):
        return [table] if table and all(map(is_message, table)) else table
    key = next((key for key in LISTS if isinstance(table, dict) and isinstance(table.get(key), list)), None)
    if key is None:
        return [table]
    others = [name for name in table if name != key]
    if others:
        note(f"{path}: read {key!r}, not {shown(others)}")
    records: list[JsonValue] = table[key]
    return records


def _reason(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else f"damaged: {error}"
    return f"can't be read: {reason}"
