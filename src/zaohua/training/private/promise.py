"""What a private training promises, and what it doesn't, in words that are saved with the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zaohua.core.params import fields_of
from zaohua.modalities.condition_base import ConditionCodec
from zaohua.privacy.guarantee import ADD_OR_REMOVE, Guarantee

if TYPE_CHECKING:
    from zaohua.estimator.encoding import TrainingData
    from zaohua.training.private.mechanism import Mechanism
    from zaohua.training.trainable import Trainable

UNITS = {"images": "one picture", "sounds": "one sound", "tables": "one row", "texts": "one text", "music": "one piece"}
CHECKPOINTS = "the checkpoints of a training that hasn't ended, which hold the key of its noise"


def promise(model: Trainable, data: TrainingData, mechanism: Mechanism) -> Guarantee:
    """Return the guarantee of a training, which holds from its first step on.

    Args:
        model: the model.
        data: what it is trained on.
        mechanism: how.
    """
    budget = mechanism.budget
    unit = UNITS.get(model.codec_.modality, "one item")
    if data.groups is not None and len(np.unique(data.groups)) < len(data.groups):
        most = int(np.bincount(np.unique(data.groups, return_inverse=True)[1]).max())
        unit = f"one window, of which {unit} has up to {most:,}"
    method = (
        f"DP-SGD: {budget.releases:,} noisy sums of clipped gradients, noise multiplier {budget.sigma:.4g}, sampling "
        f"rate {budget.rate:.3g}, counted by Opacus' PRV accountant"
    )
    declared, outside = list[str](), ["the number of items"]
    for codec in (model.codec_, model.y_codec_):
        if codec is not None:
            declared += _declared(codec)
            outside += [learnt] if (learnt := codec.learns()) else []
    if model.base_ is not None:
        outside.append("the data of the model that it was fine-tuned from")
    if not mechanism.ended:
        outside.append(CHECKPOINTS)
    return Guarantee(
        budget.epsilon,
        budget.delta,
        unit,
        ADD_OR_REMOVE,
        method,
        tuple(dict.fromkeys(declared)),
        {"gradients": 1.0},
        tuple(dict.fromkeys(outside)),
    )


def _declared(codec: ConditionCodec) -> list[str]:
    """Return the options of a codec that were given and not left to the data, "size 32"."""
    fields = fields_of(type(codec))
    return [f"{name} {value}" for name, value in codec.get_params().items() if value != fields[name].default]
