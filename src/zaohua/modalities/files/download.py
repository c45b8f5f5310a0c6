"""Files of known data sets: looked up in $ZAOHUA_DATA and in a cache, else downloaded; always verified."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import urllib.request
import warnings
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from zaohua.core.errors import ZaohuaError, ZaohuaWarning
from zaohua.storage.layout import cache_folder

_checked: set[tuple[str, int, int]] = set()


@dataclass(frozen=True)
class File:
    """Published file of a data set.

    Attributes:
        name: file name.
        sha256: checksum in hex; empty if the reader of the file checks its content.
        size: size in bytes.
        home: URL of the folder that it is downloaded from, ending in "/"; empty if there is none.
        made: instructions for creating it, if it can't be downloaded.
    """

    name: str
    sha256: str
    size: int
    home: str
    made: str = ""


def find(dataset: str, file: File) -> Path:
    """Return the path of a verified copy of a data set's file; download it if necessary.

    Args:
        dataset: name of the data set, which is also the name of its folder.
        file: the file to find.

    Raises:
        ZaohuaError: the copy in $ZAOHUA_DATA isn't the published file, or there is none and it can't be downloaded.
    """
    shared = os.environ.get("ZAOHUA_DATA")
    if shared:
        path = Path(shared) / dataset / file.name
        if path.is_file():
            return _verify(path, file)
        if file.home:
            warnings.warn(f"{path} is missing: looking in the cache, then downloading", ZaohuaWarning, stacklevel=2)
    path = cache_folder() / dataset / file.name
    if not path.is_file() and not file.home:
        raise ZaohuaError(
            f"{dataset}: {file.name} can't be downloaded as it is: {file.made}, and put it at "
            f"{shared or '$ZAOHUA_DATA'}/{dataset}/{file.name}"
        )
    if not path.is_file():
        _download(dataset, file, path)
    return _verify(path, file)


def _verify(path: Path, file: File) -> Path:
    """Return the path after a check of size and checksum; each state of a file is hashed once per process."""
    if not file.sha256:
        return path
    stat = path.stat()
    key = (str(path), stat.st_size, stat.st_mtime_ns)
    if key not in _checked:
        if stat.st_size != file.size or _sha256(path) != file.sha256:
            raise ZaohuaError(f"{path}: not the published file (its sha256 differs): delete it and try again")
        _checked.add(key)
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(path: Path, body: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
        try:
            stream.write(body)
            stream.flush()
            os.replace(stream.name, path)
        except OSError:
            Path(stream.name).unlink(missing_ok=True)
            raise


def _download(dataset: str, file: File, path: Path) -> None:
    """Download a file of at most the announced size, and move it into place atomically if its checksum is right."""
    url = file.home + file.name
    print(f"downloading {url} ({file.size / 1e6:.1f} MB)", file=sys.stderr)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=30) as response:
            body = response.read(file.size + 1)
        if hashlib.sha256(body).hexdigest() != file.sha256:
            raise ZaohuaError(f"{url}: the downloaded file isn't the published one (its sha256 differs)")
        _write(path, body)
    except (OSError, HTTPException) as error:  # URLError is an OSError
        reason = getattr(error, "reason", None) or error
        raise ZaohuaError(
            f"{dataset}: can't download {url} ({reason}): set ZAOHUA_DATA to a folder that holds {dataset}/{file.name}"
        ) from error
