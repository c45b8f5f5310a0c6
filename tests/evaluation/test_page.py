from __future__ import annotations

import dataclasses
import math
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zaohua.evaluation import table
from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.results import FLOOR, NAIVE, Cost, Evaluation, Figure
from zaohua.evaluation.summaries import verdict
from zaohua.metrics.intervals import Interval
from zaohua.tasks.evaluation import page

EVIL = '<b onclick="x()">&\'$evil'
VOID = {"meta", "img", "wbr", "link", "br", "input", "hr"}


def evaluation(
    run: str, frechet: float, *, likelihood: Figure | None = None, n: int = 120, labelled: bool = True, **more: Any
) -> Evaluation:
    """One made up, of pictures of three classes."""
    rng = np.random.default_rng(n)
    figures = {
        "frechet": Figure(frechet, frechet * 0.9, frechet * 1.1, n),
        "kernel": Figure(-0.0123),
        "precision": Figure(0.871, n=n),
        "recall": Figure(0.5, n=n),
        "copy_rate": Figure(0.02, 0.01, 0.03, n, "p = 0.4"),
    }
    if labelled:
        figures["accuracy"] = Figure(0.995, 0.98, 1.0, n)
    if likelihood is not None:
        figures["log_likelihood"] = likelihood
    values: dict[str, Any] = {
        "run": run,
        "model": "VAE",
        "modality": "images",
        "noun": "pictures",
        "lead": "frechet",
        "data": "digits",
        "split": "test",
        "n": n,
        "seeds": (0,),
        "extractor": "classifier-64, abcdef12",
        "figures": figures,
        "cost": Cost(12.5, 123_456, 35, 4.25, 512 * 2**20, "cpu"),
        "references": {NAIVE: {"frechet": Figure(40.0, 38.0, 42.0)}, FLOOR: {"frechet": Figure(1.25, 1.0, 1.5)}},
        "others": {"pca-64, 12345678": frechet * 2},
        "recall_by_class": {"a": 0.25, "b": 0.5, "c": 1.0},
        "accuracy_by_class": {"a": 1.0, "b": 0.9, "c": 1.0} if labelled else {},
        "about": {"processor": "A processor", "cores": 2, "zaohua": "9.9", "torch": "2.8", "date": "2031-01-02"},
        "arrays": {
            "samples": rng.integers(0, 256, (n, 6, 5), np.uint8),
            "nearest": rng.integers(0, 256, (64, 6, 5), np.uint8),
        },
    }
    return Evaluation(**{**values, **more})


def comparison(rows: list[Evaluation], **more: Any) -> Comparison:
    """Those rows compared, each but the first 1 behind, give or take a half."""
    test = np.random.default_rng(1).integers(0, 256, (120, 6, 5), np.uint8)
    values: dict[str, Any] = {
        "rows": rows,
        "labels": list("abc") * 40,
        "test": test,
        "behind": {row.run: Interval(1.0, 0.5, 1.5) for row in rows[1:]},
        "winner": rows[0].run,
        "likelihood_behind": {},
        "likeliest": None,
        "likelihood_winner": None,
        "notes": [],
    }
    return Comparison(**{**values, **more})


