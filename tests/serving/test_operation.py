"""What others see of a server: alive, ready, draining, its measures; and how it ends."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.rows import RowShelf
from tests.serving.wire import Wire, answer_of, asking, serving, until, whole
from zaohua import __version__
from zaohua.serving.settings import Settings

ROOT = Path(__file__).parents[2]
BODY = {"model": "letters", "prompt": "x", "max_tokens": 2}
LOADING = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with serving(RowShelf(), Settings(port=0)) as wire:
        yield wire


def measured(wire: Wire) -> dict[str, float]:
    """All measures by their names and labels."""
    lines = wire.get("/metrics").body.decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_the_version_and_the_ids_of_answers(wire: Wire) -> None:
    assert wire.get("/version").json == {"version": __version__}
    assert wire.get("/health", "X-Request-Id: from-a.proxy:1\r\n").headers["x-request-id"] == "from-a.proxy:1"
    made = {
        wire.get("/health", f"X-Request-Id: {bad}\r\n").headers["x-request-id"] for bad in ("a b", "<x>", "a" * 129, "")
    }
    assert len(made) == 4 and all(re.fullmatch(r"[0-9a-f]{32}", each) for each in made)
    assert "x-request-id" in wire.get("/nowhere").headers and "x-request-id" in wire.get("/v1/models", host="x").headers


def test_streams_are_kept_out_of_caches_and_buffers(wire: Wire) -> None:
    found = wire.post({**BODY, "stream": True})
    assert found.headers["content-type"].startswith("text/event-stream")
    assert (found.headers["cache-control"], found.headers["x-accel-buffering"]) == ("no-store", "no")


def test_a_server_that_loads_is_alive_but_not_ready() -> None:
    shelf = RowShelf()
    shelf.ready = False
    with serving(shelf, Settings(port=0)) as wire:
        found = wire.get("/health/ready")
        assert (found.status, found.json) == (503, LOADING)
        assert wire.get("/health").status == wire.get("/v1/models").status == 200
        shelf.ready = True
        assert wire.get("/health/ready").status == 200


def test_the_measures_are_of_known_routes_and_models() -> None:
    with serving(RowShelf(), Settings(port=0)) as wire:
        for path in ("/v1/completions", "/nowhere/1", "/nowhere/2"):
            wire.post({**BODY, "max_tokens": 4, "n": 2}, path)
        wire.post({**BODY, "stream": True})
        wire.post({**BODY, "model": "unknown-1"})
        wire.get("/v1/models/unknown-2")
        wire.get("/v1/models", host="evil.example")
        assert until(lambda: measured(wire)["zaohua_requests_in_work"] == 0)
        found = measured(wire)
    labels = 'code="200",model="letters",route="/v1/completions"'
    assert found[f"zaohua_request_duration_seconds_count{{{labels}}}"] == 2
    assert found['zaohua_request_duration_seconds_count{code="404",model="",route=""}'] == 2
    assert found['zaohua_requests_rejected_total{reason="host"}'] == 1
    assert found['zaohua_prompt_tokens_total{model="letters"}'] == 2
    assert found['zaohua_generation_tokens_total{model="letters"}'] == 4 * 2 + 2
    assert found['zaohua_time_to_first_token_seconds_count{model="letters"}'] == 2
    assert found["zaohua_models_loaded"] == 1 and found["process_resident_memory_bytes"] > 0
    assert not any("nowhere" in name or "unknown" in name for name in found)
    names = "requests_running requests_waiting time_per_output_token_seconds_count model_load_seconds_count".split()
    assert all(f'zaohua_{name}{{model="letters"}}' in found for name in names)


def test_metrics_can_be_left_out() -> None:
    with serving(RowShelf(), Settings(port=0, metrics=False)) as wire:
        assert wire.get("/metrics").status == 404


def test_a_path_under_which_a_proxy_shows_the_server() -> None:
    with serving(RowShelf(), Settings(port=0, root_path="/models")) as wire:
        assert wire.get("/health").status == wire.get("/v1/models").status == wire.get("/metrics").status == 200


def test_a_failure_tells_no_internals(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(scope: object, receive: object, send: object) -> None:
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr(wire.gate, "app", type(wire.gate.app)(broken, wire.gate.state, wire.gate.metrics.report))
    found = wire.get("/v1/models")
    assert found.status == 500 and found.json["error"]["code"] == "internal_error" and b"secret" not in found.body


def test_a_server_that_drains_still_answers_and_says_so() -> None:
    shelf = RowShelf()
    with serving(shelf, Settings(port=0, drain_seconds=0.5)) as wire:
        with wire.connect() as kept:
            kept.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"connection: close" not in whole(kept)
            since = time.monotonic()
            wire.server.handle_exit(signal.SIGTERM, None)
            assert wire.get("/health/ready").status == 503
            assert wire.post(BODY).status == wire.get("/health").status == 200
            kept.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"connection: close" in whole(kept)
        assert until(lambda: shelf.closed) and time.monotonic() - since > 0.5
        with pytest.raises(OSError):
            wire.connect()


def test_what_takes_too_long_at_the_end_is_told_so() -> None:
    with serving(RowShelf(seconds=0.05), Settings(port=0, stop_seconds=1)) as wire, wire.connect() as one:
        one.sendall(asking({**BODY, "max_tokens": 4000}))
        assert until(lambda: wire.gate.state.in_work == 1)
        wire.server.handle_exit(signal.SIGTERM, None)
        found = answer_of(one)
        assert found.status == 503 and found.json["error"]["code"] == "stopping"


SERVER = """
import sys, zaohua
from tests.serving.rows import RowShelf
from zaohua.serving.server import listen, run
from zaohua.serving.settings import Settings
settings = Settings(port=0, stop_seconds=20)
listening = listen(settings)
print(listening.getsockname()[1], flush=True)
run(RowShelf(seconds=float(sys.argv[1])), settings, listening)
"""


@pytest.fixture
def process(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server in a process of its own, and its port."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    arguments = [sys.executable, "-c", SERVER, str(request.param)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}) as made:
        assert made.stdout is not None
        yield made, int(made.stdout.readline())
        made.kill()


def asked(port: int, found: list[str]) -> None:
    """Ask for a text, and note what became of it."""
    try:
        made = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        made.request(
            "POST", "/v1/completions", json.dumps({**BODY, "max_tokens": 10}), {"Content-Type": "application/json"}
        )
        answer = made.getresponse()
        complete = answer.status == 200 and json.loads(answer.read())["choices"][0]["text"] == "a" * 10
        found.append("whole" if complete else f"{answer.status}")
    except ConnectionRefusedError:
        found.append("refused")
    except OSError as error:
        found.append(type(error).__name__)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("process", [0.02], indirect=True)
def test_a_server_that_is_stopped_under_load_loses_no_request(process: tuple[subprocess.Popen[str], int]) -> None:
    """Each connection that was taken gets its whole answer, and later ones are refused."""
    made, port = process
    found: list[str] = []
    threads = []
    assert until(lambda: is_open(port), 20)
    for i in range(200):
        threads.append(threading.Thread(target=asked, args=(port, found)))
        threads[-1].start()
        if i == 100:
            made.send_signal(signal.SIGTERM)
        time.sleep(0.004)
    for thread in threads:
        thread.join()
    assert set(found) == {"whole", "refused"} and found.count("whole") > 100
    assert made.wait(10) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("process", [1.0], indirect=True)
def test_a_second_signal_ends_the_server_at_once(process: tuple[subprocess.Popen[str], int]) -> None:
    made, port = process
    assert until(lambda: is_open(port), 20)
    thread = threading.Thread(target=asked, args=(port, []))
    thread.start()
    time.sleep(0.3)
    made.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert made.poll() is None
    made.send_signal(signal.SIGTERM)
    assert made.wait(1) == 128 + signal.SIGTERM
    thread.join()


def is_open(port: int) -> bool:
    """Whether a server answers at a port."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as made:
            made.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return answer_of(made).status == 200
    except OSError:
        return False
