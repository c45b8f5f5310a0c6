"""Hostile requests to a server with real models: no failure, no hang, alive after each, and no memory lost."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.hostile import cases
from tests.serving.wire import Wire, asking, serving, until
from zaohua.serving.engines.shelf import Runs
from zaohua.serving.settings import Settings

RUNS = Path(__file__).parents[1] / "golden" / "runs"
NAMES = ("gpt", "gpt-chat", "ddpm", "flow", "flow-sounds", "tab-ar")
CASES = cases()


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    """A server of tiny models, with short deadlines and small limits."""
    settings = Settings(
        port=0,
        head_seconds=0.5,
        body_seconds=0.5,
        request_seconds=5,
        max_body=1 << 20,
        max_pixels=1 << 20,
        max_seconds=60,
    )
    with serving(Runs([RUNS / name for name in NAMES], settings), settings) as wire:
        for name in NAMES:
            answers = (wire.post({"model": name, "n": 1, "seed": 0}, "/v1/samples") for _ in range(20))
            assert any(found.status == 200 for found in answers), name  # loading may outlast a request
        yield wire


def memory() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_there_are_enough() -> None:
    names = [name for name, _, _ in CASES]
    assert len(set(names)) == len(names) >= 60


@pytest.mark.parametrize("number", range(len(CASES)), ids=[name for name, _, _ in CASES])
def test_a_hostile_request_is_refused_or_answered(wire: Wire, number: int) -> None:
    _, data, allowed = CASES[number]
    found = wire.raw(data(), wait=10)
    assert found.status in allowed and not found.late, (found.status, found.body[:300])
    if 400 <= found.status and found.headers["content-type"].startswith("application/json"):
        assert set(found.json["error"]) == {"message", "type", "param", "code"}
    assert b"Traceback" not in found.body and b"/zaohua/" not in found.body and b"passwd" not in found.body
    assert wire.get("/health").status == 200


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_hostile_requests_leave_nothing_behind(wire: Wire) -> None:
    """After all of them once, all of them again take no further memory."""
    before = memory()
    for _, data, _ in CASES:
        wire.raw(data(), wait=10)
    assert memory() - before < 50 << 20
    assert wire.post({"model": "gpt", "prompt": "a", "max_tokens": 2}).status == 200
    assert until(lambda: wire.gate.state.in_work == wire.gate.state.held == 0)


def test_clients_that_leave_free_the_rows_of_a_real_model(wire: Wire) -> None:
    engine = wire.gate.shelf.loaded["gpt"]
    many = [wire.connect() for _ in range(20)]
    for number, made in enumerate(many):
        body = {"model": "gpt", "prompt": "", "max_tokens": 4000, "n": 2, "stream": bool(number % 2)}
        made.sendall(asking({**body, "logit_bias": {}, "seed": number}))
    assert until(lambda: engine.running > 0)
    for made in many:
        made.close()
    assert until(lambda: engine.running + engine.waiting == 0, 2)


def test_health_answers_while_a_request_waits_for_its_body(wire: Wire) -> None:
    with wire.connect() as made:
        made.sendall(asking({"model": "gpt", "prompt": "a"})[:-5])
        assert wire.get("/health").seconds < 0.4
