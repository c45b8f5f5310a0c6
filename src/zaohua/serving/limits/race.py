"""How long work goes on: until it is done, its client has left, or its time is over."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zaohua.serving.dialect.sse import event
from zaohua.serving.requests.errors import ApiError, as_answer
from zaohua.serving.state import VISIT, Answered

TIDY = 5.0
"""Seconds within which cancelled work has to end."""


async def run(app: ASGIApp, scope: Scope, chunks: deque[bytes], receive: Receive, send: Send, seconds: float) -> None:
    """Run an application on a body that was read; cancel it when its client leaves or its time is over.

    Starlette ends streams whose client left, but lets all other work go on.

    Args:
        app: the application.
        scope: the request.
        chunks: parts of its body, which are given away.
        receive: tells when the client has left.
        send: takes the answer.
        seconds: time that the work may take.
    """
    answered = Answered()
    left = asyncio.create_task(_left(receive))

    async def reading() -> Message:
        if chunks:
            return {"type": "http.request", "body": chunks.popleft(), "more_body": bool(chunks)}
        await asyncio.shield(left)
        return {"type": "http.disconnect"}

    async def sending(message: Message) -> None:
        await send(answered.note(message))

    work = asyncio.create_task(_called(app(scope, reading, sending)))
    try:
        await asyncio.wait({work, left}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if work.done() or answered.complete:  # `receive` also returns when the whole answer is sent
            await work
        elif left.done():
            VISIT.get().aborted = True
            await _stop(work)
        else:
            await _stop(work)
            await _give_up(as_answer(TimeoutError()), answered, scope, receive, send)
    except asyncio.CancelledError:  # the server stops, and waits no longer
        await _stop(work)
        stopping = ApiError(503, "the server is stopped: try again", code="stopping", headers={"Retry-After": "5"})
        await _give_up(stopping, answered, scope, receive, send)
    finally:
        work.cancel()
        left.cancel()


async def _left(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _called(call: Awaitable[None]) -> None:
    await call


async def _stop(work: asyncio.Task[None]) -> None:
    """Cancel work, and wait until it has ended."""
    work.cancel()
    done, _ = await asyncio.wait({work}, timeout=TIDY)
    for task in done:
        if not task.cancelled():
            task.exception()  # work that is cancelled may end by any error: nobody asks for it


async def _give_up(error: ApiError, answered: Answered, scope: Scope, receive: Receive, send: Send) -> None:
    """Tell the client why there is no answer, or no more of it: a stream that just ends would look complete."""
    if not answered.status:
        await error.response()(scope, receive, send)
    elif answered.stream and not answered.complete:
        last = event(error.body()) + "data: [DONE]\n\n"
        await send({"type": "http.response.body", "body": last.encode(), "more_body": False})
