"""The arithmetic of exported samplers is that of `sample`, whatever the options; and who isn't exported, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.interop.exports import TEXTS, same_items, small, unexported
from tests.sounds import RATE, tone
from tests.trainings import digits, make

import zaohua as zh
from zaohua.core.advice import command_line
from zaohua.interop.formats import export
from zaohua.interop.networks.kinds import bundle_of, nearest
from zaohua.interop.networks.standalone.diffusion import Diffusion
from zaohua.interop.networks.standalone.latent import Latent
from zaohua.interop.networks.standalone.tokens import Tokens
from zaohua.models.gpt import GPT

pytestmark = pytest.mark.filterwarnings("ignore::zaohua.core.notes.DataNote")


@pytest.mark.parametrize(
    "name, sampler",
    [
        ("DDPM", "ddim"),
        ("DDPM", "dpmpp_2m"),
        ("Flow", "midpoint"),
        ("Flow", "dpmpp_2m"),  # whose first step begins where there is no data
        ("EDM", "heun"),
        ("EDM", "ancestral"),
    ],
)
def test_samplers_of_diffusion(name: str, sampler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guidance = {"guidance": 2.5, "guidance_below": 5.0} if name == "EDM" else {}
    model = small(name, name == "EDM", sampler=sampler, **guidance)
    made = unexported(bundle_of(model), tmp_path / "made", monkeypatch)
    assert isinstance(made, Diffusion) and made.check() < 1e-4
    assert made.noise(2, 0).shape == (2, model.steps if sampler == "ancestral" else 1, 1, 8, 8)


@pytest.mark.parametrize(
    "fields, X",
    [
        ({"temperature": 0.0}, None),
        ({"temperature": 1.3, "top_p": 0.8, "repetition_penalty": 1.3}, None),
        ({"min_p": 0.2, "max_tokens": 24, "prompt": "3 little letters on a line"}, None),
        ({"tokenizer": "bytes", "stop": ("e", "tt")}, ["Größe 零一 " * 9] * 9),
        ({"tokenizer": "bpe", "vocabulary": 300, "prompt": "Größe"}, ["Größe 零一 zwei " * 40] * 9),
        ({"guidance": 2.0}, None),
    ],
    ids=["greedy", "top-p", "min-p and a prompt", "bytes and stops", "pieces", "guidance"],
)
def test_texts(fields: dict[str, Any], X: list[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small("GPT", "guidance" in fields, X, **fields)
    made = unexported(bundle_of(model), tmp_path / "made", monkeypatch)
    assert isinstance(made, Tokens) and made.check() == 0
    with np.load(tmp_path / "made" / "check.npz") as known:
        noise, y = known["noise"], known["y"] if "y" in known else None
    assert same_items(made.items(made.sample(noise, y)), model)
    made.settings["opening"] = None  # as for a prompt that is given on the command line
    assert made.opening() == model.opening()


def test_sounds_are_expanded_and_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make("WaveGAN", 1).fit([zh.Sound(tone(50.0 * i), RATE) for i in range(1, 9)])
    made = unexported(bundle_of(model), tmp_path / "made", monkeypatch)
    assert isinstance(made, Latent) and made.check() < 1e-4
    with np.load(tmp_path / "made" / "check.npz") as known:
        waves = made.items(made.sample(known["noise"]))
    for wave, sound in zip(waves, model.sample(3, random_state=model.seed_), strict=True):
        np.testing.assert_allclose(wave[0], sound.samples, rtol=0, atol=1e-4)


def test_labels_and_noise_are_drawn_by_a_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = unexported(bundle_of(small("DCGAN", True)), tmp_path / "made", monkeypatch)
    assert np.array_equal(made.noise(3, 5), made.noise(3, 5)) and not np.array_equal(made.noise(3, 5), made.noise(3, 6))
    drawn = made.labels(400, [], 0)
    shares = np.bincount(drawn, minlength=10) / 400
    np.testing.assert_allclose(shares, made.settings["labels"]["frequencies"], atol=0.08)
    assert made.labels(3, ["7", "0"], 0).tolist() == [7, 0, 7]
    with pytest.raises(SystemExit, match="unknown label '11'; known: 0, 1"):
        made.labels(3, ["11"], 0)


def test_models_that_are_refused_say_why_and_which_can(tmp_path: Path) -> None:
    images, labels = digits(40)
    numbers = [float(label) for label in labels]

    def reason(model: Any) -> str:
        with pytest.raises(zh.ZaohuaError) as raised:
            export(model, "onnx", tmp_path / "never")
        return str(raised.value)

    of_images = "of images these can: dcgan, r3gan, wgan-gp, vae, ddpm, edm, flow"
    gmm = zh.GMM(n_components=1).fit(images)
    assert reason(gmm) == f"a GMM can't be exported with to='onnx': it has no network; {of_images}"
    pixels = make("PixelCNN", 1).fit(images)
    assert reason(pixels).endswith(f"there is no exported sampler for its networks; {of_images}")
    rnn = make("CharRNN", 1).fit(TEXTS)
    assert "piece by piece" in reason(rnn) and reason(rnn).endswith("of texts these can: gpt")
    conditioned = make("Flow", 1, y_codec="numbers").fit(images, numbers)
    assert "only labels are exported" in reason(conditioned)
    assert "observation_noise=False" in reason(small("VAE", observation_noise=True))
    gpt = small("GPT")
    assert "beams=1" in reason(gpt.with_options(beams=2)) and "suffix=''" in reason(gpt.with_options(suffix="x"))
    with command_line():
        assert "with --to onnx: " in reason(gmm)
    assert nearest(zh.Normal().fit(np.arange(9.0))) == "; no model of tables can"
    assert not (tmp_path / "never").exists()


def test_mistakes_of_the_call(tmp_path: Path) -> None:
    for model, to, why in (
        (GPT(), "onnx", "not fitted yet"),
        (3, "onnx", "takes a fitted model, not 3"),
        (zh.Normal().fit(np.arange(9.0)), "onxx", "did you mean 'onnx'"),
    ):
        with pytest.raises(ValueError, match=why):  # scikit-learn's own kind for a model that isn't fitted
            export(model, to, tmp_path / "never")
