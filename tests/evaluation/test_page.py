from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.pages import EVIL, Element, page_of, times

from zaohua.evaluation import table
from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.results import FLOOR, NAIVE, Cost, Evaluation, Figure
from zaohua.evaluation.summaries import verdict
from zaohua.metrics.intervals import Interval
from zaohua.modalities.images import page as images_page
from zaohua.report.html import render
from zaohua.tasks.evaluation import page


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


def written(found: Comparison, tmp_path: Path, command: str = "", sections: page.Page | None = None) -> Element:
    """The page, read as every page has to be readable."""
    return page_of(page.write(found, tmp_path / "deep" / "page.html", command, sections).read_text("utf-8"))


def section(root: Element, title: str) -> Element:
    """The section under a title."""
    (found,) = (one for one in root.all("section") if title in [head.text for head in one.all("h2")])
    return found


def test_all_figures_are_there_and_it_stands_alone(tmp_path: Path):
    rows = [
        evaluation("edm", 2.0, likelihood=Figure(-80.5, -82, -79, 120, "ODE")),
        evaluation("vae", 3.0, likelihood=Figure(-85.25, -86, -84, 120, "IWAE-100")),
    ]
    found = comparison(
        rows, likeliest="edm", likelihood_behind={"vae": Interval(4.75, 4.0, 5.5)}, notes=["a note on all"]
    )
    root = written(found, tmp_path, "zaohua compare a b")
    quality = section(root, "Quality")
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
    ):
        assert part in quality.text, part
    costs = [[cell.text for cell in row.all("td")] for row in section(root, "Cost").all("tbody")[0].all("tr")]
    assert costs == [["12.5", "123,456", "35", "4.25", "512"]] * 2
    behind = section(root, "Differences to the best model")
    assert "0.500 to 1.50" in behind.text and "4.75" in behind.text and "IWAE" in behind.text
    facts = {one.one("dt").text: one.one("dd").text for one in root.one("dl", "facts").all("div")}
    assert facts["distances in"] == "classifier-64 abcdef12" and facts["date"] == "2031-01-02"
    assert facts["hardware"] == "A processor 2 cores"
    assert "6.00" in section(root, "Distances in other features, and warnings").text
    assert [one.text for one in root.all("ul", "notes")] == ["a note on all"]
    assert section(root, "To reproduce this page").one("pre").text == "zaohua compare a b"
    assert "5 × 6" in root.one("h1").text + root.one("header").text
    assert "25%" in section(root, "Results by class").text
    assert len(root.all("svg")) == 3 and len(root.all("img")) == 3 + 2 * 2
    assert "edm wins by" in [one.text for one in root.one("section", "verdict").all("b")]
    assert "only a lower bound is known" in root.one("section", "verdict").text


def test_references_come_first_and_rows_in_order(tmp_path: Path):
    root = written(comparison([evaluation("one", 1.0), evaluation("two", 2.0), evaluation("six", 6.0)]), tmp_path)
    table_ = section(root, "Quality").one("table")
    assert [[row.one("th").text for row in body.all("tr")] for body in table_.all("tbody")] == [
        [FLOOR, NAIVE],
        ["oneVAE", "twoVAE", "sixVAE"],
    ]
    sorted_by = [head for head in table_.all("th") if head.attributes.get("aria-sort") == "ascending"]
    assert len(sorted_by) == 1 and "FD" in sorted_by[0].text and sorted_by[0]["data-better"] == "lower"
    first = [float(row.all("td")[0]["data-value"]) for row in table_.all("tr")[1:]]
    assert first == [1.25, 40.0, 1.0, 2.0, 6.0]
    best = [row.one("th").text for row in table_.all("tr")[1:] if row.all("td")[0].all("b")]
    assert best == ["oneVAE"]


def hostile(name: str) -> Comparison:
    """Two models with a hostile name wherever there is a name."""
    classes = {"recall_by_class": {name: 0.5}, "accuracy_by_class": {name: 0.5}, "others": {f"{name}, {name}": 1.0}}
    bad = evaluation(
        name,
        2.0,
        model=name + "model",
        data=name,
        split=name,
        extractor=f"{name}, {name}",
        flags=(name,),
        likelihood=Figure(-1.0, note=name),
        about=dict.fromkeys(("processor", "torch", "date"), name),
        references={name: {"frechet": Figure(1.0)}},
        **classes,
    )
    return comparison(
        [bad, evaluation("b" + name, 3.0, likelihood=Figure(-2.0, note=name))],
        notes=[name],
        labels=[name, "b"] * 60,
        likeliest=name,
        likelihood_winner=name,
        likelihood_behind={"b" + name: Interval(1.0, 0.5, 2.0)},
    )


