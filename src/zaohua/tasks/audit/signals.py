"""What a model tells of a single item: its log-likelihood, or how well it removes noise from it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.core.notes import gathered
from zaohua.core.params import fields_of
from zaohua.core.record import Condition
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.columns import Tabular
from zaohua.estimator.tensors import Encoded
from zaohua.modalities.sequences import Sequences
from zaohua.modalities.texts.codec import TextCodec
from zaohua.tasks.audit.sides import AuditedItems

STEPS, FROM, DRAWS = 20, 10, 2
"""Of the times of a sampler of so many steps, those from `FROM` on are looked at, with so many noises each."""


def unable(model: GenerativeModel) -> str:
    """Return why a model tells nothing of single items; empty if it does."""
    has = by_likelihood(model) or by_noise(model)
    return "" if has else "it computes no likelihood of an item, and removes no noise from one"


def by_likelihood(model: GenerativeModel) -> bool:
    """Return True if the signal is the log-likelihood, exact or a lower bound."""
    return hasattr(model, "score_samples") and model.score_kind != "estimate"


def by_noise(model: GenerativeModel) -> bool:
    """Return True if the signal is how well noise is removed."""
    return not by_likelihood(model) and hasattr(model, "denoiser")


def signal(model: GenerativeModel, items: AuditedItems) -> np.ndarray:
    """Return what a model tells of each item, float64 (n,): a higher value says that the model knows it better.

    That is the log-likelihood in nats, of sequences per token; an item that the model takes for impossible, such as a
    row with a new category or a text with a new letter, is less likely than any other by the log of their number.
    Models without likelihoods that are quickly computed are asked how well they remove noise, which is what they were
    trained for.
    """
    if by_noise(model):
        return -_denoising_errors(model, items.encoded(model))
    possible = _possible(model, items)
    some = items.take(np.flatnonzero(possible))
    found = np.full(len(items), -np.inf)
    if len(some):
        encoded = some.encoded(model)
        with gathered():
            found[possible] = model.score_encoded(encoded)
        if isinstance(encoded.codes, Sequences):
            found[possible] /= np.maximum(1, (encoded.codes.stops - encoded.codes.starts).numpy())
    finite = np.isfinite(found)
    least = float(found[finite].min()) if finite.any() else 0.0
    return np.where(finite, found, least - np.log(len(items)))


def _possible(model: GenerativeModel, items: AuditedItems) -> np.ndarray:
    """Return which items a model can encode, with all cells and characters, and with their labels, bool (n,)."""
    possible, codec = np.ones(len(items), bool), model.codec_
    if isinstance(model, Tabular):
        possible = ~model.codec_.hidden(model.codec_.encode_partly(items.raw)).any(1).numpy()
    elif isinstance(codec, TextCodec):
        possible = np.array([bool(codec.tokenizer_.known(text).all()) for text in items.raw])
    if model.y_codec_ is not None and items.labels is not None:
        possible &= np.asarray(model.y_codec_.knows(items.labels))
    return possible


def _denoising_errors(model: GenerativeModel, encoded: Encoded) -> np.ndarray:
    """Return the mean squared error of the noise that a denoiser finds in each item, float64 (n,)."""
    field = fields_of(type(model)).get("guidance")
    plain = model.with_options(guidance=1.0) if field is not None and field.sampling else model

    def errors(x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        denoiser, total = plain.denoiser(y), torch.zeros(len(x), dtype=torch.float64, device=x.device)
        for t in denoiser.times(STEPS)[FROM:-1]:
            alpha, sigma = (weight(t).to(x.dtype) for weight in (denoiser.schedule.alpha, denoiser.schedule.sigma))
            for _ in range(DRAWS):
                e = noise.normal(*x.shape[1:])
                total += (denoiser(alpha * x + sigma * e, t)[1] - e).square().flatten(1).mean(1).double()
        return total

    return plain.map_items(errors, encoded) / (DRAWS * (STEPS - FROM))
