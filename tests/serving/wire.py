"""A server on a real socket in a thread, and requests byte by byte, as no client library would send them."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from zaohua.serving.gate import Gate
from zaohua.serving.server import Server, listen, uvicorn_config
from zaohua.serving.settings import Settings
from zaohua.serving.work import Shelf


@dataclass
class Answer:
    """What came back: status (0 for none), headers, body, and the seconds until then."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    late: bool = False

    @property
    def json(self) -> dict:
        return json.loads(self.body)


def until(is_so: Callable[[], bool], seconds: float = 5) -> bool:
    """Wait until something is so; False if it isn't by then."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def asking(
    body: bytes | str | dict,
    path: str = "/v1/completions",
    kind: str = "application/json",
    headers: str = "",
    host: str = "127.0.0.1",
) -> bytes:
    """A POST request."""
    text = json.dumps(body) if isinstance(body, dict) else body
    data = text.encode() if isinstance(text, str) else text
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\n{headers}"
    return f"{head}Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data


@dataclass
class Wire:
    """A server that listens."""

    port: int
    gate: Gate
    server: Server

    def connect(self, timeout: float = 10) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def raw(self, data: bytes, wait: float = 10, close: bool = False) -> Answer:
        """Send bytes, and read one answer until its end, the connection's end, or the time is over."""
        with self.connect(wait) as made:
            since = time.perf_counter()
            with contextlib.suppress(OSError):  # the server may answer before all is sent
                made.sendall(data)
                if close:
                    made.shutdown(socket.SHUT_WR)
            found = answer_of(made)
        found.seconds = time.perf_counter() - since
        return found

    def get(self, path: str, headers: str = "", host: str = "127.0.0.1", method: str = "GET") -> Answer:
        return self.raw(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n".encode())

    def post(self, body: bytes | str | dict, *more: str, **named: str) -> Answer:
        """Send a POST request, see `asking`."""
        return self.raw(asking(body, *more, **named))


def whole(made: socket.socket) -> bytes:
    """An answer of `/health`."""
    data = b""
    while not data.endswith(b"}"):
        data += made.recv(65536)
    return data


def answer_of(made: socket.socket) -> Answer:
    """Read an answer from a connection that the server closes behind it."""
    found, data = Answer(), b""
    try:
        while part := made.recv(65536):
            data += part
    except TimeoutError:
        found.late = True
    except OSError:
        pass
    head, _, found.body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    if lines[0].startswith("HTTP/1.1 "):
        found.status = int(lines[0].split()[1])
        found.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if found.headers.get("transfer-encoding") == "chunked":
            found.body = unchunked(found.body)
        elif "content-length" in found.headers:  # behind it may stand an answer to what was taken for a second request
            found.body = found.body[: int(found.headers["content-length"])]
    return found


def unchunked(data: bytes) -> bytes:
    """Join the parts of a body that was sent in parts; one that is cut off ends before."""
    out = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size or b"0", 16)
        out, data = out + data[:length], data[length + 2 :]
    return out


@contextlib.contextmanager
def serving(shelf: Shelf, settings: Settings) -> Iterator[Wire]:
    """Serve while the context lasts, as `zaohua serve` does, and end it as SIGTERM does."""
    listening = listen(settings)
    gate = Gate(shelf, settings)
    server = Server(uvicorn_config(gate, settings), gate)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    port = listening.getsockname()[1]
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline and thread.is_alive()
        time.sleep(0.005)
    try:
        yield Wire(port, gate, server)
    finally:
        if not gate.state.draining:
            server.handle_exit(15, None)
        thread.join(20)
        assert not thread.is_alive()
