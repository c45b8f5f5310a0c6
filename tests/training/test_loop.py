"""The training loop does what its parts' formulas say, and ends the same however often it is interrupted."""

from __future__ import annotations

import os
import random
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.trainings import PLAIN, POSIX, Killed, Mean, at_step, digits, ending, kill, make, without_times
from torch import Tensor

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.storage import runs as checkpoint
from zaohua.training.callbacks.signals import Stopped
from zaohua.training.divergence import Diverged

EVERY: dict[str, Any] = {"checkpoint_every": 3, "log_every": 2, "lr_schedule": "cosine", "warmup_steps": 2}
"""Checkpoints that don't fall on records of the history."""

RESUMED = {
    "VAE": {"validation_fraction": 0.1, "validate_every": 3},
    "DCGAN": {"discriminator_norm": "batch"},
    "WGANGP": {"n_critic": 2},
    "R3GAN": {},
    "Flow": {"dropout": 0.2, "channels": 8, "grad_accumulation": 2},
}


# ---- stopping and going on


@POSIX
@pytest.mark.parametrize("name", RESUMED)
def test_resumed_training_ends_bit_for_bit_as_it_would_have(name: str, tmp_path: Path) -> None:
    data = digits()
    make(name, 7, **EVERY, **RESUMED[name]).fit(*data, out=tmp_path / "whole")

    stopped = make(name, 7, **EVERY, **RESUMED[name])
    with pytest.raises(Stopped, match="SIGTERM: saved at step 2"):
        stop = at_step(2, lambda: os.kill(os.getpid(), signal.SIGTERM))
        stopped.fit(*data, out=tmp_path / "parts", callbacks=[stop])
    with pytest.raises(Killed):  # at 5, so that it goes on from 3
        make(name, 7, **EVERY, **RESUMED[name]).resume(tmp_path / "parts", *data, callbacks=[at_step(5, kill)])
    model = make(name, 7, **EVERY, **RESUMED[name]).resume(tmp_path / "parts", *data)

    assert ending(tmp_path / "parts") == ending(tmp_path / "whole")
    tensors = checkpoint.load_checkpoint(tmp_path / "parts")[1]
    assert {"nets", "average", "optimizers"} <= set(tensors)
    trained = {key.split(".")[0] for key in tensors["optimizers"]}
    assert trained == set(model.plan())
    again = zh.load(tmp_path / "parts")
    assert again.n_steps_ == 7
    assert np.array_equal(again.sample(2, random_state=1), model.sample(2, random_state=1))


def test_resuming_what_is_done_changes_nothing_and_more_steps_train_on(tmp_path: Path) -> None:
    data = digits()
    settings: dict[str, Any] = {"lr_schedule": "constant", "log_every": 2}
    make("VAE", 4, **settings).fit(*data, out=tmp_path)
    before, steps = ending(tmp_path), list[int]()
    make("VAE", 4, **settings).resume(tmp_path, *data, callbacks=[lambda event: steps.append(event.step)])
    assert ending(tmp_path) == before and set(steps) == {4}
    assert make("VAE", 6, **settings).resume(tmp_path, *data).n_steps_ == 6
    assert zh.load(tmp_path).n_steps_ == 6


