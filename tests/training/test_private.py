"""Training with a guarantee: what each step releases, what is kept secret, and what is outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.trainings import PLAIN, Killed, Mean, at_step, digits, ending, kill, make

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise, Noise
from zaohua.core.notes import DataNote
from zaohua.core.spec import DataSpec
from zaohua.families.gan import GAN
from zaohua.privacy.secret import Secret
from zaohua.training.events import Batch, Event
from zaohua.training.loop import Engine
from zaohua.training.private.batches import PoissonBatches

KEY = bytes(range(16))
SIGMA = 0.7


@pytest.fixture(autouse=True)
def cheap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A known key, and noise that isn't worked out, since that takes longer than these trainings."""
    monkeypatch.setattr(Secret, "fresh", classmethod(lambda cls: cls(KEY)))
    monkeypatch.setattr("zaohua.training.private.budget.noise_for", lambda *_: SIGMA)


def private(max_steps: int = 3, **fields: Any) -> Any:
    return Mean(**{**PLAIN, "epsilon": 2.0, "max_steps": max_steps, "ema_decay": 0.0, **fields})


def engine_of(model: Any, n: int = 40) -> Engine:
    return Engine(model, model._rows_to_learn(model._begin(*digits(n))), None, [])


def weights(model: Any) -> torch.Tensor:
    return torch.cat([tensor.flatten() for _, tensor in sorted(model.tensors().items())])


# ---- steps


def test_a_step_is_the_noisy_clipped_sum_over_the_expected_batch() -> None:
    model = private(max_steps=1, max_grad_norm=0.5)
    engine = engine_of(model)
    x = torch.cat([batch.x for batch in [engine.batch(engine.data.x[np.arange(40)], None, 0, 0, 40, True)]]).flatten(1)
    secret = Secret(KEY)
    chosen = secret.chosen(40, 16 / 40, "items", 0)
    gradients = -x[chosen]  # of |x - w|^2 / 2 at w = 0
    clipped = gradients * (0.5 / gradients.norm(dim=1, keepdim=True)).clamp(max=1)
    noise = torch.from_numpy(secret.normal(64, "noise", 0, 0)) * SIGMA * 0.5
    model.fit(*digits(40))
    expected = -0.1 * (clipped.double().sum(0) + noise) / 16
    torch.testing.assert_close(model.nets_["net"].w, expected.float())
    assert len(chosen) != 16  # else it wouldn't show which of the two is divided by


@pytest.mark.parametrize("draws", [1, 3])
def test_one_item_changes_a_gradient_by_no_more_than_the_norm(draws: int) -> None:
    model = make("VAE", 1, epsilon=2.0, private_draws=draws, max_grad_norm=0.25)
    engine = engine_of(model, 64)
    mechanism, at = engine.private, np.arange(12)
    assert mechanism is not None

    def gradient(rows: np.ndarray) -> torch.Tensor:
        y = None if engine.data.y is None else engine.data.y[rows]
        mechanism.set_gradient(engine, "vae", 0, engine.data.x[rows], y)
        return torch.cat([p.grad.flatten() for p in engine.parameters["vae"].values() if p.grad is not None])

    with_all, without_last = gradient(at), gradient(at[:-1])
    away = float((with_all - without_last).norm()) * mechanism.budget.batch
    assert 0.2 < away <= 0.25 * (1 + 1e-4)  # clipped, since an untrained loss is steep


def test_an_empty_batch_is_a_step_of_noise_alone() -> None:
    model = private(max_steps=1, batch_size=1)
    engine = engine_of(model, 60)
    batches = engine.batches
    assert isinstance(batches, PoissonBatches)
    empty = next(draw for draw in range(1000) if not len(batches.chosen(draw)))
    codes, y = next(batches.stream(empty))
    assert len(codes) == 0 and y is not None and len(y) == 0
    engine.step = empty
    engine.take_step(iter([(codes, y)]))
    noise = torch.from_numpy(Secret(KEY).normal(64, "noise", empty, 0)) * SIGMA
    torch.testing.assert_close(engine.nets["net"].w.detach(), (-0.1 * noise).float())


def test_an_item_without_a_finite_gradient_counts_nothing() -> None:
    model = private(max_steps=2, nan_at=0)
    model.fit(*digits(40), callbacks=[model.note])  # all losses of the first step are no numbers
    noise = torch.from_numpy(Secret(KEY).normal(64, "noise", 0, 0)) * SIGMA / 16
    torch.testing.assert_close(model.trace[0][0], (-0.1 * noise).float())


def test_memory_is_bounded_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = private(max_steps=3).fit(*digits(40))
    monkeypatch.setattr("zaohua.training.private.mechanism.AT_ONCE", 64 * 5)
    torch.testing.assert_close(weights(private(max_steps=3).fit(*digits(40))), weights(whole))


# ---- secrets


