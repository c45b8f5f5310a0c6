"""Validation is one function of the networks, sees all of them, and keeps the best."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from tests.sounds import RATE, tone
from tests.trainings import PLAIN, Killed, Mean, Point, at_step, digits, kill, make
from torch import Tensor

import zaohua as zh
from zaohua.core.errors import ZaohuaError, ZaohuaWarning
from zaohua.tasks.evaluation import Evaluator, evaluate
from zaohua.training.callbacks.signals import Stopped


def test_a_validation_is_one_function_whatever_the_step() -> None:
    """The KL weight that rises while training is 1 in every validation: the same networks have the same loss."""
    losses: list[list[float]] = []
    for warmup in (0.0, 1.0):
        model = make(
            "VAE", 3, validation_fraction=0.2, validate_every=1, kl_warmup=warmup, learning_rate=1e-9, ema_decay=0.0
        )
        model.fit(digits()[0])
        losses.append([record["validation"] for record in model.history_ if "validation" in record])
    assert len(losses[0]) == 3 and losses[0] == pytest.approx([losses[0][0]] * 3, rel=1e-4)
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


class Two(Mean):
    """Two phases with a network each: held out, the loss of the first is least at step 5, of the second at step 3."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"first": ("net",), "second": ("other",)}

    def build(self, spec: Any, y_spec: Any) -> torch.nn.ModuleDict:
        return torch.nn.ModuleDict({"net": super().build(spec, y_spec)["net"], "other": Point(1)})

    def loss(self, nets: Any, batch: Any, phase: str) -> Tensor:
        w, best = (nets["net"].w, 0.5) if phase == "first" else (nets["other"].w, 0.3)
        return (-w.sum() if nets.training else 10 * (w - best).square().sum()) * batch.x.new_ones(len(batch))


def test_every_phase_is_validated_and_patience_watches_their_sum() -> None:
    settings: dict[str, Any] = {
        **PLAIN,
        "ema_decay": 0.0,
        "validation_fraction": 0.2,
        "validate_every": 1,
        "patience": 2,
        "max_steps": 50,
    }
    model = Two(**settings).fit(digits()[0])
    for name, best, size in (("first", 0.5, 64), ("second", 0.3, 1)):
        losses = [record[f"validation/{name}"] for record in model.history_ if "validation" in record]
        assert losses == pytest.approx([10 * size * (best - 0.1 * step) ** 2 for step in range(1, 8)], abs=1e-4)
    for record in (record for record in model.history_ if "validation" in record):
        assert record["validation"] == pytest.approx(record["validation/first"] + record["validation/second"])
    assert model.n_steps_ == 7 and torch.allclose(model.nets_["other"].w, torch.tensor(0.5))  # as of the best sum


def test_a_learner_beside_the_model_keeps_its_own_best_networks(tmp_path: Path) -> None:
    """The model is best at step 5, what learns beside it at step 8, and training ends two validations after that."""

    class Beside(Mean):
        phases: ClassVar[dict[str, tuple[str, ...]]] = {"beside": ("beside",)}

        def build(self, spec: Any, y_spec: Any) -> torch.nn.ModuleDict:
            return torch.nn.ModuleDict({"beside": Point(1)})

        def loss(self, nets: Any, batch: Any, phase: str) -> Tensor:
            w = nets["beside"].w
            return (-w.sum() if nets.training else (w - 0.8).square().sum()) * batch.x.new_ones(len(batch))

    class Both(Mean):
        def learners(self) -> tuple[Any, ...]:
            return (self, Beside())

    settings: dict[str, Any] = {
        **PLAIN,
        "pull": 1.0,
        "ema_decay": 0.0,
        "validation_fraction": 0.2,
        "validate_every": 1,
        "patience": 2,
        "max_steps": 50,
        "checkpoint_every": 1,
    }
    model = Both(**settings).fit(digits()[0])
    records = [record for record in model.history_ if "validation" in record]
    assert [record["validation/beside"] for record in records] == pytest.approx(
        [(0.8 - 0.1 * step) ** 2 for step in range(1, 11)], abs=1e-5
    )
    assert all(record["validation"] == record["validation/model"] for record in records)
    with pytest.raises(Killed):
        Both(**settings).fit(digits()[0], out=tmp_path, callbacks=[at_step(7, kill)])
    for done in (model, Both(**settings).resume(tmp_path, digits()[0])):
        assert done.n_steps_ == 10
        assert torch.allclose(done.nets_["net"].w, torch.tensor(0.5))
        assert torch.allclose(done.nets_["beside"].w, torch.tensor(0.8))


def test_priors_and_vocoders_are_validated() -> None:
    sounds = [zh.Sound(tone(100 + 10 * i), RATE) for i in range(20)]
    model = make("VQVAE", 2, validation_fraction=0.2, validate_every=1).fit(sounds)
    records = [record for record in model.history_ if "validation" in record]
    assert len(records) == 2
    for record in records:
        assert record["validation"] == pytest.approx(record["validation/codes"] + record["validation/prior"])
        assert record["validation/vocoder"] > 0


# ---- every training that holds items out ends with a validation


def history(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]


