"""The learning rate rises and falls as its formula says, by steps and by the clock, however short the training is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.trainings import PLAIN, Mean, digits

from zaohua.training.schedule import schedule
from zaohua.training.step import Stepper


@pytest.mark.parametrize(
    ("decay", "fall"),
    [
        ("constant", lambda done: 1.0),
        ("linear", lambda done: 1 - done),
        ("cosine", lambda done: (1 + math.cos(math.pi * done)) / 2),
    ],
)
@pytest.mark.parametrize(
    ("steps", "warmup", "rise"),
    [
        (20, 0, []),
        (20, 2, [1 / 2]),
        (20, 100, [1 / 2]),
        (9, 100, []),
        (50, 4, [1 / 4, 2 / 4, 3 / 4]),
        (30, 100, [1 / 3, 2 / 3]),
    ],
)
def test_the_learning_rate(decay: Any, fall: Any, steps: int, warmup: int, rise: list[float]) -> None:
    """It rises for as long as asked, but for a tenth of the training at most."""
    model = Mean(max_steps=steps, warmup_steps=warmup, lr_schedule=decay, learning_rate=0.2, log_every=1, pull=1.0)
    model.fit(digits()[0], callbacks=[model.note])
    expected = [0.2 * r * fall(step / steps) for step, r in enumerate([*rise, *[1.0] * (steps - len(rise))])]
    assert [record["lr"] for record in model.history_] == pytest.approx(expected)
    ways = torch.stack([w for w, _ in model.trace]).diff(dim=0)  # the gradient is -1 everywhere
    assert torch.allclose(ways, torch.tensor(expected[1:])[:, None].expand_as(ways), atol=1e-6)


def test_the_learning_rate_by_the_clock() -> None:
    """The warm-up is over after a tenth of the time, however few steps that was, or after the steps asked for."""
    stepper = Stepper.__new__(Stepper)
    stepper.model = Mean(max_minutes=1, warmup_steps=100, lr_schedule="linear")
    for step, progress, expected in (
        (0, 0.0, 0.01),
        (4, 0.02, 0.2 * 0.98),
        (4, 0.05, 0.5 * 0.95),
        (9, 0.1, 0.9),
        (10, 0.6, 0.4),
        (49, 0.001, 0.5 * 0.999),
        (150, 0.05, 0.95),
    ):
        stepper.step, stepper.progress = step, progress
        assert schedule(stepper.model, stepper.step, stepper.progress) == pytest.approx(expected)
    model = Mean(max_minutes=0.01, warmup_steps=10**6, log_every=1, **PLAIN).fit(digits()[0])
    rates = [record["lr"] for record in model.history_]
    assert rates[0] < 0.09 and rates[-1] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"max_steps": 20}, "20 steps, 1 of them warm-up: expect noise, and train for longer"),
        ({"max_steps": 1}, "1 step, 0.2 of the data seen once: expect noise, and train for longer"),
        ({"max_minutes": 1e-9}, "nothing was trained: the run is at step 0, and its 1e-09 minutes are used up; "),
        ({"max_steps": 100, "warmup_steps": 50}, ""),
        ({"max_steps": 20, "warmup_steps": 10}, ""),
    ],
    ids=["few", "one", "none", "enough", "as asked"],
)
def test_a_training_that_was_too_short_says_so_at_the_end(fields: Any, said: str, tmp_path: Path) -> None:
    events, settings = list[Any](), {"warmup_steps": 100, **PLAIN, **fields}
    images = digits()[0]
    Mean(**settings).fit(images, out=tmp_path, callbacks=[events.append])
    (message,) = [event.message for event in events if event.kind == "end"]
    assert message.startswith(said) and bool(message) == bool(said)
    if "max_steps" in fields:
        Mean(**settings).resume(tmp_path, images, callbacks=[events.append])  # which has nothing left to do
        steps = fields["max_steps"]
        assert events[-1].kind == "end" and events[-1].message == (
            f"nothing was trained: the run is at step {steps}, and its {steps} steps are reached; "
            f"max_steps={2 * steps} trains on"
        )
