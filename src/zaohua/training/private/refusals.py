"""Why a training can't be private: models whose items depend on each other, and settings that look at data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.modalities.base import counted

if TYPE_CHECKING:
    from zaohua.estimator.encoding import TrainingData
    from zaohua.training.step import Stepper
    from zaohua.training.trainable import Trainable

TOGETHER = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
"""Layers that compute with all items at once."""
INSTEAD = {
    "images": "VAE, Flow and DDPM can",
    "sounds": "Flow, DDPM and DiffWave can",
    "tables": "ProductMixture with epsilon is made for tables, and TVAE, TabFlow and TabAR can",
    "texts": "GPT and CharRNN can",
    "music": "MusicGPT and ChoraleRNN can",
}
"""The nearest models that can be private, by the kind of data."""


def check_private_settings(model: Trainable) -> None:
    """Check that nothing but steps is asked of a private training.

    Raises:
        ZaohuaError: a setting needs `epsilon`, or looks at data that it doesn't cover.
    """
    if model.epsilon is None:
        alone = next((name for name in ("delta", "private_draws") if getattr(model, name) != _usual(model, name)), None)
        if alone:
            raise ZaohuaError(
                f"{type(model).__name__}: {option(alone)} is a setting of private training: give "
                f"{option('epsilon', 10.0)} too"
            )
        return
    for name in ("validation_fraction", "patience"):
        if getattr(model, name) and getattr(model, name) != _usual(model, name):
            raise ZaohuaError(
                f"{type(model).__name__}: {option(name)} chooses weights by looking at items whose privacy nothing "
                f"pays for: leave it out with {option('epsilon')}"
            )


def _usual(model: Trainable, name: str) -> object:
    return getattr(type(model), name)


def refuse_shared(stepper: Stepper) -> None:
    """Refuse a model in which an item changes what others contribute.

    Raises:
        ZaohuaError: it is one; the message says which models can be trained privately.
    """
    for learner in dict.fromkeys(stepper.learners.values()):
        reason = learner.why_not_private()
        normed = [name for name, net in stepper.nets.items() if any(isinstance(m, TOGETHER) for m in net.modules())]
        if not reason and normed:
            reason = f"the batch normalisation of its {normed[0]} computes with all items at once"
        if reason:
            instead = INSTEAD.get(stepper.model.codec_.modality, "models without it can")
            raise ZaohuaError(
                f"{type(learner).__name__} can't be trained with {option('epsilon')}: {reason}; {instead}"
            )


def refuse_rows(model: Trainable, data: TrainingData, weights: np.ndarray | None) -> None:
    """Refuse rows of which several are one item's, and rows that are drawn more often than others.

    Raises:
        ZaohuaError: they are such.
    """
    name = type(model).__name__
    if weights is not None:
        raise ZaohuaError(
            f"{name} can't be trained with {option('epsilon')}: it draws rows of rare categories more often, by "
            f"weights that it learns of the data; {INSTEAD.get(model.codec_.modality, 'other models can')}"
        )
    if data.item_index is None:
        return
    counts = np.bincount(data.item_index)
    if counts.max(initial=0) > 1:
        raise ZaohuaError(
            f"{counted(int((counts > 1).sum()), 'item')} of {len(counts):,} would be cut into several rows, and "
            f"{option('epsilon')} protects one row only: take a larger {option('context')}, or give shorter items"
        )