def test_the_seed_tells_nothing_of_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    one = private().fit(*digits(40))
    assert torch.equal(weights(one), weights(private().fit(*digits(40))))  # of the same key
    monkeypatch.setattr(Secret, "fresh", classmethod(lambda cls: cls(b"another key, yes")))
    other = private().fit(*digits(40))
    assert one.seed_ == other.seed_ and not torch.isclose(weights(one), weights(other)).any()


def test_the_key_is_in_checkpoints_only_and_ends_with_the_training(tmp_path: Path) -> None:
    run, seen = tmp_path / "run", list[bytes]()

    def look() -> None:
        assert KEY.hex() not in (run / "model.json").read_text()
        seen.extend(path.read_bytes() for path in run.glob("checkpoints/*/state.json"))

    private(max_steps=6, checkpoint_every=2).fit(*digits(40), out=run, callbacks=[at_step(5, look)])
    assert any(KEY.hex().encode() in state for state in seen)
    assert len(list(run.glob("checkpoints/*"))) == 1
    assert not any(KEY.hex().encode() in path.read_bytes() for path in run.rglob("*") if path.is_file())


def test_a_killed_run_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    fields = {"epsilon": 2.0, "private_draws": 2, "checkpoint_every": 2, "log_every": 2}
    make("VAE", 6, **fields).fit(*digits(40), out=tmp_path / "whole")
    with pytest.raises(Killed):
        make("VAE", 6, **fields).fit(*digits(40), out=tmp_path / "killed", callbacks=[at_step(5, kill)])
    with pytest.MonkeyPatch.context() as patch:  # the key of the run, not one of its own
        patch.setattr(Secret, "fresh", classmethod(lambda cls: cls(b"another key, yes")))
        resumed = zh.load(tmp_path / "killed").resume(tmp_path / "killed", *digits(40))
    assert ending(tmp_path / "killed") == ending(tmp_path / "whole")
    assert resumed.guarantee == zh.load(tmp_path / "whole").guarantee