class Checked(HTMLParser):
    """Reads a page: its text, its attributes, and whether every tag is closed in order."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def written(found: Comparison, tmp_path: Path, command: str = "") -> tuple[str, Checked]:
    """The page, checked as every page has to be."""
    text = page.write(found, tmp_path / "deep" / "page.html", command).read_text("utf-8")
    checked = Checked(text)
    assert not [a for a in checked.attributes if a[1] in ("src", "href") and not a[2].startswith("data:image/png;")]
    assert "url(" not in text and "@import" not in text and "nan" not in re.sub(r'data:image[^"]*', "", text)
    assert not any(name.startswith("on") for _, name, _ in checked.attributes)
    return text, checked


def test_all_figures_are_there_and_it_stands_alone(tmp_path: Path):
    rows = [
        evaluation("edm", 2.0, likelihood=Figure(-80.5, -82, -79, 120, "ODE")),
        evaluation("vae", 3.0, likelihood=Figure(-85.25, -86, -84, 120, "IWAE-100")),
    ]
    text, checked = written(
        comparison(rows, likeliest="edm", likelihood_behind={"vae": Interval(4.75, 4.0, 5.5)}, notes=["a note on all"]),
        tmp_path,
        "zaohua compare a b",
    )
    for part in (
        "2.00",
        "1.80 to 2.20",
        "3.00",
        "1.25",
        "40.0",
        "−0.0123",
        "87.1%",
        "p = 0.4",
        "−80.5",
        "ODE",
        "IWAE-100",
        "123,456",
        "12.5",
        "4.25",
        "512",
        "35",
        "0.500 to 1.50",
        "4.75",
        "6.00",
        "classifier-64",
        "abcdef12",
        "A processor",
        "2031-01-02",
        "a note on all",
        "zaohua compare a b",
        "25%",
        "5 × 6",
    ):
        assert part in checked.text, part
    assert text.count("<svg") == 3 and text.count("<img") == 3 + 2 * 2
    assert checked.text.count("edm wins by") == 1 and "only a lower bound is known" in checked.text


def test_references_come_first_and_rows_in_order(tmp_path: Path):
    _, checked = written(comparison([evaluation("one", 1.0), evaluation("two", 2.0), evaluation("six", 6.0)]), tmp_path)
    places = [checked.text.index(name, checked.text.index("Quality")) for name in (FLOOR, NAIVE, "one", "two", "six")]
    assert places == sorted(places)
    assert ("th", "aria-sort", "ascending") in checked.attributes
    assert {float(value) for tag, name, value in checked.attributes if (tag, name) == ("td", "data-value")} >= {
        1.0,
        2.0,
        6.0,
        1.25,
        40.0,
    }


def test_names_are_escaped_wherever_they_come_from(tmp_path: Path):
    classes = {"recall_by_class": {EVIL: 0.5}, "accuracy_by_class": {EVIL: 0.5}, "others": {f"{EVIL}, {EVIL}": 1.0}}
    bad = evaluation(
        EVIL,
        2.0,
        model=EVIL,
        data=EVIL,
        split=EVIL,
        extractor=f"{EVIL}, {EVIL}",
        flags=(EVIL,),
        likelihood=Figure(-1.0, note=EVIL),
        about=dict.fromkeys(("processor", "torch", "date"), EVIL),
        references={EVIL: {"frechet": Figure(1.0)}},
        **classes,
    )
    found = comparison(
        [bad, evaluation("b" + EVIL, 3.0, likelihood=Figure(-2.0, note=EVIL))],
        notes=[EVIL],
        labels=[EVIL, "b"] * 60,
        likeliest=EVIL,
        likelihood_winner=EVIL,
        likelihood_behind={"b" + EVIL: Interval(1.0, 0.5, 2.0)},
    )
    text, checked = written(found, tmp_path)
    assert EVIL not in text and "onclick" not in re.sub("&lt;b onclick", "", text)
    assert checked.text.count(EVIL) > 20 and unescape(text).count("$evil") == text.count("$evil")


def test_what_is_missing_is_a_dash(tmp_path: Path):
    bare = evaluation(
        "bare",
        2.0,
        labelled=False,
        cost=Cost(None, 10, 0, 0.001, None, "cpu"),
        references={},
        others={},
        recall_by_class={},
        figures={"frechet": Figure(2.0)},
        about={},
        arrays={"samples": np.zeros((120, 6, 5), np.uint8), "nats": np.zeros(0)},
    )
    text, checked = written(comparison([evaluation("full", 1.0, labelled=False), bare]), tmp_path)
    assert "Not timed: bare" in checked.text and "without labels" in checked.text and "Recognised of" not in text
    assert text.count("<td>–</td>") >= 4 + 2
    assert "None" not in checked.text


@pytest.mark.parametrize("labels", [None, ["only"] * 120])
def test_pictures_without_labels_or_of_one_class_or_in_colour_and_large(tmp_path: Path, labels: list[str] | None):
    rng = np.random.default_rng(0)
    arrays = {"samples": rng.integers(0, 256, (120, 100, 140, 3), np.uint8)}
    rows = [evaluation(name, 1.0, labelled=False, arrays=arrays, recall_by_class={"only": 1.0}) for name in "ab"]
    text, checked = written(comparison(rows, labels=labels, test=arrays["samples"]), tmp_path)
    assert text.count("<img") == 3 and ("without labels" in checked.text) == (labels is not None)
    assert "140 × 100" in checked.text and len(text) < 8_000_000


def test_equal_models_and_many(tmp_path: Path):
    rows = [evaluation(f"a-rather-long-name-of-a-run-{i}", 2.0) for i in range(22)]
    found = comparison(rows, winner=None, behind={row.run: Interval(0.0, 0.0, 0.0) for row in rows[1:]})
    text, _ = written(found, tmp_path)
    assert text.count('class="line unclear"') == 21 and "No winner by" in text


def test_tables():
    rows = [evaluation("one", 2.0), evaluation("two", 3.0, figures={"frechet": Figure(3.0), "recall": Figure(0.4)})]
    found = table.quality(comparison(rows), ("recall", "frechet", "density"))
    assert [column.name for column in found.columns] == ["recall", "frechet"]
    assert [(row.name, row.reference) for row in found.rows] == [
        (FLOOR, True),
        (NAIVE, True),
        ("one", False),
        ("two", False),
    ]
    best = [[cell.best for cell in row.cells] for row in found.rows]
    assert best == [[False, False], [False, False], [True, True], [False, False]]
    assert found.rows[0].cells[0] == table.Cell() and found.rows[2].cells[1].around == "1.80 to 2.20"
    spent = table.costs(comparison([dataclasses.replace(rows[0], cost=Cost(None, 5, 0, 0.25, None, "cpu")), rows[1]]))
    assert [cell.text for cell in spent.rows[0].cells] == ["–", "5", "0", "0.250", "–"]
    assert [cell.text for cell in spent.rows[1].cells] == ["12.5", "123,456", "35", "4.25", "512"]


class TestVerdict:
    rows = [
        evaluation("a", 2.0, likelihood=Figure(-80.0, note="exact")),
        evaluation("b", 3.0, likelihood=Figure(-90.0, note="exact")),
        evaluation("c", 3.5, likelihood=Figure(-95.0, note="IWAE-5")),
    ]

    def test_a_winner(self):
        said = verdict(comparison(self.rows, behind={"b": Interval(1, 0.5, 1.5), "c": Interval(1.5, 1, 2)}))
        assert said == [
            "a wins by FD[classifier-64]: 2.00, 1.6 times that of real training pictures. The next, b, is "
            "1.00 behind (0.500 to 1.50), and no interval of a difference holds 0."
        ]

    def test_no_winner(self):
        behind = {"b": Interval(1, -0.5, 1.5), "c": Interval(1.5, -1, 2)}
        assert "a has the least, 2.00" in verdict(comparison(self.rows, behind=behind, winner=None))[0]
        assert "but b and c may be behind it by chance" in verdict(comparison(self.rows, behind=behind, winner=None))[0]

    @pytest.mark.parametrize(
        ("behind", "winner", "part"),
        [
            ({}, None, "Only a tells log-likelihoods: -80.0 nats per item, exact."),
            (
                {"b": Interval(10, 9, 11)},
                "a",
                "a wins by log-likelihood: -80.0 nats per item, exact. The next, b, is 10.0",
            ),
            ({"b": Interval(10, -9, 29)}, None, "exact, but b may be behind it by chance"),
            ({"b": Interval(10, 9, 11), "c": Interval(15, 9, 21)}, None, "but of c only a lower bound is known"),
        ],
    )
    def test_of_likelihoods(self, behind: dict[str, Interval], winner: str | None, part: str):
        said = verdict(comparison(self.rows, likeliest="a", likelihood_behind=behind, likelihood_winner=winner))
        assert len(said) == 2 and part in said[1]


def test_json_has_no_pictures():
    data = comparison([evaluation("a", 1.0), evaluation("b", 2.0)]).to_json()
    assert [row["run"] for row in data["rows"]] == ["a", "b"] and data["behind"] == {
        "b": {"value": 1.0, "low": 0.5, "high": 1.5}
    }
    assert (
        data["winner"] == "a"
        and not {"test", "labels"} & set(data)
        and math.isfinite(data["rows"][0]["cost"]["milliseconds"])
    )
