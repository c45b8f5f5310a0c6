"""Beginning and end of a private training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from zaohua.core.notes import note
from zaohua.training.order import Batches
from zaohua.training.private.batches import PoissonBatches
from zaohua.training.private.mechanism import Mechanism
from zaohua.training.private.promise import promise
from zaohua.training.private.refusals import refuse_rows, refuse_shared

if TYPE_CHECKING:
    from zaohua.training.loop import Engine


def batches_for(engine: Engine, rows: np.ndarray, weights: np.ndarray | None) -> Callable[..., Batches]:
    """Return the kind of batches of a training, and make the training private if its model has `epsilon`.

    Args:
        engine: the training.
        rows: rows to train on.
        weights: how often each is drawn; None for equally often.

    Raises:
        ZaohuaError: the model or the data can't be trained on privately.
    """
    model = engine.model
    if model.epsilon is None:
        return Batches
    refuse_shared(engine)
    refuse_rows(model, engine.data, weights)
    engine.private = Mechanism(engine, len(rows))
    model.privacy_ = promise(model, engine.data, engine.private).to_json()
    return partial(PoissonBatches, engine.private)


def end(engine: Engine) -> None:
    """Delete the key of a private training that has ended, and say so in the model; a checkpoint must follow.

    That checkpoint is the only one that is kept then.
    """
    if engine.private is None:
        return
    engine.private.forget()
    engine.model.privacy_ = promise(engine.model, engine.data, engine.private).to_json()
    engine.saved = -1
    if engine.run is not None:
        engine.run.keep = 1
    if engine.private.looped:
        note(f"gradients of items were computed one after the other: {engine.private.looped}")
