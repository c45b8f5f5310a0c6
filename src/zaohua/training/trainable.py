"""Models with networks: the fields and methods of training that all families share.

A family (a subclass) defines three members:

    phases                          the networks that each phase of a step trains, e.g. {"model": ("net",)}
    build(spec, y_spec)             creates the networks from the specs of x and y
    loss(nets, batch, phase)        computes the loss of each item, (B,)
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from zaohua import modalities
from zaohua.core.advice import option
from zaohua.core.arguments import path_of
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.hardware import pick_device, to_device
from zaohua.core.json import Json
from zaohua.core.noise import Noise, derive_seed
from zaohua.core.params import fields_of
from zaohua.core.record import Condition, hidden
from zaohua.core.spec import DataSpec
from zaohua.core.stored import Stored
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.encoding import Base, CodecT, TrainingData
from zaohua.modalities.base import Codes
from zaohua.modalities.condition_base import ConditionCodes
from zaohua.storage import runs
from zaohua.storage.layout import check_out, checkpoint_steps, holds_training
from zaohua.training import differences, limits, resuming
from zaohua.training.building import built_for
from zaohua.training.callbacks import progress
from zaohua.training.events import Batch, Callback
from zaohua.training.hiding import HIDDEN, draw_kept
from zaohua.training.order import grouped_split
from zaohua.training.settings import TrainingSettings, check_settings

PUBLISHED = ("published", "revision")
"""What a model remembers of published weights, however often it is fine-tuned."""


class Trainable(TrainingSettings, GenerativeModel[CodecT]):
    """Model with networks that are trained by gradient descent."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"model": ("net",)}
    """Phases of a step, in order, and the networks that each of them trains."""
    machine_fields = ("device", "workers", "tensorboard")
    has_validation_loss: ClassVar[bool] = True
    """True if the loss of held-out items tells how good the model is; that of a GAN doesn't."""
    default_steps: ClassVar[int] = 5000
    """Number of steps if neither `max_steps` nor `max_minutes` is given."""

    n_steps_ = Stored(0, key="steps")
    seconds_ = Stored(0.0, key="seconds")

    # ---- defined by families

    @abstractmethod
    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Create the untrained networks by name, from the specs of x and y."""

    @abstractmethod
    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Compute the loss of each item in a phase, (B,), with random numbers from `batch.noise` only."""

    def rows(self, data: TrainingData) -> TrainingData:
        """Return the rows that batches are made of: the encoded items, or pieces of them in some families."""
        return data

    def row_weights(self, data: TrainingData) -> np.ndarray | None:
        """Return the relative frequency with which each row is drawn, float64 (n,); None for equal ones."""
        return None

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Convert a batch of codes to the tensor for the networks, (B, ...), as the codec does."""
        return self.codec_.prepare(codes, noise, train=train)

    def prepare_batch(
        self, codes: Tensor, y: Condition | ConditionCodes | None, noise: Noise, train: bool
    ) -> tuple[Tensor, Condition | None]:
        """Convert the codes of items and of their conditions to tensors for the networks."""
        return self.prepare(codes, noise, train=train), self.prepare_conditions(y, noise)

    def hide_conditions(self, y: Condition, noise: Noise) -> Condition:
        """Hide some conditions of a batch in training, so that the model can do without those that can't be drawn."""
        if self.y_codec_ is None or self.y_codec_.log_prior() is not None:
            return y
        return hidden(y, draw_kept(noise, HIDDEN, self.y_spec_))

    def hold_out(self, n: int, seed: int, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Split n items into those to validate on and those to train on, the same for the same seed.

        Items of one of `groups` (n,) stay together, see `order.grouped_split`.
        """
        explicit = self.validation_fraction != type(self).validation_fraction
        count = math.ceil(self.validation_fraction * n) if n > 2 or explicit else 0  # by default none of 1 or 2 items
        return grouped_split(n, count, seed, groups)

    def learnt(self, data: TrainingData, rows: TrainingData) -> tuple[Codes, np.ndarray]:
        """Return the codes of items, and the indices of those that are trained on and not held out.

        Args:
            data: the encoded items.
            rows: result of `rows`.
        """
        return data.x, self.hold_out(rows.n_items, derive_seed(self.seed_, "split"), rows.groups)[1]

    def _rows_to_learn(self, data: TrainingData) -> TrainingData:
        """Return the rows that batches are made of, and remember the items that they are of."""
        rows = self.rows(data)
        self.remember(*self.learnt(data, rows))
        return rows

    def add_adapters(self, nets: nn.ModuleDict) -> nn.ModuleDict:
        """Add adapters to the networks to train; by default all weights are trained and none are added."""
        return nets

    def merge_adapters(self, nets: nn.ModuleDict) -> nn.ModuleDict:
        """Merge adapters into the weights, which gives networks as `build` creates them."""
        return nets

    def plan(self) -> tuple[str, ...]:
        """Return the phases of one step, in order; a phase may occur more than once."""
        return tuple(self.phases)

    def make_optimizer(self, parameters: dict[str, nn.Parameter], phase: str) -> torch.optim.Optimizer:
        """Create the optimiser of a phase, given its parameters by name."""
        return torch.optim.AdamW(
            parameters.values(),
            lr=self.learning_rate,
            betas=(self.beta1, self.beta2),
            weight_decay=self.weight_decay,
            fused=True,
        )

    def learners(self) -> tuple[Trainable, ...]:
        """Return the models trained jointly in each step: this model, and sub-models with their own phases."""
        return (self,)

    def networks(self) -> nn.ModuleDict:
        """Create the untrained networks of all learners."""
        nets = nn.ModuleDict()
        for learner in self.learners():
            nets.update(dict(learner.build(self.spec_, self.y_spec_).items()))
        return nets

    # ---- training

    def _check(self) -> None:
        super()._check()
        check_settings(self)

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
            raise ZaohuaError(
                f"{out} holds a run already: resume it, replace it ({option('overwrite', True)}), or choose another "
                "folder"
            )
        self.history_: list[Json] = []
        with progress.watched(type(self).__name__, callbacks) as watching:
            Engine(self, self._rows_to_learn(data), out, watching, weights).train(fresh=True)

    def finetune(
        self, X: object, y: object = None, *, out: str | Path | None = None, modality: str | None = None, **changes: Any
    ) -> Self:
        """Train a new model on X, starting with this model's weights and codecs.

        Args:
            X: items, as for `fit`.
            y: conditions, as for `fit`.
            out: run folder, as for `fit`.
            modality: kind of data of X, as for `fit`; default: that of this model if X may be of it.
            changes: settings that differ from this model's, and options of `fit`. The limits of steps and time aren't
                inherited.

        Returns:
            The new model; this one is unchanged.

        Raises:
            ZaohuaError: as `fit`; an item can't be encoded by this model's codec; a setting changes the networks.
        """
        self._check_fitted()
        if out is not None:
            check_out(out)
        fields = fields_of(type(self))
        options = {name: changes.pop(name) for name in ("callbacks", "overwrite") if name in changes}
        for name, value in changes.items():
            if name in self.codec_arguments() or (name in ("codec", "y_codec") and value is not getattr(self, name)):
                raise ZaohuaError(
                    f"{option(name)} can't be given: a fine-tuned model keeps the encoding it starts from"
                )
            if name not in fields:
                raise unknown(f"setting of {type(self).__name__}:", name, fields)
        limits = {"max_steps": None, "max_minutes": None}
        model = type(self)(**{**self.get_params(deep=False), **limits, **changes})
        published = {name: value for name, value in (self.base_ or {}).items() if name in PUBLISHED}
        about = {**published, "run": self.run_, "steps": self.n_steps_, "seed": self.seed_}
        base = Base(self.codec_, self.y_codec_, about, self.seen_)
        return model._fit_from(base, self.tensors(), X, y, out=out, modality=modality, **options)

    def _fit_from(
        self,
        base: Base,
        weights: dict[str, Tensor],
        X: object,
        y: object,
        *,
        out: str | Path | None,
        modality: str | None = None,
        **options: Any,
    ) -> Self:
        """Train on X, given y, starting with the weights and codecs of another model."""
        self._fit(self._begin(X, y, base, modality), out=out, weights=weights, **options)
        if out is not None:
            self.save(out)
        return self

    def resume(
        self,
        run: str | Path,
        X: object = None,
        y: object = None,
        *,
        modality: str | None = None,
        callbacks: Sequence[Callback] | None = None,
    ) -> Self:
        """Resume a run that was stopped or killed from its newest intact checkpoint, bit for bit on a CPU.

        A run that was stopped before anything was saved starts from scratch. The fields are those of this model, so
        that `zaohua.load(run)` with a larger `max_steps` trains longer, on this model's device.

        Args:
            run: folder of the run.
            X: the data of the run; not needed if that was a path or the name of a data set.
            y: the conditions of the run, if X is given.
            modality: kind of data of X, as for `fit`; default: that of the run if X may be of it.
            callbacks: as for `fit`; by default a progress bar in terminals and notebooks.

        Returns:
            This model, trained.

        Raises:
            ZaohuaError: the data isn't the run's, or the run has weights but no checkpoint.
            CheckpointError: no checkpoint is intact.
        """
        from zaohua.training.loop import Engine

        run = path_of("the run", run)
        saved, _ = runs.load_model(run, weights=False)
        differences.check_resumable(run, saved)
        differences.tell_seed(self.random_state, saved, run)
        data, base = self._data_of_run(run, saved, X, y, modality)
        self.seed_ = saved["seed"]
        weights = None
        if base is not None and not checkpoint_steps(run):
            weights = runs.base_weights(base.about["run"], run)
        with progress.watched(type(self).__name__, callbacks) as watching:
            Engine(self, self._rows_to_learn(data), run, watching, weights).train(fresh=False)
        self.save(run)
        return self

    def _data_of_run(
        self, run: str | Path, saved: Json, X: object, y: object, modality: str | None
    ) -> tuple[TrainingData, Base | None]:
        """Encode the data of a run again, which is read again if X is None.

        Args:
            run: folder of the run.
            saved: content of its `model.json`.
            X: its items, or None.
            y: its conditions.
            modality: kind of data of X, or None.

        Returns:
            The encoded data, and the model that the run is fine-tuned from, if any.

        Raises:
            ZaohuaError: the data isn't the run's, or isn't given though it was in memory.
        """
        if X is None:
            X, y, modality = resuming.data_again(run, saved["source"])
        resuming.keep_choice(self, saved)
        codec = modalities.from_json(saved["codec"])
        base = resuming.base_of(saved, codec)
        data = self._begin(X, y, base, modality, codec)
        differences.check_encoding(self, saved, run)
        return data, base

    # ---- fitted state

    @property
    def device_(self) -> torch.device:
        """Device of the networks."""
        return next(self.nets_.parameters()).device

    def unfinished(self) -> str:
        """Return how far a training got that was stopped before its end; one with patience may end at any step."""
        return limits.unfinished(self)

    def _tensors(self) -> dict[str, Tensor]:
        return self.nets_.state_dict()

    def _set_tensors(self, tensors: dict[str, Tensor]) -> None:
        nets = built_for(self.networks, tensors)
        self.nets_ = to_device(nets, pick_device(self.device)).eval().requires_grad_(False)
