"""A server on this machine, for tests of what is fetched; its pages may be slow, damaged or lies."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What the server answers.

    Attributes:
        body: the content.
        status: of the answer.
        headers: beside the usual ones, which they replace.
        length: the length that is announced; None for that of the body, -1 for none.
        etag: whether the content has an ETag.
        ranges: whether parts can be asked for.
        breaks: the connection breaks off after so many bytes, the first `broken` times.
        broken: see `breaks`.
        wait: seconds before the answer.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    etag: bool = True
    ranges: bool = True
    breaks: int = 0
    broken: int = 0
    wait: float = 0.0


class Server:
    """Server with pages by path; it keeps a list of what was asked of it: the method, the path and the range."""

    def __init__(self, url: str):
        self.url = url
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str, str]] = []

    def put(self, path: str, page: Page | bytes) -> str:
        """Add a page, and return its address."""
        self.pages[path] = page if isinstance(page, Page) else Page(page)
        return f"{self.url}/{path}"

    def fetched(self) -> int:
        """How often content was asked for."""
        return sum(method == "GET" for method, _, _ in self.asked)


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Serve pages inside the context."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(False)

        def do_GET(self) -> None:
            self.answer(True)

        def answer(self, whole: bool) -> None:
            path, wanted = self.path.lstrip("/").partition("?")[0], self.headers.get("Range", "")
            server.asked.append((self.command, path, wanted))
            page = server.pages.get(path, Page(status=404))
            time.sleep(page.wait)
            body, start = page.body, 0
            if wanted and page.ranges and page.status == 200:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
            self.send_response(206 if start else page.status)
            headers = {"Content-Type": "application/octet-stream"}
            if page.length != -1:
                headers["Content-Length"] = str((len(body) if page.length is None else page.length) - start)
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            if page.etag:
                headers["ETag"] = f'"{hashlib.md5(body).hexdigest()}"'
            for name, value in {**headers, **page.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if whole:
                body = body[start:]
                if page.broken > 0:
                    page.broken -= 1
                    body = body[: page.breaks]
                with contextlib.suppress(OSError):
                    self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