NAMES = [EVIL, "<script>alert(1)</script>", "</title></style><img src=x>", "\"'&quot;&amp;<!--"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_shown_as_they_are_wherever_they_come_from(name: str, tmp_path: Path):
    root = written(hostile(name), tmp_path)
    assert [one.tag for one in root.walk()] == [one.tag for one in written(hostile("n" * len(name)), tmp_path).walk()]
    assert times(root, name) > 60


def test_the_first_chart_as_a_file_of_its_own(tmp_path: Path):
    names = ["<a>", 'b" c', "d&e"]
    rows = [evaluation(name, float(k)) for k, name in enumerate(names, 1)]
    path = page.write_chart(comparison(rows), tmp_path / "chart.svg")
    assert path == tmp_path / "chart.svg"
    root = ElementTree.parse(path).getroot()  # other programs take it for XML
    svg = "{http://www.w3.org/2000/svg}"
    assert root.tag == svg + "svg" and {one.text for one in root.iter(svg + "text") if one.get("class") == "name"} == {
        *names
    }
    assert len(list(root.iter(svg + "circle"))) == 3
    untimed = [dataclasses.replace(row, cost=Cost(None, 10, 0, 0.0, None, "cpu")) for row in rows]
    assert page.write_chart(comparison(untimed), tmp_path / "none.svg") is None and not (tmp_path / "none.svg").exists()


def test_a_page_of_ones_own(tmp_path: Path):
    class Own:
        def about(self, comparison: Comparison) -> str:
            return "Each made <2> cubes."

        def sections(self, comparison: Comparison) -> Any:
            return render(template, rows=comparison.rows)

    class Careless(Own):
        def sections(self, comparison: Comparison) -> Any:
            return f"<section>{comparison.rows[0].run}</section>"

    template = tmp_path / "cubes.html.jinja"
    template.write_text(
        "{% include './part.html.jinja' %}{% for row in rows %}<p class='cube'>{{ row.run }}</p>{% endfor %}"
    )
    (tmp_path / "part.html.jinja").write_text("<h3>Cubes</h3>")
    found = comparison([evaluation(EVIL, 1.0), evaluation("b", 2.0)])
    root = written(found, tmp_path, sections=Own())
    assert [one.text for one in root.all("p", "cube")] == [EVIL, "b"] and "Cubes" in [h.text for h in root.all("h3")]
    assert "Each made <2> cubes. Read each figure" in root.text and "Nearest training pictures" not in root.text
    assert f"<section>{EVIL}</section>" in written(found, tmp_path, sections=Careless()).text  # shown, not obeyed


def test_a_modality_without_a_page_has_tables_charts_and_remarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert page.page_of("images") is images_page and page.page_of("nothing-like-it") is page.page_of("labels") is None
    monkeypatch.setattr(page, "page_of", lambda modality: None)
    root = written(comparison([evaluation("a", 1.0), evaluation("b", 2.0)]), tmp_path)
    titles = ["Quality", "Cost", "Quality against time", "Differences to the best model"]
    titles += ["Results by class", "Distances in other features, and warnings", "To reproduce this page"]
    assert [one.text for one in root.all("h2")] == titles


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
    root = written(comparison([evaluation("full", 1.0, labelled=False), bare]), tmp_path)
    assert "Not timed: bare" in root.text and "without labels" in root.text and "Recognised of" not in root.text
    assert len([cell for cell in root.all("td") if cell.text == "–"]) >= 4 + 2


@pytest.mark.parametrize("labels", [None, ["only"] * 120])
def test_pictures_without_labels_or_of_one_class_or_in_colour_and_large(tmp_path: Path, labels: list[str] | None):
    rng = np.random.default_rng(0)
    arrays = {"samples": rng.integers(0, 256, (120, 100, 140, 3), np.uint8)}
    rows = [evaluation(name, 1.0, labelled=False, arrays=arrays, recall_by_class={"only": 1.0}) for name in "ab"]
    root = written(comparison(rows, labels=labels, test=arrays["samples"]), tmp_path)
    assert len(root.all("img")) == 3 and ("without labels" in root.text) == (labels is not None)
    assert "140 × 100" in root.text and sum(len(image["src"]) for image in root.all("img")) < 8_000_000


def test_pictures_have_their_classes_above_them(tmp_path: Path):
    rows = [evaluation("with", 1.0), evaluation("none", 2.0, labelled=False, accuracy_by_class={})]
    root = written(comparison(rows), tmp_path)
    above = [one.text for one in section(root, "Samples").all("div", "labels")]
    assert above == ["abc", "abc", ""]  # of a model without labels the columns are no classes
    assert {one["style"] for one in root.all("div", "labels")} == {"--columns:3"}
    assert [one["alt"] for one in section(root, "Samples").all("img")] == [
        "Real pictures",
        "Samples of with",
        "Samples of none",
    ]


def test_equal_models_and_many(tmp_path: Path):
    rows = [evaluation(f"a-rather-long-name-of-a-run-{i}", 2.0) for i in range(22)]
    found = comparison(rows, winner=None, behind={row.run: Interval(0.0, 0.0, 0.0) for row in rows[1:]})
    root = written(found, tmp_path)
    assert len(root.all("div", "unclear")) == 21 and "No winner by" in root.one("section", "verdict").text


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
            ({}, None, "Only a has log-likelihoods: -80.0 nats per item, exact."),
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


def test_remarks_name_the_models_they_are_about():
    rows = [evaluation("a", 1.0, flags=("odd", "all alike")), evaluation("b", 2.0, flags=("odd",))]
    assert table.remarks(["seen"], rows) == [("", "seen"), ("all", "odd"), ("a", "all alike")]
    assert table.remarks([], [evaluation("a", 1.0)]) == []
