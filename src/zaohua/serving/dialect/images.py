"""`/v1/images/generations` and `/v1/images/edits`: new pictures, and pictures of which parts are painted anew."""

from __future__ import annotations

import base64
import io
import re
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from zaohua.core.json import Json, JsonValue
from zaohua.core.notes import gathered
from zaohua.serving.dialect.text import Seed
from zaohua.serving.requests import conditions, media, uploads
from zaohua.serving.requests.errors import LOG, ApiError, invalid
from zaohua.serving.requests.served import Body, Known, Served
from zaohua.serving.requests.strict import StrictRoute
from zaohua.serving.work import ItemsWork, ModelCard

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel
    from zaohua.modalities.images.original import Picture

LARGEST = 2048
"""Maximum height and width that pictures are enlarged to."""
Answer = Literal["b64_json", "url"]


class ImageBody(Body):
    """Request of pictures. Options of the model (`steps`, `guidance`) may stand beside these fields."""

    model: str
    prompt: str
    n: Annotated[int, Field(ge=1)] | None = None
    size: str | None = None
    response_format: Answer | None = None
    seed: Seed | None = None
    stream: bool | None = None


def routes(served: Served) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["pictures"], route_class=StrictRoute)

    @router.post("/v1/images/generations")
    async def generate(body: ImageBody) -> Json:
        """Make pictures of a label, or as the model's prompt says."""
        if body.stream:
            raise invalid("stream", "pictures come at once: leave it out", "not_supported")
        card = _of_pictures(served, body.model, "sample", "make pictures")
        n, size = served.count(body.n), size_of(body.size)
        options = served.options(card, body.model_extra)
        engine = await served.engine(card)
        known = await served.known(card, engine)
        y = conditions.of_prompt(known.y_codec, body.prompt)
        items = await engine.make(ItemsWork(n, body.seed, y, options))
        files = await run_in_threadpool(media.files_of, known, items, n, body.seed)
        return await run_in_threadpool(_told, files, size, body.response_format)

    @router.post("/v1/images/edits")
    async def edit(
        request: Request,
        model: Annotated[str, Form()],
        image: Annotated[list[UploadFile] | None, File()] = None,
        images: Annotated[list[UploadFile] | None, File(alias="image[]")] = None,
        mask: Annotated[UploadFile | None, File()] = None,
        prompt: Annotated[str, Form()] = "",
        n: Annotated[int | None, Form(ge=1)] = None,
        size: Annotated[str | None, Form()] = None,
        response_format: Annotated[Answer | None, Form()] = None,
        seed: Annotated[int | None, Form(ge=0, lt=2**63)] = None,
        steps: Annotated[int | None, Form(ge=1)] = None,
    ) -> Json:
        """Paint anew what is transparent in the mask, or in the picture if there is no mask."""
        card = _of_pictures(served, model, "restore", "paint parts of pictures anew")
        count, wanted = served.count(n), size_of(size)
        options = served.options(card, await _options(request, card))
        options.pop("steps", None)  # restoration has a sampler of its own
        given = [*(image or ()), *(images or ())]
        if len(given) != 1:
            raise invalid("image", "exactly one picture")
        files = [await given[0].read(), None if mask is None else await mask.read()]
        original, seen = await run_in_threadpool(_read, files[0], files[1], served)
        engine = await served.engine(card)
        known = await served.known(card, engine)
        y = conditions.of_prompt(known.y_codec, prompt)
        taken = served.steps(steps)

        def paint(fitted: GenerativeModel) -> list[Any]:
            return _painted(fitted, original, seen, count, y=y, random_state=seed, steps=taken, **options)

        made = await engine.call(paint, count)
        pictures = await run_in_threadpool(_written, known, original, seen, made, seed)
        return await run_in_threadpool(_told, pictures, wanted, response_format)

    return router


def _of_pictures(served: Served, model: str, capability: str, doing: str) -> ModelCard:
    """Return the card of a model of pictures that can do something."""
    card = served.able(model, capability, doing)
    if card.modality != "images":
        raise ApiError(400, f"model: {card.id!r} is of {card.modality}: use /v1/samples", "model", "not_supported")
    return card


