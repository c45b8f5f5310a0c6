"""The one training loop: device, precision, EMA, clipping, accumulation, several processes, history, exact resume.

A step is a pure function of the state before it and of (seed, step): the learning rate, the items and all noise
follow from them, so k + (n - k) steps equal n bit for bit and no random state is ever saved. Two processes with
batches of B, or two accumulated micro-batches, draw the same noise as one process with 2B and give the same gradients.
"""

from __future__ import annotations

import contextlib
import copy
import math
import platform
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from zaohua import checkpoint, watch
from zaohua.batches import Batches
from zaohua.errors import ZaohuaError
from zaohua.hardware import keep_freed_memory, make_accelerator, pick_device, pick_precision, place
from zaohua.noise import BatchNoise, derive_seed, seed_global
from zaohua.optimizers import load_optimizer_tensors, optimizer_tensors
from zaohua.training import Batch, Callback, Event

if TYPE_CHECKING:
    from zaohua.estimator import TrainingData
    from zaohua.training import Trainable


class Phase(nn.Module):
    """What several processes and per-item gradients wrap: its forward is the loss, its parameters those it trains.

    The other networks are reachable, but not registered: they are frozen, and no gradient of theirs is synchronised.
    """

    def __init__(self, model: Trainable, nets: nn.ModuleDict, name: str):
        super().__init__()
        self.trained = nn.ModuleDict({net: nets[net] for net in model.phases[name]})
        self.others = [(model, nets, name)]  # a list, so that nothing in it is registered

    def forward(self, batch: Batch) -> Tensor:
        """Loss of each item, (B,)."""
        model, nets, name = self.others[0]
        return model.loss(nets, batch, name)


class Diverged(ZaohuaError):
    """The loss or its gradient stopped being a number."""


