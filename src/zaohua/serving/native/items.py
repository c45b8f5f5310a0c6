"""Routes of our own, for every kind of data: samples, scores, latents, rows of tables.

Items are JSON: pictures as PNG, sounds as WAV and music as MIDI files in base64, texts as strings, rows of tables as
objects. See also `restoring`.
"""

from __future__ import annotations

import base64
import math
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from zaohua.core.json import Json, JsonValue
from zaohua.core.notes import gathered
from zaohua.serving.dialect.text import Seed
from zaohua.serving.requests import conditions, media, uploads
from zaohua.serving.requests.errors import ApiError, invalid
from zaohua.serving.requests.served import Body, Served
from zaohua.serving.requests.strict import StrictRoute
from zaohua.serving.work import Engine, ItemsWork, ModelCard

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel

Cell = str | int | float | bool | None
Row = dict[str, Cell]
Item = str | Row


class SamplesBody(Body):
    """Request of items. Options of the model (`steps`, `temperature`) may stand beside these fields."""

    model: str
    n: Annotated[int, Field(ge=1)] | None = None
    seed: Seed | None = None
    y: JsonValue = None


class ItemsBody(Body):
    """Request about items that are sent. Options of the model may stand beside these fields."""

    model: str
    items: list[Item]
    y: JsonValue = None


class LatentsBody(Body):
    """Request of the latents of items, or of the items of latents."""

    model: str
    items: list[Item] | None = None
    latents: list[list[float]] | None = None
    y: JsonValue = None


class TablesBody(Body):
    """Request of rows: new ones, some with given cells, or given ones whose missing cells are filled in."""

    model: str
    n: Annotated[int, Field(ge=1)] | None = None
    given: dict[str, Cell | list[Cell]] | None = None
    rows: list[Row] | None = None
    n_draws: Annotated[int, Field(ge=1)] | None = None
    seed: Seed | None = None


def routes(served: Served) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["items of any kind"], route_class=StrictRoute)

    @router.post("/v1/samples", response_model=None)
    async def samples(body: SamplesBody, request: Request) -> Json | Response:
        """Make items of any kind. A single one comes as a file if `Accept` names its type, such as image/png."""
        card = served.able(body.model, "sample", "make items")
        n, options = served.count(body.n), served.options(card, body.model_extra)
        engine = await served.engine(card)
        known = await served.known(card, engine)
        if isinstance(body.y, dict) and card.modality == "tables" and known.y_codec is None:
            items = await _with_columns(engine, n, body.seed, body.y, options)
        else:
            items = await engine.make(ItemsWork(n, body.seed, conditions.of_json(known.y_codec, body.y, n), options))
        data = await run_in_threadpool(media.told, card.modality, known, items, n, body.seed)
        return _as_file(card, data, request) or _list(card, data)

    @router.post("/v1/scores")
    async def scores(body: ItemsBody) -> Json:
        """Compute the log-likelihood of items in nats; null for items of probability zero."""
        card = served.able(body.model, "score_samples", "score items")
        n = served.count(len(body.items), "items")
        options = served.options(card, body.model_extra)
        engine = await served.engine(card)
        known = await served.known(card, engine)
        items, read = await run_in_threadpool(uploads.read, card.modality, known, body.items, served.settings)
        y = _listed(conditions.of_json(known.y_codec, body.y, n), n)
        nats, kind, notes = await engine.call(partial(_scores, items, y, options), n)
        data = [value if math.isfinite(value) else None for value in nats]
        return {**_list(card, data), "unit": "nats", "kind": kind, "notes": read + notes}

    @router.post("/v1/latents")
    async def latents(body: LatentsBody) -> Json:
        """Compute the latent vectors of items, or make the items of latent vectors."""
        if (body.items is None) == (body.latents is None):
            raise invalid("items", "give either items or latents")
        if body.items is not None:
            return await _latents(served, body, body.items)
        return await _decoded(served, body, body.latents or [])

    @router.post("/v1/tables")
    async def tables(body: TablesBody) -> Json:
        """Make rows, with given cells if there are any; or fill in the missing cells (null) of rows."""
        if body.rows is not None and (body.n is not None or body.given is not None):
            raise invalid("rows", "rows are filled in; leave n and given out")
        return await (_generated(served, body) if body.rows is None else _imputed(served, body, body.rows))

    return router


