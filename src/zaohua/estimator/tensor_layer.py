"""The public tensor layer: what tasks, evaluation and the command line use of a model, whatever its family.

A task (inpainting, interpolation, classification ...) asks for tensors of items and conditions, works on those with
the model's denoiser or log density, and hands tensors back for items; see docs/tensors.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor

from zaohua.core.available import available
from zaohua.core.noise import ItemNoise, Noise, derive_seed, seeds_for, seeds_from_content
from zaohua.estimator.denoiser import Denoiser, NoiseSchedule
from zaohua.estimator.encoding import CodecT, ItemEncoder
from zaohua.estimator.tensors import Encoded, ItemBatch, LogProb, chunks, expand_condition, to_cpu


class Denoises(Protocol):
    """A model with the primitive `denoise`."""

    @property
    def noise_schedule(self) -> NoiseSchedule:
        """How data fades into noise."""
        ...

    def times(self, n: int) -> Tensor:
        """The n + 1 times at which a sampler stops, from 1 to 0."""
        ...

    def denoise(self, x_t: Tensor, t: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Expected data and noise given x_t (B, ...) at one time t for all."""
        ...


class HasDensity(Protocol):
    """A model with the primitive `log_prob`."""

    def log_prob(self, x: Tensor, y: Tensor | None, noise: Noise) -> Tensor:
        """Log density of x (B, ...) in nats per item, (B,)."""
        ...


class TensorLayer(ItemEncoder[CodecT]):
    """A part of every model: items and conditions as tensors, and what has been learnt as functions of tensors."""

    random_state: int | None

    # ---- in

    def prepare_items(self, encoded: Encoded) -> ItemBatch:
        """Make tensors of encoded items, all in one batch; see `map_items` for more than fit into memory."""
        codes = encoded.codes if isinstance(encoded.codes, Tensor) else encoded.codes[np.arange(len(encoded))]
        noise = ItemNoise(seeds_from_content(codes, derive_seed(self.seed_, "score")), self.device_)
        x = self.codec_.prepare(codes.to(self.device_), noise)
        return ItemBatch(x, self.prepare_conditions(encoded.y_codes, noise), noise)

    def prepare_conditions(self, codes: Tensor | None, noise: Noise) -> Tensor | None:
        """Make a tensor of encoded conditions, on the model's device; None of none."""
        if codes is None or self.y_codec_ is None:
            return None
        return self.y_codec_.prepare(codes.to(self.device_), noise)

    def condition(self, y: object, n: int | None = None, *, random_state: int | None = None) -> Tensor | None:
        """Make the tensor that networks see of conditions, the same as `sample` does.

        Args:
            y: one condition, or a list with one for each item; None for no condition.
            n: items; needed only to repeat one condition.
            random_state: seed, for codecs of conditions that are random (such as dynamic binarisation).

        Returns:
            (n, ...) on the model's device, or None for no condition.

        Raises:
            ZaohuaError: the model was fitted without conditions, or doesn't know one.
        """
        self._check_fitted()
        n, codes = self.sample_conditions(n, y)
        return self.prepare_conditions(codes, self.item_noise(n, random_state))

    def item_noise(self, n: int, random_state: int | None = None) -> ItemNoise:
        """Make the noise that `sample` draws n items from: of the first k items the same whatever n is."""
        base = random_state if random_state is not None else self.random_state
        return ItemNoise(seeds_for(base, n), self.device_)

    def map_items(self, f: Callable[[Tensor, Tensor | None, Noise], Tensor], encoded: Encoded) -> np.ndarray:
        """Apply f(x, y, noise) -> (B, ...) to encoded items in batches, as one float64 array (n, ...)."""
        parts = []
        for rows in chunks(len(encoded), self.score_chunk):
            batch = encoded.take(np.arange(rows.start, rows.stop))
            with torch.no_grad():
                parts.append(f(*self.prepare_items(batch)).double().cpu().numpy())
        return np.concatenate(parts)

    # ---- out

    def decode_tensors(self, x: Tensor) -> Any:
        """Make items of tensors (n, *spec_.tensor_shape), as `sample` does of what was drawn."""
        return self.codec_.decode(to_cpu(x))

    # ---- what has been learnt

    @available("denoise", "make a denoiser")
    def denoiser(self, y: Tensor | None = None) -> Denoiser:
        """Make the denoiser that `sample` uses: the noise schedule, and (x_t, t) -> expected data and noise.

        The network is the averaged one, guided, with data clipped to its range. It takes float32 x_t of shape
        (B, *spec_.tensor_shape) on the model's device (`device_`), and computes in float32 unless the field
        `precision` asks for bfloat16. `with_options(guidance=...)` sets the guidance.

        Args:
            y: conditions as `condition` makes them, one for all items or one for each; None: given any condition.
        """
        self._check_fitted()
        model = cast(Denoises, self)

        def predict(x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            return model.denoise(x_t, t, expand_condition(y, len(x_t)))

        return Denoiser(model.noise_schedule, predict, model.times)

    @available("log_prob", "make a log density")
    def log_prob_fn(self, y: Tensor | None = None) -> LogProb:
        """Make the function x (B, *spec_.tensor_shape) -> log p(x | y), (B,) in nats per item.

        Of tensors as `prepare_items` makes them it gives what `score_samples` gives of their items; the model's
        `score_kind` says whether that is exact, a bound or an estimate.

        Args:
            y: conditions as `condition` makes them, one for all items or one for each.

        Raises:
            ZaohuaError: the model was fitted with conditions, and none is given.
        """
        self._check_fitted()
        self.require_conditions(y)
        return LogProb(cast(HasDensity, self).log_prob, y, derive_seed(self.seed_, "score"))
