"""`/v1/chat/completions`: answers of models that learnt dialogues."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import Field

from zaohua.core.json import Json
from zaohua.serving.dialect import text
from zaohua.serving.dialect.sse import streamed
from zaohua.serving.requests.errors import ApiError, invalid
from zaohua.serving.requests.served import Body, Served
from zaohua.serving.requests.strict import StrictRoute
from zaohua.serving.work import Engine, ModelCard, TextWork, TokenChance

MOST_MESSAGES = 1000


class Part(Body):
    """Part of a message; other parts than texts are refused."""

    type: str
    text: str | None = None


class Message(Body):
    """Message of a dialogue."""

    role: text.Role
    content: str | list[Part]


class ChatBody(text.TextBody):
    """Request of an answer."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None


def routes(served: Served) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["texts"], route_class=StrictRoute)

    @router.post("/v1/chat/completions", response_model=None)
    async def chat(body: ChatBody) -> Json | StreamingResponse:
        """Answer the last message of a dialogue."""
        text.refuse(body)
        card = chat_model(served, body.model)
        engine = await served.engine(card)
        work = await text.work_of(
            served,
            card,
            engine,
            body,
            [dialogue_of(message, f"messages.{i}.content") for i, message in enumerate(body.messages)],
            max_tokens=body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens,
            top_logprobs=(body.top_logprobs or 0) if body.logprobs else None,
        )
        if body.stream:
            wants = body.stream_options is not None and bool(body.stream_options.include_usage)
            return await streamed(_chunks(engine, work, body.model, wants))
        return await _whole(engine, work, body.model)

    return router


def chat_model(served: Served, model: str) -> ModelCard:
    """Return the card of a model that learnt dialogues.

    Raises:
        ApiError: there is no such model, or it didn't.
    """
    card = served.able(model, "stream", "write texts")
    if "chat" not in card.capabilities:
        message = f"model: {card.id!r} learnt texts, not dialogues, so it can't answer: use /v1/completions"
        raise ApiError(400, message, "model", "not_a_chat_model")
    return card


def dialogue_of(message: Message, place: str) -> Json:
    """Return a message as models take it; its parts are joined."""
    if isinstance(message.content, str):
        return {"role": message.role, "content": message.content}
    for i, part in enumerate(message.content):
        if part.type not in ("text", "input_text", "output_text") or part.text is None:
            raise invalid(f"{place}.{i}", "only texts are read: leave other parts out", "not_supported")
    return {"role": message.role, "content": "".join(part.text or "" for part in message.content)}


async def _whole(engine: Engine, work: TextWork, model: str) -> Json:
    async with text.writing(engine, [work]) as begun:
        texts = await text.gathered(begun, work.n)
        choices = [
            {
                "index": i,
                "message": {"role": "assistant", "content": each.text, "refusal": None},
                "logprobs": _logprobs(each.tokens) if work.top_logprobs is not None else None,
                "finish_reason": each.finish,
            }
            for i, each in enumerate(texts)
        ]
        return {
            **text.head("chatcmpl", "chat.completion", model),
            "choices": choices,
            "usage": text.usage(begun),
            **text.remarks(begun),
        }


async def _chunks(engine: Engine, work: TextWork, model: str, wants_usage: bool) -> AsyncGenerator[Json]:
    head = text.head("chatcmpl", "chat.completion.chunk", model)
    unknown = {"usage": None} if wants_usage else {}

    def chunk(index: int, delta: Json, finish: str | None = None, logprobs: Json | None = None) -> Json:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return {**head, "choices": [choice], **unknown}

    async with text.writing(engine, [work]) as begun:
        started = set[int]()
        async for piece in text.pieces(begun, work.n):
            if piece.index not in started:
                started.add(piece.index)
                yield chunk(piece.index, {"role": "assistant", "content": "", "refusal": None})
            if piece.text or piece.tokens:
                logprobs = _logprobs(piece.tokens) if work.top_logprobs is not None else None
                yield chunk(piece.index, {"content": piece.text}, None, logprobs)
            if piece.finish:
                yield chunk(piece.index, {}, piece.finish) | text.remarks(begun)
        if wants_usage:
            yield {**head, "choices": [], "usage": text.usage(begun)}


def _logprobs(tokens: list[TokenChance] | tuple[TokenChance, ...]) -> Json:
    """Return log-probabilities as chats tell them."""

    def told(name: str, logprob: float | None) -> Json:
        return {"token": name, "logprob": text.finite(logprob), "bytes": list(name.encode("utf-8", "replace"))}

    content = [
        {**told(token.text, token.logprob), "top_logprobs": [told(*other) for other in token.top]} for token in tokens
    ]
    return {"content": content, "refusal": None}
