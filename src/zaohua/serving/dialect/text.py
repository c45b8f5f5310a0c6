"""What chats and completions share: the fields of their requests, and how these become work."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from zaohua.core.json import Json, JsonValue
from zaohua.serving.requests import conditions
from zaohua.serving.requests.errors import invalid
from zaohua.serving.requests.served import Body, Served
from zaohua.serving.work import Engine, Finish, ModelCard, Piece, TextWork, TokenChance, Writing

MOST_STOPS, LONGEST_STOP = 16, 1000
SMALLEST = -9999.0
"""Log-probability that stands for minus infinity, which JSON doesn't have."""
REFUSED = ("tools", "functions", "audio", "web_search_options", "guided_json", "guided_regex", "guided_choice")
"""Fields that ask for what no model here does; `guided_grammar` and others of that name, too."""
Penalty = Annotated[float, Field(ge=-2, le=2)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class StreamOptions(Body):
    """What a stream tells beside the texts."""

    include_usage: bool | None = None


class TextBody(Body):
    """Fields that chats and completions share. Options of the model (`top_k`, `min_p`) may stand beside them."""

    model: str
    n: Annotated[int, Field(ge=1)] | None = None
    seed: Seed | None = None
    temperature: Annotated[float, Field(ge=0, le=100)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: str | list[str] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    y: JsonValue = None


@dataclass
class Written:
    """One of the texts, as far as it is written."""

    text: str = ""
    tokens: list[TokenChance] = field(default_factory=list)
    finish: Finish | None = None

    def add(self, piece: Piece) -> None:
        """Add a piece of it."""
        self.text += piece.text
        self.tokens += piece.tokens
        self.finish = piece.finish or self.finish


def refuse(body: Body) -> None:
    """Refuse fields that ask for what no model here does, so that no client takes the answer for it.

    Raises:
        ApiError: there is one; it names the field.
    """
    given = {name: value for name, value in (body.model_extra or {}).items() if value not in (None, [], {})}
    for name in given:
        if name in REFUSED or name.startswith("guided_"):
            raise invalid(name, "isn't supported: leave it out", "not_supported")
    form = given.get("response_format")
    if form is not None and not (isinstance(form, dict) and form.get("type") == "text"):
        raise invalid("response_format", "only text is written: leave it out", "not_supported")
    if given.get("modalities", ["text"]) != ["text"]:
        raise invalid("modalities", "only text is written: leave it out", "not_supported")
    for name in ("tool_choice", "function_call"):
        if given.get(name, "none") not in ("none", "auto"):
            raise invalid(name, "no tools are called: leave it out", "not_supported")


async def work_of(
    served: Served,
    card: ModelCard,
    engine: Engine,
    body: TextBody,
    prompt: str | Sequence[int] | Sequence[Json],
    *,
    n: int | None = None,
    max_tokens: int | None = None,
    suffix: str | None = None,
    top_logprobs: int | None = None,
    echo: bool = False,
) -> TextWork:
    """Return the work that a request asks for.

    Args:
        served: the models and settings.
        card: of the model.
        engine: of the model.
        body: the request; `y` is the condition of the texts.
        prompt: what is continued or answered.
        n: number of texts, if it isn't that of the request.
        max_tokens: maximum number of tokens, if it isn't that of the request.
        suffix: text after the gap to fill.
        top_logprobs: see `TextWork`.
        echo: see `TextWork`.

    Raises:
        ApiError: a field is beyond the server's limits.
    """
    named: Json = {
        **(body.model_extra or {}),
        "temperature": body.temperature,
        "top_p": body.top_p,
        "max_tokens": body.max_tokens if max_tokens is None else max_tokens,
    }
    options = served.options(card, {name: value for name, value in named.items() if name not in ("prompt", "suffix")})
    if body.stop is not None:
        options["stop"] = _stops(body.stop)
    if suffix is not None:
        options["suffix"] = suffix
    y = None
    if body.y is not None:
        y = conditions.of_json((await served.known(card, engine)).y_codec, body.y, None)
    return TextWork(
        prompt=prompt,
        n=served.count(body.n) if n is None else n,
        seed=body.seed,
        y=y,
        options=options,
        bias=_bias(card, body.logit_bias or {}),
        presence_penalty=body.presence_penalty or 0.0,
        frequency_penalty=body.frequency_penalty or 0.0,
        top_logprobs=top_logprobs,
        echo=echo,
    )


def _stops(stop: str | list[str]) -> tuple[str, ...]:
    """Return the stop sequences of a request."""
    stops = (stop,) if isinstance(stop, str) else tuple(stop)
    if len(stops) > MOST_STOPS or any(not 1 <= len(text) <= LONGEST_STOP for text in stops):
        raise invalid("stop", f"at most {MOST_STOPS} sequences of 1 to {LONGEST_STOP:,} characters")
    return stops


def _bias(card: ModelCard, given: dict[str, float]) -> dict[int, float]:
    """Return the biases of tokens, which requests name by their numbers."""
    size = card.facts.get("vocabulary")
    most = size if isinstance(size, int) else 2**31
    if any(not (token.isascii() and token.isdecimal() and len(token) < 10 and int(token) < most) for token in given):
        raise invalid("logit_bias", f"its keys must be numbers of tokens, from 0 to {most - 1:,}")
    return {int(token): value for token, value in given.items()}


@asynccontextmanager
async def writing(engine: Engine, works: Sequence[TextWork]) -> AsyncIterator[list[Writing]]:
    """Write texts while the context lasts; what is still being written at its end is stopped."""
    begun: list[Writing] = []
    try:
        for work in works:
            begun.append(engine.write(work))
        yield begun
    finally:
        for each in begun:
            each.close()


async def pieces(begun: Sequence[Writing], n: int) -> AsyncIterator[Piece]:
    """Yield the pieces of several writings of n texts each, counted on from one to the next."""
    for at, each in enumerate(begun):
        async for piece in each:
            yield Piece(at * n + piece.index, piece.text, piece.tokens, piece.finish)


async def gathered(begun: Sequence[Writing], n: int) -> list[Written]:
    """Return the whole texts of several writings of n texts each."""
    texts = [Written() for _ in range(len(begun) * n)]
    async for piece in pieces(begun, n):
        texts[piece.index].add(piece)
    return texts


def usage(begun: Sequence[Writing]) -> dict[str, int]:
    """Return the numbers of tokens of some writings, as clients read them."""
    read, written = (sum(numbers) for numbers in zip(*((w.usage.prompt, w.usage.written) for w in begun), strict=True))
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def remarks(begun: Sequence[Writing]) -> dict[str, JsonValue]:
    """Return what was left out of the prompts as a field of an answer; nothing if all of them was read."""
    notes: list[JsonValue] = [*dict.fromkeys(note for each in begun for note in each.usage.notes)]
    return {"notes": notes} if notes else {}


def head(prefix: str, kind: str, model: str) -> dict[str, JsonValue]:
    """Return the fields with which an answer, and each chunk of it, begins."""
    return {"id": f"{prefix}-{secrets.token_hex(12)}", "object": kind, "created": int(time.time()), "model": model}


def finite(logprob: float | None) -> float | None:
    """Return a log-probability as JSON can hold it."""
    return None if logprob is None else max(logprob, SMALLEST)


Role = Literal["system", "developer", "user", "assistant"]
