"""The training loop: limits, validation, previews, history, signals and exact resume, around the steps of `Stepper`.

All families share it.
"""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.hardware import flushed_denormals, keep_freed_memory
from zaohua.core.json import Json
from zaohua.core.memory import OutOfMemory, is_out_of_memory
from zaohua.core.noise import derive_seed
from zaohua.storage import runs
from zaohua.storage.layout import FINAL, PREVIEWS
from zaohua.training import checkpoints
from zaohua.training.callbacks.signals import watch_signals
from zaohua.training.callbacks.tensorboard import tensorboard
from zaohua.training.divergence import Diverged
from zaohua.training.events import Callback, Event, EventKind
from zaohua.training.footprint import Footprint, foresee
from zaohua.training.forecast import Forecast, last_words
from zaohua.training.meter import Meter
from zaohua.training.previews import make_preview
from zaohua.training.private.starting import batches_for, end
from zaohua.training.step import Stepper
from zaohua.training.validation import Best

if TYPE_CHECKING:
    from zaohua.estimator.encoding import TrainingData
    from zaohua.training.trainable import Trainable


class Engine(Stepper):
    """Training of one model on encoded data.

    Args:
        model: the model, whose fields are described in `Trainable`.
        data: rows that batches are made of.
        out: folder of the run; None saves nothing.
        callbacks: functions that are called with every event.
        weights: weights to start from; None initialises them at random.
    """

    def __init__(
        self,
        model: Trainable,
        data: TrainingData,
        out: str | Path | None,
        callbacks: Sequence[Callback],
        weights: dict[str, Tensor] | None = None,
    ):
        super().__init__(model, weights)
        self.data, self.run_folder = data, out
        self.main = self.accelerator.is_main_process
        self.run: runs.Run | None = None
        self.callbacks = [*callbacks] if self.main else []
        self._split()
        self.fingerprint = None if out is None or self.private is not None else data.fingerprint()
        self.meter, self.saved = Meter(self.accelerator, self.device), -1
        self.previous_seconds, self.started = 0.0, time.perf_counter()
        self.footprint: Footprint | None = None
        self.forecast = Forecast()
        self.best = Best(model.learners(), keep=model.patience is not None)
        model.history_ = []

    # ---- before the first step

    def _split(self) -> None:
        """Hold out the validation items, the same for the same seed, and make batches of the others."""
        model, n = self.model, self.data.n_items
        held_out, training = model.hold_out(n, derive_seed(model.seed_, "split"), self.data.groups)
        self.held_out, rows = self.data.rows_in(held_out), self.data.rows_in(training)
        if not len(rows):
            raise ZaohuaError(f"{n} items are too few to hold out a fraction of {model.validation_fraction}")
        weights = model.row_weights(self.data)
        self.batches = batches_for(self, rows, weights)(
            self.data.x,
            self.data.y,
            rows,
            model.seed_,
            model.batch_size,
            workers=model.workers,
            rank=self.accelerator.process_index,
            world=self.world,
            device=self.device,
            weights=None if weights is None else weights[rows],
        )

    def train(self, fresh: bool) -> None:
        """Train to the end.

        Args:
            fresh: start from scratch; otherwise from the run's newest intact checkpoint.

        Raises:
            Diverged: a loss is not finite; the last finite weights are kept.
            Stopped: a signal ended the training; its state is saved.
            OutOfMemory: a step needs more memory than there is; before the first one nothing is written.
        """
        threads = torch.get_num_threads()
        try:
            self.footprint = foresee(self, self.data, self.batches.items)
            self._open(fresh)
            self.started = time.perf_counter()
            with torch.random.fork_rng(), watch_signals() as self.signals, flushed_denormals():
                keep_freed_memory()
                self._begin(fresh)
                self._loop()
        except Diverged:
            with contextlib.suppress(ZaohuaError):  # a full disk must not hide the error
                self.save_model(weights=self.step > 0)
            raise
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, ZaohuaError) or not is_out_of_memory(error):
                raise
            raise OutOfMemory(
                f"out of memory at step {self.step}: {option('grad_accumulation', 2 * self.model.grad_accumulation)} "
                f"gives the same result in less memory, or {self.model.codec_.smaller_items()}"
            ) from error
        finally:
            torch.set_num_threads(threads)
            self._update_model()
            if self.run is not None:
                self.run.close()

    def _open(self, fresh: bool) -> None:
        """Lock the run's folder, and restore the state that it holds unless the training is fresh."""
        if self.run_folder is not None and self.main:
            self.run = runs.Run(self.run_folder)
        if not fresh:
            checkpoints.restore(self)
        self.accelerator.wait_for_everyone()  # until all processes have read the folder

    def _begin(self, fresh: bool) -> None:
        """Call the callbacks, any of which may refuse; only then delete an earlier run, and write."""
        self._is_done()  # sets the progress of a resumed run
        self.emit("start", message=f"training on {self.device.type}, {str(self.dtype).removeprefix('torch.')}")
        if self.model.tensorboard:
            self.callbacks.append(tensorboard(self.run.folder if self.run else Path(".")))
        if fresh and self.run is not None:
            self.run.clear()
            for record in self.model.history_:  # added by callbacks
                self.run.append_history(record)
        self.save_model(weights=self.step > 0)

    # ---- steps

    def _loop(self) -> None:
        """Take steps until the training is done or a signal stops it."""
        model, first = self.model, self.step
        self.nets.train()
        draws = self.batches.stream(self.step * len(self.plan))
        self.meter.start(self.step)
        while not self._is_done():
            self.meter.add(self.take_step(draws))
            self.step += 1
            self.emit("step")
            if forecast := self.forecast.add(self):
                self.emit("note", message=forecast)
            if self.step % model.log_every == 0:
                self._log_losses()
            if self._is_due(model.validate_every) and len(self.held_out):
                self._validate()
            if self._is_due(model.preview_every):
                self._preview()
            if self._is_due(model.checkpoint_every):
                checkpoints.save(self)
        if not self.signals.received:
            end(self)
        if self.saved != self.step:
            checkpoints.save(self)
        if not self.signals.received:
            self._finish()
        message = "" if self.signals.received else last_words(self, first)
        self.emit("end", message=message, stopped=bool(self.signals.received))
        self.signals.raise_if_received(self.run.folder if self.run is not None else None, self.saved)

    @property
    def elapsed(self) -> float:
        """Seconds of training, including those before a resume."""
        return self.previous_seconds + time.perf_counter() - self.started

    def _is_done(self) -> bool:
        """Update the progress; return True once a limit is reached, patience has run out or a signal was received."""
        by_step = 0.0 if self.total is None else self.step / self.total
        by_time = 0.0 if self.model.max_minutes is None else self.elapsed / (60 * self.model.max_minutes)
        self.progress, signum = self.agree_on_numbers(max(by_step, by_time), self.signals.received or 0)
        if signum:
            self.signals.received = int(signum)  # in all processes
        no_better = self.model.patience is not None and self.best.waited >= self.model.patience
        over = self.private is not None and self.private.ended
        return self.progress >= 1 or no_better or over or bool(signum)

    def _is_due(self, every: int | None) -> bool:
        return every is not None and self.step % every == 0

    def _log_losses(self, **more: bool) -> None:
        """Add the mean losses since the last record to the history."""
        record: Json = {**self.meter.means(self.step), "lr": self.rate}
        record["items_per_second"] = self.meter.steps_per_second(self.step) * self.model.batch_size * self.world
        self._log({**record, **more})
        self.meter.reset(self.step)

    def _validate(self) -> None:
        """Measure the loss on the held-out items, and keep the networks if they are the best."""
        if not self.best.phases:
            return
        losses = self.measure(self.data, self.held_out)
        self.best.update(losses, self.average)
        self._log(self.best.record(losses), kind="validate")

    def _finish(self) -> None:
        """After the last step, record what the intervals of losses, validation and previews leave open.

        So every training that holds items out ends with a validation, however short it was. The last networks are kept
        if they are the best. Neither the checkpoint nor the records before it change, and a resumed training drops
        these `FINAL` records: it goes on as if it had never ended here.
        """
        model, final = self.model, {FINAL: True}
        if self.step > self.meter.recorded and self.meter.sums:
            self._log_losses(**final)
        if self.best.phases and len(self.held_out) and not self._is_due(model.validate_every):
            losses = self.measure(self.data, self.held_out)
            self._log({**self.best.record(losses), **final}, kind="validate")
            if self.best.tensors is not None and self.best.choose(losses, self.average):
                self.save_model()
        if model.preview_every is not None and not self._is_due(model.preview_every):
            self._preview()

    # ---- reports

    def _preview(self) -> None:
        """Generate items, write them to the run's folder, and pass them to the callbacks."""
        if not self.main:
            return
        folder = None if self.run is None else self.run.folder / PREVIEWS
        items, problem = make_preview(self._current_model(), folder, self.step)
        if problem:
            self.emit("warning", message=problem)
        if items is not None:
            self.emit("preview", items=items)

    def _log(self, record: Json, kind: EventKind = "log") -> None:
        """Add a record to the history, and pass it to the callbacks."""
        if self.main:
            record = {"step": self.step, "seconds": round(self.elapsed, 3), **record}
            self.model.history_.append(record)
            if self.run is not None:
                self.run.append_history(record)
            self.emit(kind, record=record)

    def emit(
        self,
        kind: EventKind,
        *,
        record: Json | None = None,
        items: object = None,
        message: str = "",
        stopped: bool = False,
    ) -> None:
        """Call every callback with an event, and add the records that they return to the history."""
        for callback in self.callbacks:
            now = self.step, self.total, self.progress, self.elapsed
            answer = callback(Event(kind, *now, self._current_model, record or {}, items, message, stopped))
            if isinstance(answer, dict) and kind != "record":  # an answer to a record would recurse forever
                self._log({**answer, FINAL: True} if kind == "end" else answer, kind="record")

    def _current_model(self) -> Trainable:
        """Return the model with the current averaged networks."""
        self.model.nets_ = self.model.merge_adapters(self.average)
        return self.model

    # ---- saving

    def save_model(self, weights: bool = True) -> None:
        """Save the model as `zaohua.load` reads it."""
        self._update_model()
        if self.run is not None:
            runs.save_model(self.run.folder, self.model.to_json(), self.model.tensors() if weights else None)

    def _update_model(self) -> None:
        """Set the model's networks, number of steps and seconds to the current ones."""
        model = self.model
        model.n_steps_, model.seconds_ = self.step, round(self.elapsed, 3)
        model.nets_ = self.average
        if self.best.tensors is not None:
            model.nets_ = copy.deepcopy(self.average)
            model.nets_.load_state_dict(self.best.tensors)
        model.nets_ = model.merge_adapters(model.nets_)
