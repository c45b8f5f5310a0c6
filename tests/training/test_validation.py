"""Validation is one function of the networks, sees all of them, and keeps the best."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from tests.sounds import RATE, tone
from tests.trainings import PLAIN, Killed, Mean, Point, at_step, digits, kill, make
from torch import Tensor

import zaohua as zh


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
