"""Hyperparameters of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.core.with_fields import WithFields
from zaohua.training.private.refusals import check_private_settings

if TYPE_CHECKING:
    from zaohua.training.trainable import Trainable


class TrainingSettings(WithFields):
    """Hyperparameters of training, which all models with networks have."""

    max_steps: Annotated[int | None, Between(1)] = None
    """Number of optimiser steps."""
    max_minutes: Annotated[float | None, Between(above=0)] = None
    """Minutes of training; the learning rate's schedule follows the time as well."""
    batch_size: Annotated[int, Between(1)] = 64
    """Items per step (in each process)."""
    grad_accumulation: Annotated[int, Between(1)] = 1
    """Number of micro-batches that a batch is split into, to save memory; the result is the same."""
    learning_rate: Annotated[float, Between(above=0)] = 1e-3
    """Peak learning rate."""
    warmup_steps: Annotated[int, Between(0)] = 100
    """Steps over which the learning rate rises from zero; at most a tenth of the training."""
    lr_schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """Decay of the learning rate to zero by the end of training, or a constant rate."""
    beta1: Annotated[float, Between(0, 0.9999)] = 0.9
    """Decay rate of Adam's first moment."""
    beta2: Annotated[float, Between(0, 0.99999)] = 0.99
    """Decay rate of Adam's second moment."""
    weight_decay: Annotated[float, Between(0)] = 0.0
    """Decoupled weight decay (AdamW)."""
    max_grad_norm: Annotated[float | None, Between(above=0)] = 1.0
    """Norm that gradients are clipped to; None doesn't clip. With `epsilon` the norm of each item's, by default at most
    1."""
    ema_decay: Annotated[float, Between(0, 0.99999)] = 0.999
    """Decay rate of the running average of the weights, which sampling uses; 0 uses the last weights."""
    validation_fraction: Annotated[float, Between(0, 0.9)] = 0.0
    """Fraction of the items held out for validation."""
    validate_every: Annotated[int, Between(1)] = 500
    """Steps between validations."""
    patience: Annotated[int | None, Between(1)] = None
    """Number of validations without improvement after which training stops; needs `validation_fraction`."""
    log_every: Annotated[int, Between(1)] = 50
    """Steps between records of the history."""
    preview_every: Annotated[int | None, Between(1)] = None
    """Steps between previews; None for no previews."""
    checkpoint_every: Annotated[int, Between(1)] = 1000
    """Steps between checkpoints, if the run has a folder."""
    device: str = "auto"
    """Device to compute on: "auto", "cpu", "cuda", "mps" ..."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the networks; "auto" uses bfloat16 if the hardware supports it."""
    workers: Annotated[int | None, Between(0)] = None
    """Number of processes that decode files, for data that doesn't fit in memory; None chooses."""
    epsilon: Annotated[float | None, Between(above=0)] = None
    """Privacy loss: no one item changes the probability of any result by more than a factor exp(epsilon). None: no
    guarantee."""
    delta: Annotated[float | None, Between(0, 1)] = None
    """Chance that the guarantee of `epsilon` doesn't hold; None for 1 / (10 n) of n items."""
    private_draws: Annotated[int, Between(1)] = 1
    """Losses of each item, with noise of their own, whose gradients are averaged before they are clipped, with
    `epsilon`: more learn better from the same budget, and take longer."""
    tensorboard: bool = False
    """Write the history for TensorBoard, too (needs the tensorboard package)."""


def check_settings(model: Trainable) -> None:
    """Check that a model's settings of training go together.

    Raises:
        ZaohuaError: they don't; the message names them and says what to do.
    """
    check_private_settings(model)
    explicit = model.patience is not None and model.patience != type(model).patience
    if explicit and not model.has_validation_loss:
        raise ZaohuaError(
            f"{type(model).__name__}: patience needs a validation loss, and the loss of this model doesn't measure "
            f"its quality: leave {option('patience')} out"
        )
    if explicit and not model.validation_fraction:
        raise ZaohuaError(
            f"{type(model).__name__}: patience needs held-out items: give {option('validation_fraction', 0.1)}"
        )
    if model.grad_accumulation > model.batch_size:
        raise ZaohuaError(
            f"{type(model).__name__}: {option('batch_size', model.batch_size)} can't be split into "
            f"{model.grad_accumulation} ({option('grad_accumulation')})"
        )
