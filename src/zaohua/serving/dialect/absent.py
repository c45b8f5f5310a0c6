"""Routes of OpenAI's that aren't here, and say so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter

from zaohua.serving.requests.errors import ApiError
from zaohua.serving.requests.served import Served

ABSENT = {
    "/v1/embeddings": "no model here makes embeddings of texts; /v1/latents gives the latents of items",
    "/v1/audio/transcriptions": "no model here writes down what is said",
    "/v1/audio/translations": "no model here translates",
    "/v1/images/variations": "no variations are made; /v1/latents and /v1/images/edits come near",
    "/v1/moderations": "no model here judges texts; /v1/scores gives likelihoods",
}
"""What is said of each."""


def routes(served: Served) -> APIRouter:
    """Return the routes."""
    router = APIRouter(include_in_schema=False)
    for path, why in ABSENT.items():
        router.add_api_route(path, _refusing(why), methods=["POST"])
    return router


def _refusing(why: str) -> Callable[[], Awaitable[None]]:
    """Return a handler that says why a route isn't there."""

    async def refuse() -> None:
        raise ApiError(404, why, code="not_supported")

    return refuse
