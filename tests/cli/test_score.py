"""The command that scores data, on one item and on items that the model was trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zaohua as zh


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of 30 pictures, copies of them under other names, and one new picture."""
    for name, seed, n, ending in (("data", 0, 30, "png"), ("copies", 0, 30, "bmp"), ("new", 1, 1, "png")):
        (tmp_path / name).mkdir()
        for i, pixels in enumerate(np.random.default_rng(seed).integers(0, 256, (n, 8, 8), np.uint8)):
            Image.fromarray(pixels).save(tmp_path / name / f"{name}-{i}.{ending}")
    zh.Gaussian(random_state=0).fit(tmp_path / "data", out=tmp_path / "run")
    return tmp_path / "run"


def test_scores_of_training_items_are_marked(zaohua, run: Path) -> None:
    copies, new = run.parent / "copies", run.parent / "new"
    found = json.loads(zaohua("score", run, copies, "--json").out)
    assert found["trained_on"] == 1 and found["items"] == 30
    assert "trained on      100% of these data" in zaohua("score", run, copies).out
    assert "trained on" not in zaohua("score", run, new).out


def test_the_standard_error_of_one_item_is_unknown(zaohua, run: Path) -> None:
    found = json.loads(zaohua("score", run, run.parent / "new", "--json").out)
    assert found["items"] == 1 and found["standard_error"] is None and np.isfinite(found["nats_per_item"])
    assert "standard error  unknown, of one item" in zaohua("score", run, run.parent / "new").out


def test_the_standard_error_of_some(zaohua, run: Path) -> None:
    found = json.loads(zaohua("score", run, run.parent / "data", "--json").out)
    nats = zh.load(run).score_samples(run.parent / "data")
    assert found["standard_error"] == pytest.approx(nats.std(ddof=1) / 30**0.5)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of dark and light pictures, a folder with one of each, and a text that isn't in the run."""
    home = tmp_path_factory.mktemp("labelled")
    light = np.arange(60) % 2
    images = (np.random.default_rng(0).integers(0, 60, (60, 4, 4)) + 180 * light[:, None, None]).astype(np.uint8)
    names = ["light" if each else "a dark one, small" for each in light]
    zh.Gaussian(random_state=0).fit(images, names, out=home / "run")
    zh.MADE(**{**zh.MADE.tiny, "max_steps": 2}, random_state=0, y_codec={"text": "texts"}).fit(
        images, [{"text": name} for name in names], out=home / "texts"
    )
    (home / "new").mkdir()
    for i in range(2):
        Image.fromarray(images[i]).save(home / "new" / f"{i}.png")
    return home


def test_which_condition_fits(zaohua, labelled: Path) -> None:
    given = ["--y", "light", "--y", "a dark one, small"]
    shown = zaohua("score", labelled / "run", labelled / "new" / "1.png", *given).out.splitlines()
    assert shown[0] == "probability  log p(x | y)  condition" and shown[1].startswith("      1.000")
    assert shown[1].endswith("  light") and shown[2].endswith("  a dark one, small") and "0.000" in shown[2]
    assert shown[3] == "log p(x | y) in nats is exact; every condition was as probable beforehand"
    shown = zaohua("score", labelled / "run", labelled / "new", *given).out.splitlines()
    assert [line.split("  ", 3)[-1].split("<-")[0].strip()[-5:] for line in shown[1:3]] == ["small", "light"]
    found = json.loads(zaohua("score", labelled / "run", labelled / "new", *given, "--json").out)
    assert found["conditions"] == ["light", "a dark one, small"] and found["best"] == [1, 0]
    model, paths = zh.load(labelled / "run"), sorted((labelled / "new").glob("*.png"))
    assert found["items"] == [str(path) for path in paths] and found["kind"] == "exact"
    expected = zh.retrieve(model, paths, ["light", "a dark one, small"])
    np.testing.assert_allclose(found["log_likelihoods"], expected.log_likelihoods)
    turned = json.loads(zaohua("score", labelled / "run", labelled / "new", *given, "--of", "items", "--json").out)
    assert turned["best"] == [1, 0] and np.allclose(np.sum(turned["probabilities"], axis=1), 1)
    lines = zaohua("score", labelled / "run", labelled / "new", *given, "--of", "items").out.splitlines()
    assert "1.png  <-  light" in lines[1] and "every item was as probable beforehand" in lines[3]


def test_one_condition_for_all(zaohua, labelled: Path) -> None:
    found = json.loads(zaohua("score", labelled / "run", labelled / "new", "--y", "light", "--json").out)
    paths = sorted((labelled / "new").glob("*.png"))
    assert found["given"] == "light" and found["items"] == 2
    assert found["nats_per_item"] == pytest.approx(zh.load(labelled / "run").score_samples(paths, ["light"] * 2).mean())


def test_records_that_fit(zaohua, labelled: Path) -> None:
    Path("captions.jsonl").write_text('{"text": "light"}\n{"text": "a dark one, small"}\n')
    arguments = [labelled / "texts", labelled / "new" / "0.png", "--y-file", "captions.jsonl"]
    shown = zaohua("score", *arguments)
    assert shown.code == 0 and "text=a dark one, small" in shown.out, shown.err
    found = json.loads(zaohua("score", *arguments, "--json").out)
    assert found["conditions"] == [{"text": "light"}, {"text": "a dark one, small"}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--y", "lite"], "unknown label 'lite'; did you mean 'light'?"),
        (["run", "--of", "items"], "--of items: give the conditions with --y"),
        (["texts", "--y", "light", "--y", "dark"], "--y light: this run's conditions have parts (text)"),
    ],
)
def test_wrong_conditions_are_one_line(zaohua, labelled: Path, arguments: list[str], message: str) -> None:
    said = zaohua("score", labelled / arguments[0], labelled / "new", *arguments[1:])
    assert said.code == 2 and said.err.count("\n") == 1 and message in said.err, said.err


def test_conditions_of_an_unconditional_run(zaohua, run: Path) -> None:
    said = zaohua("score", run, run.parent / "new", "--y", "a")
    assert said.code == 2 and "trained without conditions, so it can't take --y" in said.err
