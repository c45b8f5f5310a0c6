"""Public methods on items, written once in terms of the primitives that models define.

A model defines *primitives* on tensors (`draw`, `log_prob`, `encode`, `decode` ...). Each method here (`sample`,
`score_samples`, `transform` ...) exists on a model exactly if the primitive that it needs does.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.core.available import available
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.memory import in_chunks
from zaohua.core.noise import ItemNoise
from zaohua.core.params import check_field, fields_of
from zaohua.core.seeds import RandomState
from zaohua.estimator.encoding import CodecT
from zaohua.estimator.latents import LatentMethods
from zaohua.estimator.tensors import Encoded, to_cpu, unknown_labels

ScoreKind = Literal["exact", "lower_bound", "estimate"]


class ItemMethods(LatentMethods[CodecT]):
    """Methods that take and return items, of every model."""

    score_kind: ClassVar[ScoreKind] = "exact"
    """Kind of the numbers that `score_samples` returns: the exact log-density, a lower bound or an estimate."""

    draw: ClassVar[Callable[..., Tensor]]
    complete: ClassVar[Callable[..., Tensor]]
    """Types of the primitives, see `core.primitives`. A model has only those that it defines."""

    @available("draw")
    def sample(
        self,
        n_samples: int | None = None,
        *,
        y: object = None,
        random_state: RandomState = None,
        batch_size: int | None = None,
        **options: Any,
    ) -> Any:
        """Generate new items.

        Args:
            n_samples: number of items; by default one, or one for each y.
            y: one condition for all items, or a list with one for each; None draws conditions with their frequencies
                in the training data.
            random_state: seed, or a RandomState or Generator of numpy to draw one from. The first k items are the same
                for every n_samples >= k. None uses the model's own.
            batch_size: number of items that are made at once; None chooses by their size. It is halved when memory
                runs out.
            options: fields marked for sampling (steps, guidance ...), for this call only.

        Returns:
            Items of the type that the model was fitted on, such as uint8 or float32 images, (n, H, W) or (n, H, W, C).

        Raises:
            ZaohuaError: an argument or a condition is invalid, or memory doesn't suffice.
        """
        model = self.with_options(**options)
        n, y_codes = model.sample_conditions(n_samples, y)
        seeds = model.seeds_for_sampling(random_state, n)

        def draw(rows: slice) -> Tensor:
            noise = ItemNoise(seeds[rows], model.device_)
            codes = None if y_codes is None else y_codes[np.arange(n)[rows]]
            if y_codes is None and model.y_codec_ is not None:
                codes = model.y_codec_.draw(noise)
            return to_cpu(model.draw(noise, model.prepare_conditions(codes, noise)))

        with model.inference():
            parts = in_chunks(n, model.at_once(batch_size), draw)
        return model.decode_tensors(torch.cat(parts))

    @available("log_prob")
    def score_samples(self, X: object, y: object = None, **options: Any) -> np.ndarray:
        """Compute the log-likelihood of each item in nats; `score_kind` says whether it is exact.

        Args:
            X: items as for `fit`. A recording longer than a window counts as one item per window.
            y: their conditions. None marginalises over all labels of a conditional model, weighted by their
                frequencies in the training data.
            options: fields marked for sampling or scoring (such as `unseen` of tables), for this call only.

        Returns:
            float64 (n,): log-probabilities of discrete data (8-bit or binary pixels), and log-densities in the items'
            own units of continuous data.

        Raises:
            ZaohuaError: an item or condition is invalid, or the model needs conditions that aren't labels.
        """
        model = self.with_options(**options)
        return model.score_encoded(model.encode_items(X, y))

    @available("log_prob")
    def score_encoded(self, encoded: Encoded) -> np.ndarray:
        """Compute `score_samples` of encoded items; a label of -1 is unknown, and summed over."""
        y = encoded.y_codes
        if self.y_codec_ is None:
            summed = np.zeros(len(encoded), bool)
        elif y is None:
            summed = np.ones(len(encoded), bool)
        else:
            summed = unknown_labels(y)
        scores = np.empty(len(encoded))
        if not summed.all():
            scores[~summed] = self.map_items(self.log_prob, encoded.take(np.flatnonzero(~summed)))
        if summed.any():
            scores[summed] = np.logaddexp.reduce(self.joint_scores(encoded.take(np.flatnonzero(summed))), axis=0)
        self.refuse_invalid(np.asarray(np.isnan(scores)))  # an impossible item has -inf
        return scores

    @available("log_prob")
    def score(self, X: object, y: object = None, **options: Any) -> float:
        """Compute the mean of `score_samples`, in nats per item."""
        return float(np.mean(self.score_samples(X, y, **options)))

    @available("log_prob")
    def bits_per_dim(self, X: object, y: object = None) -> float:
        """Compute the mean negative log-likelihood in bits per dimension (pixel and channel).

        Raises:
            ZaohuaError: as `score_samples`, or items differ in length.
        """
        if self.spec_.shape is None:
            raise ZaohuaError(f"items of a {type(self).__name__} differ in length: divide their scores by it")
        return -self.score(X, y) / (math.log(2) * self.spec_.size)

    def cannot(self, primitive: str) -> str | None:
        """Return why this model lacks a primitive that its class defines, because of settings or data; else None."""
        return None

    def with_options(self, **options: object) -> Self:
        """Return a shallow copy with other sampling options; the model itself if there are none.

        Args:
            options: fields marked for sampling (steps, sampler, guidance ...).

        Raises:
            ZaohuaError: there is no such option, or its value is invalid.
        """
        self._check_fitted()
        if not options:
            return self
        fields = {name: field for name, field in fields_of(type(self)).items() if field.sampling}
        model = copy.copy(self)
        for name, value in options.items():
            if name not in fields:
                raise unknown(f"sampling option of {type(self).__name__}:", name, fields)
            check_field(type(self).__name__, fields[name], value)
            setattr(model, name, value)
        return model
