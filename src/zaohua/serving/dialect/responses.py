"""`/v1/responses`: answers of models that learnt dialogues, in the least that clients of this route accept."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import Field

from zaohua.core.json import Json, JsonValue
from zaohua.serving.dialect import text
from zaohua.serving.dialect.chat import MOST_MESSAGES, Message, chat_model, dialogue_of
from zaohua.serving.dialect.sse import streamed
from zaohua.serving.requests.errors import invalid
from zaohua.serving.requests.served import Served
from zaohua.serving.requests.strict import StrictRoute
from zaohua.serving.work import Engine, Finish, TextWork


class ResponseBody(text.TextBody):
    """Request of an answer. Nothing is kept from one request to the next."""

    input: str | Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    instructions: str | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    previous_response_id: str | None = None
    background: bool | None = None
    n: Literal[1] | None = None


def routes(served: Served) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["texts"], route_class=StrictRoute)

    @router.post("/v1/responses", response_model=None)
    async def respond(body: ResponseBody) -> Json | StreamingResponse:
        """Answer a text, or the last message of a dialogue."""
        text.refuse(body)
        for name in ("previous_response_id", "background"):
            if getattr(body, name):
                raise invalid(name, "nothing is kept here: send the whole dialogue", "not_supported")
        card = chat_model(served, body.model)
        first: list[Json] = [] if body.instructions is None else [{"role": "system", "content": body.instructions}]
        given = [Message(role="user", content=body.input)] if isinstance(body.input, str) else body.input
        messages = first + [dialogue_of(message, f"input.{i}.content") for i, message in enumerate(given)]
        engine = await served.engine(card)
        longest = body.max_output_tokens or body.max_tokens
        work = await text.work_of(served, card, engine, body, messages, max_tokens=longest)
        if body.stream:
            return await streamed(_events(engine, work, body), named=True)
        async with text.writing(engine, [work]) as begun:
            (written,) = await text.gathered(begun, 1)
            return _answer(_head(body), written.text, written.finish, text.usage(begun)) | text.remarks(begun)

    return router


def _head(body: ResponseBody) -> Json:
    """Return the fields of an answer that don't change while it is written."""
    return {
        "id": text.head("resp", "response", body.model)["id"],
        "object": "response",
        "created_at": int(time.time()),
        "model": body.model,
        "instructions": body.instructions,
        "parallel_tool_calls": False,
        "tool_choice": "none",
        "tools": [],
        "error": None,
        "metadata": {},
    }


def _answer(head: Json, written: str, finish: Finish | None, usage: dict[str, int]) -> Json:
    """Return a whole answer."""
    cut = finish == "length"
    return {
        **head,
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": [_message(head, [_part(written)], "incomplete" if cut else "completed")],
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage["total_tokens"],
        },
    }


def _message(head: Json, content: list[Json], status: str) -> Json:
    """Return the message of an answer."""
    return {
        "id": f"msg-{head['id']}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def _part(written: str) -> Json:
    """Return the text of a message."""
    return {"type": "output_text", "text": written, "annotations": []}


async def _events(engine: Engine, work: TextWork, body: ResponseBody) -> AsyncGenerator[Json]:
    """Yield the events of an answer that is being written."""
    head, number, whole = _head(body), 0, text.Written()
    open_ = {**head, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    message = _message(head, [], "in_progress")
    place = {"item_id": message["id"], "output_index": 0, "content_index": 0}

    def event(kind: str, **fields: JsonValue) -> Json:
        nonlocal number
        number += 1
        return {"type": f"response.{kind}", "sequence_number": number - 1, **fields}

    async with text.writing(engine, [work]) as begun:
        async for piece in text.pieces(begun, 1):
            if not number:
                yield event("created", response=open_)
                yield event("output_item.added", output_index=0, item=message)
                yield event("content_part.added", **place, part=_part(""))
            whole.add(piece)
            if piece.text:
                yield event("output_text.delta", **place, delta=piece.text, logprobs=[])
        answer = _answer(head, whole.text, whole.finish, text.usage(begun)) | text.remarks(begun)
        yield event("output_text.done", **place, text=whole.text, logprobs=[])
        yield event("content_part.done", **place, part=_part(whole.text))
        yield event("output_item.done", output_index=0, item=answer["output"][0])
        yield event(answer["status"], response=answer)
