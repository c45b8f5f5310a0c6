"""What a training says of itself: what a step takes after the first ones, and at the end whether it was too short."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zaohua.core.advice import option
from zaohua.core.memory import in_units
from zaohua.modalities.base import counted
from zaohua.training.callbacks.progress import clock

if TYPE_CHECKING:
    from zaohua.training.loop import Engine

STEPS, SECONDS = 5, 3.0
"""Steps and seconds after which the speed is told; a training that ends earlier needs no forecast."""


class Forecast:
    """Speed of a training in this process, told once.

    Attributes:
        told: True once it has been told.
    """

    def __init__(self) -> None:
        self.told = False
        self.first, self.began = 0, 0.0

    def add(self, engine: Engine) -> str:
        """Count a step; return the forecast once enough steps were taken, otherwise an empty text."""
        if self.told:
            return ""
        if not self.began:  # the first step, which also prepares, isn't counted
            self.first, self.began = engine.step, time.perf_counter()
            return ""
        taken, seconds = engine.step - self.first, time.perf_counter() - self.began
        if taken < STEPS or seconds < SECONDS:
            return ""
        self.told = True
        return _forecast(engine, taken / seconds)


def _forecast(engine: Engine, speed: float) -> str:
    """Write what a step takes, given the steps per second."""
    model, total = engine.model, engine.total
    batch = model.batch_size * engine.world
    parts = [f"{60 * speed * batch:,.0f} items a minute"]
    if engine.footprint is not None:
        parts.insert(0, f"a step takes at least {in_units(engine.footprint.total)}")
    if total is not None and (model.max_minutes is None or total / speed < 60 * model.max_minutes):
        parts.append(f"the {total:,} steps take about {clock(engine.elapsed + (total - engine.step) / speed)}")
    elif model.max_minutes is not None:
        steps = engine.step + speed * (60 * model.max_minutes - engine.elapsed)
        parts.append(f"{model.max_minutes:g} minutes are about {steps:,.0f} steps")
    return ", ".join(parts)


def last_words(engine: Engine, first: int) -> str:
    """Return a note on a training that did nothing or was too short to learn; otherwise an empty text.

    Args:
        engine: the training, at its end.
        first: step at which it began in this process.
    """
    model = engine.model
    if engine.step == first:
        return _nothing_done(engine)
    passes = engine.step * model.batch_size * engine.world / max(1, len(engine.batches.items))
    if engine.step >= 2 * model.warmup_steps or getattr(model, "base_", None) is not None:  # fine-tuning may be short
        return ""
    warm = f", {engine.warming:,} of them warm-up" if engine.warming else ""
    seen = f", {passes:.1g} of the data seen once" if passes < 1 else ""
    return f"{counted(engine.step, 'step')}{warm}{seen}: expect noise, and train for longer"


def _nothing_done(engine: Engine) -> str:
    """Return the note on a run that was at its end already."""
    model = engine.model
    if engine.total is not None and engine.step >= engine.total:
        limit, more = f"its {engine.total:,} steps are reached", option("max_steps", 2 * engine.step)
    elif model.max_minutes is not None and engine.elapsed >= 60 * model.max_minutes:
        limit, more = f"its {model.max_minutes:g} minutes are used up", option("max_minutes", 2 * model.max_minutes)
    else:
        limit, more = "its patience has run out", option("patience", 2 * (model.patience or 1))
    return f"nothing was trained: the run is at step {engine.step:,}, and {limit}; {more} trains on"
