"""Pairs on the command line: which half a model learns, what y was taken for, and how a run finds both again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TINY = ("--max-steps", "1", "--device", "cpu", "--seed", "0")
SMALL = {"flow": ("--channels", "8"), "gpt": ("--width", "16", "--layers", "1", "--heads", "2", "--context", "16")}


@pytest.fixture
def photos(zaohua) -> str:
    """A folder of pictures, a text beside each, another folder of the same names, and a table of both."""
    for name in ("photos", "sketches"):
        Path(name).mkdir()
        for i in range(10):
            Image.fromarray(np.full((8, 8), 20 * i, np.uint8)).save(f"{name}/{i}.png")
    for i in range(10):
        Path(f"photos/{i}.txt").write_text(f"my cat {'abc'[i % 3]}")
    rows = [f"photos/{i}.png,{'xy'[i % 2]},my cat {i}\n" for i in range(10)]
    Path("all.csv").write_text("picture,place,caption\n" + "".join(rows))
    Path("of.csv").write_text(Path("all.csv").read_text().replace("photos", "sketches"))
    return "photos"


PICTURES = "10 pictures of 8 x 8 pixels, 1 channel, 256 levels"


@pytest.mark.parametrize(
    ("model", "data", "line"),
    [
        ("flow", ("photos",), f"{PICTURES}; conditions: texts in 7 characters"),
        ("gpt", ("photos",), f"10 texts in 7 characters; conditions: {PICTURES.partition(' ')[2]}"),
        ("flow", ("sketches", "--y", "photos"), f"{PICTURES}; conditions: {PICTURES.partition(' ')[2]}"),
        ("flow", ("all.csv",), f"{PICTURES}; conditions: place (2 labels), caption (texts in 16 characters)"),
        ("flow", ("sketches", "--y", "of.csv"), f"{PICTURES}; conditions: place (2 labels), caption (texts in 16"),
    ],
)
def test_the_part_of_the_models_kind_is_learnt_given_the_rest(zaohua, photos, model: str, data, line: str) -> None:
    said = zaohua("train", model, *data, "--out", "run", *TINY, *SMALL[model])
    assert said.code == 0, said.err
    assert said.err.splitlines()[0].startswith(f"read: {line}")
    saved = Path("run/model.json").read_text()
    assert "my cat" not in saved and "my " not in json.loads(saved)["summary"]["y"]
    again = zaohua("resume", "run", "--max-steps", "2")
    assert again.code == 0, again.err
    assert again.err.splitlines()[0].startswith(f"read: {line}")


def test_reading_says_what_y_is(zaohua, photos) -> None:
    facts = json.loads(zaohua("read", "sketches", "--y", "of.csv", "--json").out)
    assert facts["conditions"] == "place (2 labels), caption (texts in 16 characters)" and facts["labels"] == {}
    assert "conditions: texts in 7 characters\n" in zaohua("read", "photos").out
    assert "conditions: none\n" in zaohua("read", "photos", "--no-labels").out
    assert "unknown column 'plaice'; did you mean 'place'" in zaohua("read", "all.csv", "--y", "plaice").err
    said = zaohua("read", "photos", "--y", "sketchs").err
    assert "unknown column of y 'sketchs'; known: text; and there is no file" in said


def test_a_run_goes_on_with_conditions_elsewhere(zaohua, photos) -> None:
    assert zaohua("train", "flow", "sketches", "--y", "photos", "--out", "run", *TINY, *SMALL["flow"]).code == 0
    Path("photos").rename("moved")
    said = zaohua("resume", "run", "--max-steps", "2")
    assert said.code == 2 and "photos, are no longer at " in said.err
    said = zaohua("resume", "run", "--max-steps", "2", "--y", "moved")
    assert said.code == 0 and said.err.startswith(f"read: {PICTURES}; conditions: pictures"), said.err
