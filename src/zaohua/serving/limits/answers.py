"""The outermost layer: each answer gets an id and headers, each failure the form of an error, and both are counted."""

from __future__ import annotations

import http
import json
import logging
import re
import time
import uuid
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zaohua.serving.limits.protocol import HEAD_BYTES
from zaohua.serving.requests.errors import ApiError
from zaohua.serving.state import VISIT, Answered, Rejection, State, Visit

LOG = logging.getLogger("zaohua.serving")
ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
"""Ids of requests that are taken from clients and proxies."""
HEADERS = 100
"""Headers of a request at most."""
Report = Callable[[Scope, Visit, Answered, float], None]
"""Takes a request, what is known of it, how far its answer came, and the seconds that it took."""


async def refuse(reason: Rejection, error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer that a request isn't let in, and note why."""
    VISIT.get().rejected = reason
    await error.response()(scope, receive, send)


def raw(error: ApiError) -> bytes:
    """Return an answer with an error as HTTP/1.1, after which the connection is closed."""
    body = json.dumps(error.body()).encode()
    headers = {**error.headers, "Content-Type": "application/json", "Content-Length": str(len(body))}
    headers |= {"X-Request-Id": uuid.uuid4().hex, "Connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {error.status} {http.HTTPStatus(error.status).phrase}\r\n{head}\r\n".encode() + body


class Answers:
    """Give each request an id; answer it if the application fails; report what became of it."""

    def __init__(self, app: ASGIApp, state: State, report: Report) -> None:
        self.app, self.state, self.report = app, state, report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens."""
        visit, answered, since = Visit(_id_of(scope)), Answered(), time.perf_counter()
        token = VISIT.set(visit)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(message, visit)
            await send(answered.note(message))

        try:
            if _is_long(scope):
                error = ApiError(431, "the head of the request is too long", code="long_head")
                await refuse("head", error, scope, receive, sending)
            else:
                await self.app(scope, receive, sending)
        except Exception:
            LOG.exception("request %s failed", visit.id)
            if not answered.status:
                failed = ApiError(500, "the server failed: its log says why", code="internal_error")
                await failed.response()(scope, receive, sending)
        finally:
            VISIT.reset(token)
            self.report(scope, visit, answered, time.perf_counter() - since)

    def _add_headers(self, message: Message, visit: Visit) -> None:
        """Add the request's id, and what keeps answers out of caches and buffers."""
        headers = MutableHeaders(scope=message)
        headers["x-request-id"] = visit.id
        headers["x-content-type-options"] = "nosniff"
        if headers.get("content-type", "").startswith("text/event-stream"):
            headers["cache-control"] = "no-store"
            headers["x-accel-buffering"] = "no"
        if self.state.draining:  # clients with open connections turn to another server
            headers["connection"] = "close"


def _is_long(scope: Scope) -> bool:
    """Return whether the head of a request is longer than may be; the protocol looks at unfinished ones only."""
    headers = scope["headers"]
    length = (
        len(scope["raw_path"]) + len(scope["query_string"]) + sum(len(name) + len(value) for name, value in headers)
    )
    return length > HEAD_BYTES or len(headers) > HEADERS


def _id_of(scope: Scope) -> str:
    """Return the id that a proxy gave to a request, or a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if ID.fullmatch(given) else uuid.uuid4().hex
