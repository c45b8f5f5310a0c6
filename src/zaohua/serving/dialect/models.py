"""`/v1/models`: the served models."""

from __future__ import annotations

from fastapi import APIRouter

from zaohua.core.json import Json
from zaohua.serving.requests.served import Served
from zaohua.serving.requests.strict import StrictRoute
from zaohua.serving.work import ModelCard


def routes(served: Served) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["models"], route_class=StrictRoute)

    @router.get("/v1/models")
    async def models() -> Json:
        """List the models."""
        return {"object": "list", "data": [described(card) for card in served.shelf.cards.values()]}

    @router.get("/v1/models/{model:path}")
    async def model(model: str) -> Json:
        """Describe one model."""
        return described(served.card(model))

    return router


def described(card: ModelCard) -> Json:
    """Describe a model: as OpenAI does, and what it can do."""
    return {
        "id": card.id,
        "object": "model",
        "created": card.created,
        "owned_by": "zaohua",
        "kind": card.kind,
        "modality": card.modality,
        "capabilities": sorted(card.capabilities),
        "labels": list(card.labels),
        "options": dict(card.options),
        **card.facts,
    }
