"""Models with networks: the fields of training, shared by all families, and what they keep after it.

A family (a subclass) defines three things, the engine does the rest:

    phases                          which networks each phase of a step trains, e.g. {"model": ("net",)}
    build(spec, y_spec)             the networks, from the specs of x and y alone
    loss(nets, batch, phase)        (B,) nats or energy per item
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from zaohua import modalities
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.hardware import pick_device, to_device
from zaohua.core.noise import Noise
from zaohua.core.params import Between, fields_of
from zaohua.core.spec import DataSpec
from zaohua.core.stored import Stored
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.encoding import Base, CodecT, TrainingData
from zaohua.storage import runs
from zaohua.storage.atomic import to_bytes
from zaohua.storage.layout import check_out, holds_training
from zaohua.training.callbacks import progress
from zaohua.training.events import Batch, Callback
from zaohua.training.order import grouped_split


class Trainable(GenerativeModel[CodecT]):
    """A model whose networks the engine trains."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"model": ("net",)}
    """Phases of a step, in order, with the networks that each of them trains."""
    machine_fields = ("device", "workers", "tensorboard")
    default_steps: ClassVar[int] = 5000
    """Length of training when neither a number of steps nor a time is given."""

    max_steps: Annotated[int | None, Between(1)] = None
    """Optimiser steps to train for."""
    max_minutes: Annotated[float | None, Between(above=0)] = None
    """Minutes to train for; the learning rate's schedule follows the clock, too."""
    batch_size: Annotated[int, Between(1)] = 64
    """Items per step (in each process)."""
    grad_accumulation: Annotated[int, Between(1)] = 1
    """Micro-batches that a batch is split into: less memory, the same result."""
    learning_rate: Annotated[float, Between(above=0)] = 1e-3
    """Peak learning rate."""
    warmup_steps: Annotated[int, Between(0)] = 100
    """Steps over which the learning rate rises from zero, but never more than a tenth of the training."""
    lr_schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls to zero by the end."""
    beta1: Annotated[float, Between(0, 0.9999)] = 0.9
    """Adam's first moment."""
    beta2: Annotated[float, Between(0, 0.99999)] = 0.99
    """Adam's second moment."""
    weight_decay: Annotated[float, Between(0)] = 0.0
    """Decoupled weight decay (AdamW)."""
    max_grad_norm: Annotated[float | None, Between(above=0)] = 1.0
    """Largest norm of the gradient; None doesn't clip."""
    ema_decay: Annotated[float, Between(0, 0.99999)] = 0.999
    """Decay of the running average of weights that sampling uses; 0 uses the weights as they are."""
    validation_fraction: Annotated[float, Between(0, 0.9)] = 0.0
    """Share of the items held out to measure the loss on."""
    validate_every: Annotated[int, Between(1)] = 500
    """Steps between two validations."""
    patience: Annotated[int | None, Between(1)] = None
    """Validations without a better loss after which training stops; needs a validation share."""
    log_every: Annotated[int, Between(1)] = 50
    """Steps between two records of the history."""
    preview_every: Annotated[int | None, Between(1)] = None
    """Steps between two previews; None makes none."""
    checkpoint_every: Annotated[int, Between(1)] = 1000
    """Steps between two checkpoints, of a run that has a folder."""
    device: str = "auto"
    """Where to compute: "auto", "cpu", "cuda", "mps" ..."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the networks; "auto" takes bfloat16 where it is measured to be faster."""
    workers: Annotated[int | None, Between(0)] = None
    """Processes that decode files while training, for data that doesn't fit in memory; None chooses."""
    tensorboard: bool = False
    """Write the history for TensorBoard as well (needs the tensorboard package)."""

    n_steps_ = Stored(0, key="steps")
    seconds_ = Stored(0.0, key="seconds")

    # ---- what a family defines

    @abstractmethod
    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """The networks by name, untrained, from what is known of x and y."""

    @abstractmethod
    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Loss of each item, (B,), of a phase; randomness comes from `batch.noise` only."""

    def rows(self, data: TrainingData) -> TrainingData:
        """The encoded items as rows that batches are made of: the items themselves, unless a family cuts them up."""
        return data

    def row_weights(self, data: TrainingData) -> np.ndarray | None:
        """How often each row is drawn compared to the others, float64 (n,); None for all alike."""
        return None

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """A batch of codes -> what networks see, (B, ...): the codec's, unless a family cuts pieces out first."""
        return self.codec_.prepare(codes, noise, train=train)

    def hold_out(self, n: int, seed: int, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Which of n items to validate on and which to train on, the same for the same seed.

        Items of one of `groups` (n,) go together, see `order.grouped_split`.
        """
        asked = self.validation_fraction != type(self).validation_fraction
        count = math.ceil(self.validation_fraction * n) if n > 2 or asked else 0  # nobody asked for any of next to none
        return grouped_split(n, count, seed, groups)

    def add_adapters(self, nets: nn.ModuleDict) -> nn.ModuleDict:
        """The networks as they are trained, given those to begin from: all of them, unless a model says less."""
        return nets

    def merge_adapters(self, nets: nn.ModuleDict) -> nn.ModuleDict:
        """Adapted networks as `build` makes them."""
        return nets

    def plan(self) -> tuple[str, ...]:
        """The phases of one step, in order; a phase may come more than once."""
        return tuple(self.phases)

    def make_optimizer(self, parameters: dict[str, nn.Parameter], phase: str) -> torch.optim.Optimizer:
        """The optimiser of a phase, given its parameters by name."""
        return torch.optim.AdamW(
            parameters.values(),
            lr=self.learning_rate,
            betas=(self.beta1, self.beta2),
            weight_decay=self.weight_decay,
            fused=True,
        )

    def learners(self) -> tuple[Trainable, ...]:
        """Whose plans make up a step, one after another: the model itself, and what it has learnt beside it."""
        return (self,)

    def networks(self) -> nn.ModuleDict:
        """The networks of all learners, untrained."""
        nets = nn.ModuleDict()
        for learner in self.learners():
            nets.update(dict(learner.build(self.spec_, self.y_spec_).items()))
        return nets

    # ---- learning

    def _check(self) -> None:
        super()._check()
        chosen = self.patience is not None and self.patience != type(self).patience
        if chosen and not self.validation_fraction:
            raise ZaohuaError(f"{type(self).__name__}: patience needs a share to validate on (validation_fraction=0.1)")
        if self.grad_accumulation > self.batch_size:
            raise ZaohuaError(
                f"{type(self).__name__}: a batch_size of {self.batch_size} can't be split into "
                f"{self.grad_accumulation} (grad_accumulation)"
            )

    def _fit(
        self,
        data: TrainingData,
        *,
        out: str | Path | None = None,
        callbacks: Sequence[Callback] | None = None,
        overwrite: bool = False,
        weights: dict[str, Tensor] | None = None,
    ) -> None:
        from zaohua.training.loop import Engine

        if out is not None and not overwrite and holds_training(Path(out)):
            raise ZaohuaError(f"{out} holds a run already: resume it, overwrite it, or choose another folder")
        self.history_: list[dict[str, Any]] = []
        with progress.watched(type(self).__name__, callbacks) as watching:
            Engine(self, self.rows(data), out, watching, weights).train(fresh=True)

    def finetune(
        self, X: Any, y: Any = None, *, out: str | Path | None = None, modality: str | None = None, **changes: Any
    ) -> Self:
        """A new model that begins with this one's weights and codec, and goes on to learn X.

        Args:
            X: as for `fit`.
            y: as for `fit`.
            out: as for `fit`.
            modality: as for `fit`; the kind that this model was fitted on where X may be of it.
            changes: settings that differ from this model's own (limits of steps and time are not taken over), and the
                options of `fit`.

        Raises:
            ZaohuaError: as `fit`; an item can't be encoded as this model's were; a setting makes other networks.
        """
        self._check_fitted()
        if out is not None:
            check_out(out)
        fields = fields_of(type(self))
        options = {name: changes.pop(name) for name in ("callbacks", "overwrite") if name in changes}
        for name in changes:
            if name not in fields:
                raise unknown(f"setting of {type(self).__name__}:", name, fields)
        limits = {"max_steps": None, "max_minutes": None}
        model = type(self)(**{**self.get_params(deep=False), **limits, **changes})
        about = {"run": self.run_, "steps": self.n_steps_, "seed": self.seed_}
        base = Base(self.codec_, self.y_codec_, about)
        return model._fit_from(base, self.tensors(), X, y, out=out, modality=modality, **options)

    def _fit_from(
        self,
        base: Base,
        weights: dict[str, Tensor],
        X: Any,
        y: Any,
        *,
        out: str | Path | None,
        modality: str | None = None,
        **options: Any,
    ) -> Self:
        """Learn X, given y, beginning with the weights and the codecs of another model."""
        self._fit(self._begin(X, y, base, modality), out=out, weights=weights, **options)
        if out is not None:
            self.save(out)
        return self

    def resume(
        self,
        run: str | Path,
        X: Any = None,
        y: Any = None,
        *,
        modality: str | None = None,
        callbacks: Sequence[Callback] | None = None,
    ) -> Self:
        """Go on with a run that was stopped or killed, from its newest intact checkpoint, bit for bit on a CPU.

        The fields are this model's own, so `zaohua.load(run)` with a larger `max_steps` trains on, on the device that
        this model has.

        Args:
            run: the run's folder.
            X: the data it was trained on; not needed when that was a path or the name of a data set.
            y: what it was conditioned on, if X is given.
            modality: the kind of data to take X for, as for `fit`; that of the run where X may be of it.
            callbacks: as for `fit`; a progress bar where somebody watches when not given.

        Raises:
            ZaohuaError: the data isn't the run's, or the run has weights and no checkpoint; CheckpointError when none
                is intact. A run that was stopped before anything was saved begins anew.
        """
        from zaohua.training.loop import Engine

        model, _ = runs.load_model(run, weights=False)
        runs.check_resumable(
            run, f"load({str(run)!r}).finetune(X) goes on from its weights, fit(X, out=..., overwrite=True) begins anew"
        )
        source, codec = model["source"], modalities.from_json(model["codec"])
        if X is None:
            if source is None:
                raise ZaohuaError(f"{run} was trained on data in memory: give the same X (and y) again")
            X, y, modality = source["X"], source["y"], source.get("modality")
        base = None
        if model.get("base") is not None:
            y_codec = None if model["y_codec"] is None else modalities.from_json(model["y_codec"])
            base = Base(codec, y_codec, model["base"])
        data = self._begin(X, y, base, modality, codec)
        now = self.to_json()
        if any(to_bytes(now[key]) != to_bytes(model[key]) for key in ("codec", "y_codec")):
            raise ZaohuaError(f"the data given isn't what {run} was trained on: it is encoded differently")
        self.seed_ = model["seed"]
        weights = None
        if base is not None and not runs.checkpoint_steps(run):
            weights = runs.base_weights(base.about["run"], run)
        with progress.watched(type(self).__name__, callbacks) as watching:
            Engine(self, self.rows(data), run, watching, weights).train(fresh=False)
        self.save(run)
        return self

    # ---- what is kept

    @property
    def device_(self) -> torch.device:
        """The device that the networks are on."""
        return next(self.nets_.parameters()).device

    def _tensors(self) -> dict[str, Tensor]:
        return self.nets_.state_dict()

    def _set_tensors(self, tensors: dict[str, Tensor]) -> None:
        nets = self.networks()
        nets.load_state_dict(tensors)
        self.nets_ = to_device(nets, pick_device(self.device)).eval().requires_grad_(False)
