"""Archives of files (.zip, .tar and its compressed forms), which are unpacked to a temporary folder and read there."""

from __future__ import annotations

import functools
import os
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.modalities.base import counted
from zaohua.modalities.files.temporary import TemporaryFolder

ENDINGS = (".zip", ".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz")
"""Endings of archives."""
ELSEWHERE = "unpack it elsewhere, and give the folder"
"""What to do if there is no room."""


def is_archive(path: Path) -> bool:
    """Return True for a path that ends as archives do."""
    return path.name.casefold().endswith(ENDINGS)


def unpacked(path: Path) -> Path:
    """Return a temporary folder with the files of an archive, or the only folder or file in it.

    An archive is unpacked once in a process, and the files are deleted at its end.

    Raises:
        ZaohuaError: it is damaged, or encrypted, or takes more than half of the free space on the disk.
    """
    state = path.stat()
    folder = _unpacked(path.resolve(), state.st_mtime_ns, state.st_size).path
    inside = [entry for entry in folder.iterdir() if entry.name != "__MACOSX"]
    return inside[0] if len(inside) == 1 else folder


@functools.cache
def _unpacked(path: Path, changed: int, size: int) -> TemporaryFolder:
    """Unpack an archive that was changed at a time (ns), and has a size."""
    into = TemporaryFolder(path.name.split(".")[0])
    try:
        if path.suffix.casefold() == ".zip":
            with zipfile.ZipFile(path) as archive:
                into.check_room(sum(member.file_size for member in archive.infolist()), path, ELSEWHERE)
                archive.extractall(into.path)  # never outside of the folder
        else:
            with tarfile.open(path) as archive:
                into.check_room(sum(member.size for member in archive), path, ELSEWHERE)
                _extract(archive, into.path)
    except ZaohuaError:
        raise
    except (
        OSError,
        EOFError,
        KeyError,
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
    ) as e:
        raise ZaohuaError(f"{path}: can't be unpacked ({e}): unpack it yourself, and give the folder") from e
    return into


def _extract(archive: tarfile.TarFile, into: Path) -> None:
    """Write the files of a tar archive into a folder, and nothing outside of it.

    The filter "data" of `tarfile` would do the same, but Python has it only since 3.11.4.

    Raises:
        TarError: a file would be written outside of the folder.
    """
    links = 0
    for member in archive:
        target = Path(os.path.normpath(into / member.name.lstrip("/")))
        if not target.is_relative_to(into):
            raise tarfile.TarError(f"{member.name} lies outside of it")
        content = archive.extractfile(member) if member.isfile() or member.islnk() else None
        links += member.issym()
        if content is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            with content, target.open("wb") as file:
                shutil.copyfileobj(content, file)
    if links:
        note(f"left out {counted(links, 'symbolic link')} of the archive")
