"""Which models are exported as networks with a sampler, and why others aren't."""

from __future__ import annotations

from typing import Any, Protocol

from zaohua.core import registry
from zaohua.estimator.columns import Tabular
from zaohua.families.autoregressive.tokens import TokenModel
from zaohua.interop.networks import diffusions, latents, texts
from zaohua.interop.networks.bundles import Bundle
from zaohua.modalities.labels.codec import LabelCodec
from zaohua.training.trainable import Trainable


class Kind(Protocol):
    """Models that are exported in the same way: a module of this folder."""

    def takes(self, cls: type) -> bool:
        """Return whether models of a class are exported so."""
        ...

    def refusal(self, model: Any) -> str | None:
        """Return why a model can't be exported; None if it can."""
        ...

    def bundle(self, model: Any) -> Bundle:
        """Return what is exported of a model."""
        ...


KINDS: tuple[Kind, ...] = (diffusions, latents, texts)


def kind_of(cls: type) -> Kind | None:
    """Return how models of a class are exported; None if they aren't."""
    return next((kind for kind in KINDS if kind.takes(cls)), None)


def bundle_of(model: Any) -> Bundle:
    """Return what is exported of a model that isn't refused."""
    kind = kind_of(type(model))
    assert kind is not None
    return kind.bundle(model)


def refusal(model: Any) -> str | None:
    """Return why a model can't be exported as networks, and which models of the same data can; None if it can."""
    kind = kind_of(type(model))
    if kind is not None:
        if model.y_codec_ is not None and not isinstance(model.y_codec_, LabelCodec):
            return f"it is conditioned on {model.y_codec_.describe()}, and only labels are exported as conditions"
        return kind.refusal(model)
    if not isinstance(model, Trainable):
        reason = "it has no network"
    elif isinstance(model, Tabular):
        reason = "its network makes codes, of which rows are made by the columns of the table, not by a network"
    elif isinstance(model, TokenModel):
        reason = "it makes items piece by piece, which the exported sampler can do for texts of transformers only"
    else:
        reason = "there is no exported sampler for its networks"
    return reason + nearest(model)


def nearest(model: Any) -> str:
    """Name the models of the same kind of data that can be exported, or say that there is none."""
    kind = model.codec_.modality
    others = [
        entry.command
        for entry in registry.entries()
        if kind in entry.modalities and kind_of(registry.model_class(entry.name)) is not None
    ]
    return f"; of {kind} these can: {', '.join(others)}" if others else f"; no model of {kind} can"