def size_of(text: str | None) -> tuple[int, int] | None:
    """Return (width, height) that pictures are asked for; None for the model's own."""
    if text in (None, "", "auto"):
        return None
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text or "")
    if found is None or max(int(found[1]), int(found[2])) > LARGEST:
        raise invalid("size", f"'auto', or width and height up to {LARGEST}, such as '256x256'")
    return int(found[1]), int(found[2])


def _told(files: list[bytes], size: tuple[int, int] | None, form: Answer | None) -> Json:
    """Return PNG files as clients read them, enlarged if they ask for it."""
    data: list[JsonValue] = []
    for file in files:
        text = base64.b64encode(file if size is None else _resized(file, size)).decode()
        data.append({"url": f"data:image/png;base64,{text}"} if form == "url" else {"b64_json": text})
    return {"created": int(time.time()), "data": data}


def _resized(file: bytes, size: tuple[int, int]) -> bytes:
    """Return a PNG file of another size; what it says of its origin stays."""
    from PIL import Image, PngImagePlugin

    with Image.open(io.BytesIO(file)) as image:
        if image.size == size:
            return file
        texts = PngImagePlugin.PngInfo()
        for key, text in getattr(image, "text", {}).items():
            texts.add_itxt(key, text)
        out = io.BytesIO()
        image.resize(size, Image.Resampling.BICUBIC).save(out, "PNG", pnginfo=texts)
    return out.getvalue()


# ---- painting anew


async def _options(request: Request, card: ModelCard) -> dict[str, JsonValue]:
    """Return the options of the model among the fields of a form, which are all texts."""
    form = await request.form()
    found: dict[str, JsonValue] = {}
    for name, value in form.items():
        if name in card.options and isinstance(value, str) and name != "steps":
            try:
                found[name] = float(value) if "." in value or "e" in value else int(value)
            except ValueError:
                found[name] = value
    return found


def _read(image: bytes, mask: bytes | None, served: Served) -> tuple[Picture, Any]:
    """Return a picture, and where it is seen: how far from 0 (painted anew) to 1."""
    from zaohua.modalities.images.masks import transparent

    original = uploads.picture(image, "image", served.settings)
    alpha = original.alpha if mask is None else uploads.picture(mask, "mask", served.settings).alpha
    if alpha is None:
        name = "image" if mask is None else "mask"
        raise invalid(name, "nothing of it is transparent, which is where the picture is painted anew")
    if alpha.shape != original.shape:
        sizes = " and ".join(f"{shape[1]} x {shape[0]}" for shape in (alpha.shape, original.shape))
        raise invalid("mask", f"must have the size of the picture: they have {sizes} pixels")
    return (original.filled() if mask is None else original), 1 - transparent(alpha)


def _painted(model: GenerativeModel, original: Picture, seen: Any, n: int, **options: Any) -> list[Any]:
    """Return draws of a picture of which parts are seen, in the size in which the model knows pictures.

    Models of patches paint pictures of any size; others learnt whole pictures, and know no parts of larger ones.
    """
    from zaohua.modalities.images.codec import ImageCodec
    from zaohua.tasks.restore.restoring import restore

    codec = model.codec_
    if isinstance(codec, ImageCodec) and codec.patch is None and original.shape != model.spec_.shape:
        assert model.spec_.shape is not None
        original, seen = original.resized(model.spec_.shape), _least(seen, model.spec_.shape)
    item = original.seen(codec)
    if item.ndim == 3 and model.spec_.channels == 1:
        options["by_channel"] = True
    with gathered() as notes:
        found = restore(model, item[None], mask=seen, n_samples=n, draws=True, **options)
    for text in notes:
        LOG.info("a picture painted anew: %s", text)
    return [items[0] for items in found.samples]


def _least(seen: Any, shape: tuple[int, ...]) -> Any:
    """Return how far each pixel of a picture of another size is seen: less than wholly if anything of it isn't."""
    import numpy as np
    from PIL import Image

    whole = Image.fromarray(np.asarray(seen, np.float32)).resize((shape[1], shape[0]), Image.Resampling.BOX)
    return np.asarray(whole)


def _written(known: Known, original: Picture, seen: Any, made: list[Any], seed: int | None) -> list[bytes]:
    """Return pictures of the size of the original as PNG files, which say that a model made parts of them."""
    found = [original.with_item(item, known.codec).resized(original.shape) for item in made]
    whole = [media.with_seen(original, picture, seen) for picture in found]
    return [media.rewritten(known, picture, seed, ".png") for picture in whole]
