"""Conditional models of texts and music are measured and compared given the conditions of the test items."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.sequences import GPT, PLAYED, compare, labels, piece, texts

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.evaluation.shown import asked
from zaohua.tasks.evaluation import compare as compare_runs
from zaohua.tasks.evaluation import evaluate
from zaohua.tasks.evaluation.protocols import protocol_for


@pytest.mark.parametrize("kind", ["texts", "music"])
def test_conditional_models_are_measured_given_y(kind: str) -> None:
    if kind == "texts":
        train, test = texts(0), texts(1, 10)
        model: Any = zh.GPT(**GPT).fit(train, labels(40))
        plain: Any = zh.GPT(**GPT).fit(train)
        count = sum(len(text.encode()) for text in test) * math.log(2)
    else:
        train, test = [piece(seed) for seed in range(12)], [piece(seed) for seed in range(50, 60)]
        model = zh.MusicGPT(**PLAYED).fit(train, labels(12))
        plain = zh.MusicGPT(**PLAYED).fit(train)
        count = 10 * 30
    asked_for: list[Any] = []
    draw = model.sample
    model.sample = lambda n=1, *, y=None, **options: (asked_for.append(y), draw(n, y=y, **options))[1]
    found = evaluate(model, data=(test, labels(10)), samples=400)
    figure = found.figures[found.lead]
    assert figure.value == pytest.approx(-model.score_samples(test, labels(10)).sum() / count, rel=1e-4)
    assert figure.note.endswith(", given y") and asked_for[0] == ["land", "land", "land", "land"]
    assert found.arrays["asked"].tolist() == asked_for[0]
    with pytest.raises(ZaohuaError, match="carries none"):
        evaluate(model, data=test)
    both = compare(model, plain, data=(test, labels(10)), train=(train, labels(len(train))))
    assert len(both.behind) == 1 and {row.figures[found.lead].note.endswith(", given y") for row in both.rows} == {
        True,
        False,
    }


@pytest.mark.parametrize("kind", ["texts", "music"])
def test_samples_are_recognised_by_the_label_asked_for(kind: str) -> None:
    """Real items of the class asked for are recognised, and those of the other one are not."""
    if kind == "texts":
        items: list[Any] = [text.replace("a", "u" if i % 2 else "o") for i, text in enumerate(texts(0, 60))]
        model: Any = zh.GPT(**GPT).fit(items[:40], labels(40))
    else:
        items = [piece(i) if i % 2 else zh.Piece(2 * piece(i).notes // [1, 1, 4, 1] + [0, 0, 40, 0]) for i in range(60)]
        model = zh.MusicGPT(**PLAYED).fit(items[:40], labels(40))
    protocol = protocol_for(model, 1000, data=(items[40:], labels(20)), train=(items[:40], labels(40)))
    given = protocol.conditions(model)
    for swapped, share in ((False, 1), (True, 0)):
        made = [items[40 + int((label == "sea") != swapped)] for label in given or ()]
        assert protocol.measure(made, given)["accuracy"].value == share
    found = evaluate(model, protocol=protocol)
    assert found.references[f"real {protocol.noun}"]["accuracy"].value == 1 and "accuracy" in found.figures


def test_conditional_runs_are_compared_in_any_order(tmp_path: Path) -> None:
    for split, seed in (("train", 0), ("test", 1)):
        for i, text in enumerate(texts(seed, 20)):
            folder = tmp_path / "data" / split / ("land", "sea")[i % 2]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{i:02d}.txt").write_text(text)
    for name, y in (("labelled", True), ("plain", None)):
        zh.GPT(**GPT).fit(tmp_path / "data", y, out=tmp_path / name)
    for runs in (["labelled", "plain"], ["plain", "labelled"]):
        found = compare_runs([tmp_path / name for name in runs], samples=100)
        assert {row.run: row.figures["bits_per_byte"].note[-7:] == "given y" for row in found.rows} == {
            "labelled": True,
            "plain": False,
        }


def test_conditions_in_words() -> None:
    given = ["a\nlabel", 3, 0.123456, {"text": "boot", "who": "theo", "picture": np.zeros((2, 2))}, ["x", "y"], None]
    assert asked(given).tolist() == ["a\nlabel", "3", "0.1235", "text: boot, who: theo", "x, y", ""]
    assert asked(None).shape == (0,)
