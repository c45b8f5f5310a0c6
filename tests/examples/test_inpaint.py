"""RePaint in examples/: what is known is kept, and the rest follows the conditional distribution."""

from __future__ import annotations

import ast
import importlib.util
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from tests.families.oracles import PLANE
from tests.trainings import digits, make

import zaohua as zh
from zaohua.core.noise import BatchNoise
from zaohua.families.samplers import Heun
from zaohua.families.schedules import CosineSchedule

PATH = Path(__file__).parents[2] / "examples" / "inpaint_repaint.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("inpaint_repaint", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["Flow", "DDPM", "EDM"])
def test_known_pixels_are_kept_and_the_others_made(example: ModuleType, name: str) -> None:
    images, labels = digits(20)
    model = make(name, 20).fit(images, labels)
    mask = np.random.default_rng(0).random((8, 8)) < 0.5
    made = example.inpaint(model, images[:6], mask, labels[:6], steps=4, turns=2)
    assert made.dtype == images.dtype and made.shape == (6, 8, 8)
    assert np.array_equal(made[:, mask], images[:6, mask])
    assert not np.array_equal(made[:, ~mask], images[:6, ~mask])
    hidden = np.where(mask, images[:6], 7)  # what was under the mask had no part in it
    assert np.array_equal(made, example.inpaint(model, hidden, mask, labels[:6], steps=4, turns=2))


@pytest.mark.parametrize("first", [-0.7, 0.6])
def test_the_rest_has_the_moments_of_the_conditional(example: ModuleType, first: float) -> None:
    """p(second | first) of a mixture of two Gaussians is known; a single turn, without resampling, misses it."""
    n, denoiser, (mean, variance) = 4_000, PLANE.denoiser(CosineSchedule()), PLANE.given(first)
    known = torch.tensor([[first, 0.0]], dtype=torch.float64).expand(n, 2)

    def second(turns: int) -> torch.Tensor:
        noise = BatchNoise(0, n)
        sampler = example.RePaint(Heun(), known, torch.tensor([True, False]), turns)
        x = sampler.sample(denoiser, denoiser.times(50), denoiser.start(noise.normal(2).double()), noise)
        assert (x[:, 0] == first).all()
        return x[:, 1]

    rest = second(turns=10)
    assert abs(rest.mean() - mean) < 4 * math.sqrt(variance / n) + 0.002
    assert abs(rest.var() / variance - 1) < 4 * math.sqrt(2 / n)
    assert abs(second(turns=1).mean() - mean) > 0.05


def test_the_script_writes_a_picture(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "inpainted.png"
    monkeypatch.setattr("sys.argv", ["inpaint_repaint.py", "--max-steps", "2", "--out", str(out)])
    example.main()
    assert out.stat().st_size > 0 and str(out) in capsys.readouterr().out


def test_it_is_short_and_uses_public_names_only() -> None:
    source = PATH.read_text()
    assert len(source.splitlines()) < 80
    names = [getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(ast.parse(source))]
    assert not [name for name in names if name.startswith("_") and name != "__name__"]


def test_models_without_a_denoiser_say_who_has_one() -> None:
    model = zh.GMM(**zh.GMM.tiny).fit(digits(20)[0])
    with pytest.raises(
        zh.NotAvailable, match="GMM can't make a denoiser: it doesn't learn to denoise; models that can: .*Flow"
    ):
        model.denoiser()
    assert not hasattr(model, "denoiser") and hasattr(model, "log_prob_fn")
