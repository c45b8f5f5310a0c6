"""`/v1/completions`: texts that go on with a prompt, or fill the gap between a prompt and a suffix."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import Field

from zaohua.core.json import Json, JsonValue
from zaohua.serving.dialect import text
from zaohua.serving.dialect.sse import streamed
from zaohua.serving.requests.errors import invalid
from zaohua.serving.requests.served import Served
from zaohua.serving.requests.strict import StrictRoute
from zaohua.serving.work import Engine, ModelCard, TextWork, TokenChance

Token = Annotated[int, Field(ge=0, lt=2**31)]


class CompletionBody(text.TextBody):
    """Request of texts after a prompt, or after each of several."""

    prompt: str | list[str] | list[Token] | list[list[Token]] | None = None
    suffix: str | None = None
    echo: bool | None = None
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    best_of: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True)
class Asked:
    """Texts that a request asks for.

    Attributes:
        model: id of the model.
        works: work for each prompt.
        n: number of texts that are given back for each.
        logprobs: number of most likely tokens to tell of; None for no log-probabilities.
        usage: whether a stream ends with the numbers of tokens.
    """

    model: str
    works: list[TextWork]
    n: int
    logprobs: int | None
    usage: bool


def routes(served: Served) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["texts"], route_class=StrictRoute)

    @router.post("/v1/completions", response_model=None)
    async def complete(body: CompletionBody) -> Json | StreamingResponse:
        """Write texts after a prompt."""
        text.refuse(body)
        card = served.able(body.model, "stream", "write texts")
        if body.suffix and "suffix" not in card.capabilities:
            served.able(body.model, "suffix", "fill in the text before a suffix")
        engine = await served.engine(card)
        asked = await _asked(served, card, engine, body)
        return await streamed(_chunks(engine, asked)) if body.stream else await _whole(engine, asked)

    return router


async def _asked(served: Served, card: ModelCard, engine: Engine, body: CompletionBody) -> Asked:
    """Return what a request asks for, of a model that can do it."""
    n, best_of = served.count(body.n), served.count(body.best_of, "best_of")
    written = n if body.best_of is None else best_of
    if written < n:
        raise invalid("best_of", "must be at least n")
    if written > n and body.stream:
        raise invalid("best_of", "the best are known at the end only: leave it or stream out")
    prompts = _prompts(body.prompt)
    if not prompts or len(prompts) * written > served.settings.max_n:
        raise invalid("prompt", f"from one to {served.settings.max_n} texts in one request, n of each counted")
    size = card.facts.get("vocabulary")
    works = []
    for prompt in prompts:
        if not isinstance(prompt, str) and isinstance(size, int) and max(prompt, default=0) >= size:
            raise invalid("prompt", f"tokens are numbers from 0 to {size - 1:,}")
        told = body.logprobs if body.logprobs is not None else (0 if written > n else None)
        works.append(
            await text.work_of(
                served,
                card,
                engine,
                body,
                prompt,
                n=written,
                suffix=body.suffix or None,
                top_logprobs=told,
                echo=bool(body.echo),
            )
        )
    wants = body.stream_options is not None and bool(body.stream_options.include_usage)
    return Asked(body.model, works, n, body.logprobs, wants)


def _prompts(given: str | list[str] | list[int] | list[list[int]] | None) -> list[str | Sequence[int]]:
    """Return the prompts of a request: texts, or lists of tokens."""
    if given is None or isinstance(given, str):
        return [given or ""]
    if given and all(isinstance(token, int) for token in given):
        return [[token for token in given if isinstance(token, int)]]
    return [prompt for prompt in given if not isinstance(prompt, int)]


async def _whole(engine: Engine, asked: Asked) -> Json:
    written = asked.works[0].n
    async with text.writing(engine, asked.works) as begun:
        texts = await text.gathered(begun, written)
        chosen = []
        for at in range(0, len(texts), written):
            several = texts[at : at + written]
            chosen += several if written == asked.n else sorted(several, key=_mean, reverse=True)[: asked.n]
        choices = []
        for i, each in enumerate(chosen):
            logprobs = None if asked.logprobs is None else Logprobs(asked.logprobs).told(each.tokens)
            choices.append({"index": i, "text": each.text, "logprobs": logprobs, "finish_reason": each.finish})
        head = text.head("cmpl", "text_completion", asked.model)
        return {**head, "choices": choices, "usage": text.usage(begun), **text.remarks(begun)}


def _mean(written: text.Written) -> float:
    """Return the mean log-probability of a text's tokens."""
    known = [token.logprob for token in written.tokens if token.logprob is not None]
    return sum(known) / len(known) if known else text.SMALLEST


async def _chunks(engine: Engine, asked: Asked) -> AsyncGenerator[Json]:
    head = text.head("cmpl", "text_completion", asked.model)
    unknown = {"usage": None} if asked.usage else {}
    told = [Logprobs(asked.logprobs or 0) for _ in range(len(asked.works) * asked.n)]
    async with text.writing(engine, asked.works) as begun:
        async for piece in text.pieces(begun, asked.n):
            logprobs = None if asked.logprobs is None else told[piece.index].told(piece.tokens)
            choice: Json = {"index": piece.index, "text": piece.text, "logprobs": logprobs}
            remarks = text.remarks(begun) if piece.finish else {}
            yield {**head, "choices": [{**choice, "finish_reason": piece.finish}], **unknown, **remarks}
        if asked.usage:
            yield {**head, "choices": [], "usage": text.usage(begun)}


class Logprobs:
    """Log-probabilities as completions tell them: lists for each field; offsets count from the text's beginning.

    Args:
        top: number of most likely tokens that are told.
    """

    def __init__(self, top: int) -> None:
        self.top, self.offset = top, 0

    def told(self, tokens: Sequence[TokenChance]) -> Json:
        """Return those of the next tokens of the text."""
        offsets = []
        for token in tokens:
            offsets.append(self.offset)
            self.offset += len(token.text)
        return {
            "tokens": [token.text for token in tokens],
            "token_logprobs": [text.finite(token.logprob) for token in tokens],
            "top_logprobs": [self._likely(token) for token in tokens] if self.top else None,
            "text_offset": offsets,
        }

    def _likely(self, token: TokenChance) -> dict[str, JsonValue] | None:
        """Return the most likely tokens in a token's place; None for the first of all."""
        return None if token.logprob is None else {name: text.finite(value) for name, value in token.top}
