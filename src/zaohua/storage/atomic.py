"""Folders whose content is verified, and saved as a whole or not at all.

Every folder carries a `manifest.json` with the sha256 of its files. New files are written and synced beside the old
ones, then one rename replaces the manifest, and only then do the files get their final names, which a reader, or the
next save, does not depend on: whenever the machine dies, what is on disk is the old state or the new.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from zaohua.core.errors import CheckpointError, ZaohuaError

MANIFEST = "manifest.json"


# ---- bytes on disk


def sync(folder: Path) -> None:
    """Flush the names in a folder to the disk."""
    if os.name == "nt":  # which opens no folders
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(path: Path, data: bytes) -> None:
    """Write a file and flush it to the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError of a save into one line that says what is still whole."""
    try:
        yield
    except OSError as error:
        raise ZaohuaError(f"can't save to {path}: {error.strerror}; what was saved there before is whole") from error


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never a part of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_file(temporary, data)
            os.replace(temporary, path)
            sync(path.parent)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def sha256(data: bytes) -> str:
    """Hash of some bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def to_bytes(value: Any) -> bytes:
    """JSON with sorted keys; NaN is refused, since not every reader knows it."""
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


# ---- verified folders


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, atomically as a whole as far as `read_folder` is concerned."""
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        hashes = {**_settle(folder, files), **{name: sha256(data) for name, data in files.items()}}
        try:
            for name, data in files.items():
                write_file(_pending(folder / name), data)
            sync(folder)
            replace_file(folder / MANIFEST, manifest_bytes(hashes))
        finally:
            _settle(folder, files)


def _pending(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def hashes_of(folder: Path) -> dict[str, str]:
    """The files that a folder's manifest names, with their sha256; {} when there is none, or a damaged one."""
    try:
        return _manifest(folder)
    except (CheckpointError, OSError):
        return {}


def _settle(folder: Path, names: Collection[str]) -> dict[str, str]:
    """Give files written beside the old ones their final names if the manifest is theirs, else delete them.

    Args:
        folder: where.
        names: of the files that are being written; any others that aren't in the manifest are somebody else's.

    Returns:
        The manifest; {} when there is none, or a damaged one.
    """
    hashes = hashes_of(folder)
    for name in {*hashes, *names}:
        path = folder / name
        pending = _pending(path)
        if not pending.exists():
            continue
        if name in hashes and sha256(pending.read_bytes()) == hashes[name]:
            os.replace(pending, path)
        else:
            pending.unlink()
    sync(folder)
    return hashes


def read_folder(folder: Path, names: Collection[str] | None = None) -> dict[str, bytes]:
    """The files of a folder that its manifest names, or those of them in `names`, verified.

    Raises:
        CheckpointError: a file is missing, or isn't what was written.
    """
    while True:
        hashes = _manifest(folder)
        try:
            return {name: _verified(folder / name, h) for name, h in hashes.items() if names is None or name in names}
        except CheckpointError:
            if _manifest(folder) == hashes:  # else it was saved to while we read
                raise


def _verified(path: Path, digest: str) -> bytes:
    """The content of a file, under its final name or written beside it by a save that was cut off."""
    missing = True
    for place in (_pending(path), path):
        try:
            data = place.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CheckpointError(f"{place} can't be read: {error.strerror}") from error
        if sha256(data) == digest:
            return data
        missing = missing and place != path
    raise CheckpointError(f"{path} is missing" if missing else f"{path} is damaged: its content isn't what was saved")


def manifest_bytes(hashes: Mapping[str, str]) -> bytes:
    """The manifest of files with these hashes; it has a hash of its own, so that no change of it goes unnoticed."""
    return to_bytes({"sha256": hashes, "sha256_of_these": sha256(to_bytes(hashes))})


def _manifest(folder: Path) -> dict[str, str]:
    try:
        raw = (folder / MANIFEST).read_bytes()
        hashes = json.loads(raw)["sha256"]
        names = all(_is_plain(name) and isinstance(digest, str) for name, digest in hashes.items())
        if not names or manifest_bytes(hashes) != raw:
            raise ValueError
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{folder} is no saved model: it has no {MANIFEST}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CheckpointError(f"{folder / MANIFEST} is damaged") from None
    return hashes


def _is_plain(name: str) -> bool:
    """Whether a name can only be that of a file in the folder itself."""
    return bool(name) and not name.startswith(".") and not set(name) & set("/\\:\0")
