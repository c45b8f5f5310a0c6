"""`/v1/restore`: what damaged pictures and sounds probably were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from zaohua.core.json import Json, JsonValue
from zaohua.core.notes import gathered
from zaohua.serving.dialect.text import Seed
from zaohua.serving.requests import conditions, media, uploads
from zaohua.serving.requests.errors import ApiError, invalid
from zaohua.serving.requests.served import Body, Known, Served
from zaohua.serving.requests.strict import StrictRoute
from zaohua.serving.settings import Settings

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel
    from zaohua.modalities.original import Original
    from zaohua.tasks.restore.restored import Restored

KINDS = ("images", "sounds")
"""Kinds of data that are restored here."""


class RestoreBody(Body):
    """Request of what a thing probably was. Options of the model may stand beside these fields."""

    model: str
    item: str
    degradation: Annotated[str, Field(max_length=500)] | None = None
    mask: str | None = None
    gaps: list[list[float]] | None = None
    y: JsonValue = None
    n: Annotated[int, Field(ge=1)] | None = None
    draws: bool | None = None
    steps: Annotated[int, Field(ge=1)] | None = None
    seed: Seed | None = None


def routes(served: Served) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["items of any kind"], route_class=StrictRoute)

    @router.post("/v1/restore")
    async def restore(body: RestoreBody) -> Json:
        """Restore a picture or a sound: `degradation` says what happened to it, `mask` or `gaps` what is missing."""
        card = served.able(body.model, "restore", "restore")
        if card.modality not in KINDS:
            message = f"model: {card.id!r} is of {card.modality}: use /v1/tables, or /v1/completions with a suffix"
            raise ApiError(400, message, "model", "not_supported")
        n = served.count(body.n)
        steps, options = served.steps(body.steps), served.options(card, body.model_extra)
        options.pop("steps", None)
        original, seen = await run_in_threadpool(_read, body, card.modality, served.settings)
        engine = await served.engine(card)
        known = await served.known(card, engine)
        y = conditions.of_json(known.y_codec, body.y, None)
        asked: dict[str, Any] = {**options, "y": y, "n_samples": n, "draws": bool(body.draws), "steps": steps}
        asked["random_state"] = body.seed

        def work(model: GenerativeModel) -> tuple[Restored, list[str]]:
            with gathered() as notes:
                return _restored(model, original, body.degradation, seen, asked), notes

        found, notes = await engine.call(work, n)
        data = await run_in_threadpool(_told, known, original, seen, found, body)
        return {
            "object": "list",
            "model": card.id,
            "modality": card.modality,
            "data": data,
            "how": found.how,
            "notes": notes,
        }

    return router


def _read(body: RestoreBody, modality: str, settings: Settings) -> tuple[Original[Any], Any]:
    """Return what was sent, and how far each place of it is seen, from 0 to 1; None for everywhere."""
    data = uploads.bytes_of(body.item, "item")
    if modality == "images":
        if body.gaps is not None:
            raise invalid("gaps", "gaps are of sounds: give a mask")
        original = uploads.picture(data, "item", settings)
        return original, None if body.mask is None else 1 - _hole(body.mask, original, settings)
    if body.mask is not None:
        raise invalid("mask", "masks are of pictures: give gaps, as [start, end] in seconds")
    recording = uploads.recording(data, "item", settings)
    if body.gaps is None:
        return recording, None
    if not all(len(gap) == 2 for gap in body.gaps):
        raise invalid("gaps", "pairs of start and end in seconds")
    from zaohua.modalities.sounds.original import gaps

    return recording, 1 - gaps(recording.item, [(start, end) for start, end in body.gaps])


def _hole(mask: str, original: Original[Any], settings: Settings) -> Any:
    """Return how far each pixel is missing: as far as the mask is transparent, or white if it is opaque."""
    import numpy as np

    from zaohua.modalities.images.masks import transparent

    found = uploads.picture(uploads.bytes_of(mask, "mask"), "mask", settings)
    if found.shape != original.shape:
        raise invalid("mask", "must have the size of the picture")
    if found.alpha is not None:
        return transparent(found.alpha)
    light = found.item.astype(np.float32) / np.iinfo(found.item.dtype).max
    return light.mean(axis=2) if light.ndim == 3 else light


def _restored(
    model: GenerativeModel, original: Original[Any], degradation: str | None, seen: Any, asked: dict[str, Any]
) -> Restored:
    """Restore one item."""
    import numpy as np

    from zaohua.tasks.restore.restoring import restore

    item = original.seen(model.codec_)
    if isinstance(item, np.ndarray) and item.ndim == 3 and model.spec_.channels == 1:
        asked = {**asked, "by_channel": True}
    items = item[None] if isinstance(item, np.ndarray) else [item]
    return restore(model, items, degradation, mask=seen, **asked)


def _told(known: Known, original: Original[Any], seen: Any, found: Restored, body: RestoreBody) -> list[str]:
    """Return the answers as files in base64: the best guess, or each of several."""
    from zaohua.modalities.images.original import Picture

    data = []
    for item in [found.best[0]] if (body.n or 1) == 1 else [items[0] for items in found.samples]:
        made = original.with_item(item, known.codec)
        if isinstance(original, Picture) and isinstance(made, Picture) and seen is not None and not body.degradation:
            made = media.with_seen(original, made, seen)
        ending = ".png" if isinstance(original, Picture) else ".wav"
        data.append(media.base64_of(media.rewritten(known, made, body.seed, ending)))
    return data
