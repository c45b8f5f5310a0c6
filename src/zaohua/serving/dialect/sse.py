"""Streams of server-sent events, which never just end: the last event is `[DONE]`, after an error if there was one."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from fastapi.responses import StreamingResponse

from zaohua.core.json import Json
from zaohua.serving.requests.errors import as_answer

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Headers by which proxies neither keep nor hold back what is streamed."""


async def streamed(chunks: AsyncGenerator[Json], named: bool = False) -> StreamingResponse:
    """Return an answer that sends chunks as they come.

    The first chunk is awaited here, so that a request that can't be done is answered by a status.

    Args:
        chunks: the chunks, at least one; closed when the client goes away.
        named: whether each event carries its `type` as a name, and no `[DONE]` follows.
    """
    try:
        first = await anext(chunks)
    except BaseException:
        await chunks.aclose()
        raise
    return StreamingResponse(_events(first, chunks, named), media_type="text/event-stream", headers=HEADERS)


async def _events(first: Json, chunks: AsyncGenerator[Json], named: bool) -> AsyncIterator[str]:
    """Write chunks as events; an error in their midst is an event, too."""
    async with aclosing(chunks):
        try:
            yield event(first, named)
            async for chunk in chunks:
                yield event(chunk, named)
        except Exception as error:
            failed = as_answer(error).body()
            yield event({**failed["error"], **failed, "type": "error"} if named else failed, named)
    if not named:
        yield "data: [DONE]\n\n"


def event(chunk: Json, named: bool = False) -> str:
    """Write a chunk as an event."""
    name = f"event: {chunk['type']}\n" if named else ""
    return f"{name}data: {json.dumps(chunk, separators=(',', ':'), allow_nan=False)}\n\n"
