"""What all routes share: the served models, the settings, and the checks of what a request asks of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from zaohua.core.errors import ZaohuaError, nearest
from zaohua.core.json import JsonValue
from zaohua.serving.requests.errors import LOG, ApiError, invalid
from zaohua.serving.settings import Settings
from zaohua.serving.work import Engine, ModelCard, Shelf

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel
    from zaohua.modalities.base import Codec
    from zaohua.modalities.condition_base import ConditionCodec
    from zaohua.storage.provenance.origin import Origin

WORDS = frozenset({"sampler", "precision", "unseen"})
"""Options of sampling that are words; other texts, such as files' names, are no business of clients."""
LARGEST = 2**31 - 1


class Body(BaseModel):
    """JSON object that a client sends. Fields that it doesn't name are kept: some are options of the model."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="allow")


@dataclass(frozen=True)
class Known:
    """What routes need to know of a loaded model to read and write its items.

    Attributes:
        codec: of its items.
        y_codec: of its conditions; None without.
        origin: what files say of it, without a seed.
    """

    codec: Codec
    y_codec: ConditionCodec | None
    origin: Origin

    @classmethod
    def of(cls, model: GenerativeModel) -> Known:
        """Look at a model; the hash of its weights is that of its run's manifest, if it has one."""
        from zaohua.storage.atomic import hashes_of
        from zaohua.storage.layout import WEIGHTS
        from zaohua.storage.provenance.origin import Origin

        weights = hashes_of(Path(model.run_ or "")).get(WEIGHTS)
        origin = Origin(type(model).__name__, weights) if weights else replace(model.file_origin(), seed=None)
        return cls(model.codec_, model.y_codec_, origin)


@dataclass(frozen=True)
class Served:
    """The served models and the settings, as the routes use them."""

    shelf: Shelf
    settings: Settings
    _known: dict[str, Known] = field(default_factory=dict, repr=False)

    def card(self, model: str) -> ModelCard:
        """Return the card of a model that a request names.

        Raises:
            ApiError: there is none of that name.
        """
        card = self.shelf.cards.get(model)
        if card is None:
            close = nearest(model, self.shelf.cards)[:1] if len(model) < 200 else []
            hint = f"did you mean {close[0]!r}?" if close else "GET /v1/models lists those that are there"
            raise ApiError(404, f"model: no model of this name is served; {hint}", "model", "model_not_found")
        return card

    def able(self, model: str, capability: str, doing: str) -> ModelCard:
        """Return the card of a model that has a capability.

        Args:
            model: its id.
            capability: one of those of `ModelCard`.
            doing: what the route does, for the message, such as "score items".

        Raises:
            ApiError: there is no such model, or it lacks the capability; the message names served models that have it.
        """
        card = self.card(model)
        if capability not in card.capabilities:
            others = [other.id for other in self.shelf.cards.values() if capability in other.capabilities]
            which = f"served models that can: {', '.join(others[:5])}" if others else "no served model can"
            message = f"model: {card.id!r} ({card.kind}) can't {doing}; {which}"
            raise ApiError(400, message, "model", "not_supported")
        return card

    async def engine(self, card: ModelCard) -> Engine:
        """Return the engine of a model, which is loaded if it isn't there.

        Raises:
            ApiError: it can't be loaded; the log says why.
        """
        try:
            return await self.shelf.engine(card.id)
        except ZaohuaError as error:
            LOG.error("%s can't be loaded: %s", card.id, error)
            message, never = (
                f"model: {card.id!r} can't be loaded: the server's log says why",
                {"x-should-retry": "false"},
            )
            raise ApiError(503, message, "model", "model_unavailable", never) from None

    async def known(self, card: ModelCard, engine: Engine) -> Known:
        """Return what is known of a loaded model; it is asked once, as a run doesn't change."""
        found = self._known.get(card.id)
        if found is None:
            found = self._known[card.id] = await engine.call(Known.of)
        return found

    def count(self, n: int | None, name: str = "n") -> int:
        """Return how many texts or items a request asks for, one by default, within the server's limit."""
        n = 1 if n is None else n
        if n > self.settings.max_n:
            raise invalid(name, f"at most {self.settings.max_n} in one request")
        return n

    def steps(self, steps: int | None) -> int:
        """Return the steps of a restoration, which has a sampler of its own, within the server's limit."""
        if steps is not None and steps > self.settings.max_steps:
            raise invalid("steps", f"at most {self.settings.max_steps:,} on this server")
        return steps or 50

    def options(self, card: ModelCard, given: Mapping[str, JsonValue] | None) -> dict[str, object]:
        """Return those of some fields that are options of the model's sampling; null leaves an option as it is.

        Raises:
            ApiError: the value of one isn't a finite number, a boolean or a word, or is above the server's limit.
        """
        found = {name: value for name, value in (given or {}).items() if name in card.options and value is not None}
        for name, value in found.items():
            _check(name, value)
        for name, usual in card.options.items():
            limit, asked = self._limit(card, name), found.get(name)
            if isinstance(asked, int) and asked > limit:
                raise invalid(name, f"at most {limit:,} on this server")
            if asked is None and isinstance(usual, int) and usual > limit:
                found[name] = limit
        return found

    def _limit(self, card: ModelCard, name: str) -> int:
        """Return how large a whole number may be that is an option: most of them cost time."""
        settings = self.settings
        limits = {"max_tokens": self._longest(card), "max_frames": settings.max_tokens, "beams": settings.max_n}
        return limits.get(name, LARGEST if name == "top_k" else settings.max_steps)

    def _longest(self, card: ModelCard) -> int:
        """Return the maximum number of tokens of an item; those of sounds are samples."""
        rate = card.facts.get("rate")
        if card.modality == "sounds" and isinstance(rate, int):
            return round(self.settings.max_seconds * rate)
        return self.settings.max_tokens


def _check(name: str, value: JsonValue) -> None:
    """Refuse the value of an option that no model takes from clients; the model itself checks the others."""
    numbers = list(value.values()) if isinstance(value, dict) else [value]
    if isinstance(value, str) and name in WORDS and len(value) < 100:
        return
    for number in numbers:
        if not isinstance(number, (int, float)) or abs(number) > LARGEST or not math.isfinite(number):
            raise invalid(name, f"must be a number up to {LARGEST:,}" if name not in WORDS else "must be a word")
