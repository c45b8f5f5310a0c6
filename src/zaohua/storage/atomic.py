"""Folders that are saved atomically and verified when they are read.

Every folder contains a `manifest.json` with the sha256 of its files. New files are written and synced beside the old
ones, then a single rename replaces the manifest, and only then are the files renamed to their final names. Readers and
the next save don't depend on that last step, so after a crash at any time the folder holds the old state or the new.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from zaohua.core.errors import CheckpointError, ZaohuaError

MANIFEST = "manifest.json"


# ---- files


def sync(folder: Path) -> None:
    """Flush the entries of a folder to the disk."""
    if os.name == "nt":  # Windows can't open folders
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


def read_file(path: Path) -> bytes:
    """Read a file; a link to a device or a pipe, which may never end, is refused.

    Raises:
        OSError: it isn't a file, or can't be read.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no file", str(path))
        return file.read()


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Convert an OSError of a save into a `ZaohuaError` of one line."""
    try:
        yield
    except OSError as error:
        left = "what was saved there before is whole" if _holds_anything(path) else "nothing was saved"
        raise ZaohuaError(f"can't save to {path}: {error.strerror}; {left}") from error


def _holds_anything(path: Path) -> bool:
    """Return True if there is a file, or a folder that holds any or can't be looked into."""
    try:
        return path.is_file() or any(path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def replace_file(path: Path, data: bytes) -> None:
    """Write a file atomically: readers, also after a crash, see the old content or the new."""
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


def encoded(text: str) -> bytes:
    """Encode a text as UTF-8; bytes of file names that aren't in the system's encoding are escaped."""
    return text.encode("utf-8", "backslashreplace")


def sha256(data: bytes) -> str:
    """Return the SHA-256 hash of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def to_bytes(value: object) -> bytes:
    """Encode a value as JSON with sorted keys.

    Raises:
        ValueError: the value contains NaN or infinity, which not every JSON reader supports.
    """
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


# ---- folders


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder so that `read_folder` sees either all of them or none."""
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
    """Return the files of a folder's manifest with their sha256; {} if the manifest is missing or damaged."""
    return listed_in(folder / MANIFEST)


def listed_in(manifest: Path) -> dict[str, str]:
    """Return the files that a manifest lists with their sha256; {} if it is missing or damaged."""
    try:
        return _listed(manifest)
    except (CheckpointError, OSError):
        return {}


def _settle(folder: Path, names: Collection[str]) -> dict[str, str]:
    """Rename pending files to their final names if they match the manifest, and delete them otherwise.

    Args:
        folder: the folder.
        names: names of the files being written. Other pending files that the manifest doesn't contain are not ours.

    Returns:
        The manifest; {} if it is missing or damaged.
    """
    hashes = hashes_of(folder)
    for name in {*hashes, *names}:
        path = folder / name
        pending = _pending(path)
        if not pending.exists():
            continue
        if name in hashes and sha256(read_file(pending)) == hashes[name]:
            os.replace(pending, path)
        else:
            pending.unlink()
    sync(folder)
    return hashes


def read_folder(folder: Path, names: Collection[str] | None = None) -> dict[str, bytes]:
    """Read and verify the files of a folder's manifest, or only those in `names`.

    Raises:
        CheckpointError: a file is missing, or its content differs from what was written.
    """
    while True:
        hashes = _manifest(folder)
        try:
            return {name: _verified(folder / name, h) for name, h in hashes.items() if names is None or name in names}
        except CheckpointError:
            if _manifest(folder) == hashes:  # otherwise the folder was saved to in the meantime
                raise


def _verified(path: Path, digest: str) -> bytes:
    """Return the content of a file, which an interrupted save may have left under its pending name."""
    missing = True
    for candidate in (_pending(path), path):
        try:
            data = read_file(candidate)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CheckpointError(f"{candidate} can't be read: {error.strerror}") from error
        if sha256(data) == digest:
            return data
        missing = missing and candidate != path
    raise CheckpointError(f"{path} is missing" if missing else f"{path} is damaged: its content isn't what was saved")


def manifest_bytes(hashes: Mapping[str, str]) -> bytes:
    """Encode the manifest of files with these hashes, and with a hash of itself."""
    return to_bytes({"sha256": hashes, "sha256_of_these": sha256(to_bytes(hashes))})


def _manifest(folder: Path) -> dict[str, str]:
    return _listed(folder / MANIFEST)


def _listed(manifest: Path) -> dict[str, str]:
    try:
        raw = read_file(manifest)
        hashes: dict[str, str] = json.loads(raw)["sha256"]
        valid = all(_is_plain(name) and isinstance(digest, str) for name, digest in hashes.items())
        if not valid or manifest_bytes(hashes) != raw:
            raise ValueError
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{manifest.parent} is no saved model: it has no {manifest.name}") from None
    except OSError as error:
        raise CheckpointError(f"{manifest} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CheckpointError(f"{manifest} is damaged") from None
    return hashes


def _is_plain(name: str) -> bool:
    """Return True if a name can only refer to a file in the folder itself."""
    return bool(name) and not name.startswith(".") and not set(name) & set("/\\:\0")
