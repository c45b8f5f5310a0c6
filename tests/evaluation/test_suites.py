"""Suites: what is trained, left out and taken up again."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.pages import page_of

import zaohua as zh
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.registry import Entry
from zaohua.evaluation.figures import figures_over_seeds
from zaohua.evaluation.results import Figure, load
from zaohua.evaluation.suite import Suite
from zaohua.evaluation.summaries import digits
from zaohua.modalities.images import suites as module
from zaohua.storage.outputs import INDEX
from zaohua.tasks.evaluation.suites import benchmark, suites

MODELS = ["gaussian", "gmm", "vae"]


@contextlib.contextmanager
def unseen(name: str) -> Any:
    yield lambda event: None


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.SUITES, "tiny", Suite("images", ("digits",), "some models", {"temperature": 1.0}))


def test_a_suite_goes_on_where_it_was(suite: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    summary = benchmark("tiny", tmp_path, 0.02, unseen, samples=40, models=MODELS, log=log.append)
    text = summary.read_text("utf-8")
    assert summary == tmp_path / "tiny.md" and "temperature = 1" in text and "| *real train vs test* |" in text
    assert all(f"| {model} |" in text for model in MODELS)
    assert page_of((tmp_path / "tiny-digits.html").read_text("utf-8")).all("table")
    assert "![Quality against time: digits](tiny-digits.svg)" in text and (tmp_path / "tiny-digits.svg").exists()
    stored = json.loads((tmp_path / "digits" / "vae" / "model.json").read_bytes())
    assert stored["parameters"]["temperature"] == 1 and stored["state"]["seconds"] >= 1.2
    before = {
        path: path.stat().st_mtime_ns
        for path in tmp_path.rglob("*")
        if path.is_file() and path.suffix not in (".md", ".html", ".svg") and path.name != INDEX
    }
    monkeypatch.setattr(zh.VAE, "fit", None)
    monkeypatch.setattr(zh.VAE, "resume", None)
    again = benchmark("tiny", tmp_path, 0.02, unseen, samples=40, models=MODELS).read_text("utf-8")
    assert again == text  # in every line, and their order
    assert [path for path, when in before.items() if path.stat().st_mtime_ns != when] == []


def test_what_was_begun_is_gone_on_with(suite: None, tmp_path: Path) -> None:
    zh.VAE(max_minutes=0.01, random_state=0).fit("digits", True, out=tmp_path / "digits" / "vae")
    begun = json.loads((tmp_path / "digits" / "vae" / "model.json").read_bytes())["state"]
    benchmark("tiny", tmp_path, 0.03, unseen, samples=40, models=["gmm", "vae"])
    done = json.loads((tmp_path / "digits" / "vae" / "model.json").read_bytes())["state"]
    assert done["steps"] > begun["steps"] and done["seconds"] >= 1.8


def test_what_cant_learn_a_set_is_left_out_and_named(
    suite: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZaohuaError("too large for it")

    monkeypatch.setattr(zh.VAE, "fit", fail)
    text = benchmark("tiny", tmp_path, 0.02, unseen, samples=40, models=MODELS).read_text("utf-8")
    assert "- left out: vae: too large for it" in text and "| gmm |" in text and "| vae |" not in text


def test_several_seeds_are_taken_together(suite: None, tmp_path: Path) -> None:
    """Figures are means over trainings with Student's intervals, and a difference is told from them, too."""
    summary = benchmark("tiny", tmp_path, 0.02, unseen, samples=60, models=["gmm", "vae"], seeds=3, random_state=5)
    text = summary.read_text("utf-8")
    assert "means of seeds 5 to 7" in text and "zaohua benchmark tiny --minutes 0.02 --seeds 3" in text
    runs = [tmp_path / folder / "vae" for folder in ("digits", "digits-seed-6", "digits-seed-7")]
    stored = [json.loads((run / "model.json").read_bytes())["parameters"]["random_state"] for run in runs]
    assert stored == [5, 6, 7]
    found = [load(run) for run in runs]
    assert all(each is not None for each in found) and [each.seeds for each in found if each] == [(5,), (6,), (7,)]
    values = [each.figures["frechet"].value for each in found if each]
    mean, reach = np.mean(values), 4.302653 * np.std(values, ddof=1) / 3**0.5  # Student's t, 2 degrees of freedom
    row = next(line for line in text.splitlines() if line.startswith("| vae |"))
    assert f"{digits(float(mean))} ({digits(float(mean - reach))} to {digits(float(mean + reach))})" in row


