"""Classifier-free guidance: one network learns p(x | y), p(x), and of records p(x | some parts).

With one weight w, predictions are null + w (conditional - null). With a weight for each part of a record,

    conditional + sum_k (w_k - 1) (conditional - without part k)

where parts of the same weight are left out together, so that the same weight for all parts is the formula above, and a
part of weight 1 costs nothing.

Sources: Ho and Salimans, "Classifier-Free Diffusion Guidance", 2022 (arXiv:2207.12598); for several conditions Liu et
al., "Compositional Visual Generation with Composable Diffusion Models", 2022 (arXiv:2206.01714).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, NamedTuple

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.noise import Noise
from zaohua.core.params import Between, Sampling
from zaohua.core.record import Condition, repeated
from zaohua.core.spec import DataSpec
from zaohua.estimator.encoding import CodecT
from zaohua.training.events import Batch
from zaohua.training.hiding import draw_kept
from zaohua.training.trainable import Trainable

Weight = float | dict[str, float]
"""One guidance weight, or one for each part of a record."""
MOST = 100.0
"""Largest guidance weight."""


class Guidance(NamedTuple):
    """Predictions to combine, each of which shows a part of the condition.

    Attributes:
        coefficients: the factor of each prediction; their sum is 1.
        shown: which parts of the condition each prediction is given, bool (predictions, parts); one part for conditions
            that are no records.
    """

    coefficients: tuple[float, ...]
    shown: Tensor

    @property
    def times(self) -> int:
        """Number of predictions."""
        return len(self.coefficients)

    def keep(self, n: int, device: torch.device) -> Tensor:
        """Return the masks of n items for each prediction in turn, bool (times n,) or (times n, parts)."""
        keep = self.shown.to(device).repeat_interleave(n, 0)
        return keep[:, 0] if keep.shape[1] == 1 else keep

    def conditions(self, y: Condition) -> Condition:
        """Repeat the conditions of n items for each prediction."""
        return repeated(y, self.times)

    def combine(self, predictions: Tensor) -> Tensor:
        """Combine the predictions of n items, (times n, ...), to one for each, (n, ...)."""
        parts = predictions.chunk(self.times)
        if self.times == 2:
            return torch.lerp(parts[1], parts[0], self.coefficients[0])
        return torch.stack([factor * part for factor, part in zip(self.coefficients, parts, strict=True)]).sum(0)


def guidance_of(weight: Weight, y_spec: DataSpec | None) -> Guidance | None:
    """Return which predictions a guidance weight combines; None if it needs the conditional one only.

    Raises:
        ZaohuaError: it names a part that the condition doesn't have, or a weight is out of bounds.
    """
    names = [name for name, _ in y_spec.parts] if y_spec is not None and y_spec.is_record else []
    if not isinstance(weight, Mapping):
        groups = {float(weight): [True] * max(1, len(names))}
    else:
        if not names:
            raise ZaohuaError("guidance has weights for parts of y, but this model's y has no parts: give one number")
        for name, value in weight.items():
            if name not in names:
                raise unknown("part of y in guidance:", name, names)
            if not isinstance(value, (int, float)) or not 0 <= value <= MOST:
                raise ZaohuaError(f"guidance of {name} must be between 0 and {MOST:g}, not {value!r}")
        groups = {float(value): [weight.get(name, 1.0) == value for name in names] for value in weight.values()}
    groups.pop(1.0, None)
    if not groups:
        return None
    coefficients = (1 + sum(value - 1 for value in groups), *(1 - value for value in groups))
    shown = [[True] * max(1, len(names)), *([not hidden for hidden in group] for group in groups.values())]
    return Guidance(coefficients, torch.tensor(shown))


class Guided(Trainable[CodecT]):
    """Base of models with guidance: conditions are hidden from some items in training, and amplified in sampling.

    Items whose label is missing are learnt as those whose label is hidden: they teach p(x).
    """

    takes_unlabelled: ClassVar[bool] = True

    condition_dropout: Annotated[float, Between(0, 1)] = 0.1
    """Fraction of items whose condition is hidden in training, from which p(x) is learnt; each part of a record is
    hidden as often by itself."""
    guidance: Annotated[float, Between(0, MOST), Sampling] | dict[str, float] = 1.0
    """Guidance weight: 1 samples p(x | y), higher values follow the condition more closely with less variety. Of
    records a dictionary can give a weight to each part."""

    def condition_mask(self, batch: Batch) -> Tensor | None:
        """Draw which items of a batch keep their condition, see `draw_kept`; None without conditions."""
        return None if batch.y is None else draw_kept(batch.noise, self.condition_dropout, self.y_spec_)

    def hide_conditions(self, y: Condition, noise: Noise) -> Condition:
        """Return the conditions: `condition_mask` hides them."""
        return y

    @property
    def guide(self) -> Guidance | None:
        """The predictions that `guidance` combines; None if it needs the conditional one only."""
        return guidance_of(self.guidance, self.y_spec_)
