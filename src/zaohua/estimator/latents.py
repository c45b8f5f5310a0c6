"""Latent representations: a model as a transformer of scikit-learn.

In a pipeline y is the target of a later step, which `transform` never gets. So `fit_transform` leaves y out and learns
p(x), and `transform` needs no y: codes are made without knowing labels, in training as later. `fit(X, y)` learns
p(x | y), and `transform(X, y)` takes conditions where they are known.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import numpy as np
import sklearn
import torch
from numpy.typing import ArrayLike
from scipy.special import softmax
from torch import Tensor

from zaohua.core.arrays import as_array
from zaohua.core.available import available
from zaohua.core.errors import ZaohuaError, shown, unknown
from zaohua.core.memory import in_chunks
from zaohua.core.noise import ItemNoise
from zaohua.core.notes import note
from zaohua.estimator.encoding import CodecT
from zaohua.estimator.tensor_layer import TensorLayer
from zaohua.estimator.tensors import Encoded, to_cpu
from zaohua.modalities.reading import read

Output = Literal["default", "pandas", "polars"]
OUTPUTS = ("default", "pandas", "polars")
"""Types of what `transform` returns: an array, or a frame."""


class LatentMethods(TensorLayer[CodecT]):
    """Methods of models with latent representations."""

    encodes_y: ClassVar[bool] = True
    """True if latent representations depend on the condition."""
    normal_latents: ClassVar[bool] = True
    """True if latent representations are as if drawn from N(0, 1), so that what lies between two is as likely."""

    log_prob: ClassVar[Callable[..., Tensor]]
    encode: ClassVar[Callable[..., Tensor]]
    decode: ClassVar[Callable[..., Tensor]]
    fit: ClassVar[Callable[..., Any]]
    """Types of the primitives, see `core.primitives`."""

    @available("encode")
    def transform(self, X: object, y: object = None) -> Any:
        """Compute the latent representation of each item (of each window of long recordings).

        Args:
            X: items as for `fit`.
            y: their conditions. Without them, a model that was fitted with labels returns the representation that it
                expects over all labels.

        Returns:
            float32 (n, `latent_size`); a frame with the index of X if `set_output` asks for one.

        Raises:
            ZaohuaError: an item or a condition is invalid.
        """
        encoded = self.encode_items(X, y)
        if self.encodes_y and self.y_codec_ is not None and encoded.y_codes is None:
            z = self.encode_without_y(encoded)
        else:
            z = self.map_items(self.encode, encoded)
        self.refuse_invalid(~np.isfinite(z).all(1))
        return self._in_container(z.astype(np.float32), X)

    def encode_without_y(self, encoded: Encoded) -> np.ndarray:
        """Return the expected representations over all labels y, sum of p(y | x) E[z | x, y], float64 (n, latent_size).

        Raises:
            ZaohuaError: the model was fitted with conditions that can't be summed over.
        """
        if not hasattr(type(self), "log_prob"):
            self.require_conditions(None)
        weights = softmax(self.joint_scores(encoded), axis=0)
        codes = [self.map_items(self.encode, part) for part in self._with_each_label(encoded, len(weights))]
        return np.asarray((weights[:, :, None] * np.stack(codes)).sum(0))

    def joint_scores(self, encoded: Encoded) -> np.ndarray:
        """Return log p(x, y) of each label y and item x, float64 (labels, n).

        Raises:
            ZaohuaError: the model was fitted with conditions that can't be summed over.
        """
        log_prior = None if self.y_codec_ is None else self.y_codec_.log_prior()
        if log_prior is None:
            raise ZaohuaError(f"{type(self).__name__} was fitted with conditions that can't be summed over: give y")
        parts = self._with_each_label(encoded, len(log_prior))
        return np.stack([self.map_items(self.log_prob, part) + p for part, p in zip(parts, log_prior, strict=True)])

    def _with_each_label(self, encoded: Encoded, labels: int) -> list[Encoded]:
        return [Encoded(encoded.codes, torch.full((len(encoded),), label)) for label in range(labels)]

    @available("decode")
    def inverse_transform(self, Z: ArrayLike, y: object = None) -> Any:
        """Generate items from latent representations.

        Args:
            Z: latent representations, (n, `latent_size`).
            y: one condition for all, or a list with one for each.

        Returns:
            Items of the type that the model was fitted on.

        Raises:
            ZaohuaError: Z has another size or values that aren't finite, or a condition is missing.
        """
        self._check_fitted()
        z = self._latents(Z)
        _, y_codes = (len(z), None) if y is None else self.sample_conditions(len(z), y)
        self.require_conditions(y_codes)
        seeds = self.seeds_for_sampling(self.seed_, len(z))

        def decode(rows: slice) -> Tensor:
            at = np.arange(len(z))[rows]
            y = None if y_codes is None else self.prepare_conditions(y_codes[at], ItemNoise(seeds[rows], self.device_))
            return to_cpu(self.decode(z[rows], y))

        with self.inference():
            parts = in_chunks(len(z), self.at_once(), decode)
        return self.decode_tensors(torch.cat(parts))

    def _latents(self, Z: ArrayLike) -> Tensor:
        """Convert latent representations to a tensor (n, latent_size), or raise a `ZaohuaError` if they can't be."""
        z = as_array(Z, "latent representations")
        if z.ndim != 2 or z.shape[1] != self.latent_size or not len(z) or z.dtype.kind not in "buif":
            kind = "" if z.dtype.kind in "buif" else f" of type {z.dtype}"
            raise ZaohuaError(
                f"latent representations of this {type(self).__name__} are (n, {self.latent_size}), not {z.shape}{kind}"
            )
        with np.errstate(over="ignore"):
            z = z.astype(np.float32)
        for row in np.flatnonzero(~np.isfinite(z).all(1)):
            raise ZaohuaError(f"latent representation {row} has values that are NaN or infinite: leave it out")
        return torch.from_numpy(z).to(self.device_)

    @available("encode")
    def fit_transform(self, X: object, y: object = None, **options: Any) -> Any:
        """Fit the model to X, and return the latent representations of the same items.

        This is what a pipeline calls, where y is the target of a later step. So y is left out: the model learns p(x),
        and the representations know nothing of y. `fit(X, y)` learns p(x | y).

        Args:
            X: items as for `fit`.
            y: left out, with a note; the name of a column of X leaves out that column.
            options: options of `fit`.
        """
        if y is not None:
            X, _ = read(X, y, modality=options.get("modality"))
            _tell_of_targets(type(self).__name__)
        return self.fit(X, **options).transform(X)

    # ---- scikit-learn's output

    @available("encode")
    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Return the names of the columns of `transform`'s result: the name of the class and a number.

        Args:
            input_features: names of the columns of X, which must be those of `fit`; they aren't used.
        """
        self._check_fitted()
        columns = getattr(self, "feature_names_in_", None)
        if input_features is not None and columns is not None and not np.array_equal(as_array(input_features), columns):
            raise ZaohuaError("input_features is not equal to feature_names_in_: leave it out")
        return np.array([f"{type(self).__name__.lower()}{i}" for i in range(self.latent_size or 0)], dtype=object)

    @available("encode")
    def set_output(self, *, transform: Output | None = None) -> Self:
        """Choose the type of what `transform` and `fit_transform` return.

        Args:
            transform: "default" for arrays, "pandas" or "polars" for frames; None changes nothing.

        Raises:
            ZaohuaError: there is no such type.
        """
        if transform is not None:
            if not isinstance(transform, str) or transform not in OUTPUTS:
                given = transform if isinstance(transform, str) else shown(transform)
                raise unknown("output of transform:", given, OUTPUTS)
            self._sklearn_output_config = {"transform": transform}  # the name that scikit-learn copies
        return self

    def _in_container(self, z: np.ndarray, X: object) -> Any:
        """Return representations as an array or a frame, as `set_output` or scikit-learn's configuration says."""
        chosen = vars(self).get("_sklearn_output_config", {}).get("transform")
        kind = chosen or sklearn.get_config()["transform_output"]
        if kind == "default":
            return z
        names = self.get_feature_names_out().tolist()
        if kind == "polars":
            import polars

            return polars.DataFrame(z, schema=names, orient="row")
        import pandas as pd

        index = X.index if isinstance(X, (pd.DataFrame, pd.Series)) and len(X) == len(z) else None
        return pd.DataFrame(z, index=index, columns=names)


@functools.cache
def _tell_of_targets(name: str) -> None:
    """Say that `fit_transform` leaves y out: once, because a pipeline may fit a model many times."""
    note(f"y is left out: {name}.fit_transform learns p(x), as in a pipeline; fit(X, y) learns p(x | y)")
