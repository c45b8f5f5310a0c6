"""Files that people ask for: samples, filled-in tables, pages, pictures.

Three rules hold for all of them:

- What is there stays. A path that the user names must be new, unless `overwrite` is given; a path that Zaohua chooses
  gets a number if it is taken (`numbered`). A folder is replaced only if every file in it is as Zaohua wrote it, so
  items of two generations are never mixed. Such a folder holds an index of its files and their hashes.
- Checks come first: `check` is called before anything is computed.
- What is written is whole: a file gets its name once it is complete, and a failure leaves nothing behind.

Inside `provenance.origin.recorded`, they also say what made them; a file of a format without a place for that has one
beside it, FILE.origin.json.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import shown
from zaohua.storage.atomic import listed_in, manifest_bytes, replace_file, sha256
from zaohua.storage.layout import SYSTEM_FILES
from zaohua.storage.provenance import files
from zaohua.storage.provenance.origin import current, no_origin

INDEX = ".zaohua.json"
"""Index of a folder that Zaohua wrote: its files and their sha256."""
GIVEN = ("metadata.csv", "metadata.jsonl")
"""Tables of the conditions of a folder's files, which were given and not made."""
INDEX_SECONDS = 5.0
"""Least time between two writes of the index of a folder that grows."""


def check(path: Path, overwrite: bool = False, folder: bool = False) -> None:
    """Check that a file or folder can be written, before anything is computed.

    Args:
        path: the file or folder.
        overwrite: True to allow replacing what is there.
        folder: True for a folder of files.

    Raises:
        ZaohuaError: something else is there, or the place can't be written.
    """
    if str(path) == "-":
        raise ZaohuaError("-: what is made is written to files, not to standard output: give a name")
    _check_place(path)
    if folder:
        _check_folder(path, overwrite)
    elif path.is_dir():
        raise ZaohuaError(f"{path} is a folder, but one file is to be written: name a file in it")
    elif os.path.lexists(path):
        if not overwrite:
            raise ZaohuaError(
                f"{path} is there already: {option('overwrite', True)} replaces it, or choose another name"
            )
        if path.exists() and not path.is_file():
            raise ZaohuaError(f"{path} is no ordinary file, so it isn't replaced: choose another name")
    beside = files.beside(path)
    if not folder and os.path.lexists(beside) and not files.is_record(beside):
        raise ZaohuaError(f"{beside}, which would say what made {path.name}, is there already: choose another name")


def check_own(path: Path) -> None:
    """Check that a file is new, or exactly as `write_own` wrote it."""
    if os.path.lexists(path) and not _is_own(path):
        raise ZaohuaError(f"{path} isn't as zaohua wrote it, so it isn't replaced: move it, or choose another folder")
    _check_place(path)


def write_own(path: Path, data: bytes) -> None:
    """Write a file that a command writes anew whenever it is called again, and record it in the folder's index."""
    check_own(path)
    replace_file(path, data)
    hashes = {**listed_in(path.parent / INDEX), path.name: sha256(data)}
    replace_file(path.parent / INDEX, manifest_bytes(hashes))


def _is_own(path: Path) -> bool:
    return path.is_file() and listed_in(path.parent / INDEX).get(path.name) == sha256(path.read_bytes())