async def _latents(served: Served, body: LatentsBody, given: list[Item]) -> Json:
    """Return the latents of items."""
    card = served.able(body.model, "transform", "compute latents")
    n = served.count(len(given), "items")
    engine = await served.engine(card)
    known = await served.known(card, engine)
    items, read = await run_in_threadpool(uploads.read, card.modality, known, given, served.settings)
    y = _listed(conditions.of_json(known.y_codec, body.y, n), n)

    def transform(model: GenerativeModel) -> tuple[list[list[float]], list[str]]:
        with gathered() as notes:
            vectors: list[list[float]] = model.transform(items, y).tolist()
        return vectors, notes

    vectors, notes = await engine.call(transform, n)
    return {**_list(card, vectors), "notes": read + notes}


async def _decoded(served: Served, body: LatentsBody, given: list[list[float]]) -> Json:
    """Return the items of latents."""
    card = served.able(body.model, "inverse_transform", "make items of latents")
    n = served.count(len(given), "latents")
    if not given or len({len(vector) for vector in given}) != 1:
        raise invalid("latents", "vectors of one length")
    engine = await served.engine(card)
    known = await served.known(card, engine)
    y = conditions.of_json(known.y_codec, body.y, n)
    items = await engine.call(lambda model: model.inverse_transform(given, y), n)
    return _list(card, await run_in_threadpool(media.told, card.modality, known, items, n, None))


async def _generated(served: Served, body: TablesBody) -> Json:
    """Return new rows."""
    card = _of_tables(served, body.model, "sample", "make rows")
    n, options = served.count(body.n), served.options(card, body.model_extra)
    engine = await served.engine(card)
    known = await served.known(card, engine)
    if body.given is None:
        rows = await engine.make(ItemsWork(n, body.seed, None, options))
    else:
        rows = await _with_columns(engine, n, body.seed, body.given, options)
    return _list(card, await run_in_threadpool(media.told, card.modality, known, rows, n, body.seed))


async def _imputed(served: Served, body: TablesBody, given: list[Row]) -> Json:
    """Return rows whose missing cells are filled in."""
    card = _of_tables(served, body.model, "impute", "fill in cells")
    draws = served.count(body.n_draws, "n_draws")
    n = served.count(len(given) * draws, "rows")
    engine = await served.engine(card)
    known = await served.known(card, engine)
    rows, read = uploads.read(card.modality, known, given, served.settings, "rows")

    def impute(model: Any) -> tuple[list[Any], list[str]]:
        with gathered() as notes:
            tables = model.impute(rows, random_state=body.seed, n_draws=draws)
        return tables, notes

    tables, notes = await engine.call(impute, n)
    several = [media.rows_of(table) for table in tables]
    return {**_list(card, several[0] if body.n_draws is None else several), "notes": read + notes}


def _of_tables(served: Served, model: str, capability: str, doing: str) -> ModelCard:
    """Return the card of a model of tables that can do something."""
    card = served.able(model, capability, doing)
    if card.modality != "tables":
        raise ApiError(400, f"model: {card.id!r} is of {card.modality}: use /v1/samples", "model", "not_supported")
    return card


async def _with_columns(engine: Engine, n: int, seed: int | None, given: Json, options: dict[str, Any]) -> object:
    """Return rows of which some cells are given, which are drawn until they match and so aren't made in batches."""
    y = conditions.of_columns(given)
    return await engine.call(lambda model: model.sample(n, y=y, random_state=seed, **options), n)


def _listed(y: object, n: int) -> object:
    """Return conditions as a list with one for each of n items; None for none."""
    return y if y is None or isinstance(y, list) else [y] * n


def _scores(
    items: Any, y: object, options: dict[str, object], model: GenerativeModel
) -> tuple[list[float], str, list[str]]:
    """Return the scores of items, their kind, and what was noted about the items."""
    with gathered() as notes:
        nats: list[float] = model.score_samples(items, y, **options).tolist()
    return nats, model.score_kind, notes


def _list(card: ModelCard, data: JsonValue) -> Json:
    """Return an answer with some data."""
    return {"object": "list", "model": card.id, "modality": card.modality, "data": data}


def _as_file(card: ModelCard, data: JsonValue, request: Request) -> Response | None:
    """Return a single item as a file, if the client accepts its type by name."""
    kind = media.FILES[card.modality][0] if card.modality in media.FILES else "text/plain"
    accepted = [each.partition(";")[0].strip() for each in request.headers.get("accept", "").split(",")]
    if kind not in accepted or len(data) != 1 or not isinstance(data[0], str):
        return None
    return Response(data[0] if card.modality == "texts" else base64.b64decode(data[0]), media_type=kind)
