"""`/v1/audio/speech`: a sound of a voice, which is a label, or of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from zaohua.serving.dialect.text import Seed
from zaohua.serving.requests import conditions, media
from zaohua.serving.requests.errors import ApiError, invalid
from zaohua.serving.requests.served import Body, Known, Served
from zaohua.serving.requests.strict import StrictRoute
from zaohua.serving.work import ItemsWork

if TYPE_CHECKING:
    from zaohua.modalities.sounds.sound import Sound

TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac", "opus": "audio/ogg", "pcm": "audio/pcm"}
"""Types of the formats of sounds."""
RATES = {
    "pcm": (24_000,),
    "opus": (48_000,),
    "mp3": (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
}
"""Sampling rates of formats that know few; clients expect one of raw samples."""


class SpeechBody(Body):
    """Request of a sound. Options of the model (`temperature`, `steps`) may stand beside these fields."""

    model: str
    input: str
    voice: str | dict[str, str] = "default"
    response_format: Literal["mp3", "wav", "flac", "opus", "pcm", "aac"] | None = None
    speed: Annotated[float, Field(ge=0.25, le=4)] | None = None
    stream_format: Literal["audio", "sse"] | None = None
    seed: Seed | None = None


def routes(served: Served) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["sounds"], route_class=StrictRoute)

    @router.post("/v1/audio/speech", response_class=Response, responses={200: {"content": {"audio/mpeg": {}}}})
    async def speak(body: SpeechBody) -> Response:
        """Make a sound of a voice, and of a text if the model learnt any."""
        form = body.response_format or "mp3"
        if form == "aac":
            raise invalid("response_format", f"aac isn't written: {', '.join(TYPES)}", "not_supported")
        if body.speed not in (None, 1):
            raise invalid("speed", "only 1: leave it out", "not_supported")
        if body.stream_format == "sse":
            raise invalid("stream_format", "sounds come at once: leave it out", "not_supported")
        card = served.able(body.model, "sample", "make sounds")
        if card.modality != "sounds":
            raise ApiError(400, f"model: {card.id!r} is of {card.modality}: use /v1/samples", "model", "not_supported")
        options = served.options(card, body.model_extra)
        engine = await served.engine(card)
        known = await served.known(card, engine)
        voice = body.voice if isinstance(body.voice, str) else body.voice.get("id", "default")
        y = conditions.of_speech(known.y_codec, body.input, voice)
        sounds = await engine.make(ItemsWork(1, body.seed, y, options))
        data = await run_in_threadpool(_encoded, sounds[0], form, known, body.seed)
        return Response(data, media_type=TYPES[form])

    return router


def _encoded(sound: Sound, form: str, known: Known, seed: int | None) -> bytes:
    """Return a sound in a format, at the next rate that the format knows."""
    from zaohua.modalities.sounds.sound import sixteen_bits

    rates = RATES.get(form, (sound.rate,))
    sound = media.resampled(sound, next((rate for rate in rates if rate >= sound.rate), rates[-1]))
    if form == "pcm":
        samples = sound.samples if sound.samples.ndim == 1 else sound.samples.mean(axis=1)
        return sixteen_bits(samples).astype("<i2").tobytes()
    if form == "opus":
        return media.sound_file(known, sound, ".ogg", "OPUS", seed)
    return media.sound_file(known, sound, f".{form}", "PCM_16", seed)
