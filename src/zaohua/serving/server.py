"""Run the server: listen, answer while models load, and stop without losing a request that was accepted."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

import uvicorn

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.serving.gate import Gate
from zaohua.serving.limits.protocol import HEAD_BYTES, DeadlineProtocol, protocol_of
from zaohua.serving.settings import Settings
from zaohua.serving.work import Shelf

WRAP_UP = 5.0
"""Seconds within which requests that are given up at the end must have told their clients so."""
BACKLOG = 2048
"""Connections that wait to be accepted at most."""


def listen(settings: Settings) -> socket.socket:
    """Return a socket that listens at the address of the settings.

    Raises:
        ZaohuaError: the address isn't one of this machine, or is taken.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((settings.host, settings.port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise ZaohuaError(
            f"can't listen at {settings.host}, port {settings.port}: {error.strerror or error}: "
            f"choose another ({option('port')}, 0 for any that is free)"
        ) from None
    made.setblocking(False)
    return made


def run(shelf: Shelf, settings: Settings, listening: socket.socket, told: Callable[[], None] = lambda: None) -> None:
    """Serve until the process is told to stop (SIGTERM, SIGINT).

    Args:
        shelf: the models to serve.
        settings: the server's settings.
        listening: socket that listens at the address, see `listen`.
        told: called when the server answers.
    """
    _raise_limit_of_files(settings.max_connections)
    _trace()
    gate = Gate(shelf, settings)
    Server(uvicorn_config(gate, settings), gate, told).run(sockets=[listening])
    if not gate.closed:  # the end of the process would wait for the thread that is still at work, or break it
        sys.stdout.flush()
        os._exit(0)


def uvicorn_config(gate: Gate, settings: Settings) -> uvicorn.Config:
    """Return the settings as uvicorn takes them."""
    return uvicorn.Config(
        gate,
        http=protocol_of(settings, gate.refusal),
        ws="none",
        loop="auto",  # uvloop where it is: a connection costs a third less
        lifespan="on",
        log_level="error",
        access_log=False,
        server_header=False,
        root_path=settings.root_path.rstrip("/"),
        forwarded_allow_ips=list(settings.forwarded_allow_ips),
        backlog=BACKLOG,
        timeout_keep_alive=max(1, round(settings.head_seconds)),
        timeout_graceful_shutdown=math.ceil(settings.stop_seconds + WRAP_UP),
        h11_max_incomplete_event_size=HEAD_BYTES,
    )


class Server(uvicorn.Server):
    """Uvicorn's server, which first says that it isn't ready, then stops to listen, and then ends.

    A second signal ends it at once.
    """

    def __init__(self, config: uvicorn.Config, gate: Gate, told: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self.gate, self.told, self._stops_at = gate, told, float("inf")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and tell so."""
        await super().startup(sockets)
        self.told()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop, or end at once at the second signal."""
        if self.gate.state.draining:
            print("zaohua: stopped at once", file=sys.stderr, flush=True)
            os._exit(128 + sig)
        self.gate.state.draining = True
        self._stops_at = time.monotonic() + self.gate.settings.drain_seconds

    async def on_tick(self, counter: int) -> bool:
        """Return True when it is time to stop listening; called ten times a second."""
        if time.monotonic() >= self._stops_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, and finish what was accepted: also connections that nobody has looked at yet."""
        waiting = [found for listening in sockets or () for found in _accepted(listening)]
        for each in self.servers:
            each.close()
        loop = asyncio.get_running_loop()
        for found in waiting:
            await loop.connect_accepted_socket(self._connection, found)
        giving_up = loop.call_later(self.gate.settings.stop_seconds, self._give_up)
        await super().shutdown(sockets)
        giving_up.cancel()

    def _give_up(self) -> None:
        """Cancel the requests that are still being worked on, which tell their clients so."""
        for task in self.server_state.tasks:
            task.cancel()

    def _connection(self) -> DeadlineProtocol:
        """Return the protocol of a new connection, as uvicorn makes it."""
        kind = protocol_of(self.gate.settings, self.gate.refusal)
        return kind(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


def _accepted(listening: socket.socket) -> list[socket.socket]:
    """Accept all connections that wait at a socket."""
    found = []
    while True:
        try:
            found.append(listening.accept()[0])
        except OSError:  # none waits any more
            return found


def _raise_limit_of_files(connections: int) -> None:
    """Let the process open as many files as it may take connections, as far as the system allows."""
    if sys.platform == "win32":  # which has no such limit
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + 256
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _trace() -> None:
    """Let FastAPI send traces where the variables of OpenTelemetry say, if there are any."""
    if any(name.startswith("OTEL_") for name in os.environ):
        os.environ.setdefault("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