def test_a_plan_can_not_be_changed_midway(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(Killed):
        private(6, checkpoint_every=2).fit(*digits(40), out=run, callbacks=[at_step(3, kill)])
    for change, told in (({"max_steps": 9}, "releases 6 instead of 9"), ({"epsilon": 3.0}, "epsilon 2.0 instead of 3")):
        with pytest.raises(ZaohuaError, match=told):
            private(**{"max_steps": 6, **change}).resume(run, *digits(40))
    with pytest.raises(ZaohuaError, match="30 items instead of 40"):
        private(6).resume(run, *digits(30))
    with pytest.raises(ZaohuaError, match=r"was begun with epsilon=2.0, and steps without it would reveal items"):
        private(6, epsilon=None).resume(run, *digits(40))


def test_a_run_that_has_ended_takes_no_more_steps(tmp_path: Path) -> None:
    done = private(4).fit(*digits(40), out=tmp_path / "run")
    again = private(4).resume(tmp_path / "run", *digits(40))
    assert torch.equal(weights(done), weights(again)) and again.n_steps_ == 4


def test_a_run_without_a_guarantee_gets_none_later(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        private(6, epsilon=None, checkpoint_every=2).fit(*digits(40), out=tmp_path, callbacks=[at_step(3, kill)])
    with pytest.raises(ZaohuaError, match="was begun with no guarantee"):
        private(6).resume(tmp_path, *digits(40))


# ---- what is told of the data


def test_nothing_is_kept_of_items_nor_of_their_losses(tmp_path: Path) -> None:
    events: list[Event] = []
    model = make("VAE", 4, epsilon=2.0, log_every=1, checkpoint_every=2)
    model.fit(*digits(60), out=tmp_path, callbacks=[lambda event: events.append(event)])
    assert {key for record in model.history_ for key in record} <= {"step", "seconds", "lr", "items_per_second"}
    assert len(model.history_) == 4 and not any("loss" in str(event.record) for event in events)
    assert model.seen_ == [] and model.count_seen(model.encode_items(digits(60)[0]).codes) is None
    for path in tmp_path.glob("checkpoints/*/state.json"):
        state = json.loads(path.read_bytes())
        assert state["data"] is None and state["sums"] == {} and state["best"] is None
    assert make("VAE", 1, log_every=1).fit(*digits(60)).seen_ != []  # as others remember them


@pytest.mark.parametrize(("field", "value"), [("validation_fraction", 0.1), ("patience", 3)])
def test_choices_by_held_out_items_are_refused(field: str, value: float) -> None:
    with pytest.raises(ZaohuaError, match=f"{field}.* whose privacy nothing pays for"):
        private(**{field: value}).fit(*digits(40))


def test_models_that_hold_items_out_by_default_learn_of_all() -> None:
    model = make("TabFlow", 2, epsilon=2.0)
    rows = model._begin(np.random.default_rng(0).normal(size=(50, 3)), None)
    engine = Engine(model, model._rows_to_learn(rows), None, [])
    assert len(engine.held_out) == 0 and len(engine.batches.items) == 50


@pytest.mark.parametrize("field", [{"delta": 1e-5}, {"private_draws": 2}])
def test_settings_of_privacy_need_a_budget(field: dict[str, Any]) -> None:
    with pytest.raises(ZaohuaError, match="give epsilon=10.0 too"):
        private(**{"epsilon": None, **field}).fit(*digits(40))


def test_steps_must_be_known() -> None:
    with pytest.raises(ZaohuaError, match=r"give max_steps=1000 beside max_minutes="):
        private(max_steps=None, max_minutes=1).fit(*digits(40))


# ---- the promise


def test_the_promise_says_what_is_outside(tmp_path: Path) -> None:
    model = private(2, codec=zh.ImageCodec(size=8)).fit(*digits(40), out=tmp_path)
    promise = zh.load(tmp_path).guarantee
    assert promise is not None and promise == model.guarantee
    assert (promise.epsilon, promise.delta, promise.unit) == (2.0, 1 / 400, "one picture")
    assert promise.declared == ("size 8",)
    assert promise.outside == (
        "the number of items",
        "size, channels and range of values of the pictures",
        "names and frequencies of the labels",
    )
    assert "2 noisy sums of clipped gradients, noise multiplier 0.7" in promise.method
    assert "Privacy: epsilon 2, delta 0.0025, for one picture" in (tmp_path / "README.md").read_text()


def test_a_training_that_has_not_ended_says_that_its_checkpoints_hold_the_key(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        private(6, checkpoint_every=2).fit(*digits(40), out=tmp_path, callbacks=[at_step(3, kill)])
    promise = zh.load(tmp_path).guarantee
    assert promise is not None and any("hold the key of its noise" in what for what in promise.outside)


def test_a_text_is_an_item_if_it_is_one_row() -> None:
    texts = [f"line {i} of a text" for i in range(30)]
    model = make("GPT", 2, epsilon=2.0, context=32).fit(texts)
    assert model.guarantee.unit == "one text" and "the characters of the texts" in model.guarantee.outside
    blind = make("GPT", 2, epsilon=2.0, context=32, codec=zh.TextCodec(tokenizer="bytes")).fit(texts)
    assert blind.guarantee.outside == ("the number of items",) and blind.guarantee.declared == ("tokenizer bytes",)
    with pytest.raises(ZaohuaError, match=r"30 items of 30 would be cut into several rows, and epsilon= protects one"):
        make("GPT", 2, epsilon=2.0, context=8).fit(texts)


def test_windows_of_a_recording_are_told() -> None:
    sounds = [zh.Sound(np.sin(np.arange(4000) / (3 + i)), 8000) for i in range(6)]
    model = make("Flow", 1, epsilon=2.0, codec=zh.MelCodec(seconds=0.2), vocoder=False).fit(sounds)
    assert model.guarantee.unit == "one window, of which one sound has up to 3"


# ---- phases that see no items


class Twins(GAN[zh.ImageCodec]):
    """A GAN of two linear networks, which remembers what its generator was shown."""

    latent_dim = 4

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> torch.nn.ModuleDict:
        self.shown: list[Batch] = []
        return torch.nn.ModuleDict({"discriminator": One(spec.size, 1), "generator": One(4, spec.size)})

    def generate(self, nets: torch.nn.ModuleDict, noise: Noise, y: Any) -> torch.Tensor:
        return torch.tanh(nets["generator"](noise.normal(4), y)).view(noise.n, *self.spec_.tensor_shape)

    def generator_loss(self, nets: torch.nn.ModuleDict, batch: Batch) -> torch.Tensor:
        self.shown.append(batch)
        return super().generator_loss(nets, batch)


class One(torch.nn.Linear):
    def forward(self, x: torch.Tensor, y: Any = None) -> torch.Tensor:
        return super().forward(x.flatten(1))


def test_a_generator_is_shown_no_items_and_only_the_discriminator_pays() -> None:
    model = Twins(**{**PLAIN, "epsilon": 2.0, "max_steps": 3})
    x, y = digits(40)
    model.fit(x, [str(label) for label in y])
    assert "3 noisy sums" in model.guarantee.method  # one of each step, though each has two phases
    for batch in model.shown[-3:]:
        assert len(batch) == 16 and (batch.x == batch.x.flatten()[0]).all()
        assert batch.y is not None
    engine = Engine(model, model._rows_to_learn(model._begin(x, [str(label) for label in y])), None, [])
    assert engine.private is not None
    drawn = engine.private.public(engine, 1, engine.data.x[np.arange(3)], engine.data.y[np.arange(3)])[1]  # type: ignore[index]
    expected = model.y_codec_.draw(BatchNoise(Secret(KEY).seed("conditions", 0, 1, 0), 16))  # type: ignore[union-attr]
    assert torch.equal(drawn, expected)  # type: ignore[arg-type]


def test_items_computed_one_by_one_are_told() -> None:
    pieces = [zh.Piece.from_voices(np.array([[72, 60], [72, 64]]) + i % 3) for i in range(12)]
    with pytest.warns(DataNote, match="computed one after the other"):
        make("ChoraleRNN", 1, epsilon=2.0).fit(pieces)