def test_resuming_with_what_does_not_fit_says_so_and_changes_nothing(tmp_path: Path) -> None:
    images, labels = digits()
    best: dict[str, Any] = {
        "validation_fraction": 0.2,
        "validate_every": 1,
        "patience": 2,
    }  # whose networks are kept as well
    make("VAE", 2, **best).fit(images, out=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for model, X, y, message in (
        (
            make("VAE", 4, channels=4),
            images,
            None,
            r"can't resume .* with channels=4 .its own: 8.: ",
        ),
        (
            make("VAE", 4, channels=4, **best),
            images,
            None,
            r"can't resume .* with channels=4 .its own: 8.: ",
        ),
        (make("VAE", 4), images, labels, "isn't what .* was trained on"),
        (make("VAE", 4), images[:, :6], None, "isn't what .* was trained on"),
        (make("VAE", 4), None, None, "was trained on data in memory"),
    ):
        with pytest.raises(ZaohuaError, match=message):
            model.resume(tmp_path, X, y)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    with pytest.raises(ZaohuaError, match="holds a run already"):
        make("VAE", 2).fit(images, out=tmp_path)
    make("VAE", 1).fit(images, out=tmp_path, overwrite=True)
    assert checkpoint.checkpoint_steps(tmp_path) == [1]


# ---- the same in other ways


@pytest.mark.parametrize(("name", "fields"), [("VAE", {}), ("Flow", {"channels": 8}), ("R3GAN", {})])
def test_accumulated_micro_batches_equal_the_whole_batch(name: str, fields: dict[str, Any]) -> None:
    runs = [make(name, 6, log_every=1, grad_accumulation=n, **fields).fit(*digits()).history_ for n in (1, 4)]
    for whole, parts in zip(*runs, strict=True):
        assert without_times(parts) == pytest.approx(without_times(whole), rel=1e-5, abs=1e-5)


def test_training_and_sampling_leave_the_global_random_states_alone() -> None:
    def states() -> list[Any]:
        return [torch.get_rng_state().tolist(), list(np.random.get_state()[1]), random.getstate()]

    before = states()
    model = make("DCGAN", 3, preview_every=2).fit(*digits())
    model.sample(3)
    model.sample(3, random_state=1)
    assert states() == before
    torch.manual_seed(5)
    assert torch.equal(weights(make("DCGAN", 3).fit(*digits())), weights(model))


def weights(model: Any) -> Tensor:
    return torch.cat([p.flatten() for p in model.nets_.parameters()])


def test_training_in_a_thread_and_sampling_in_many() -> None:
    here, there = make("VAE", 3), make("VAE", 3)
    here.fit(*digits())
    thread = threading.Thread(target=lambda: there.fit(*digits()))
    thread.start()
    thread.join()
    assert torch.equal(weights(here), weights(there))
    alone = [here.sample(4, random_state=i) for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda i: here.sample(4, random_state=i), range(8)))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


# ---- formulas


