"""Search of folders for files, and their subfolders as classes or splits of a data set.

What lies in a folder is either read or told (`left_out`). Ignored without a word are only files that systems leave
behind: see `JUNK`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, field
from pathlib import Path

from zaohua.core.errors import ZaohuaError
from zaohua.storage.provenance.files import BESIDE

TRAIN = ("train", "training")
"""Names of the split that is read by default, in any case of letters."""
SPLITS = frozenset({*TRAIN, "test", "testing", "val", "valid", "validation", "dev", "eval"})
"""Names of subfolders that are splits instead of classes, see `split_folder`."""
TABLE = "labels.csv"
"""The file of a folder that says the labels of the others; it is no item, even where items are such files."""
LABEL_FILES = (TABLE, "metadata.csv", "metadata.jsonl", "dataset.json")
"""Files that may say the labels of the others: ours, those of Hugging Face's folders, and that of StyleGAN."""
JUNK = frozenset({"thumbs.db", "desktop.ini", ".ds_store", "__macosx", "__pycache__", ".git", ".svn", ".hg"})
"""Names, in lower case, of what systems and programs leave in folders; as are names that begin with "._" (macOS), and
what Zaohua writes beside files, see `storage.provenance`."""


def split_folder(folder: Path, split: str | None) -> Path:
    """Return the subfolder of a split, or the folder itself if it has no splits.

    Subfolders are splits if one is called "train" and all others have such names (`SPLITS`), or at least one of them.

    Args:
        folder: the folder.
        split: name of the split; None for "train" if there are splits.

    Raises:
        ZaohuaError: the folder has no subfolder of that name.
    """
    found = part_of(folder, split)
    if found == folder and split is not None:
        raise ZaohuaError(f"{folder}: has no subfolder {split!r} to take that split from")
    return found


def part_of(folder: Path, split: str | None) -> Path:
    """Return the subfolder of a split as `split_folder` does, or the folder itself if it has no such subfolder."""
    names = _subfolders(folder)
    own = _splits(names) if split is None else [name for name in names if split in (name, name.casefold())]
    return folder / own[0] if own else folder


def other_splits(folder: Path) -> list[Path]:
    """Return the subfolders that are splits too, beside the one that is read by default."""
    return [folder / name for name in (_splits(_subfolders(folder)) or ())[1:]]


def doubtful_splits(folder: Path) -> list[str]:
    """Return names of subfolders that are taken for classes, though they are called as splits are."""
    names = _subfolders(folder)
    return [] if _splits(names) else [name for name in names if name.casefold() in SPLITS]


def mixed_splits(folder: Path, files: Iterable[Path]) -> list[Path]:
    """Return files and subfolders of classes that are called as splits, but are read as one: training's with others.

    Args:
        folder: the folder of the classes or of the files.
        files: the files that are read from it.
    """
    found = set[Path]()
    for path in files:
        parts = path.relative_to(folder).parts if path.is_relative_to(folder) else ()
        below = [folder.joinpath(*parts[:n]) for n in range(2, len(parts))]  # the first part is a class
        found |= {part for part in (*below, path) if part.stem.casefold() in SPLITS}
    return sorted(found) if len({part.stem.casefold() in TRAIN for part in found}) > 1 else []


def _subfolders(folder: Path) -> list[str]:
    names = [p.name for p in folder.iterdir() if p.is_dir()]
    return sorted(name for name in names if not name.startswith(".") and not is_junk(name))


def _splits(names: list[str]) -> list[str] | None:
    """Return the names that are splits, the training split first; None if they are classes."""
    own = sorted((name for name in names if name.casefold() in SPLITS), key=lambda name: name.casefold() not in TRAIN)
    trains = bool(own) and own[0].casefold() in TRAIN
    return own if trains and (len(own) > 1 or len(own) == len(names)) else None


def is_junk(name: str) -> bool:
    """Return True for a file or folder that a system or a program left behind."""
    return name.casefold() in JUNK or name.startswith("._") or name.endswith(BESIDE)


@dataclass
class Contents:
    """What lies in a folder and its subfolders, except `JUNK`.

    Attributes:
        files: files, and links to files.
        hidden: files that are hidden, or in hidden folders.
        dangling: links to what isn't there, and what is neither a file nor a folder.
        again: links to folders that are searched already.
        closed: subfolders that can't be opened.
    """

    files: list[Path] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    dangling: list[Path] = field(default_factory=list)
    again: list[Path] = field(default_factory=list)
    closed: list[Path] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path) -> Contents:
        """Search a folder; links are followed, but no folder is searched twice."""
        contents = cls()
        contents._search(folder, False, set())
        return contents

    def only(self, keep: Callable[[Path], bool]) -> Contents:
        """Return the contents that a condition holds for."""
        return Contents(*([path for path in paths if keep(path)] for paths in astuple(self)))

    def _search(self, folder: Path, hidden: bool, visited: set[str]) -> None:
        real = os.path.realpath(folder)
        if real in visited:
            self.again.append(folder)
            return
        visited.add(real)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: (entry.is_symlink(), entry.name))
        except OSError:
            self.closed.append(folder)
            return
        for entry in entries:
            path, aside = folder / entry.name, hidden or entry.name.startswith(".")
            if is_junk(entry.name):
                continue
            if entry.is_dir():
                self._search(path, aside, visited)
            elif entry.is_file():
                (self.hidden if aside else self.files).append(path)
            elif not aside:
                self.dangling.append(path)


def walk(folder: Path) -> Iterator[Path]:
    """Yield all files in a folder and its subfolders, except hidden ones; follow links, but not in cycles."""
    yield from Contents.of(folder).files


def items_in(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """Return the files in a folder and below it that end so and hold items, sorted by path."""
    paths = [path for path in walk(folder) if path.suffix.casefold() in suffixes and path != folder / TABLE]
    items = [path for path in paths if path.parent != folder or path.name not in LABEL_FILES] or paths
    return sorted(items, key=lambda path: path.relative_to(folder).as_posix())  # the same order on every system


def find(folder: Path, suffixes: frozenset[str], split: str | None) -> list[Path]:
    """Find files by suffix, sorted by path.

    Args:
        folder: the folder to search. If it has splits (train, test ...), one of them is read.
        suffixes: suffixes in lower case, with the dot.
        split: split to read; default: "train".
    """
    return items_in(split_folder(folder, split), suffixes)
