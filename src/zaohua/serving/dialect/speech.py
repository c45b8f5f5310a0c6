"""`/v1/audio/speech`: a sound of a voice, which is a label, or of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from zaohua.serving import conditions, media
from zaohua.serving.dialect.errors import ApiError, invalid
from zaohua.serving.dialect.text import Seed
from zaohua.serving.served import Body, Known, Served
from zaohua.serving.strict import StrictRoute
from zaohua.serving.work import ItemsWork

if TYPE_CHECKING:
    from zaohua.modalities.sounds.sound import Sound

TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac", "opus": "audio/ogg", "pcm": "audio/pcm"}
"""Types of the formats of sounds."""
PCM_RATE, OPUS_RATE = 24_000, 48_000
"""Sampling rates of raw samples, which clients expect, and of Opus, which knows few."""


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
    """Return a sound in a format."""
    from zaohua.modalities.sounds.sound import sixteen_bits

    if form == "pcm":
        one = media.resampled(sound, PCM_RATE).samples
        return sixteen_bits(one if one.ndim == 1 else one.mean(axis=1)).astype("<i2").tobytes()
    if form == "opus":
        return media.sound_file(known, media.resampled(sound, OPUS_RATE), ".ogg", "OPUS", seed)
    return media.sound_file(known, sound, f".{form}", "PCM_16", seed)