def test_the_running_average() -> None:
    """EMA_t = d EMA_(t-1) + (1 - d) w_t with d = min(ema, (1 + t) / (10 + t)) of the steps before."""
    model = Mean(max_steps=30, ema_decay=0.6)
    model.fit(digits()[0], callbacks=[model.note])
    average, reached = torch.zeros(64), set()
    for step, (w, kept) in enumerate(model.trace):
        decay = min(0.6, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * w
        reached.add(decay)
        assert torch.allclose(kept, average, atol=1e-6)
    assert 0.6 in reached and len(reached) > 10
    plain = Mean(max_steps=5, ema_decay=0.0)
    plain.fit(digits()[0], callbacks=[plain.note])
    assert all(torch.equal(w, kept) for w, kept in plain.trace)


def test_clipping_shortens_long_gradients_only() -> None:
    for clip_norm, pull, length in ((2.0, 1.0, 2.0), (20.0, 1.0, 8.0), (None, 1.0, 8.0)):  # of 64 numbers: norm 8
        model = Mean(max_steps=2, max_grad_norm=clip_norm, pull=pull, learning_rate=0.1)
        model.fit(digits()[0], callbacks=[model.note])
        assert float(model.trace[0][0].norm()) == pytest.approx(0.1 * length, rel=1e-5)


def test_the_history_holds_the_mean_loss_between_records() -> None:
    one = Mean(max_steps=6, log_every=1, **{**PLAIN}).fit(digits()[0]).history_
    three = Mean(max_steps=6, log_every=3, **{**PLAIN}).fit(digits()[0]).history_
    assert [record["step"] for record in three] == [3, 6]
    for i, record in enumerate(three):
        assert record["loss/model"] == pytest.approx(np.mean([r["loss/model"] for r in one[3 * i : 3 * i + 3]]))


# ---- the end


def test_a_loss_that_is_no_number_stops_and_keeps_the_weights_before_it(tmp_path: Path) -> None:
    class VAE(zh.VAE):  # saved, and loaded again, under its name
        def loss(self, nets: Any, batch: Any, phase: str) -> Tensor:
            return super().loss(nets, batch, phase) * (torch.nan if batch.progress >= 5 / 8 else 1)

    settings = {**zh.VAE.tiny, **PLAIN, "max_steps": 8, "checkpoint_every": 2}
    with pytest.raises(
        Diverged,
        match="diverged at step 5: the loss of .* is nan.* in float32; the weights before it "
        "are kept: try a smaller learning_rate=",
    ):
        VAE(**settings).fit(*digits(), out=tmp_path)
    kept, expected = zh.load(tmp_path), list[Tensor]()
    good = zh.VAE(**settings)
    good.fit(*digits(), callbacks=[at_step(5, lambda: expected.append(weights(good).clone()))])
    assert kept.n_steps_ == 5 and torch.equal(weights(kept), expected[0]) and kept.sample(2).shape == (2, 8, 8)
    assert checkpoint.checkpoint_steps(tmp_path) == [2, 4]
    zh.VAE(**settings).resume(tmp_path, *digits())  # with the cause removed it goes on
    assert torch.equal(weights(zh.load(tmp_path)), weights(good))


@pytest.mark.parametrize(
    ("precision", "advice"),
    [("float32", "look for extreme values in the data"), ("bfloat16", "try precision='float32'")],
)
def test_a_first_loss_that_is_no_number_isnt_blamed_on_the_learning_rate(precision: str, advice: str) -> None:
    with pytest.raises(
        Diverged,
        match=f"step 0: the loss of model is nan, .* in {precision}; no weight had been "
        f"changed yet, so the learning rate isn't the cause: {advice}",
    ):
        Mean(max_steps=3, nan_at=0, precision=precision).fit(digits()[0])
    with pytest.raises(
        Diverged,
        match=f"step 1: .* in {precision}; .*: try a smaller learning_rate=[0-9.]+"
        f"{'$' if precision == 'float32' else ' or precision=.float32.$'}",
    ):
        model = Mean(max_steps=3, nan_at=1, precision=precision)
        model.fit(digits()[0], callbacks=[model.note])


def test_a_gradient_that_is_no_number_stops_too() -> None:
    class Root(Mean):
        def loss(self, nets: Any, batch: Any, phase: str) -> Tensor:
            return super().loss(nets, batch, phase) * 0 + nets["net"].w.abs().sum().sqrt()  # at 0: loss 0, slope inf

    with pytest.raises(Diverged, match=r"step 0: the loss of model is 0, its gradient (nan|inf)"):
        Root(max_steps=3).fit(digits()[0])


def test_validation_keeps_the_best_and_patience_stops(tmp_path: Path) -> None:
    """w rises by 0.1 a step, and 0.5 is best: at step 5; the validation after it is worse, two of them are enough."""
    images = digits()[0]
    settings: dict[str, Any] = {
        **PLAIN,
        "pull": 1.0,
        "ema_decay": 0.0,
        "validation_fraction": 0.2,
        "validate_every": 1,
        "patience": 2,
        "max_steps": 50,
        "checkpoint_every": 3,
        "log_every": 100,
    }
    model, events = Mean(**settings), list[Any]()
    model.fit(images, out=tmp_path, callbacks=[events.append])
    losses = [record["validation"] for record in model.history_ if "validation" in record]
    assert losses == pytest.approx([64 * (0.5 - 0.1 * step) ** 2 for step in range(1, 8)], abs=1e-4)
    assert [event.step for event in events if event.kind == "validate"] == [1, 2, 3, 4, 5, 6, 7]
    assert torch.allclose(model.nets_["net"].w, torch.tensor(0.5)) and model.n_steps_ == 7
    resumed = Mean(**settings)
    with pytest.raises(Killed):
        Mean(**settings).fit(images, out=tmp_path, overwrite=True, callbacks=[at_step(7, kill)])
    assert resumed.resume(tmp_path, images).n_steps_ == 7
    assert torch.equal(resumed.nets_["net"].w, model.nets_["net"].w)
    assert Mean(**settings).resume(tmp_path, images).n_steps_ == 7  # it had stopped, and stays so
    every = {
        **settings,
        "validation_fraction": 0.0,
        "patience": None,
        "max_steps": 9,
    }  # none are held out now: the last counts
    assert torch.allclose(Mean(**every).resume(tmp_path, images).nets_["net"].w, torch.tensor(0.9))


def test_held_out_items_are_not_trained_on() -> None:
    seen = set[tuple[int, ...]]()

    class Watched(Mean):
        def loss(self, nets: Any, batch: Any, phase: str) -> Tensor:
            if nets.training:
                seen.update(tuple(row) for row in (batch.x.flatten(1) * 1000).int().tolist())
            return super().loss(nets, batch, phase)

    images = digits(50)[0]
    Watched(max_steps=20, validation_fraction=0.5, **PLAIN).fit(images)
    assert len(seen) == 25


def test_minutes_limit_training_and_the_schedule_follows_the_clock() -> None:
    model = Mean(max_minutes=0.01, log_every=1, lr_schedule="linear", **PLAIN).fit(digits()[0])
    assert 0.6 <= model.seconds_ < 30
    rates = [record["lr"] for record in model.history_]
    assert rates == sorted(rates, reverse=True) and rates[-1] < rates[0] / 2
    assert Mean(max_minutes=10, max_steps=3, **PLAIN).fit(digits()[0]).n_steps_ == 3


def test_settings_that_do_not_go_together() -> None:
    for model, message in (
        (Mean(patience=2), r"patience needs held-out items: give validation_fraction=0.1"),
        (Mean(validation_fraction=0.9, max_steps=1), "too few to hold out"),
        (Mean(batch_size=4, grad_accumulation=8), "can't be split into 8"),
        (make("R3GAN", 1, patience=2), "patience needs a validation loss"),
    ):
        with pytest.raises(ZaohuaError, match=message):
            model.fit(digits(1)[0])


def test_a_preview_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    events = list[Any]()
    model = make("VAE", 3, preview_every=2)
    stop = at_step(1, lambda: (tmp_path / "run/previews").write_text("in the way"))
    model.fit(*digits(), out=tmp_path / "run", callbacks=[stop, events.append])
    messages = [event.message for event in events if event.kind == "warning"]
    for step, message in zip((2, 3), messages, strict=True):
        assert message.startswith(f"the preview of step {step} isn't saved: ")
        assert f"000000{step}.png can't be written: " in message
    assert model.n_steps_ == 3


@pytest.mark.parametrize("error", [RuntimeError("can't allocate memory"), ZeroDivisionError("division by zero")])
def test_a_preview_that_cannot_be_made_stops_nothing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    events = list[Any]()
    model = make("VAE", 3, preview_every=2)

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(type(model), "decode_tensors", fail)
    model.fit(*digits(), callbacks=[events.append])
    messages = [event.message for event in events if event.kind == "warning"]
    for step, message in zip((2, 3), messages, strict=True):  # the last step has one in any case
        assert message.startswith(f"no preview of step {step}: ") and str(error).split()[-1] in message
    assert model.n_steps_ == 3 and not [event for event in events if event.kind == "preview"]


def test_callbacks_get_every_event(tmp_path: Path) -> None:
    events = list[Any]()
    make("VAE", 4, validation_fraction=0.1, validate_every=2, preview_every=3, checkpoint_every=3, log_every=2).fit(
        *digits(), out=tmp_path, callbacks=[events.append]
    )
    assert [(event.kind, event.step) for event in events] == [
        ("start", 0),
        ("step", 1),
        ("step", 2),
        ("log", 2),
        ("validate", 2),
        ("step", 3),
        ("preview", 3),
        ("checkpoint", 3),
        ("step", 4),
        ("log", 4),
        ("validate", 4),
        ("checkpoint", 4),
        ("preview", 4),
        ("end", 4),
    ]
    assert all(event.total == 4 and 0 <= event.progress <= 1 for event in events)
    assert [event.items.shape for event in events if event.kind == "preview"] == [(64, 8, 8)] * 2
    assert (tmp_path / "previews/0000003.png").exists()
    assert [event.elapsed for event in events] == sorted(event.elapsed for event in events)
