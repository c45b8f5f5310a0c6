"""Files behind http and https, with a time limit for every answer; redirects lead to the web only."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO, cast
from urllib.error import HTTPError
from urllib.parse import urlsplit

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.remote.addresses import name_of, shown
from zaohua.modalities.remote.places import Broken, Listed, Place, RemoteFile

TIMEOUT = 30.0
"""Seconds without an answer after which a connection is given up."""
CHUNK = 1 << 18
MEANINGS = {401: "asks for a password", 403: "doesn't allow it", 404: "there is no such file", 410: "it is gone"}


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to the web only, and never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """Return the request that follows, or raise a `ZaohuaError`."""
        allowed = ("https",) if req.type == "https" else ("https", "http")
        if urlsplit(newurl).scheme not in allowed:
            raise ZaohuaError(f"{shown(req.full_url)}: leads to {shown(newurl)}, which isn't followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> IO[bytes] | None:
        """Check where a redirect leads before the library does, whose message says nothing of it."""
        target = headers.get("location") or headers.get("uri") or ""
        if (scheme := urlsplit(target).scheme) not in ("", "http", "https"):
            raise ZaohuaError(f"{shown(req.full_url)}: leads to {scheme}:, which isn't followed")
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener() -> urllib.request.OpenerDirector:
    """Return what opens addresses of the web and no others, such as files."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


class Web(Place):
    """File behind an address of the web."""

    def __init__(self, url: str):
        self.url = url
        if "@" in urlsplit(url).netloc:
            raise ZaohuaError(f"{shown(url)}: passwords in addresses aren't sent: fetch the file yourself")

    def listed(self) -> Listed:
        """Ask for the name, the size and the state of the file, without fetching it."""
        try:
            with self._ask("HEAD") as answer:
                file = self._described(answer)
        except _Refused as error:
            if error.code in MEANINGS and error.code != 403:
                raise
            file = RemoteFile(name_of(self.url), None, None, self.url)  # it may answer to GET only
        return Listed(file.name, [file], False)

    def read(self, file: RemoteFile, start: int) -> tuple[int, Iterator[bytes]]:
        """Begin to read the file; from its beginning if the server can't do otherwise, or it has changed."""
        try:
            answer = self._ask("GET", start)
        except _Refused as error:
            if error.code != 416 or not start:
                raise
            answer, start = self._ask("GET"), 0
        now = self._described(answer).state
        if start and (answer.status != 206 or now is None or now != file.state):
            if answer.status == 206:
                answer.close()
                answer = self._ask("GET")
            start = 0
        return start, self._bytes(answer, start)

    def _bytes(self, answer: HTTPResponse, start: int) -> Iterator[bytes]:
        length, got = answer.length, 0
        with answer:
            while True:
                try:
                    chunk = answer.read(CHUNK)
                except (OSError, HTTPException) as error:
                    raise Broken(f"{shown(self.url)}: the connection broke off ({_reason(error)})") from error
                if not chunk:
                    break
                got += len(chunk)
                yield chunk
        if length is not None and got < length:
            raise Broken(f"{shown(self.url)}: ended after {start + got:,} of {start + length:,} bytes")

    def _ask(self, method: str, start: int = 0) -> HTTPResponse:
        headers = {"User-Agent": "zaohua", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        try:
            request = urllib.request.Request(self.url, method=method, headers=headers)
            answer = cast(HTTPResponse, _opener().open(request, timeout=TIMEOUT))
        except HTTPError as error:
            raise _Refused(self.url, error) from None
        except (OSError, HTTPException, ValueError) as error:
            if isinstance(error, ZaohuaError):
                raise
            raise Broken(f"{shown(self.url)}: can't be fetched ({_reason(error)})") from error
        return answer

    def _described(self, answer: HTTPResponse) -> RemoteFile:
        """Return what an answer says of the file.

        Raises:
            ZaohuaError: it is a page that shows the file.
        """
        media, size = answer.headers.get_content_type(), answer.headers.get("Content-Length", "")
        given = answer.headers.get_filename()
        name = name_of(self.url, given, media if answer.headers.get("Content-Type") else None)
        if media == "text/html" and not name_of(self.url).endswith((".html", ".htm")):
            hub = urlsplit(self.url).hostname == "huggingface.co"
            path = urlsplit(self.url).path
            advice = f"give hf:/{path}" if hub else "give the address of the file itself"
            raise ZaohuaError(f"{shown(self.url)}: is a web page, and not a file of data: {advice}")
        total = answer.headers.get("Content-Range", "").rpartition("/")[2] if answer.status == 206 else size
        tag, changed = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
        state = {"etag": tag} if tag else {"modified": changed, "size": total} if changed or total else None
        return RemoteFile(
            name, int(total) if total.isdigit() else None, None if state is None else json.dumps(state), self.url
        )


class _Refused(Broken):
    """Answer of a server that isn't the file."""

    again = False

    def __init__(self, url: str, error: HTTPError):
        meaning = " ".join(MEANINGS.get(error.code, error.reason).splitlines()[0].split()).rstrip(":.")
        super().__init__(f"{shown(url)}: the server answers {error.code} ({meaning})")
        self.code = error.code


def _reason(error: Exception) -> str:
    """Describe an error of a connection in a few words."""
    cause = getattr(error, "reason", error)
    if isinstance(cause, (TimeoutError, socket.timeout)):
        return f"no answer for {TIMEOUT:g} seconds"
    return " ".join(str(getattr(cause, "strerror", None) or cause or type(cause).__name__).split())
