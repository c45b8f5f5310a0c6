"""The one training loop: limits, validation, previews, history, signals and exact resume, around `Stepper`'s steps.

One loop serves every family, so each feature of it serves every model.
"""

from __future__ import annotations

import contextlib
import copy
import platform
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.hardware import flushed_denormals, keep_freed_memory
from zaohua.core.noise import derive_seed
from zaohua.storage import runs
from zaohua.training.callbacks import signals
from zaohua.training.optimizers import load_optimizer_tensors, optimizer_tensors
from zaohua.training.order import Batches
from zaohua.training.step import Diverged, Stepper
from zaohua.training.trainable import Callback, Event
from zaohua.training.validation import Best

if TYPE_CHECKING:
    from zaohua.estimator.encoding import TrainingData
    from zaohua.training.trainable import Trainable


class Engine(Stepper):
    """Trains one model on encoded data; see `Trainable` for what each field does."""

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
        self.fingerprint = None if out is None else data.fingerprint()
        self.saved, self.logged = -1, 0
        self.sums: defaultdict[str, Tensor | float] = defaultdict(float)
        self.before, self.began = 0.0, time.perf_counter()
        self.best = Best(model.learners(), keep=model.patience is not None)
        model.history_ = []

    # ---- before the first step

    def _split(self) -> None:
        """Hold out the validation share, the same for the same seed, and line up the rest."""
        model, n = self.model, self.data.n_items
        held, kept = model.hold_out(n, derive_seed(model.seed_, "split"), self.data.groups)
        self.held_out, items = self.data.rows_in(held), self.data.rows_in(kept)
        if not len(items):
            raise ZaohuaError(f"{n} items are too few to hold out a share of {model.validation_fraction}")
        weights = model.row_weights(self.data)
        self.batches = Batches(
            self.data.x,
            self.data.y,
            items,
            model.seed_,
            model.batch_size,
            workers=model.workers,
            rank=self.accelerator.process_index,
            world=self.world,
            device=self.device,
            weights=None if weights is None else weights[items],
        )

    def train(self, fresh: bool) -> None:
        """Train to the end, from scratch or from the run's newest intact checkpoint.

        Raises:
            Diverged: a loss is not finite; the last good weights are kept.
            signals.Stopped: a signal asked for the end; the state is saved.
        """
        threads = torch.get_num_threads()
        try:
            self._open(fresh)
            self.began = time.perf_counter()
            with torch.random.fork_rng(), signals.signals() as self.signals, flushed_denormals():
                keep_freed_memory()
                self._begin(fresh)
                self._loop()
        except Diverged:
            with contextlib.suppress(ZaohuaError):  # of a disk that is full as well
                self._save_model(weights=self.step > 0)
            raise
        finally:
            torch.set_num_threads(threads)
            self._note()
            if self.run is not None:
                self.run.close()

    def _open(self, fresh: bool) -> None:
        """Hold the run's folder, and take up the state that is in it."""
        if self.run_folder is not None and self.main:
            self.run = runs.Run(self.run_folder)
        if not fresh:
            self._restore()
        self.accelerator.wait_for_everyone()  # until all have read what is there

    def _begin(self, fresh: bool) -> None:
        """Tell the callbacks, any of which may refuse; only then clear what an earlier run left, and write."""
        self._done()  # how far a run is that goes on
        self._emit("start", message=f"training on {self.device.type}, {str(self.dtype).removeprefix('torch.')}")
        self.callbacks += self._tensorboard()
        if fresh and self.run is not None:
            self.run.clear()
            for record in self.model.history_:  # of callbacks
                self.run.append_history(record)
        self._save_model(weights=self.step > 0)

    def _loop(self) -> None:
        self.nets.train()
        draws = self.batches.stream(self.step * len(self.plan))
        since, first = time.perf_counter(), self.step
        while not self._done():
            for name, value in self.take(draws).items():
                self.sums[name] += value
            self.step += 1
            self._emit("step")
            if self.step % self.model.log_every == 0:
                items = (self.step - first) * self.model.batch_size * self.world
                self._log(
                    {
                        **self._means(self.step - self.logged),
                        "lr": self.rate,
                        "items_per_second": items / (time.perf_counter() - since),
                    }
                )
                self.sums.clear()
                since, first, self.logged = time.perf_counter(), self.step, self.step
            if self._every(self.model.validate_every) and len(self.held_out):
                self._validate()
            if self._every(self.model.preview_every):
                self._preview()
            if self._every(self.model.checkpoint_every):
                self._save()
            if stop := self.agree(self.signals.received):
                self.signals.received = stop  # in all processes
                break
        if self.saved != self.step:
            self._save()
        if not self.signals.received:
            self._choose()
        self._emit("end", message="" if self.signals.received else self.too_short())
        self.signals.raise_if_received(self.run.folder if self.run is not None else None, self.saved)

    # ---- now and then

    @property
    def elapsed(self) -> float:
        """Seconds trained, over all sittings."""
        return self.before + time.perf_counter() - self.began

    def _done(self) -> bool:
        by_step = 0.0 if self.total is None else self.step / self.total
        by_time = 0.0 if self.model.max_minutes is None else self.elapsed / (60 * self.model.max_minutes)
        self.progress = self.agree(max(by_step, by_time))
        no_better = self.model.patience is not None and self.best.waited >= self.model.patience
        return self.progress >= 1 or no_better

    def _every(self, steps: int | None) -> bool:
        return steps is not None and self.step % steps == 0

    def _means(self, steps: int) -> dict[str, float]:
        """Mean of each phase's loss over the steps since the last record, and over the processes."""
        if not self.sums:
            return {}
        values = torch.stack([torch.as_tensor(value, device=self.device) for value in self.sums.values()]) / steps
        values = self.accelerator.reduce(values, "mean")
        return dict(zip(self.sums, values.tolist(), strict=True))

    def _validate(self) -> None:
        """Measure the loss on the held-out items, and keep the best networks."""
        losses = self.measure(self.data, self.held_out)
        self.best.update(losses, self.average)
        self._log(self.best.record(losses), kind="validate")

    def _choose(self) -> None:
        """At the end: the last networks, if they are better than the best so far. The checkpoint stays as it is."""
        if self.best.tensors is not None and not self._every(self.model.validate_every):
            if self.best.choose(self.measure(self.data, self.held_out), self.average):
                self._save_model()

    def _preview(self) -> None:
        if not self.main:
            return
        items = self._current().sample(self.model.codec_.previewed, random_state=0)
        if self.run is not None:
            try:
                self.model.codec_.write_preview(items, self.run.folder / "previews" / f"{self.step:07d}")
            except OSError as error:
                self._emit("warning", message=f"the preview of step {self.step} isn't saved: {error.strerror}")
        self._emit("preview", items=items)

    def _log(self, record: dict[str, Any], kind: Any = "log") -> None:
        if self.main:
            record = {"step": self.step, "seconds": round(self.elapsed, 3), **record}
            self.model.history_.append(record)
            if self.run is not None:
                self.run.append_history(record)
            self._emit(kind, record=record)

    def _emit(self, kind: Any, **details: Any) -> None:
        for callback in self.callbacks:
            record = callback(Event(kind, self.step, self.total, self.progress, self.elapsed, self._current, **details))
            if isinstance(record, dict) and kind != "record":  # else an answer to a record would be a record again
                self._log(record, kind="record")

    def _current(self) -> Trainable:
        """The model with the averaged networks of now."""
        self.model.nets_ = self.model.merge_adapters(self.average)
        return self.model

    def _tensorboard(self) -> list[Callback]:
        return [signals.tensorboard(self.run.folder if self.run else Path("."))] if self.model.tensorboard else []

    # ---- keeping

    def _save(self) -> None:
        """Save a checkpoint and the model; a failure is told, and never stops training."""
        sums = self._means(1)
        if self.run is None:
            self.saved = self.step
            return
        state = {
            "elapsed": self.elapsed,
            **self.best.state(),
            "held_out": len(self.held_out),
            "sums": sums,
            "logged": self.logged,
            "made_with": self._made_with(),
            "data": self.fingerprint,
        }
        groups = {
            "nets": self.nets.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": optimizer_tensors(self.optimizers, self.parameters),
        }
        if self.best.tensors is not None:
            groups["best"] = self.best.tensors
        try:
            self.run.save(self.step, state, groups)
            self._save_model()
            self.saved = self.step
            self._emit("checkpoint")
        except ZaohuaError as error:
            self._emit("warning", message=str(error))

    def _save_model(self, weights: bool = True) -> None:
        """Save what `zaohua.load` reads."""
        self._note()
        if self.run is not None:
            runs.save_model(self.run.folder, self.model._to_json(), self.model._tensors() if weights else None)

    def _note(self) -> None:
        """What the model keeps of its training, as of now."""
        model = self.model
        model.n_steps_, model.seconds_ = self.step, round(self.elapsed, 3)
        model.nets_ = self.average
        if self.best.tensors is not None:
            model.nets_ = copy.deepcopy(self.average)
            model.nets_.load_state_dict(self.best.tensors)
        model.nets_ = model.merge_adapters(model.nets_)

    def _restore(self) -> None:
        """Take up the newest intact checkpoint; a run that was stopped before its first one starts from scratch."""
        found = runs.load_checkpoint(str(self.run_folder))
        if found is None:
            self._emit("warning", message=f"{self.run_folder} was stopped before its first checkpoint: it begins anew")
            return
        state, groups, problems = found
        other = self.data.differs(state["data"]) if "data" in state else None  # runs of before had none
        if other:
            raise ZaohuaError(
                f"the data given isn't what {self.run_folder} was trained on: {other}; give those that "
                "it was trained on, or fine-tune the model on these"
            )
        for problem in problems:
            self._emit("warning", message=f"{problem}; going on from step {state['step']}")
        self.step, self.saved, self.logged = state["step"], state["step"], state["logged"]
        self.sums.update({name: torch.tensor(value, device=self.device) for name, value in state["sums"].items()})
        self.before = state["elapsed"]
        try:
            self.nets.load_state_dict(groups["nets"])
            self.average.load_state_dict(groups["average"])
            load_optimizer_tensors(self.optimizers, self.parameters, groups["optimizers"])
        except (KeyError, RuntimeError):
            raise ZaohuaError(
                f"can't go on with {self.run_folder}: its networks are others than these settings make; "
                "leave the fields that shape them as they were"
            ) from None
        if state["held_out"] == len(self.held_out):  # of other items it means nothing
            self.best.restore(state, groups.get("best"))
        then = state["made_with"]
        if then["threads"] < torch.get_num_threads():  # found out in the first step, see `ProductCounter`
            torch.set_num_threads(then["threads"])
        if self.run is not None:
            self.model.history_ = self.run.rewind_history(self.step)
        now = self._made_with()
        changed = [f"{k} {then[k]} -> {now[k]}" for k in now if then.get(k) != now[k]]
        if changed:
            self._emit("warning", message=f"not bit for bit what it would have been: {', '.join(changed)}")

    def _made_with(self) -> dict[str, Any]:
        """What bit-for-bit equality depends on beside the state."""
        return {
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "device": self.device.type,
            "precision": str(self.dtype).removeprefix("torch."),
            "machine": platform.machine(),
        }