def test_a_model_that_fails_with_one_seed_is_left_out(
    suite: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = zh.VAE.fit

    def fail(self: zh.VAE, *given: Any, **more: Any) -> Any:
        if self.random_state == 1:
            raise ZaohuaError("diverged")
        return fit(self, *given, **more)

    monkeypatch.setattr(zh.VAE, "fit", fail)
    text = benchmark("tiny", tmp_path, 0.02, unseen, samples=40, models=MODELS, seeds=2).read_text("utf-8")
    assert "- left out: vae: diverged" in text and "| gmm |" in text and "| vae |" not in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "seeds= must be at least 1"),
        ({"name": "imagse-small"}, "did you mean 'images-small'"),
        ({"data": ["mnits"]}, "data set of tiny"),
        ({"models": ["vea"]}, "did you mean 'vae'"),
    ],
)
def test_mistakes(suite: None, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"name": "tiny", "out": tmp_path, "minutes": 1, "watch": unseen, **options}
    with pytest.raises(ZaohuaError, match=message):
        benchmark(**given)


def test_a_folder_of_other_files_is_refused_before_anything_is_trained(suite: None, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ZaohuaError, match=r"holds other files \(notes.txt\): nothing was written"):
        benchmark("tiny", tmp_path, 0.02, unseen, models=MODELS)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_where_too_few_models_learn_the_reason_is_said(suite: None, tmp_path: Path) -> None:
    with pytest.raises(ZaohuaError, match="fewer than two models of tiny were trained, .* nothing to compare: "):
        benchmark("tiny", tmp_path / "new", 0.02, unseen, models=["gmm"])


@pytest.mark.parametrize(
    ("command", "modalities", "takes"),
    [
        ("flow", ("images", "sounds"), True),
        ("vq-vae", ("images", "sounds"), True),
        ("new", ("sounds",), True),
        ("new", ("images", "sounds"), False),
        ("gpt", ("texts",), False),
    ],
)
def test_what_the_suite_of_sounds_takes(command: str, modalities: tuple[str, ...], takes: bool) -> None:
    """All models that are of sounds in the first place, whatever they take them for, and some of the others."""
    entry = Entry("New", command, "", "", "", "", modalities, ("draw",), "")
    assert suites()["sounds"].takes(entry) is takes
    assert suites()["images-small"].takes(entry) is (modalities[0] == "images")


def test_the_suite_of_tables_leaves_distributions_of_one_column_alone() -> None:
    taken = {entry.command for entry in registry.entries() if suites()["tables"].takes(entry)}
    assert {"ctgan", "tabflow", "product-mixture"} <= taken and not {"normal", "poisson"} & taken


def test_the_interval_of_a_share_over_seeds_stays_within_its_ends() -> None:
    found = figures_over_seeds([{"recall": Figure(share, n=9, note=note)} for share, note in ((1.0, "a"), (0.7, "b"))])
    assert found["recall"] == Figure(0.85, 0.0, 1.0, 9, "a; b")  # Student's reaches from -1.06 to 2.76
    assert figures_over_seeds([{"utility_r2": Figure(0.9)}, {"utility_r2": Figure(0.5)}])["utility_r2"].high == 1
    assert figures_over_seeds([{"frechet": Figure(1.0)}, {"frechet": Figure(3.0)}])["frechet"].low < 0


def test_a_page_that_somebody_changed_is_not_replaced(suite: None, tmp_path: Path) -> None:
    (tmp_path / "tiny-digits.html").write_text("mine")
    with pytest.raises(ZaohuaError, match="tiny-digits.html isn't as zaohua wrote it"):
        benchmark("tiny", tmp_path, 0.02, unseen, samples=40, models=MODELS)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny-digits.html"]
