"""The tensor layer of models: public methods on tensors, which tasks, evaluation and the command line use.

A task (inpainting, interpolation, classification ...) converts items and conditions to tensors, computes with the
model's denoiser or log-density, and converts the results to items; see docs/tensors.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from zaohua.core.advice import option
from zaohua.core.arguments import tensor, whole_number
from zaohua.core.available import available
from zaohua.core.errors import ZaohuaError, shown
from zaohua.core.hardware import fitting_threads
from zaohua.core.memory import in_chunks
from zaohua.core.noise import ItemNoise, Noise, derive_seed, seeds_for, seeds_from_content
from zaohua.core.record import Condition, Record
from zaohua.core.seeds import RandomState
from zaohua.estimator.denoiser import Denoiser, NoiseSchedule
from zaohua.estimator.encoding import CodecT, ItemEncoder
from zaohua.estimator.tensors import Encoded, ItemBatch, LogProb, expand_condition, hiding_unknown, invalid_rows, to_cpu
from zaohua.modalities.condition_base import ConditionCodes


class Denoises(Protocol):
    """Model with the primitive `denoise`."""

    @property
    def noise_schedule(self) -> NoiseSchedule:
        """Weights of data and noise at each time."""
        ...

    def times(self, n: int) -> Tensor:
        """Return the n + 1 times of a sampler with n steps, from 1 to 0."""
        ...

    def denoise(self, x_t: Tensor, t: Tensor, y: Condition | None = None) -> tuple[Tensor, Tensor]:
        """Estimate data and noise from x_t (B, ...) at a common time t."""
        ...


class HasDensity(Protocol):
    """Model with the primitive `log_prob`."""

    def log_prob(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Compute the log-density of x (B, ...) in nats per item, (B,)."""
        ...


