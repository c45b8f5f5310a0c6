"""Models with networks: the fields and methods of training that all families share.

A family (a subclass) defines three members:

    phases                          the networks that each phase of a step trains, e.g. {"model": ("net",)}
    build(spec, y_spec)             creates the networks from the specs of x and y
    loss(nets, batch, phase)        computes the loss of each item, (B,)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from zaohua import modalities
from zaohua.core.advice import option
from zaohua.core.arguments import path_of
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.hardware import pick_device, to_device
from zaohua.core.json import Json
from zaohua.core.params import fields_of
from zaohua.core.stored import Stored
from zaohua.estimator.encoding import Base, CodecT, TrainingData
from zaohua.storage import runs
from zaohua.storage.layout import check_out, checkpoint_steps, holds_training
from zaohua.training import differences, limits, resuming
from zaohua.training.building import built_for
from zaohua.training.callbacks import progress
from zaohua.training.events import Callback
from zaohua.training.learnt import Learnt
from zaohua.training.settings import check_settings

PUBLISHED = ("published", "revision")
"""What a model remembers of published weights, however often it is fine-tuned."""


class Trainable(Learnt[CodecT]):
    """Model with networks that are trained by gradient descent."""

    machine_fields = ("device", "workers", "tensorboard")
    has_validation_loss: ClassVar[bool] = True
    """True if the loss of held-out items tells how good the model is; that of a GAN doesn't."""
    default_steps: ClassVar[int] = 5000
    """Number of steps if neither `max_steps` nor `max_minutes` is given."""

    n_steps_ = Stored(0, key="steps")
    seconds_ = Stored(0.0, key="seconds")

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

    def _rows_to_learn(self, data: TrainingData) -> TrainingData:
        """Return the rows that batches are made of, and remember the items that they are of."""
        rows = self.rows(data)
        if self.epsilon is None:  # hashes tell whether an item was trained on
            self.remember(*self.learnt(data, rows))
        return rows

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
