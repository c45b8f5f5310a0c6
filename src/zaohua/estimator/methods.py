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
from numpy.typing import ArrayLike
from torch import Tensor

from zaohua.core.arguments import RandomState
from zaohua.core.available import available
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.noise import ItemNoise
from zaohua.core.params import check_field, fields_of
from zaohua.estimator.encoding import CodecT
from zaohua.estimator.tensor_layer import TensorLayer
from zaohua.estimator.tensors import Encoded, chunks, to_cpu

ScoreKind = Literal["exact", "lower_bound", "estimate"]


class ItemMethods(TensorLayer[CodecT]):
    """Methods that take and return items, of every model."""

    score_kind: ClassVar[ScoreKind] = "exact"
    """Kind of the numbers that `score_samples` returns: the exact log-density, a lower bound or an estimate."""
    encodes_y: ClassVar[bool] = True
    """True if latent representations depend on the condition."""

    draw: ClassVar[Callable[..., Tensor]]
    log_prob: ClassVar[Callable[..., Tensor]]
    encode: ClassVar[Callable[..., Tensor]]
    decode: ClassVar[Callable[..., Tensor]]
    complete: ClassVar[Callable[..., Tensor]]
    """Types of the primitives, see `core.primitives`. A model has only those that it defines."""

    @available("draw")
    def sample(
        self, n_samples: int | None = None, *, y: object = None, random_state: RandomState = None, **options: Any
    ) -> Any:
        """Generate new items.

        Args:
            n_samples: number of items; by default one, or one for each y.
            y: one condition for all items, or a list with one for each; None draws conditions with their frequencies
                in the training data.
            random_state: seed, or a RandomState or Generator of numpy to draw one from. The first k items are the same
                for every n_samples >= k. None uses the model's own.
            options: fields marked for sampling (steps, guidance ...), for this call only.

        Returns:
            Items of the type that the model was fitted on, such as uint8 or float32 images, (n, H, W) or (n, H, W, C).

        Raises:
            ZaohuaError: an argument or a condition is invalid.
        """
        model = self.with_options(**options)
        n, y_codes = model.sample_conditions(n_samples, y)
        seeds = model.seeds_for_sampling(random_state, n)
        parts = []
        with model.inference():
            for rows in chunks(n):
                noise = ItemNoise(seeds[rows], model.device_)
                codes = None if y_codes is None else y_codes[rows]
                if y_codes is None and model.y_codec_ is not None:
                    codes = model.y_codec_.draw(noise)
                parts.append(to_cpu(model.draw(noise, model.prepare_conditions(codes, noise))))
        return model.decode_tensors(torch.cat(parts))

    @available("log_prob")
    def score_samples(self, X: object, y: object = None) -> np.ndarray:
        """Compute the log-likelihood of each item in nats; `score_kind` says whether it is exact.

        Args:
            X: items as for `fit`. A recording longer than a window counts as one item per window.
            y: their conditions. None marginalises over all labels of a conditional model, weighted by their
                frequencies in the training data.

        Returns:
            float64 (n,): log-probabilities of discrete data (8-bit or binary pixels), and log-densities in the items'
            own units of continuous data.

        Raises:
            ZaohuaError: an item or condition is invalid, or the model needs conditions that aren't labels.
        """
        encoded = self.encode_items(X, y)
        if self.y_codec_ is None or encoded.y_codes is not None:
            return self._numbers(self.map_items(self.log_prob, encoded))
        log_prior = self.y_codec_.log_prior()
        if log_prior is None:
            raise ZaohuaError(f"{type(self).__name__} was fitted with conditions that can't be summed over: give y")
        parts = [
            self.map_items(self.log_prob, Encoded(encoded.codes, torch.full((len(encoded),), label))) + float(p)
            for label, p in enumerate(log_prior)
        ]
        joint: np.ndarray = np.logaddexp.reduce(parts, axis=0)
        return self._numbers(joint)

    def _numbers(self, scores: np.ndarray) -> np.ndarray:
        """Return scores (n,); raise a `ZaohuaError` if any is NaN (an impossible item has -inf)."""
        self.refuse_invalid(np.asarray(np.isnan(scores)))
        return scores

    @available("log_prob")
    def score(self, X: object, y: object = None) -> float:
        """Compute the mean of `score_samples`, in nats per item."""
        return float(np.mean(self.score_samples(X, y)))

    @available("log_prob")
    def bits_per_dim(self, X: object, y: object = None) -> float:
        """Compute the mean negative log-likelihood in bits per dimension (pixel and channel).

        Raises:
            ZaohuaError: as `score_samples`, or items differ in length.
        """
        if self.spec_.shape is None:
            raise ZaohuaError(f"items of a {type(self).__name__} differ in length: divide their scores by it")
        return -self.score(X, y) / (math.log(2) * self.spec_.size)

    @available("encode")
    def transform(self, X: object, y: object = None) -> np.ndarray:
        """Compute the latent representation of each item (of each window of long recordings).

        Args:
            X: items as for `fit`.
            y: their conditions, if the representation depends on them.

        Returns:
            float32 (n, `latent_size`).

        Raises:
            ZaohuaError: an item is invalid, or a condition is missing.
        """
        encoded = self.encode_items(X, y)
        if self.encodes_y:
            self.require_conditions(encoded.y_codes)
        z = self.map_items(self.encode, encoded).astype(np.float32)
        self.refuse_invalid(~np.isfinite(z).all(1))
        return z

    @available("decode")
    def inverse_transform(self, Z: ArrayLike, y: object = None) -> Any:
        """Generate items from latent representations.

        Args:
            Z: latent representations, (n, `latent_size`).
            y: one condition for all, or a list with one for each.

        Returns:
            Items of the type that the model was fitted on.

        Raises:
            ZaohuaError: Z has another size, or a condition is missing.
        """
        self._check_fitted()
        z = self._latents(Z)
        _, y_codes = (len(z), None) if y is None else self.sample_conditions(len(z), y)
        self.require_conditions(y_codes)
        with self.inference():
            parts = [
                to_cpu(self.decode(z[rows], None if y_codes is None else y_codes[rows].to(z.device)))
                for rows in chunks(len(z))
            ]
        return self.decode_tensors(torch.cat(parts))

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
