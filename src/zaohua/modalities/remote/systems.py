"""Files behind every other address, by fsspec: s3, gs, hf and whatever else it knows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.files.folders import is_junk
from zaohua.modalities.remote.addresses import MAGIC, Address, name_of, safe, shown
from zaohua.modalities.remote.places import Broken, Listed, Place, RemoteFile

STATES = ("ETag", "etag", "blob_id", "sha256", "checksum", "md5Hash", "generation", "LastModified", "mtime", "created")
"""Facts by which file systems tell that a file has changed."""
CHUNK = 1 << 20


class FileSystem(Place):
    """File, folder or pattern of names behind an address that fsspec knows."""

    def __init__(self, address: Address):
        self.address = address
        self.fs, self.path = _opened(address)

    @property
    def is_local(self) -> bool:
        """True for files of this machine."""
        return self.address.protocol in ("file", "local")

    def listed(self) -> Listed:
        """List the file, or the files of the folder, without those that are hidden."""
        url, folder = self.address.url, self.path.rstrip("/")
        with _told(url):
            if MAGIC.search(folder) and not self.fs.exists(folder):
                found = self.fs.glob(folder, detail=True)
                folder = folder[: MAGIC.search(folder).start()].rpartition("/")[0]  # type: ignore[union-attr]
            else:
                info = self.fs.info(folder)
                if info["type"] != "directory":
                    return Listed(name_of(url), [self._file(name_of(url), info)], False)
                found = self.fs.find(folder, detail=True)
        files = [self._file(info["name"], info, folder) for info in found.values() if info["type"] == "file"]
        kept = [file for file in files if not any(is_junk(p) or p.startswith(".") for p in file.name.split("/"))]
        if not kept:
            raise ZaohuaError(f"{shown(url)}: there are no files")
        return Listed(name_of(url), sorted(kept), True)

    def _file(self, name: str, info: Mapping[str, Any], folder: str | None = None) -> RemoteFile:
        """Return a file that was listed; of a folder with its path from there."""
        if folder is not None:
            inside = name.removeprefix("/").removeprefix(folder.removeprefix("/"))
            name = safe(inside.removeprefix("/") if folder else name, shown(self.address.url))
        state = {key: str(info[key]) for key in (*STATES, "size") if info.get(key) is not None}
        size = info.get("size")
        return RemoteFile(name, size if isinstance(size, int) else None, json.dumps(state) or None, str(info["name"]))

    def read(self, file: RemoteFile, start: int) -> tuple[int, Iterator[bytes]]:
        """Begin to read a file."""
        return start, self._bytes(file, start)

    def _bytes(self, file: RemoteFile, start: int) -> Iterator[bytes]:
        with _told(self.address.url), self.fs.open(file.at, "rb") as stream:
            if start:
                stream.seek(start)
            while chunk := stream.read(CHUNK):
                yield chunk


class _told:
    """Context in which whatever a file system raises becomes an error of one line."""

    def __init__(self, url: str):
        self.url = url

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, ZaohuaError):
            return
        if isinstance(error, FileNotFoundError):
            raise Broken(f"{shown(self.url)}: there is no such file or folder") from error
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise Broken(f"{shown(self.url)}: can't be read ({reason[:200]})") from error


def _opened(address: Address) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it.

    Raises:
        ZaohuaError: there is none, or its package isn't installed.
    """
    import fsspec
    from fsspec.registry import known_implementations

    protocol = address.protocol
    known = fsspec.available_protocols()
    if protocol not in known:
        raise ZaohuaError(f"{shown(address.url)}: addresses begin with https, {', '.join(sorted(known))}")
    try:
        with _told(address.url):
            fs, path = fsspec.core.url_to_fs(address.url)
    except Broken as error:
        if not isinstance(error.__cause__, ImportError):
            raise
        package = str(known_implementations[protocol]["class"]).split(".")[0]
        advice = f"pip install {package}" if package != "fsspec" else " ".join(str(error.__cause__).split())
        raise ZaohuaError(f"{shown(address.url)}: {protocol}:// needs another package: {advice}") from None
    return fs, str(path)