def plain(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records without what depends on the clock."""
    return [{k: v for k, v in record.items() if k not in ("seconds", "items_per_second")} for record in records]


SHORT: dict[str, Any] = {**PLAIN, "validation_fraction": 0.2, "ema_decay": 0.0, "log_every": 100}


@pytest.mark.parametrize("limit", [{"max_steps": 7}, {"max_minutes": 0.005}])
def test_a_training_shorter_than_its_interval_ends_with_a_validation(limit: dict[str, Any], tmp_path: Path) -> None:
    model = Mean(**{**SHORT, **limit, "validate_every": 5 if "max_steps" in limit else 10**6})
    model.fit(digits()[0], out=tmp_path)
    validated = [record for record in model.history_ if "validation" in record]
    assert validated[-1]["step"] == model.n_steps_ and validated[-1]["final"]
    assert len(validated) == 1 + ("max_steps" in limit)
    losses = [record for record in model.history_ if "loss/model" in record]
    assert [record["step"] for record in losses[-1:]] == [model.n_steps_]
    assert history(tmp_path) == model.history_


def test_a_validation_that_was_due_isnt_made_twice() -> None:
    model = Mean(**{**SHORT, "max_steps": 6, "validate_every": 3, "log_every": 2}).fit(digits()[0])
    assert [record["step"] for record in model.history_ if "validation" in record] == [3, 6]
    assert not any("final" in record for record in model.history_)


def test_a_training_that_goes_on_is_as_if_it_had_not_ended(tmp_path: Path) -> None:
    """The last validation changes neither the checkpoint nor the records before it, also with early stopping."""
    settings = {**SHORT, "validate_every": 4, "log_every": 4, "patience": 3, "learning_rate": 0.05}
    whole = Mean(**{**settings, "max_steps": 16}).fit(digits()[0], out=tmp_path / "whole")
    Mean(**{**settings, "max_steps": 6}).fit(digits()[0], out=tmp_path / "parts")
    assert [record["step"] for record in history(tmp_path / "parts") if record.get("final")] == [6, 6]
    parts = Mean(**{**settings, "max_steps": 16}).resume(tmp_path / "parts", digits()[0])
    assert plain(history(tmp_path / "parts")) == plain(history(tmp_path / "whole"))
    for a, b in zip(whole.tensors().values(), parts.tensors().values(), strict=True):
        assert torch.equal(a, b)


def test_a_stopped_training_has_no_last_validation(tmp_path: Path) -> None:
    model = Mean(**{**SHORT, "max_steps": 9, "log_every": 1})
    stop = at_step(5, lambda: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(Stopped):
        model.fit(digits()[0], out=tmp_path, callbacks=[stop, Evaluator(100, samples=20, train=digits()[0])])
    assert model.n_steps_ == 5 and history(tmp_path) == model.history_
    assert not any({"validation", "frechet"} & set(record) for record in model.history_)


def test_an_interval_of_evaluations_or_previews_larger_than_the_run_makes_one_at_the_end() -> None:
    events = list[Any]()
    model = make("VAE", 3, validation_fraction=0.2, preview_every=100)
    model.fit("digits", callbacks=[Evaluator(100, samples=100), events.append])
    assert [record["step"] for record in model.history_ if "frechet" in record] == [3]
    assert [event.step for event in events if event.kind == "preview"] == [3]


# ---- models without a validation loss


@pytest.mark.parametrize("name", ["DCGAN", "R3GAN", "WGANGP"])
def test_gans_hold_items_out_for_distances(name: str, tmp_path: Path) -> None:
    """They are evaluated while they train and afterwards, on a folder of one's own; no loss is measured."""
    from PIL import Image

    (tmp_path / "data").mkdir()
    for i, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (100, 8, 8), np.uint8)):
        Image.fromarray(pixels).save(tmp_path / "data" / f"{i:03d}.png")
    model = make(name, 4, validation_fraction=0.3, validate_every=2)
    model.fit(tmp_path / "data", out=tmp_path / "run", callbacks=[Evaluator(3, samples=30)])
    assert not any("validation" in record for record in model.history_)
    assert [record["step"] for record in model.history_ if "frechet" in record] == [3, 4]
    found = evaluate(zh.load(tmp_path / "run"))
    assert found.split == "validation" and found.n == 30 and found.trained_on == 0


def test_tables_are_evaluated_while_a_gan_learns_them() -> None:
    rows = np.random.default_rng(0).normal(size=(300, 3))
    model = make("CTGAN", 2, batch_size=20, validation_fraction=0.4)
    with pytest.warns(ZaohuaWarning, match=r"two-sample score, trends, R² of \d tell little by the 100 rows") as told:
        model.fit(rows, callbacks=[Evaluator(2, samples=100, train=rows)])
    assert not any("{" in str(warning.message) for warning in told)
    (record,) = [record for record in model.history_ if "tree_score" in record]
    assert record["step"] == 2 and {"trend", "shape"} <= set(record)


def test_patience_of_a_gan_is_refused_without_advice_that_another_rule_forbids() -> None:
    for more in ({}, {"validation_fraction": 0.1}):
        with pytest.raises(ZaohuaError, match="patience needs a validation loss, .*: leave patience= out"):
            make("DCGAN", 2, patience=3, **more).fit(digits()[0])


def test_too_few_items_to_evaluate_by_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    model = make("VAE", 2, validation_fraction=0.005)
    with pytest.raises(ZaohuaError, match="8 real pictures are too few"):
        model.fit("digits", out=tmp_path / "run", callbacks=[Evaluator(1)])
    assert not (tmp_path / "run" / "model.json").exists()


def test_sounds_of_a_gan_have_a_validated_vocoder_only() -> None:
    sounds = [zh.Sound(tone(100 + 10 * i), RATE) for i in range(20)]
    model = make("WGANGP", 2, validation_fraction=0.2, validate_every=1).fit(sounds)
    records = [record for record in model.history_ if "validation/vocoder" in record]
    assert len(records) == 2 and not any("validation" in record for record in records)
