"""Names of files in tables, and the files that they stand for."""

from __future__ import annotations

import os
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note, shown
from zaohua.modalities.base import counted

LOST = 0.1
"""Largest fraction of the files that a table lists that may be missing: these are left out and named."""


def relative(file: Path, folder: Path) -> str:
    """Return the path of a file from a folder, with slashes; quickly, as there may be millions."""
    path, start = str(file), str(folder) + os.sep
    inside = path[len(start) :] if path.startswith(start) else os.path.relpath(path, start)
    return inside.replace(os.sep, "/")


class FileNames:
    """Look-up of files by the names that a table gives, which may lack the suffix or the folder.

    Names are relative to the table's folder, or to that of the files. They may have backslashes, but they can't lead
    out of the folder.

    Args:
        table: the table.
        files: files of the kind that names without suffix, or without folder, stand for.
        others: files that only full names stand for.
        folder: folder of the files, if they are known to lie in another than the table's.
    """

    def __init__(self, table: Path, files: Iterable[Path], others: Iterable[Path] = (), folder: Path | None = None):
        self.table, self.folder = table, table.parent if folder is None else folder
        self._by_path, self._by_name = dict[str, Path](), defaultdict[str, set[str]](set)
        known = dict.fromkeys((*others, *files))
        for place in dict.fromkeys((table.parent, self.folder)):
            self._by_path |= {relative(file, place): file for file in known}
        for file in files:
            path = relative(file, self.folder)
            name = path.rpartition("/")[2]
            for called in (name, posixpath.splitext(name)[0], posixpath.splitext(path)[0]):
                self._by_name[called].add(path)

    def find(self, name: str) -> Path | None:
        """Return the file that a name stands for; None if there is none, or several.

        Raises:
            ZaohuaError: the name leads out of the folder.
        """
        path = self._inside(name)
        if path in self._by_path:
            return self._by_path[path]
        files = self._by_name.get(path, set())
        if len(files) == 1:
            return self._by_path[next(iter(files))]
        whole = self.folder / path
        return whole if not files and whole.is_file() else None

    def several(self, name: str) -> list[str]:
        """Return the files that a name could stand for."""
        return sorted(self._by_name.get(self._inside(name), ()))

    def _inside(self, name: str) -> str:
        """Return a name as a path relative to the folder."""
        path = name.strip().replace("\\", "/")
        if posixpath.isabs(path) or ":/" in path:
            path = relative(Path(path), self.folder.absolute())
        path = posixpath.normpath(path)
        if path.startswith("../") or path == ".." or ":/" in path:
            raise ZaohuaError(
                f"{self.table}: names {name}, which lies outside of its folder: put the table into a folder that holds "
                "all its files, and name them from there"
            )
        return path

    def is_file(self, name: str) -> bool:
        """Return True if a text is the name of a file that is there, in the folder."""
        try:
            return self.find(name) is not None
        except (ZaohuaError, OSError, ValueError):
            return False

    def found(self, names: Sequence[str | None]) -> list[Path | None]:
        """Return the file of each name of a column, None for those that are missing, which are noted.

        Raises:
            ZaohuaError: more than a tenth of the files are missing.
        """
        files = [None if name is None else self.find(name) for name in names]
        given = sum(name is not None for name in names)
        lost = list(dict.fromkeys(name for name, file in zip(names, files, strict=True) if name and file is None))
        if not lost:
            return files
        first, more = lost[0].strip(), f" (and {len(lost) - 1:,} more)" if len(lost) > 1 else ""
        several = self.several(first)
        if len(lost) > LOST * given:
            wrong = f"which could be {several[0]} or {several[1]}" if several else "which is not there"
            raise ZaohuaError(f"{self.table}: lists {first}{more}, {wrong}")
        what = f"{counted(len(lost), 'file')} that {self.table.name} lists, but which are not there"
        note(f"left out {what} ({shown(lost)})")
        return files
