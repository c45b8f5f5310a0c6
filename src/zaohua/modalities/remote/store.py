"""The cache of fetched data: content by its hash, and an index from addresses to it.

    remote/content/HASH/NAME    a file, or a folder of files; HASH is that of its content
    remote/index/KEY.json       what was fetched from an address, and its state then
    remote/partial/KEY/         what has arrived of a transfer that isn't finished

Content gets its name once it is complete, and is never changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from zaohua.core.errors import ZaohuaError
from zaohua.storage.atomic import replace_file, sync, to_bytes
from zaohua.storage.layout import cache_folder

_verified: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class Entry:
    """What was fetched from an address.

    Attributes:
        sha256: hash of the content.
        name: its name.
        state: the state of the address then, None if it told none.
        fetched: the day.
    """

    sha256: str
    name: str
    state: str | None
    fetched: str

    @property
    def path(self) -> Path:
        """The file or folder."""
        return _root("content") / self.sha256 / self.name


def key_of(url: str) -> str:
    """Return the name under which an address is known."""
    return hashlib.sha256(url.encode()).hexdigest()


def entry(url: str) -> Entry | None:
    """Return what was fetched from an address before; None if nothing was, or it was deleted."""
    try:
        found = Entry(**json.loads((_root("index") / f"{key_of(url)}.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.path.exists() else None


def content(sha256: str) -> Path | None:
    """Return the content of a hash, after it is checked; None if it isn't there.

    Raises:
        ZaohuaError: it was changed.
    """
    folder = _root("content") / sha256
    path = next(iter(sorted(folder.iterdir())), None) if folder.is_dir() else None
    if path is None:
        return None
    if (str(folder), sha256) not in _verified:
        files = {file.relative_to(path).as_posix(): hash_of(file) for file in path.rglob("*") if file.is_file()}
        if (hash_of(path) if path.is_file() else whole(files)) != sha256:
            raise ZaohuaError(f"{path}: was changed since it was fetched: delete {folder}, and try again")
        _verified.add((str(folder), sha256))
    return path


def partial(url: str) -> Path:
    """Return the folder of a transfer."""
    folder = _root("partial") / key_of(url)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def publish(url: str, arrived: Path, name: str, sha256: str, state: str | None) -> Entry:
    """Move what has arrived to its final place, and remember the address.

    Args:
        url: the address.
        arrived: the file or folder, on the disk.
        name: its name.
        sha256: hash of its content.
        state: the state of the address.
    """
    made = Entry(sha256, name, state, date.today().isoformat())
    if not made.path.exists():
        made.path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(arrived, made.path)
        sync(made.path.parent)
    replace_file(_root("index") / f"{key_of(url)}.json", to_bytes(asdict(made)))
    shutil.rmtree(_root("partial") / key_of(url), ignore_errors=True)
    return made


@contextlib.contextmanager
def alone(url: str) -> Iterator[None]:
    """Wait until no other process fetches from an address, and keep the others waiting inside the context."""
    path = _root("locks") / key_of(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        with contextlib.suppress(ImportError, OSError):  # the system or the file system has no locks
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def hash_of(path: Path) -> str:
    """Return the SHA-256 hash of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def whole(hashes: dict[str, str]) -> str:
    """Return the hash of a folder, from those of its files by their paths."""
    lines = [f"{hashes[name]} {name}\n" for name in sorted(hashes)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def states(files: Sequence[str | None]) -> str | None:
    """Return the state of several files; None if one tells none."""
    return None if None in files else hashlib.sha256("\n".join(map(str, files)).encode()).hexdigest()


def _root(part: str) -> Path:
    return cache_folder() / "remote" / part
