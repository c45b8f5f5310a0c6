"""Addresses of data: what is one, what is shown and stored of it, and safe names for what lies there."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeGuard
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from zaohua.core.errors import ZaohuaError

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://\S")
COLLAPSED = re.compile(r"[a-z][a-z0-9+.-]+:/[^/]")
"""Beginning of an address that was made a path, which loses one of its slashes."""
PIN = "#sha256="
"""What stands between an address and the hash that its content must have."""
SECRET = re.compile("token|sig|key|secret|password|credential|auth|pass", re.I)
"""Names of parts of a query that aren't shown or stored."""
MAGIC = re.compile(r"[*\[]")
LONGEST = 150
"""Letters of the name of a file."""


class Address(NamedTuple):
    """Address, and the SHA-256 hash that its content must have, or None."""

    url: str
    sha256: str | None

    @classmethod
    def of(cls, text: str) -> Address:
        """Return the address that a text is, with or without a hash: `https://host/data.zip#sha256=...`.

        Raises:
            ZaohuaError: the hash isn't one, or the address is of several, one inside of the other.
        """
        url, pin, sha256 = text.partition(PIN)
        if pin and not re.fullmatch("[0-9a-f]{64}", sha256):
            raise ZaohuaError(f"{shown(url)}: {sha256!r} isn't a SHA-256 hash, which has 64 digits of 0-9 and a-f")
        if "::" in url:
            raise ZaohuaError(f"{shown(url)}: give the address of the file itself; archives are unpacked here")
        return cls(url.split("#")[0], sha256 or None)

    @property
    def protocol(self) -> str:
        """What it begins with, in lower case: "https", "s3" ..."""
        return self.url.partition("://")[0].casefold()


def is_url(source: object) -> TypeGuard[str]:
    """Return True for an address.

    Raises:
        ZaohuaError: it was made a path, and so is none any more.
    """
    if isinstance(source, Path) and COLLAPSED.match(source.as_posix()) and not source.exists():
        raise ZaohuaError(f"{source}: an address is given as a text, not as a path")
    return isinstance(source, str) and URL.match(source) is not None


def shown(url: str) -> str:
    """Return an address without passwords and keys, as it is shown and stored."""
    parts = urlsplit(url.split("#")[0])
    query, given = parts.query, parse_qsl(parts.query, keep_blank_values=True)
    if any(SECRET.search(name) for name, _ in given):
        query = urlencode([(name, value) for name, value in given if not SECRET.search(name)])
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def name_of(url: str, disposition: str | None = None, media: str | None = None) -> str:
    """Return a safe name for the file at an address: that of the sender, else the last part of the address.

    Args:
        url: the address; its query and its wildcards are ignored.
        disposition: name that the sender gives to it.
        media: media type, which tells the ending of a name without one.
    """
    path = urlsplit(url).path if url.startswith(("http:", "https:")) else url.partition("://")[2]
    plain = [part for part in path.split("/") if part and not MAGIC.search(part)] or ["data"]
    name = PurePosixPath((disposition or unquote(plain[-1])).replace("\\", "/")).name
    name = re.sub(r"[^\w.+()\[\]{}, -]", "_", name).lstrip(".")[-LONGEST:] or "data"
    ending = mimetypes.guess_extension((media or "").partition(";")[0].strip()) or ""
    return name if PurePosixPath(name).suffix else name + ending


def wildcards(url: str) -> str:
    """Return the end of an address from its first part with wildcards on; "" if it has none."""
    parts = [] if url.startswith(("http:", "https:")) else url.partition("://")[2].split("/")
    first = next((at for at, part in enumerate(parts) if MAGIC.search(part)), len(parts))
    return "/".join(parts[first:])


def safe(name: str, where: str) -> str:
    """Return the name of a file inside of a remote folder, if it leads nowhere else.

    Raises:
        ZaohuaError: it does.
    """
    parts = name.split("/")
    if not name or any(part in ("", ".", "..") for part in parts) or re.search(r"[\\:\0]", name):
        raise ZaohuaError(f"{where}: holds a file called {name!r}, which leads out of its folder: fetch it yourself")
    return name
