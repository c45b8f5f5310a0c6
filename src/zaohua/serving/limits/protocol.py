"""HTTP/1.1 as uvicorn speaks it, with what it lacks: deadlines of requests and readers, a limit of connections."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Literal

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from zaohua.serving.settings import Settings

HEAD_BYTES = 32 << 10
"""Bytes of a request's line and headers together at most: uvicorn's `h11_max_incomplete_event_size`."""
GRACE = 1.0
"""Seconds beyond the deadline of a body, within which the application can say itself that it is late."""
LINGER = 0.2
"""Seconds for which a stopping server waits for requests on open connections."""
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*(?:\r\n|$)", re.I)
"""Length of a body in a request's head."""
Awaited = Literal["head", "body", "nothing"]


def _never() -> None:
    """Refuse nothing."""


class DeadlineProtocol(H11Protocol):
    """A connection that is closed when the client doesn't go on.

    A request's head has to come within `head_seconds` from the connection or from its first byte on, its body within
    `body_seconds`, whether or not the application waits for it; and a client has to go on reading an answer within
    `body_seconds`.
    """

    settings = Settings()
    """Settings of the server; a subclass for each server has its own, see `protocol_of`."""
    refusal: Callable[[], bytes | None] = staticmethod(_never)
    """Tells how a request for work is refused, before it is parsed; None if it isn't."""
    _awaited: Awaited = "nothing"
    _late: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take a connection, unless too many are open."""
        super().connection_made(transport)
        if len(self.connections) > self.settings.max_connections:
            transport.close()
        else:
            self._await("head")

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request, and note what the client owes now."""
        if self._awaited == "head" and is_whole(data) and not self.conn.trailing_data[0]:
            refused = self.refusal()
            if refused is not None:
                self.transport.write(refused)
                self.transport.close()
                return
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Go on to the next request of the connection."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """Stop writing because the client doesn't read; cut the connection if that lasts."""
        super().pause_writing()
        if self._stuck is None:
            self._stuck = self.loop.call_later(self.settings.body_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on writing."""
        super().resume_writing()
        _cancel(self._stuck)
        self._stuck = None

    def shutdown(self) -> None:
        """End the connection when the server stops: after its request, or soon if there is none.

        One that seems idle is left open for a moment: its request may be on the way, or not be read yet.
        """
        if self._is_idle():
            self.loop.call_later(LINGER, self._end)
        else:
            super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        _cancel(self._late)
        _cancel(self._stuck)
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _end(self) -> None:
        """End the connection of a server that stops, unless a request has begun to come meanwhile."""
        if not self._is_idle():
            self.cycle.keep_alive = False
        elif not self.conn.trailing_data[0]:
            self.transport.close()

    def _look(self) -> None:
        """Find out what is awaited of the client, and arm its deadline if that is new."""
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            self._await("body")
        elif state is h11.IDLE and (self.cycle is None or self.conn.trailing_data[0]):
            self._await("head")
        else:
            self._await("nothing")

    def _await(self, what: Awaited) -> None:
        """Arm the deadline of what is awaited, unless it is armed."""
        if what != self._awaited:
            _cancel(self._late)
            self._awaited = what
            seconds = {"head": self.settings.head_seconds, "body": self.settings.body_seconds + GRACE}.get(what)
            self._late = None if seconds is None else self.loop.call_later(seconds, self._cut)

    def _cut(self) -> None:
        """Close the connection; what can't be sent any more is dropped."""
        if not self.transport.is_closing():
            self.transport.close()
            self.loop.call_later(GRACE, self.transport.abort)


def protocol_of(server: Settings, refused: Callable[[], bytes | None] = _never) -> type[DeadlineProtocol]:
    """Return the class of connections of a server.

    Args:
        server: its settings.
        refused: tells how a request for work is refused at present; None if it isn't.
    """

    class Protocol(DeadlineProtocol):
        settings = server
        refusal = staticmethod(refused)

    return Protocol


def is_whole(data: bytes) -> bool:
    """Return True if bytes hold a whole request for work, of which nothing is left to come."""
    if not data.startswith(b"POST "):
        return False
    head, end, body = data.partition(b"\r\n\r\n")
    length = LENGTH.search(head)
    return bool(end) and length is not None and len(body) >= int(length[1])


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
