"""Models that are trained to undo a degradation: y is what is seen of x, made anew in each batch.

The degradation acts on x after its augmentation, with the random numbers of the batch, so that a resumed training goes
on exactly. Stored pairs would show a network the same noise again and again.
"""

from __future__ import annotations

from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import Noise
from zaohua.core.record import Condition
from zaohua.estimator.encoding import Base, CodecT, TrainingData
from zaohua.modalities.base import Codec
from zaohua.modalities.condition_base import ConditionCodes
from zaohua.operators.degradation import Degradation
from zaohua.training.trainable import Trainable


class Degraded(Trainable[CodecT]):
    """Base of models that can learn p(x | what is seen of x)."""

    degrade: str | None = None
    """Degradation that the model learns to undo, in the items' own units, such as "downscale 4 | noise 10": y is made
    of x, anew in each batch. None: y is what is given, if anything."""

    @property
    def degradation(self) -> Degradation | None:
        """The degradation that the model learns to undo, or None."""
        return None if self.degrade is None else Degradation.parse(self.degrade)

    def _check(self) -> None:
        super()._check()
        if self.degrade is not None:
            Degradation.parse(self.degrade)

    def _begin(
        self, X: object, y: object, base: Base | None = None, modality: str | None = None, codec: Codec | None = None
    ) -> TrainingData:
        degradation = self.degradation
        if degradation is None:
            return super()._begin(X, y, base, modality, codec)
        if y is not None:
            raise ZaohuaError(f"{option('degrade')} makes y of x: give that, or y, and not both")
        base = None if base is None else Base(base.codec, None, base.about, base.seen)
        data = super()._begin(X, None, base, modality, codec)
        self.y_codec_ = self.codec_.observation(degradation)
        self.y_spec_ = self.y_codec_.spec_
        return data

    def prepare_batch(
        self, codes: Tensor, y: Condition | ConditionCodes | None, noise: Noise, train: bool
    ) -> tuple[Tensor, Condition | None]:
        """Convert codes to tensors, and make y of them if that is to be undone."""
        degradation = self.degradation
        if degradation is None:
            return super().prepare_batch(codes, y, noise, train)
        x = self.prepare(codes, noise, train=train)
        return x, self.codec_.observe(codes, x, degradation, noise)