class TensorLayer(ItemEncoder[CodecT]):
    """Items and conditions of a model as tensors, and its denoiser and log-density as functions of tensors."""

    random_state: RandomState

    # ---- to tensors

    def prepare_items(self, encoded: Encoded) -> ItemBatch:
        """Convert encoded items to tensors, in one batch; see `map_items` for more items than fit into memory."""
        if not isinstance(encoded, Encoded):
            raise ZaohuaError(f"prepare_items takes encoded items, encode_items(X), not {shown(encoded)}")
        codes = encoded.codes if isinstance(encoded.codes, Tensor) else encoded.codes[np.arange(len(encoded))]
        noise = ItemNoise(seeds_from_content(codes, derive_seed(self.seed_, "score")), self.device_)
        x = self.codec_.prepare(codes.to(self.device_), noise)
        return ItemBatch(x, self.prepare_conditions(encoded.y_codes, noise), noise)

    def prepare_conditions(self, codes: Condition | ConditionCodes | None, noise: Noise) -> Condition | None:
        """Convert encoded conditions to what networks take, on the model's device; None if there are none."""
        if codes is None or self.y_codec_ is None:
            return None
        batch = codes if isinstance(codes, (Tensor, Record)) else codes[np.arange(len(codes))]
        prepared: Condition = self.y_codec_.prepare(batch.to(self.device_), noise)
        return hiding_unknown(prepared)

    def condition(self, y: object, n: int | None = None, *, random_state: RandomState = None) -> Condition | None:
        """Convert conditions to the tensors for the networks, as `sample` does.

        Args:
            y: one condition, or a list with one for each item; None for no conditions.
            n: number of items; needed only to repeat one condition.
            random_state: seed for codecs of conditions that are random (such as dynamic binarisation).

        Returns:
            (n, ...) on the model's device; None for no conditions.

        Raises:
            ZaohuaError: the model is unconditional, or a condition is unknown.
        """
        self._check_fitted()
        n, codes = self.sample_conditions(n, y)
        return self.prepare_conditions(codes, self.item_noise(n, random_state))

    def item_noise(self, n: int, random_state: RandomState = None) -> ItemNoise:
        """Return the noise from which `sample` generates n items; for the first k items it is the same for all n."""
        return ItemNoise(self.seeds_for_sampling(random_state, n), self.device_)

    def seeds_for_sampling(self, random_state: RandomState, n: int) -> list[int]:
        """Return seeds for n items from a random state, by default the model's own.

        Raises:
            ZaohuaError: the random state is none.
        """
        n = self.foresee(whole_number("n", n, 0))
        return seeds_for(self.random_state if random_state is None else random_state, n)

    def map_items(self, f: Callable[[Tensor, Condition | None, Noise], Tensor], encoded: Encoded) -> np.ndarray:
        """Apply a function (x, y, noise) -> (B, ...) to encoded items in batches; return one float64 array (n, ...)."""

        def work(rows: slice) -> np.ndarray:
            batch = encoded.take(np.arange(rows.start, rows.stop))
            result: np.ndarray = f(*self.prepare_items(batch)).double().cpu().numpy()
            return result

        with self.inference():
            return np.concatenate(in_chunks(len(encoded), self.at_once(most=self.score_chunk), work))

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Compute without gradients within the context, on as many threads as the networks benefit from."""
        nets: nn.Module | None = getattr(self, "nets_", None)
        with torch.no_grad(), fitting_threads(nets):
            yield

    # ---- from tensors

    def decode_tensors(self, x: Tensor) -> Any:
        """Convert tensors (n, *spec_.tensor_shape) to items, as `sample` does.

        Raises:
            ZaohuaError: numbers are NaN or infinite, as those of a model that diverged.
        """
        x = to_cpu(tensor("x", x, "items as tensors come from prepare_items(encode_items(X)).x"))
        ragged = self.spec_.shape is None
        if (ragged and x.ndim < 2) or (not ragged and x.shape[1:] != self.spec_.tensor_shape):
            wanted = "..." if ragged else ", ".join(map(str, self.spec_.tensor_shape))
            raise ZaohuaError(f"items of this {type(self).__name__} are tensors (n, {wanted}), not {tuple(x.shape)}")
        self.refuse_invalid(invalid_rows(x, self.spec_))
        return self._items_of(x)

    def _items_of(self, x: Tensor) -> Any:
        """Convert finite tensors on the CPU to items."""
        return self.codec_.decode(x)

    def refuse_invalid(self, invalid: Tensor | np.ndarray) -> None:
        """Raise a `ZaohuaError` if results for some items aren't numbers, as a mask (n,) says."""
        count = int(invalid.sum())
        if count:
            remedy = f", with a smaller {option('learning_rate')}" if hasattr(self, "learning_rate") else ""
            raise ZaohuaError(
                f"the results of this {type(self).__name__} are NaN or infinite for {count:,} of {len(invalid):,} "
                f"items: it has diverged, or an option is too extreme; fit it again{remedy}"
            )

    # ---- learnt functions

    @available("denoise", "make a denoiser")
    def denoiser(self, y: Condition | None = None) -> Denoiser:
        """Return the denoiser that `sample` uses: the noise schedule, and a function (x_t, t) -> (data, noise).

        It uses the averaged network with guidance, and clips data to their range. It takes float32 x_t of shape
        (B, *spec_.tensor_shape) on the model's device (`device_`), and computes in float32 unless the field
        `precision` is "bfloat16". `with_options(guidance=...)` sets the guidance.

        Args:
            y: conditions as `condition` returns them, one for all items or one for each; None for unconditional
                estimates.
        """
        self._check_fitted()
        model = cast(Denoises, self)

        def predict(x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            return model.denoise(x_t, t, expand_condition(y, len(x_t)))

        return Denoiser(model.noise_schedule, predict, model.times)

    @available("log_prob", "make a log density")
    def log_prob_fn(self, y: Condition | None = None) -> LogProb:
        """Return the function x (B, *spec_.tensor_shape) -> log p(x | y), (B,) in nats per item.

        For tensors as `prepare_items` returns them, its values are those of `score_samples` for their items. The
        model's `score_kind` says whether they are exact, a bound or an estimate.

        Args:
            y: conditions as `condition` returns them, one for all items or one for each.

        Raises:
            ZaohuaError: the model is conditional, and y is None.
        """
        self._check_fitted()
        self.require_conditions(y)
        return LogProb(cast(HasDensity, self).log_prob, y, derive_seed(self.seed_, "score"))
