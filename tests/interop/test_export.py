"""Networks that run elsewhere: they compute what the model's own do, and their sampler makes the same items."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.interop.exports import alone, inputs_of, outputs_of, same_items, small

import zaohua as zh
from zaohua.interop.formats import FORMATS, Writer, written
from zaohua.interop.networks.bundles import Bundle
from zaohua.interop.networks.kinds import bundle_of
from zaohua.interop.networks.standalone.exported import load
from zaohua.nn.blueprint import Blueprint

onnxruntime = pytest.importorskip("onnxruntime")

ROOT = Path(zh.__file__).parents[2]
CASES: dict[str, tuple[str, bool, dict[str, Any]]] = {
    "Flow": ("Flow", True, {"guidance": 3.0}),
    "DCGAN": ("DCGAN", False, {}),
    "VAE": ("VAE", True, {}),
    "GPT": ("GPT", False, {"max_tokens": 24, "top_k": 5}),
}
SLOW: dict[str, tuple[str, bool, dict[str, Any]]] = {
    "EDM": ("EDM", False, {}),
    "DDPM": ("DDPM", True, {"schedule": "linear"}),
    "R3GAN": ("R3GAN", True, {}),
    "WGANGP": ("WGANGP", True, {}),
    "VAE of perceptrons": ("VAE", False, {"encoder": "mlp", "decoder": "mlp"}),
    "GPT-2": ("GPT", True, {"architecture": "gpt2", "guidance": 2.0}),
    "Llama": ("GPT", False, {"architecture": "llama"}),
}


@dataclass(frozen=True)
class Case:
    """A model, what is exported of it, and the folder with that."""

    model: Any
    bundle: Bundle
    folder: Path
    said: str


def exported(case: tuple[str, bool, dict[str, Any]], to: str, folder: Path) -> Case:
    name, labels, fields = case
    model = small(name, labels, **fields)
    return Case(model, bundle_of(model), folder, written(model, to, folder, overwrite=False))


@pytest.fixture(scope="module", params=[*CASES, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return exported({**CASES, **SLOW}[request.param], "onnx", tmp_path_factory.mktemp("exports") / "made")


def check_networks(case: Case, *more: int) -> None:
    """At every batch and length, some more of which may be given, a network says what the model's own does."""
    for network in case.bundle.networks:
        run = load(case.folder, network.name)
        lengths = (None, 1, *more, case.model.context) if network.lengths else (None,)
        for inputs in [inputs_of(network, n, length) for n in (1, 3) for length in lengths]:
            found, wanted = run(*(part.numpy() for part in inputs)), outputs_of(network, inputs)
            for one, other in zip(found, wanted, strict=True):
                assert one.shape == other.shape
                np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)


def test_networks_compute_the_same_at_any_batch_and_length(case: Case) -> None:
    check_networks(case)


@pytest.mark.parametrize("window", [2, 6])  # networks are traced with three tokens
def test_windows_are_right_at_lengths_below_and_above_them(window: int, tmp_path: Path) -> None:
    blueprint = Blueprint(window=window, windowed=(0,), rotary_local=1e3, attention_cap=20.0)
    fields = {"architecture": blueprint, "context": 16, "max_tokens": 4}
    check_networks(exported(("GPT", False, fields), "onnx", tmp_path / "made"), window - 1, window, window + 1)


def test_the_sampler_makes_the_items_of_the_model_without_torch_and_zaohua(case: Case, tmp_path: Path) -> None:
    said = alone(case.folder, "--check")
    assert float(said.rpartition(" ")[2]) < 1e-4
    noise, out = tmp_path / "noise.npy", tmp_path / "made.npy"
    with np.load(case.folder / "check.npz") as known:
        np.save(noise, known["noise"])
        names = [str(case.model.y_codec_.classes_[i]) for i in known["y"]] if "y" in known else []
    arguments = ["--noise", noise, "--out", out, *(word for name in names for word in ("--y", name))]
    said = alone(case.folder, *arguments)
    if case.bundle.sampler == "tokens":
        assert said == f"\n{'-' * 40}\n".join(case.model.sample(3, random_state=case.model.seed_)) + "\n"
    else:
        assert same_items(np.load(out), case.model)


def test_files_hold_the_weights_and_little_else(case: Case) -> None:
    for network in case.bundle.networks:
        data = (case.folder / f"{network.name}.onnx").read_bytes()
        assert len(data) < 1.1 * network.size + 16_384  # the operations, of which a network of any width has as many
        assert str(ROOT).encode() not in data and b"site-packages" not in data
    assert "times the weights" in case.said


def test_programs_of_torch_hold_no_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = exported(("R3GAN", True, {}), "torch", tmp_path / "made")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was unpickled")

    monkeypatch.setattr(torch, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    check_networks(case)
    data = (case.folder / "generator.pt2").read_bytes()
    assert str(ROOT).encode() not in data and b"site-packages" not in data


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Flow", "VAE", "GPT"])
def test_programs_of_torch_compute_the_same_at_any_batch_and_length(name: str, tmp_path: Path) -> None:
    check_networks(exported(CASES[name], "torch", tmp_path / "made"))


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{}, {"architecture": "gpt2"}], ids=["ours", "tied"])
def test_a_wide_network_takes_no_more_than_its_weights(fields: dict[str, Any], tmp_path: Path) -> None:
    case = exported(("GPT", False, {"width": 256, "heads": 4, **fields}), "onnx", tmp_path / "made")
    assert (case.folder / "net.onnx").stat().st_size < 1.1 * case.bundle.networks[0].size


def test_a_folder_of_an_export_is_replaced_only_if_asked_to(case: Case) -> None:
    with pytest.raises(zh.ZaohuaError, match="overwrite"):
        zh.export(case.model, "onnx", case.folder)
    (case.folder / "mine.txt").write_text("mine")
    with pytest.raises(zh.ZaohuaError, match=r"other files \(mine.txt\)"):
        zh.export(case.model, "onnx", case.folder, overwrite=True)
    (case.folder / "mine.txt").unlink()


def test_formats_are_modules_that_export(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, form in FORMATS.items():
        writer: Writer = form.writer(name)
        assert callable(writer.write) and callable(writer.refusal)
    monkeypatch.setattr("zaohua.interop.formats.find_spec", lambda package: None)
    with pytest.raises(zh.ZaohuaError, match=r"export to onnx needs onnx and onnxscript and .* 'zaohua\[export\]'"):
        FORMATS["onnx"].writer("onnx")


def test_an_export_that_differs_from_the_model_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small("R3GAN")
    bundle = bundle_of(model)
    bundle.check["made"][0, 0, 0, 0] += 0.01
    monkeypatch.setattr("zaohua.interop.networks.torch_programs.bundle_of", lambda model: bundle)
    with pytest.raises(zh.ZaohuaError, match="differences up to 0.01: nothing was written"):
        zh.export(model, "torch", tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_settings_are_json_without_the_data(case: Case) -> None:
    settings = json.loads((case.folder / "sampler.json").read_text())
    assert settings["seed"] == case.model.seed_ and settings["model"] == type(case.model).__name__
    assert str(ROOT) not in json.dumps(settings)
