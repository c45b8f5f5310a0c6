"""Alignment of conditions with items: a small network, trained beside the model, lays a sequence along x.

A condition that is a sequence (a text), or has one as a part, is laid along the time axis of items that have one
(spectrograms, series). The model's own network sees the result as channels, see `nn.alignment`.
"""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from zaohua.core.notes import note
from zaohua.core.record import Condition, Record
from zaohua.core.spec import DataSpec
from zaohua.estimator.encoding import CodecT
from zaohua.families.guidance import Guided
from zaohua.nn.alignment import Aligner, laid_spec, lies_along
from zaohua.training.events import Batch
from zaohua.training.trainable import Trainable


class AlignerFamily(Guided):
    """The aligner as a learner of its own: one network, whose loss is in `nn.alignment`."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"aligner": ("aligner",)}

    learning_rate = 2e-3
    max_grad_norm = 1.0

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build an aligner."""
        index = lies_along(y_spec, spec)
        assert y_spec is not None and index is not None
        return nn.ModuleDict({"aligner": Aligner(spec, y_spec, index, self.codec_.blank)})

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return the loss of each item, (B,); other parts of a record are hidden as often as from the model."""
        assert batch.y is not None
        with torch.autocast(batch.x.device.type, enabled=False):
            return cast(Aligner, nets["aligner"]).loss(batch.x, batch.y, self.condition_mask(batch))


class Aligned(Guided[CodecT]):
    """Base of models whose network sees a sequence, laid along the time axis of x, as channels."""

    def learners(self) -> tuple[Trainable, ...]:
        """Return the model itself, what else it learns, and an aligner if a sequence lies along x."""
        if lies_along(self.y_spec_, self.spec_) is None:
            return super().learners()
        aligner = AlignerFamily(condition_dropout=self.condition_dropout)
        aligner.codec_, aligner.spec_, aligner.y_spec_ = self.codec_, self.spec_, self.y_spec_
        return (*super().learners(), aligner)

    def seen_spec(self, spec: DataSpec, y_spec: DataSpec | None) -> DataSpec | None:
        """Return the description of conditions as the network sees them."""
        index = lies_along(y_spec, spec)
        return y_spec if y_spec is None or index is None else laid_spec(y_spec, spec, index)

    def seen(
        self, nets: nn.ModuleDict, y: Condition | None, x: Tensor | None = None, keep: Tensor | None = None
    ) -> Condition | None:
        """Return conditions as the network sees them: with the sequence laid along x, if there is one.

        Args:
            nets: the networks.
            y: conditions; None for none.
            x: their items, with which they are aligned; None to predict the durations.
            keep: mask of the items that show their condition, bool (B,), or which parts, (B, parts); None for all.
        """
        if y is None or "aligner" not in nets:
            return y
        with torch.no_grad(), torch.autocast(y.device.type, enabled=False):
            return cast(Aligner, nets["aligner"]).lay(y, x, keep)

    def ended(self, x: Tensor, y: Condition | None) -> Tensor:
        """Mark the ends of new items x (B, ...) that are predicted from y, as their codec reads them."""
        seen = self.seen(self.nets_, y)
        if seen is y or self.codec_.ended is None:
            return x
        aligner = cast(Aligner, self.nets_["aligner"])
        if squeezed := aligner.squeezed(cast(Condition, y)):
            note(
                f"{squeezed:,} of {len(x):,} conditions would take longer than an item of {aligner.cells} "
                f"{self.spec_.axes[-1]}s, and are made faster: give shorter ones, or train on longer items"
            )
        ends = aligner.ends(cast(Record, seen))
        if ends is None:
            return x
        after = torch.arange(x.shape[-1], device=x.device) >= ends.unsqueeze(1)
        return torch.where(after.view(len(x), *[1] * (x.ndim - 2), -1), self.codec_.ended, x)
