"""Retrieval: which of several conditions fits an item best, or which item a condition, by the model's likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import Noise
from zaohua.core.record import Condition, hidden
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.methods import ScoreKind
from zaohua.estimator.tensor_layer import HasDensity
from zaohua.estimator.tensors import Encoded
from zaohua.modalities.records.codes import Picked, picked
from zaohua.training.hiding import HIDDEN

Of = Literal["conditions", "items"]


@dataclass(frozen=True, eq=False)
class Retrieved:
    """Likelihoods of n items and k conditions, and what fits best.

    Attributes:
        log_likelihoods: log p(x | y) in nats, float64 (n, k).
        probabilities: of each condition given an item, (n, k), each row of which sums to 1, or of each item given a
            condition, (k, n).
        best: index of the condition that fits each item best, (n,), or of the item that fits each condition best, (k,).
        score_kind: whether the likelihoods are exact, lower bounds or estimates.
    """

    log_likelihoods: np.ndarray
    probabilities: np.ndarray
    best: np.ndarray
    score_kind: ScoreKind


def retrieve(
    model: GenerativeModel,
    X: object,
    y: Any,
    *,
    of: Of = "conditions",
    weights: ArrayLike | None = None,
    **options: Any,
) -> Retrieved:
    """Tell which of several conditions fits each item best, or which of several items each condition, by p(x | y).

    By Bayes' rule the probability of a condition is p(x | y) times its weight, divided by the sum over all conditions
    given. A model of captions that is conditioned on pictures ranks the captions of a picture with `of="items"`: the
    probability of an item is p(y | x) times its weight, where p(y | x) is p(x | y) / p(x) up to a factor, so that items
    which are likely with any condition, such as short ones, have no advantage.

    Args:
        model: fitted with conditions; it must have a likelihood.
        X: n items as for `fit`; windows of long recordings count as items.
        y: k conditions, all of which are tried with all items.
        of: what to choose from.
        weights: prior probabilities of what is chosen from, up to a factor; None for equal ones.
        options: fields marked for sampling or scoring, as for `score_samples`.

    Raises:
        ZaohuaError: the model has no likelihood or no conditions, or an item, a condition or a weight is invalid.
    """
    if of not in ("conditions", "items"):
        raise ZaohuaError(f"of must be 'conditions' or 'items', not {of!r}")
    model = model.with_options(**options)
    scores = log_likelihoods(model, X, y)
    rows = scores if of == "conditions" else (scores - log_marginals(model, X, y)[:, None]).T
    joint = rows + _log_weights(weights, rows.shape[1])
    highest = joint.max(1, keepdims=True)
    if not np.isfinite(highest).all():
        which = int(np.flatnonzero(~np.isfinite(highest[:, 0]))[0])
        what = "item" if of == "conditions" else "condition"
        raise ZaohuaError(f"{what} {which} is impossible by this model with each of what was given")
    shares = np.exp(joint - highest)
    return Retrieved(scores, shares / shares.sum(1, keepdims=True), joint.argmax(1), model.score_kind)


def log_likelihoods(model: GenerativeModel, X: object, y: Any) -> np.ndarray:
    """Compute log p(x | y) of each of n items given each of k conditions, float64 (n, k), in nats.

    Bounds and estimates take the same random numbers for all conditions of an item.

    Raises:
        ZaohuaError: as `retrieve`.
    """
    _ = model.score_samples  # raises an error if the model has none
    if model.y_codec_ is None:
        raise ZaohuaError(f"this {type(model).__name__} was fitted without conditions, so none fits better than others")
    encoded = model.encode_items(X)
    items = model.y_codec_.as_items(y, None)
    if not len(items):
        raise ZaohuaError("y is empty: give the conditions to choose from")
    conditions = model.y_codec_.encode(items)
    n, k = len(encoded), len(conditions)
    of_items, of_conditions = np.arange(n).repeat(k), np.tile(np.arange(k), n)
    pairs = Encoded(Picked(encoded.codes, of_items), picked(conditions, of_conditions))
    return model.score_encoded(pairs).reshape(n, k)


def log_marginals(model: GenerativeModel, X: object, y: Any) -> np.ndarray:
    """Compute log p(x) of each of n items by a model with conditions, float64 (n,), in nats.

    Labels are summed over. Other conditions are hidden, as they are from some items in training.

    Args:
        model: fitted with conditions.
        X: the items.
        y: any conditions that the model takes; only the number and type of their parts matter.

    Raises:
        ZaohuaError: as `retrieve`, or no conditions were hidden in training.
    """
    encoded = model.encode_items(X)
    if model.y_codec_ is None or model.y_codec_.log_prior() is not None:
        return model.score_encoded(encoded)
    if getattr(model, "condition_dropout", HIDDEN) == 0:
        raise ZaohuaError(f"this model was trained with {option('condition_dropout', 0.0)}, so it knows no p(x)")
    conditions = model.y_codec_.encode(model.y_codec_.as_items(y, None))
    pairs = Encoded(encoded.codes, picked(conditions, np.zeros(len(encoded), np.int64)))

    def log_prob(x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        assert y is not None
        return cast(HasDensity, model).log_prob(x, hidden(y, torch.zeros(len(y), dtype=torch.bool)), noise)

    return model.map_items(log_prob, pairs)


def _log_weights(weights: ArrayLike | None, n: int) -> np.ndarray:
    """Return the logarithms of n weights."""
    if weights is None:
        return np.zeros(n)
    w = np.asarray(as_array(weights, "weights"), np.float64)
    if w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any() or not w.any():
        raise ZaohuaError(f"weights are {n} numbers of at least 0, one for each that is chosen from, not all 0")
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(w))