def numbered(path: Path) -> Path:
    """Return a path that Zaohua chose, with the first free number if it is taken: samples.png, samples-2.png ..."""
    free, number = path, 1
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file in the same folder with the same suffix; it replaces the file when the block ends.

    Missing folders are created. If the block fails, nothing is left of it, and what was there before stays.

    Raises:
        ZaohuaError: the file can't be written.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    with _explained(path), _created(path.parent):
        try:
            with no_origin():  # of what is written through another file: it is said once
                yield temporary
            beside = _said(temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _write_beside(path, beside)
        except ZaohuaError as error:  # whoever writes knows the temporary file only
            raise ZaohuaError(str(error).replace(str(temporary), str(path))) from error
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(folder: Path, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty temporary folder, whose files are moved to a folder when the block ends.

    Args:
        folder: the folder; missing ones are created.
        overwrite: True to replace the files of a folder that Zaohua wrote.

    Raises:
        ZaohuaError: the folder holds other files, or can't be written.
    """
    check(folder, overwrite, folder=True)
    near = folder if folder.is_dir() else folder.parent
    temporary = near / f".{folder.absolute().name}.{os.getpid()}.tmp"
    with _explained(folder), _created(near):
        try:
            temporary.mkdir()
            with no_origin():
                yield temporary
            for path in sorted(temporary.iterdir()):
                _write_beside(path, _said(path))
            _move(temporary, folder)
        except ZaohuaError as error:
            raise ZaohuaError(str(error).replace(str(temporary), str(folder))) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


class GrowingFolder:
    """Folder whose files are written one by one, so that those that are complete stay if the work is stopped.

    Write files with `whole_file` or the like, in the folder or below it, and `add` them. The indices are written now
    and then, and when the block ends, whatever happens.

    Args:
        folder: new or empty, or, to be replaced, of files that were written so; missing ones are created.
        overwrite: True to replace the files of a folder that Zaohua wrote.

    Raises:
        ZaohuaError: the folder holds other files, or can't be written.
    """

    def __init__(self, folder: Path, overwrite: bool = False) -> None:
        check(folder, overwrite, folder=True)
        self.folder = folder
        self._hashes: dict[Path, dict[str, str]] = {}
        self._written = time.monotonic()

    def __enter__(self) -> Self:
        """Remove the files that were written before."""
        for index in [*self.folder.rglob(INDEX)]:
            for name in (*listed_in(index), INDEX):
                (index.parent / name).unlink(missing_ok=True)
        return self

    def add(self, path: Path) -> None:
        """Record a file that was written, and the one that says what made it."""
        for each in (path, files.beside(path)):
            if each.is_file():
                self._hashes.setdefault(path.parent, {})[each.name] = sha256(each.read_bytes())
        if time.monotonic() - self._written > INDEX_SECONDS:
            self._write()

    def __exit__(self, *error: object) -> None:
        """Write the indices."""
        self._write()

    def _write(self) -> None:
        for folder, hashes in self._hashes.items():
            replace_file(folder / INDEX, manifest_bytes(hashes))
        self._written = time.monotonic()


def _said(path: Path) -> bytes | None:
    """Write into a file what made it, if files say so now; return what must be said beside it."""
    recording = current()
    return None if recording is None or path.name in GIVEN else files.write(path, recording)


def _write_beside(path: Path, data: bytes | None) -> None:
    """Write or remove the file that says what made another, which may be left of one that was there before."""
    beside = files.beside(path)
    if data is not None:
        replace_file(beside, data)
    elif beside.is_file() and files.is_record(beside):
        beside.unlink()


def _move(temporary: Path, folder: Path) -> None:
    """Move complete files, and an index of them, to the folder in place of those that Zaohua wrote there before."""
    hashes = {path.name: sha256(path.read_bytes()) for path in sorted(temporary.iterdir())}
    (temporary / INDEX).write_bytes(manifest_bytes(hashes))
    if not folder.exists():
        os.replace(temporary, folder)
        return
    for name in {*listed_in(folder / INDEX), INDEX} - {*hashes}:
        (folder / name).unlink(missing_ok=True)
    for name in (INDEX, *hashes):
        os.replace(temporary / name, folder / name)


def _check_folder(folder: Path, overwrite: bool) -> None:
    """Check that a folder is new or empty, or that it may be replaced and holds only what Zaohua wrote."""
    if not folder.is_dir():
        if os.path.lexists(folder):
            raise ZaohuaError(f"{folder} is a file, but a folder of files is to be written: choose another name")
        return
    entries = [path for path in folder.rglob("*") if not _is_negligible(path.name) and not path.is_dir()]
    if not entries:
        return
    others = [path.relative_to(folder).as_posix() for path in entries if not _is_own(path)]
    if others:
        raise ZaohuaError(
            f"{folder} holds other files ({shown(sorted(others))}): nothing was written; "
            "choose a new or an empty folder"
        )
    if not overwrite:
        raise ZaohuaError(
            f"{folder} holds files that were written before ({shown(sorted(path.name for path in entries))}): "
            f"{option('overwrite', True)} replaces them, or choose another folder"
        )


def _is_negligible(name: str) -> bool:
    """Return True for files that don't count: of the system, of ours, and what a killed process or Python left."""
    return name in {INDEX, *SYSTEM_FILES} or re.fullmatch(r"\..*\.\d+\.tmp|.*\.pyc", name) is not None


def _check_place(path: Path) -> None:
    """Check that a path lies in a folder that can be written, or that can be created."""
    place = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    if not place.is_dir():
        raise ZaohuaError(f"{path} can't be written: {place} is no folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ZaohuaError(f"{path} can't be written: {place} doesn't permit it")


@contextlib.contextmanager
def _created(folder: Path) -> Iterator[None]:
    """Create missing folders, and remove them again if the block fails."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in missing:  # the innermost first
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Convert an OSError into a `ZaohuaError` that names the path and says what is left."""
    before = os.path.lexists(path)
    try:
        yield
    except OSError as error:
        left = "what was there before is unchanged" if before else "nothing of it is left behind"
        raise ZaohuaError(f"{path} can't be written: {error.strerror or error}; {left}") from error
