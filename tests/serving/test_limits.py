"""Who is let in, how much is read, how long work goes on; on a real socket."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.serving.rows import RowShelf
from tests.serving.wire import Wire, answer_of, asking, serving, until
from tests.serving.wire import whole as whole_answer
from zaohua.serving.limits.protocol import is_whole
from zaohua.serving.settings import Settings

KEY = "key-of-tests"
BODY = {"model": "letters", "prompt": "x", "max_tokens": 2}


@pytest.fixture(scope="module")
def closed() -> Iterator[Wire]:
    """A server with a key, a name and a site that may call it."""
    settings = Settings(
        port=0, keys=("other", KEY), hosts=("models.example.org",), origins=("https://app.example.org",)
    )
    with serving(RowShelf(), settings) as wire:
        yield wire


@pytest.fixture(scope="module")
def small() -> Iterator[Wire]:
    """A server with small limits and short deadlines."""
    settings = Settings(port=0, max_body=2000, max_held=5000, head_seconds=0.3, body_seconds=0.3, request_seconds=0.5)
    with serving(RowShelf(seconds=0.05), settings) as wire:
        yield wire


def bearer(key: str) -> str:
    return f"Authorization: Bearer {key}\r\n"


def test_a_key_is_asked_for_before_anything_else(closed: Wire) -> None:
    for headers in (
        "",
        bearer("wrong"),
        f"Authorization: Basic {KEY}\r\n",
        f"X-API-Key: {KEY}\r\n",
        "Authorization:\r\n",
    ):
        found = closed.post(BODY, headers=headers)
        assert found.status == 401 and found.json["error"]["code"] == "invalid_api_key"
        assert found.headers["www-authenticate"] == "Bearer" and KEY not in str(found)
    for key in ("other", KEY):
        assert closed.post(BODY, headers=bearer(key)).status == 200
    assert closed.post("no JSON", path="/nowhere").status == 401
    assert closed.get("/metrics").status == closed.get("/version").status == closed.get("/v1/models").status == 401
    assert closed.get("/docs").status == closed.get("/openapi.json").status == 200  # they tell of no model


@pytest.mark.parametrize("name", ["api_key", "key", "access_token", "KEY"])
def test_a_key_in_the_address_is_refused(closed: Wire, name: str) -> None:
    found = closed.get(f"/v1/models?{name}={KEY}", headers=bearer(KEY))
    assert found.status == 400 and found.json["error"]["code"] == "key_in_address" and KEY not in found.body.decode()


def test_health_needs_no_key_and_no_name(closed: Wire) -> None:
    for path in ("/health", "/v1/health", "/health/ready"):
        found = closed.get(path, host="10.0.0.1:8000")
        assert (found.status, found.json) == (200, {"status": "ok"})
        assert closed.get(path, host="elsewhere.example").status == 200
    assert closed.get("/health", method="HEAD").body == b""


@pytest.mark.parametrize(
    "host", ["models.example.org", "MODELS.example.org.:8000", "localhost:1", "[::1]:8000", "10.1.2.3"]
)
def test_names_and_addresses_of_the_server(closed: Wire, host: str) -> None:
    assert closed.get("/v1/models", host=host, headers=bearer(KEY)).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "models.example.org.evil.example", "", "localhost.evil.example", "a b", "["]
)
def test_other_names_are_refused(closed: Wire, host: str) -> None:
    found = closed.get("/v1/models", host=host, headers=bearer(KEY))
    assert found.status in (400, 403)
    assert not found.headers.get("content-type", "").startswith("application/json") or found.status == 403


def test_scripts_of_other_sites_are_refused(closed: Wire) -> None:
    for origin in ("https://evil.example", "null", "http://app.example.org", "http://127.0.0.1:1"):
        found = closed.post(BODY, headers=f"Origin: {origin}\r\n{bearer(KEY)}", kind="text/plain")
        assert found.status == 403 and found.json["error"]["code"] == "origin_not_allowed"
        assert "access-control-allow-origin" not in found.headers
    own = closed.post(
        BODY, headers=f"Origin: http://127.0.0.1:{closed.port}\r\n{bearer(KEY)}", host=f"127.0.0.1:{closed.port}"
    )
    assert own.status == 200


def test_a_site_that_may_call_is_told_so(closed: Wire) -> None:
    site = "Origin: https://app.example.org\r\n"
    asked = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization,content-type\r\n"
    before = closed.get("/v1/completions", headers=site + asked, method="OPTIONS")
    assert before.status == 200 and before.headers["access-control-allow-origin"] == "https://app.example.org"
    assert "authorization" in before.headers["access-control-allow-headers"]
    for headers, status in ((bearer(KEY), 200), ("", 401)):
        found = closed.post(BODY, headers=site + headers)
        assert found.status == status and found.headers["access-control-allow-origin"] == "https://app.example.org"


def test_without_origins_nothing_is_allowed(small: Wire) -> None:
    asked = "Origin: https://app.example.org\r\nAccess-Control-Request-Method: POST\r\n"
    found = small.get("/v1/completions", headers=asked, method="OPTIONS")
    assert found.status == 403 and not any(name.startswith("access-control") for name in found.headers)


def test_bodies_that_are_too_long_are_refused_before_they_are_read(small: Wire) -> None:
    since = time.perf_counter()
    head = b"POST /v1/completions HTTP/1.1\r\nHost: a.example\r\nHost: x\r\n\r\n"
    assert small.raw(head).status == 400
    told = small.raw(
        b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 2001\r\n\r\n"
    )
    assert (
        told.status == 413 and told.json["error"]["code"] == "too_large" and told.headers["x-should-retry"] == "false"
    )
    start = (
        b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    parts = (b"200\r\n" + b"a" * 512 + b"\r\n") * 4
    assert small.raw(start + parts).status == 413
    assert time.perf_counter() - since < 2


def test_an_expected_body_is_not_asked_for_when_it_is_refused(small: Wire) -> None:
    head = "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nConnection: close\r\n"
    assert small.raw(f"{head}Content-Length: 99999\r\n\r\n".encode()).status == 413


def test_compressed_bodies_are_refused(small: Wire) -> None:
    found = small.post(b"\x1f\x8b\x08", headers="Content-Encoding: gzip\r\n")
    assert found.status == 415 and found.json["error"]["code"] == "compressed"


def test_all_bodies_together_are_limited(small: Wire) -> None:
    head = b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 1900\r\n\r\n"
    with small.connect() as one, small.connect() as other:
        for made in (one, other):
            made.sendall(head)
        assert until(lambda: small.gate.state.held == 3800)
        found = small.raw(head)
        assert (
            found.status == 429
            and found.json["error"]["code"] == "too_much_sent"
            and int(found.headers["retry-after"]) > 0
        )
        assert small.post(BODY).status == 200
        assert answer_of(one).status == answer_of(other).status == 408
    assert until(lambda: small.gate.state.held == 0)


def test_a_request_that_takes_too_long_is_told_so(small: Wire) -> None:
    found = small.post({**BODY, "max_tokens": 100})
    assert found.status == 503 and found.json["error"]["code"] == "timeout"
    stream = small.post({**BODY, "max_tokens": 100, "stream": True})
    events = stream.body.decode().strip().split("\n\n")
    assert stream.status == 200 and events[-1] == "data: [DONE]"
    assert json.loads(events[-2].removeprefix("data: "))["error"]["code"] == "timeout"
    assert until(lambda: small.gate.shelf.loaded["letters"].running == 0)


@pytest.mark.parametrize(
    "data, status",
    [
        (b"", 0),
        (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", 0),
        (b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n{", 408),
        (b"POST /nowhere HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 99\r\n\r\n{", 403),
    ],
    ids=["nothing", "head", "body", "refused"],
)
def test_what_never_ends_is_cut_off(small: Wire, data: bytes, status: int) -> None:
    found = small.raw(data, wait=5)
    assert found.status == status and not found.late and 0.2 < found.seconds < 3


def test_a_second_request_has_deadlines_too(small: Wire) -> None:
    with small.connect(5) as made:
        made.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"200 OK" in whole_answer(made)
        made.sendall(b"GET /health HT")
        since = time.perf_counter()
        assert made.recv(65536) == b"" and time.perf_counter() - since < 2


def test_slowly_sent_heads_are_cut_off(small: Wire) -> None:
    with small.connect(5) as made:
        since = time.perf_counter()
        with pytest.raises(OSError):
            for letter in b"GET /health HTTP/1.1\r\nX: " + b"a" * 100:
                made.sendall(bytes([letter]))
                time.sleep(0.03)
        assert time.perf_counter() - since < 2


def test_who_does_not_read_is_cut_off() -> None:
    shelf = RowShelf(seconds=0, text="a" * 20_000)
    with serving(shelf, Settings(port=0, body_seconds=0.3)) as wire, wire.connect(5) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        data = asking({**BODY, "max_tokens": 4000, "stream": True})
        made.sendall(data)
        assert until(lambda: shelf.one.running == 1)
        assert until(lambda: shelf.one.running == 0, 5)


def test_a_full_queue_is_told_at_once_and_before_the_body_is_read() -> None:
    shelf = RowShelf(seconds=0.02, queue=2)
    with serving(shelf, Settings(port=0, queue=2)) as wire:
        held = [wire.connect() for _ in range(2)]
        data = asking({**BODY, "max_tokens": 2000})
        for made in held:
            made.sendall(data)
        assert until(lambda: shelf.one.running == 2)
        start = (
            b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n"
        )
        refused = [wire.raw(start) for _ in range(20)]
        assert all(found.status == 429 and 1 <= int(found.headers["retry-after"]) <= 60 for found in refused)
        assert min(found.seconds for found in refused) < 0.01
        whole = [wire.post(BODY) for _ in range(20)]  # which aren't even parsed
        assert all(found.status == 429 and 1 <= int(found.headers["retry-after"]) <= 60 for found in whole)
        assert {found.json["error"]["code"] for found in [*refused, *whole]} == {"queue_full"}
        assert len({found.headers["x-request-id"] for found in whole}) == 20 and min(f.seconds for f in whole) < 0.005
        assert b'zaohua_requests_rejected_total{reason="queue"} 40.0' in wire.get("/metrics").body
        assert wire.get("/v1/models").status == wire.get("/health").status == 200
        for made in held:
            made.close()
        assert until(lambda: wire.gate.state.in_work == 0)
        assert wire.post(BODY).status == 200


@pytest.mark.parametrize("stream", [False, True])
def test_who_leaves_frees_the_rows(stream: bool) -> None:
    shelf = RowShelf(seconds=0.01)
    with serving(shelf, Settings(port=0)) as wire:
        data = asking({**BODY, "max_tokens": 4000, "n": 2, "stream": stream})
        many = [wire.connect() for _ in range(50)]
        for made in many:
            made.sendall(data)
        assert until(lambda: shelf.one.running == 100)
        for made in many:
            made.close()
        assert until(lambda: shelf.one.running == 0, 1)
        assert until(lambda: b"zaohua_requests_aborted_total 50.0" in wire.get("/metrics").body)
        assert 'code="499"' in wire.get("/metrics").body.decode()


def test_connections_are_limited() -> None:
    with serving(RowShelf(), Settings(port=0, max_connections=5)) as wire:
        many = [wire.connect() for _ in range(5)]
        time.sleep(0.05)
        assert wire.get("/health").status == 0
        many[0].close()
        assert until(lambda: wire.get("/health").status == 200)
        for made in many:
            made.close()


def test_sites_that_may_call_are_told_of_a_full_queue_in_their_way() -> None:
    site = "https://app.example.org"
    shelf = RowShelf(seconds=0.02, queue=1)
    with serving(shelf, Settings(port=0, queue=1, origins=(site,))) as wire, wire.connect() as made:
        made.sendall(asking({**BODY, "max_tokens": 2000}))
        assert until(lambda: shelf.one.running == 1)
        found = wire.post(BODY, headers=f"Origin: {site}\r\n")
        assert found.status == 429 and found.headers["access-control-allow-origin"] == site


@pytest.mark.parametrize(
    "data, whole",
    [
        (asking("{}"), True),
        (asking("{}") + b"more", True),
        (asking("{}")[:-1], False),
        (asking("{}").replace(b"POST", b"GET "), False),
        (b"POST / HTTP/1.1\r\nContent-Length: 2", False),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False),
        (b"POST / HTTP/1.1\r\nContent-Length: -2\r\n\r\n{}", False),
        (b"POST / HTTP/1.1\r\nX: content-length: 2\r\n\r\n{}", False),
    ],
)
def test_whole_requests_are_known_by_their_length(data: bytes, whole: bool) -> None:
    assert is_whole(data) is whole
