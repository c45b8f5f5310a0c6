"""How much is read: bodies up to a size and within a time, and only while there is a place to work on them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from zaohua.serving.limits.answers import refuse
from zaohua.serving.limits.race import run
from zaohua.serving.requests.errors import ApiError
from zaohua.serving.settings import Settings
from zaohua.serving.state import VISIT, Rejection, State

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods of requests that ask for no work, which are answered also when the queue is full."""
NEVER = {"x-should-retry": "false"}
"""Header by which clients don't send again what would be refused again."""


class Unfit(Exception):
    """A request is refused.

    Attributes:
        reason: why, in short.
        error: why, as an answer.
    """

    def __init__(self, reason: Rejection, error: ApiError) -> None:
        super().__init__(reason)
        self.reason, self.error = reason, error


class Bodies:
    """Read the body of a request, then let the application work on it; too much is refused before it is read."""

    def __init__(self, app: ASGIApp, settings: Settings, state: State, full: Callable[[], int | None]) -> None:
        """Take the application, and what tells seconds after which there may be a place; None if there is one now."""
        self.app, self.settings, self.state, self.full = app, settings, state, full

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        try:
            with self._admitted(scope) as hold:
                chunks = await self._read(receive, hold)
                await run(self.app, scope, chunks, receive, send, self.settings.request_seconds)
        except Unfit as unfit:
            await refuse(unfit.reason, unfit.error, scope, receive, send)
        except ClientDisconnect:
            VISIT.get().aborted = True

    @contextmanager
    def _admitted(self, scope: Scope) -> Iterator[Hold]:
        """Check what the head of a request says, and count the request while it is worked on."""
        headers, works = Headers(scope=scope), scope["method"] not in READING
        declared = int(headers.get("content-length", "0"))  # digits: the protocol has checked it
        if headers.get("content-encoding", "identity").casefold() != "identity":
            message = "Content-Encoding: the body must not be compressed"
            raise Unfit("encoding", ApiError(415, message, code="compressed", headers=NEVER))
        hold = Hold(self.settings, self.state)
        hold.check(declared)
        wait = self.full() if works else None
        if wait is not None:
            raise Unfit("queue", busy(wait))
        hold.grow(declared)
        since = time.perf_counter()
        self.state.in_work += works
        try:
            yield hold
        finally:
            hold.release()
            self.state.in_work -= works
            if works:
                self.state.took(time.perf_counter() - since)

    async def _read(self, receive: Receive, hold: Hold) -> deque[bytes]:
        """Read the body as it comes, at least one part.

        Raises:
            Unfit: it is too long, or too late.
            ClientDisconnect: the client left before its end.
        """
        chunks, length, more = deque[bytes](), 0, True
        try:
            async with asyncio.timeout(self.settings.body_seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    chunk, more = message.get("body", b""), message.get("more_body", False)
                    length += len(chunk)
                    hold.grow(length)
                    chunks.append(chunk)
        except TimeoutError:
            close = {"Connection": "close"}
            late = ApiError(408, "the body of the request didn't come in time", code="late_body", headers=close)
            raise Unfit("late_body", late) from None
        return chunks


class Hold:
    """Bytes of a body that count as held, from their announcement on until the request is answered."""

    def __init__(self, settings: Settings, state: State) -> None:
        self.settings, self.state, self.bytes = settings, state, 0

    def check(self, length: int) -> None:
        """Refuse what no request may be as long as.

        Raises:
            Unfit: it is too long.
        """
        if length > self.settings.max_body:
            message = f"the request is longer than this server takes, {self.settings.max_body:,} bytes"
            raise Unfit("size", ApiError(413, message, code="too_large", headers=NEVER))

    def grow(self, length: int) -> None:
        """Hold so many bytes, unless it holds more already.

        Raises:
            Unfit: it is too long, or all requests together are now.
        """
        self.check(length)
        more = max(length - self.bytes, 0)
        if self.state.held + more > max(self.settings.max_held, self.settings.max_body):
            raise Unfit("held", _later("too much is being sent", "too_much_sent", self.state.retry_after))
        self.bytes += more
        self.state.held += more

    def release(self) -> None:
        """Give the bytes back."""
        self.state.held -= self.bytes


def busy(wait: int) -> ApiError:
    """Return the answer when no model has a place, with the seconds after which there may be one."""
    return _later("too many requests wait", "queue_full", wait)


def _later(message: str, code: str, wait: int) -> ApiError:
    """Return the answer that a client may try again."""
    return ApiError(429, f"{message}: try again in {wait} s", code=code, headers={"Retry-After": str(wait)})
