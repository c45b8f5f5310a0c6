"""Fetch data from an address once; then they are read from the cache, as long as they don't change there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.modalities.remote import store
from zaohua.modalities.remote.addresses import Address, name_of, shown, wildcards
from zaohua.modalities.remote.places import Broken, Listed, Place, RemoteFile
from zaohua.modalities.remote.progress import Progress, megabytes
from zaohua.storage.layout import cache_folder

VARIABLE = "ZAOHUA_MAX_DOWNLOAD"
"""The environment variable that says how many gigabytes may be fetched at once."""
USUAL = 5.0
"""Gigabytes that may be fetched if it isn't set."""
ATTEMPTS = 3
"""Attempts to fetch a file that breaks off, as long as nothing more arrives."""
_here: dict[tuple[str, str], str] = {}
"""Hashes by cache and address, of what was fetched or found unchanged in this process."""


def local(source: str) -> str | Path:
    """Return where the data behind an address are on this machine; they are fetched if they aren't there yet.

    Args:
        source: an address. One with a hash, `...#sha256=HASH`, stands for this content only, which is read from the
            cache without looking at the address if it is there.

    Returns:
        The file or folder; for an address with wildcards a pattern of names.

    Raises:
        ZaohuaError: they can't be fetched, are larger than is allowed, or have another hash.
    """
    address = Address.of(source)
    path = None if address.sha256 is None else store.content(address.sha256)
    if path is None:
        found = _unchanged(address)
        if isinstance(found, Path):
            return found
        path = found.path
        if address.sha256 not in (None, found.sha256):
            raise ZaohuaError(
                f"{shown(address.url)}: has changed: its SHA-256 hash is {found.sha256[:12]}... now, not "
                f"{str(address.sha256)[:12]}...; give the earlier data, or begin anew"
            )
    pattern = wildcards(address.url)
    return f"{path}/{pattern}" if pattern and path.is_dir() else path


def hash_of(source: str) -> str | None:
    """Return the hash of what was fetched from an address in this process; None for files of this machine."""
    address = Address.of(source)
    return address.sha256 or _here.get((str(cache_folder()), address.url))


def _unchanged(address: Address) -> store.Entry | Path:
    """Return what the cache has of an address, after a look whether it has changed there; a local file as it is."""
    key = (str(cache_folder()), address.url)
    before = store.entry(address.url)
    if before is not None and _here.get(key) == before.sha256:
        return before
    place = _place(address)
    if not isinstance(place, Place):
        return place
    with store.alone(address.url):
        before = store.entry(address.url)  # another process may have fetched it meanwhile
        try:
            listed = place.listed()
            state = store.states([file.state for file in listed.files])
            if before is None or state is None or state != before.state:
                before = _fetched(address.url, place, listed, state)
        except Broken as error:
            if before is None:
                raise
            note(f"{error}; the copy of {before.fetched} is read")
        _here[key] = before.sha256
        return before


def _place(address: Address) -> Place | Path:
    """Return what fetches from an address; the path of files of this machine."""
    if address.protocol in ("http", "https"):
        from zaohua.modalities.remote.web import Web

        return Web(address.url)
    from zaohua.modalities.remote.systems import FileSystem

    system = FileSystem(address)
    return Path(system.path) if system.is_local else system


def _fetched(url: str, place: Place, listed: Listed, state: str | None) -> store.Entry:
    """Fetch all files, except those that have arrived in an earlier attempt."""
    sizes = [file.size or 0 for file in listed.files]
    _check_size(url, sum(sizes))
    folder = store.partial(url)
    journal = folder / "arrived.jsonl"
    earlier = _read(journal)
    hashes, rest = dict[str, str](), list[RemoteFile]()
    for file in listed.files:
        at, (was, sha256) = folder / "files" / file.name, earlier.get(file.name, (None, ""))
        if sha256 and was == file.state and was is not None and at.is_file():
            hashes[file.name] = sha256
        else:
            rest.append(file)
    known = [file.size for file in rest if file.size is not None]
    progress = Progress(shown(url), sum(known) if len(known) == len(rest) else None)
    limit = _limit()
    for file in rest:
        at = folder / "files" / file.name
        at.parent.mkdir(parents=True, exist_ok=True)
        if earlier.get(file.name, ("", ""))[0] != file.state or file.state is None:
            at.unlink(missing_ok=True)
            _append(journal, file, "")
        _transfer(url, place, file, at, progress, limit)
        hashes[file.name] = store.hash_of(at)
        _append(journal, file, hashes[file.name])
    progress.end()
    if listed.folder:
        return store.publish(url, folder / "files", name_of(url), store.whole(hashes), state)
    (only,) = listed.files
    return store.publish(url, folder / "files" / only.name, only.name, hashes[only.name], state)


def _transfer(url: str, place: Place, file: RemoteFile, at: Path, progress: Progress, limit: float) -> None:
    """Fetch a file, from where an earlier attempt ended; try again as long as more arrives."""
    left = ATTEMPTS
    while True:
        before = at.stat().st_size if at.exists() else 0
        try:
            start, chunks = place.read(file, before) if before != file.size or not before else (before, iter(()))
            with at.open("ab") as stream:
                stream.truncate(start)
                for chunk in chunks:
                    stream.write(chunk)
                    progress.add(len(chunk))
                    if progress.got > limit:
                        raise _too_large(url, f"more than {megabytes(limit)}")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise ZaohuaError(f"{shown(url)}: can't be kept in {at.parent} ({error.strerror})") from error
        except Broken as error:
            grown = at.exists() and at.stat().st_size > before
            left = ATTEMPTS if grown else left - 1
            if left <= 0 or not error.again:
                raise
            continue
        if file.size is not None and at.stat().st_size != file.size:
            got = at.stat().st_size
            at.unlink()
            raise Broken(f"{shown(url)}: {file.name} has {got:,} bytes instead of the {file.size:,} announced")
        return


def _check_size(url: str, size: int) -> None:
    """Raise a `ZaohuaError` if that many bytes are more than is allowed, or than the disk has room for."""
    if size > _limit():
        raise _too_large(url, megabytes(size))
    folder = store.partial(url)
    free = shutil.disk_usage(folder).free
    if size > free / 2:
        raise ZaohuaError(
            f"{shown(url)}: {megabytes(size)} are more than half of the {megabytes(free)} free in {folder.parent}: "
            "XDG_CACHE_HOME names another folder"
        )


def _too_large(url: str, size: str) -> ZaohuaError:
    return ZaohuaError(
        f"{shown(url)}: {size} are more than the {_limit() / 1e9:g} GB that are fetched unasked: give a part of it, or "
        f"allow more ({VARIABLE}=GIGABYTES)"
    )


def _limit() -> float:
    text = os.environ.get(VARIABLE) or str(USUAL)
    try:
        return float(text) * 1e9
    except ValueError:
        raise ZaohuaError(f"{VARIABLE} is {text!r}, but must be a number of gigabytes") from None


def _read(journal: Path) -> dict[str, tuple[str | None, str]]:
    """Return the state and the hash of the files of an earlier attempt; the hash is "" if one isn't complete."""
    try:
        lines: Iterable[str] = journal.read_text("utf-8").splitlines()
    except OSError:
        return {}
    found = dict[str, tuple[str | None, str]]()
    for line in lines:
        try:
            name, state, sha256 = json.loads(line)
        except ValueError:  # the last line, if the process was killed
            continue
        found[str(name)] = state, str(sha256)
    return found


def _append(journal: Path, file: RemoteFile, sha256: str) -> None:
    with journal.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps([file.name, file.state, sha256]) + "\n")