class Engine:
    """Trains one model on encoded data; see `Trainable` for what each field does."""

    def __init__(self, model: Trainable, data: TrainingData, out: str | Path | None, callbacks: Sequence[Callback]):
        self.model, self.data = model, data
        self.accelerator = make_accelerator(model.device)
        self.world = self.accelerator.num_processes
        self.device = self.accelerator.device if self.world > 1 else pick_device(model.device)
        self.main = self.accelerator.is_main_process
        model.seed_ = self._agree(model.seed_)
        self.run_folder = out
        self.run: checkpoint.Run | None = None
        self.callbacks = [*callbacks] if self.main else []
        self.dtype = self._agree(pick_precision(model.precision, self.device))
        self._split(len(data.x))
        self._build()
        self.step, self.saved, self.logged, self.progress, self.rate = 0, -1, 0, 0.0, 0.0
        self.sums: defaultdict[str, Tensor | float] = defaultdict(float)
        self.before, self.began, self.best, self.waited = 0.0, time.perf_counter(), math.inf, 0
        self.best_nets: dict[str, Tensor] | None = None
        model.history_ = []

    # ---- before the first step

    def _split(self, n: int) -> None:
        """Hold out the validation share, the same for the same seed, and line up the rest."""
        model = self.model
        order = np.random.default_rng(derive_seed(model.seed_, "split")).permutation(n)
        held = math.ceil(model.validation * n)
        if held >= n:
            raise ZaohuaError(f"{n} items are too few to hold out a share of {model.validation}")
        self.held_out, items = np.sort(order[:held]), np.sort(order[held:])
        self.batches = Batches(self.data.x, self.data.y, items, model.seed_, model.batch_size, workers=model.workers,
                               rank=self.accelerator.process_index, world=self.world, device=self.device)

    def _build(self) -> None:
        """Networks with seeded initial weights, their running average, a `Phase` and an optimiser for each phase."""
        model = self.model
        with torch.random.fork_rng():
            torch.manual_seed(derive_seed(model.seed_, "init"))
            nets = model.build(model.spec_, model.y_spec_)
        self.nets = place(nets, self.device)
        model.nets_ = self.average = copy.deepcopy(self.nets).eval().requires_grad_(False)
        self.plan = model.plan()
        phases = {name: Phase(model, self.nets, name) for name in dict.fromkeys(self.plan)}
        self.parameters = {name: dict(phase.trained.named_parameters()) for name, phase in phases.items()}
        self.optimizers = {name: model.optimizer(list(p.values()), name) for name, p in self.parameters.items()}
        self.phases = {name: self.accelerator.prepare_model(phase) for name, phase in phases.items()}
        self.averaged = list(self.average.parameters()), list(self.nets.parameters())
        self.buffers = list(zip(self.average.buffers(), self.nets.buffers(), strict=True))

    def train(self, fresh: bool) -> None:
        """Train to the end, from scratch or from the run's newest intact checkpoint.

        Raises:
            Diverged: a loss is not finite; the last good weights are kept.
            watch.Stopped: a signal asked for the end; the state is saved.
        """
        try:
            self._open(fresh)
            self.began = time.perf_counter()
            with torch.random.fork_rng(), watch.signals() as self.signals:
                torch.set_flush_denormal(True)
                keep_freed_memory()
                self._loop()
        except Diverged:
            with contextlib.suppress(ZaohuaError):  # of a disk that is full as well
                self._save_model()
            raise
        finally:
            torch.set_flush_denormal(False)
            self._note()
            if self.run is not None:
                self.run.close()

    def _open(self, fresh: bool) -> None:
        """Make the run's folder ready, or take up the state that is in it."""
        if self.run_folder is not None and self.main:
            self.run = checkpoint.Run(self.run_folder)
            if fresh:
                self.run.clear()
        self.callbacks += self._tensorboard()
        if not fresh:
            self._restore()
        self.accelerator.wait_for_everyone()  # until all have read what is there
        self._save_model(weights=self.step > 0)

    def _loop(self) -> None:
        self._emit("start", message=f"training on {self.device.type}, {str(self.dtype).removeprefix('torch.')}")
        self.nets.train()
        draws = self.batches.stream(self.step * len(self.plan))
        since, first = time.perf_counter(), self.step
        while not self._done():
            for name, value in self._step(draws).items():
                self.sums[name] += value
            self.step += 1
            self._emit("step")
            if self.step % self.model.log_every == 0:
                items = (self.step - first) * self.model.batch_size * self.world
                self._log({**self._means(self.step - self.logged), "lr": self.rate,
                           "images_per_second": items / (time.perf_counter() - since)})
                self.sums.clear()
                since, first, self.logged = time.perf_counter(), self.step, self.step
            if self._every(self.model.validate_every) and len(self.held_out):
                self._validate()
            if self._every(self.model.preview_every):
                self._preview()
            if self._every(self.model.checkpoint_every):
                self._save()
            if stop := self._agree(self.signals.received):
                self.signals.received = stop  # in all processes
                break
        if self.saved != self.step:
            self._save()
        self._emit("end")
        self.signals.raise_if_received(self.run.folder if self.run is not None else None, self.saved)

    # ---- one step

    def _step(self, draws: Iterator[tuple[Tensor, Tensor | None]]) -> dict[str, Tensor]:
        """Every phase of the plan once, then the running average; returns the loss of each phase."""
        model, losses = self.model, {}
        self.rate = model.learning_rate * self._schedule()
        for turn, name in enumerate(self.plan):
            codes, y = next(draws)
            losses[f"loss/{name}"] = self._phase(name, turn, codes, y)
        decay = min(model.ema, (1 + self.step) / (10 + self.step))
        average, current = self.averaged
        get_ema_multi_avg_fn(decay)(average, current, 0)
        for kept, buffer in self.buffers:
            kept.copy_(buffer)
        return losses

    def _phase(self, name: str, turn: int, codes: Tensor, y: Tensor | None) -> Tensor:
        """One optimiser step of a phase, over accumulated micro-batches."""
        if len(self.phases) > 1:
            self.nets.requires_grad_(False)
            self.phases[name].requires_grad_(True)
        total = torch.zeros((), device=self.device)
        bounds = np.linspace(0, len(codes), self.model.accumulate + 1).astype(int)
        for micro, (low, high) in enumerate(zip(bounds, bounds[1:], strict=False)):
            rows = slice(int(low), int(high))
            last = micro == self.model.accumulate - 1
            with contextlib.nullcontext() if last else self.accelerator.no_sync(self.phases[name]):
                value = self._loss(name, turn, codes[rows], None if y is None else y[rows], rows.start)
                value.backward()
            total += value.detach()
        parameters = list(self.parameters[name].values())
        norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if not math.isfinite(float(total) + float(norm)):
            raise Diverged(
                f"{type(self.model).__name__} diverged at step {self.step}: the loss of {name} is {float(total):g}, "
                f"its gradient {float(norm):g}; the weights before it are kept: try a learning_rate "
                f"below {self.rate:.2g}")
        if self.model.clip_norm is not None and norm > self.model.clip_norm:
            nn.utils.clip_grads_with_norm_(parameters, self.model.clip_norm, norm)
        optimizer = self.optimizers[name]
        for group in optimizer.param_groups:
            group["lr"] = self.rate
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return total

    def _loss(self, name: str, turn: int, codes: Tensor, y: Tensor | None, start: int) -> Tensor:
        """Sum of the losses of a micro-batch over the size expected of the whole batch."""
        model, rank, size = self.model, self.accelerator.process_index, self.model.batch_size
        seed_global(derive_seed(model.seed_, "network", self.step, turn, start, rank), self.device)  # for dropout
        batch = self._batch(codes, y, derive_seed(model.seed_, "noise", self.step, turn), rank * size + start,
                            self.world * size, train=True)
        with self._autocast():
            return self.phases[name](batch).float().sum() / size

    def _batch(self, codes: Tensor, y: Tensor | None, seed: int, start: int, total: int, train: bool) -> Batch:
        noise = BatchNoise(seed, len(codes), start, total, self.device)
        x = self.model.codec_.prepare(codes.to(self.device, non_blocking=True), noise, train=train)
        return Batch(x, self.model._prepare_y(y, noise), noise, self.progress)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def _schedule(self) -> float:
        """The learning rate's factor: a linear rise, then the decay, by steps or by the clock."""
        rise = min(1.0, (self.step + 1) / max(1, self.model.warmup_steps))
        done = min(1.0, self.progress)
        fall = {"cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1 - done, "constant": 1.0}
        return rise * fall[self.model.decay]

    # ---- now and then

    @property
    def elapsed(self) -> float:
        """Seconds trained, over all sittings."""
        return self.before + time.perf_counter() - self.began

    @property
    def total(self) -> int | None:
        """Steps there will be; None when only the time is limited."""
        no_limit = self.model.max_steps is None and self.model.max_minutes is None
        return self.model.default_steps if no_limit else self.model.max_steps

    def _done(self) -> bool:
        by_step = 0.0 if self.total is None else self.step / self.total
        by_time = 0.0 if self.model.max_minutes is None else self.elapsed / (60 * self.model.max_minutes)
        self.progress = self._agree(max(by_step, by_time))
        no_better = self.model.patience is not None and self.waited >= self.model.patience
        return self.progress >= 1 or no_better

    def _every(self, steps: int | None) -> bool:
        return steps is not None and self.step % steps == 0

    def _agree(self, value: Any) -> Any:
        """The main process's value, for all of them."""
        if self.world == 1:
            return value
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([value])[0]

    def _means(self, steps: int) -> dict[str, float]:
        """Mean of each phase's loss over the steps since the last record, and over the processes."""
        if not self.sums:
            return {}
        values = torch.stack([torch.as_tensor(value, device=self.device) for value in self.sums.values()]) / steps
        values = self.accelerator.reduce(values, "mean")
        return dict(zip(self.sums, values.tolist(), strict=True))

    def _validate(self) -> None:
        """Measure the loss of the averaged networks on the held-out items, and keep the best ones."""
        model, total = self.model, 0.0
        phase = next(iter(model.phases))
        for start in range(0, len(self.held_out), 256):
            rows = self.held_out[start : start + 256]
            y = None if self.data.y is None else self.data.y[torch.from_numpy(rows)]
            seed = derive_seed(model.seed_, "validation", start)
            with torch.no_grad(), self._autocast():
                batch = self._batch(self.data.x[rows], y, seed, 0, len(rows), train=False)
                total += float(model.loss(self.average, batch, phase).sum())
        loss = self._agree(total / len(self.held_out))
        if loss < self.best:
            self.best, self.waited = loss, 0
            if model.patience is not None:
                self.best_nets = {name: t.clone() for name, t in self.average.state_dict().items()}
        else:
            self.waited += 1
        self._log({"validation": loss}, kind="validate")

    def _preview(self) -> None:
        if not self.main:
            return
        items = self.model.sample(64, random_state=0)
        if self.run is not None:
            self.model.codec_.write_sheet(items, self.run.folder / "previews" / f"{self.step:07d}.png")
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
            callback(Event(kind, self.step, self.total, self.progress, self.elapsed, **details))

    def _tensorboard(self) -> list[Callback]:
        return [watch.tensorboard(self.run.folder if self.run else Path("."))] if self.model.tensorboard else []

    # ---- keeping

    def _save(self) -> None:
        """Save a checkpoint and the model; a failure is told, and never stops training."""
        sums = self._means(1)
        if self.run is None:
            self.saved = self.step
            return
        state = {"elapsed": self.elapsed, "best": self.best if math.isfinite(self.best) else None,
                 "waited": self.waited, "sums": sums, "logged": self.logged, "made_with": self._made_with()}
        groups = {"nets": self.nets.state_dict(), "average": self.average.state_dict(),
                  "optimizers": optimizer_tensors(self.optimizers, self.parameters)}
        if self.best_nets is not None:
            groups["best"] = self.best_nets
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
            checkpoint.save_model(self.run.folder, self.model._to_json(), self.model._tensors() if weights else None)

    def _note(self) -> None:
        """What the model keeps of its training, as of now."""
        model = self.model
        model.n_steps_, model.seconds_ = self.step, round(self.elapsed, 3)
        if self.best_nets is not None:
            model.nets_ = copy.deepcopy(self.average)
            model.nets_.load_state_dict(self.best_nets)

    def _restore(self) -> None:
        """Take up the newest intact checkpoint; without any, start from scratch."""
        found = checkpoint.load_checkpoint(str(self.run_folder))
        if found is None:
            return
        state, groups, problems = found
        for problem in problems:
            self._emit("warning", message=f"{problem}; going on from step {state['step']}")
        self.step, self.saved, self.logged = state["step"], state["step"], state["logged"]
        self.sums.update({name: torch.tensor(value, device=self.device) for name, value in state["sums"].items()})
        self.before, self.waited = state["elapsed"], state["waited"]
        self.best = math.inf if state["best"] is None else state["best"]
        self.best_nets = groups.get("best")
        try:
            self.nets.load_state_dict(groups["nets"])
            self.average.load_state_dict(groups["average"])
            load_optimizer_tensors(self.optimizers, self.parameters, groups["optimizers"])
        except (KeyError, RuntimeError):
            raise ZaohuaError(f"can't go on with {self.run_folder}: its networks are others than these settings make; "
                              "leave the fields that shape them as they were") from None
        then = state["made_with"]
        if self.model.precision == "auto" and then["device"] == self.device.type:  # measured then: now it may differ
            self.dtype = getattr(torch, then["precision"])
        if self.run is not None:
            self.model.history_ = self.run.rewind_history(self.step)
        now = self._made_with()
        changed = [f"{k} {then[k]} -> {now[k]}" for k in now if then.get(k) != now[k]]
        if changed:
            self._emit("warning", message=f"not bit for bit what it would have been: {', '.join(changed)}")

    def _made_with(self) -> dict[str, Any]:
        """What bit-for-bit equality depends on beside the state."""
        return {"torch": torch.__version__, "threads": torch.get_num_threads(), "device": self.device.type,
                "precision": str(self.dtype).removeprefix("torch."), "machine": platform.machine()}
