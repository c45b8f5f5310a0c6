"""Write origins into files of any format, and read them again."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from zaohua.core.arguments import path_of
from zaohua.core.errors import ZaohuaError
from zaohua.storage.provenance import flac, gif, jpeg, midi, ogg, png, riff, tiff
from zaohua.storage.provenance.edits import Edit, Found, Unfit, change, digest, edited, read_at
from zaohua.storage.provenance.origin import LONGEST, Origin, Recording

BESIDE = ".origin.json"
"""End of the name of a file that says what made the one beside it."""


class Format(NamedTuple):
    """Where files of a format say what made them.

    Attributes:
        begins: how such files begin.
        insert: returns the changes that say it, or raises `Unfit`.
        find: returns what a file says, and the changes that remove it.
    """

    begins: tuple[bytes, ...]
    insert: Callable[[BinaryIO, Origin, str], list[Edit]]
    find: Callable[[BinaryIO], Found]


FORMATS = (
    Format((png.BEGIN,), png.insert, png.find),
    Format((jpeg.BEGIN,), jpeg.insert, jpeg.find),
    Format((riff.BEGIN,), riff.insert, riff.find),
    Format(tiff.BEGIN, tiff.insert, tiff.find),
    Format((gif.BEGIN,), gif.insert, gif.find),
    Format((flac.BEGIN,), flac.insert, flac.find),
    Format((ogg.BEGIN,), ogg.insert, ogg.find),
    Format((midi.BEGIN,), midi.insert, midi.find),
)


@dataclass(frozen=True)
class Said:
    """What a file says of what made it.

    Attributes:
        origin: as zaohua wrote it; None if there is none.
        unchanged: whether the file is as it was then; None without an origin.
        source: digital source type that the file states, whoever wrote it, or None.
        signed: whether the file holds claims of C2PA, see `claims`.
    """

    origin: Origin | None = None
    unchanged: bool | None = None
    source: str | None = None
    signed: bool = False


def beside(path: Path) -> Path:
    """Return the path of the file that says what made another."""
    return path.with_name(path.name + BESIDE)


def is_record(path: Path) -> bool:
    """Return whether a file holds a record, as those beside others do."""
    try:
        with opened(path) as file:
            return _parsed(file) is not None
    except OSError:
        return False


def write(path: Path, recording: Recording) -> bytes | None:
    """Write into a file what made it, and sign it if that is asked for.

    Args:
        path: the file, which nobody else reads yet.
        recording: what to say.

    Returns:
        What must be written to a file beside it if its format has no place for it; otherwise None.
    """
    remove(path)
    with path.open("rb") as file:
        content = digest(file)
    record = recording.origin.record(content)
    inside = _inside(path, recording.origin, record, content)
    if recording.signer is not None:
        path.write_bytes(recording.signer.sign(path.read_bytes(), path.suffix.casefold(), json.loads(record)))
    if inside:
        return None
    with path.open("rb") as file:
        return (json.dumps(json.loads(recording.origin.record(digest(file))), indent=1) + "\n").encode()


def remove(path: Path) -> None:
    """Remove from a file what it says, as metadata that were kept may hold it of another file."""
    with path.open("rb") as file:
        found = _found(file)
    if found.record is not None:
        change(path, found.edits)


def origin(path: str | Path) -> Said:
    """Read what a file says of what made it: inside, or in the file beside it.

    Args:
        path: a file of any kind, by zaohua or by others.

    Raises:
        ZaohuaError: the file can't be read.
    """
    path = path_of("path", path)
    try:
        with opened(path) as file:
            found = _found(file)
            edits, parsed = found.edits, None if found.record is None else Origin.of_record(found.record)
            if parsed is None:
                edits, parsed = [], _beside(path)
            if parsed is None:
                return Said(source=found.source, signed=found.signed)
            made, content = parsed
            return Said(made, digest(file, edits) == content, made.source or found.source, found.signed)
    except OSError as error:
        raise ZaohuaError(f"{path}: can't be read: {error.strerror or error}") from error


def opened(path: Path) -> BinaryIO:
    """Open a file to read; a link to a device or a pipe, which may never end, is refused.

    Raises:
        OSError: it isn't a file, or can't be read.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    file = open(handle, "rb")
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return file


def _inside(path: Path, origin: Origin, record: str, content: str) -> bool:
    """Write a record into a file; False if the file has no place for it, or not one to take it out of again."""
    candidate = path.with_name(f"{path.name}.said")
    try:
        with path.open("rb") as file, candidate.open("wb") as out:
            form = _format(file)
            if form is None:
                return False
            out.writelines(edited(file, form.insert(file, origin, record)))
        with candidate.open("rb") as file:
            found = _found(file)
            if found.record != record or digest(file, found.edits) != content:
                return False
        os.replace(candidate, path)
        return True
    except Unfit:
        return False
    finally:
        candidate.unlink(missing_ok=True)


def _format(file: BinaryIO) -> Format | None:
    """Return the format of a file by how it begins; None for any that isn't known."""
    begin = read_at(file, 0, max(len(known) for form in FORMATS for known in form.begins))
    return next((form for form in FORMATS if begin.startswith(form.begins)), None)


def _found(file: BinaryIO) -> Found:
    """Return what a file holds, of any format."""
    form = _format(file)
    try:
        return Found() if form is None else form.find(file)
    except Unfit:
        return Found()


def _beside(path: Path) -> tuple[Origin, str] | None:
    """Read the file beside another."""
    try:
        with opened(beside(path)) as file:
            return _parsed(file)
    except OSError:
        return None


def _parsed(file: BinaryIO) -> tuple[Origin, str] | None:
    """Return the record that a file is."""
    return Origin.of_record(file.read(LONGEST + 1).decode("utf-8", "replace"))
