"""Tables in `evaluate` and `compare`, and their page, with models that draw rows from given ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.pages import EVIL, page_of, parsed, times
from tests.tables import Made, apart, columns, rows, splits
from tests.trainings import reloaded

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.evaluation import summaries
from zaohua.evaluation.comparison import Comparison, compared
from zaohua.evaluation.results import APART, FLOOR, Evaluation, load
from zaohua.metrics import utility
from zaohua.modalities import TableCodec
from zaohua.modalities.tables import charts
from zaohua.modalities.tables.evaluation import TableProtocol
from zaohua.modalities.tables.files import read_table
from zaohua.modalities.tables.held_out import names_of
from zaohua.tasks.evaluation import page
from zaohua.tasks.evaluation.compare import compare
from zaohua.tasks.evaluation.evaluate import evaluate

N = 400


@pytest.fixture(scope="module", autouse=True)
def fewer_trees() -> Iterator[None]:
    """What is predicted isn't the point here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utility, "GRID", ({"max_iter": 10},))
        yield


@pytest.fixture(scope="module")
def protocol() -> TableProtocol:
    return TableProtocol(splits(rows(0, N), rows(1, N), columns()), N)


def measured(values: np.ndarray, protocol: TableProtocol, name: str) -> Evaluation:
    return replace(evaluate(Made(values, list(protocol.columns)), protocol=protocol, random_state=0), run=name)


@pytest.fixture(scope="module")
def compared_(protocol: TableProtocol) -> Comparison:
    """A good model, one that draws columns apart, and one that returns its training rows."""
    made = {"good": rows(2, N), "apart": apart(rows(3, N)), "copies": rows(0, N)}
    return compared([measured(values, protocol, name) for name, values in made.items()], protocol)


def of(comparison: Comparison, run: str) -> Evaluation:
    return next(row for row in comparison.rows if row.run == run)


class TestEvaluate:
    def test_every_figure_says_what_it_is_of(self, compared_: Comparison) -> None:
        found = of(compared_, "good")
        assert list(found.figures) == [
            "tree_score",
            "trend",
            "shape",
            "utility_auc",
            "utility_f1",
            "closest",
            "row_copies",
        ]
        assert (found.modality, found.n, found.extractor, found.target) == ("tables", N, "", "c3")
        assert all(figure.n == N for figure in found.figures.values())
        for figures in (found.figures, *found.references.values()):
            assert all(f.low is None or f.low <= f.value <= f.high for f in figures.values())
        assert set(found.by_column) == {"shape", "uses"} and list(found.by_column["shape"]) == ["c0", "c1", "c2", "c3"]

    def test_references_frame_the_models(self, compared_: Comparison) -> None:
        real, naive = (compared_.rows[0].references[name] for name in (FLOOR, APART))
        assert real["tree_score"].value > 0.8 > 0.5 > naive["tree_score"].high
        assert real["trend"].value > 0.85 > 0.8 > naive["trend"].value
        assert naive["shape"].value > 0.9 and "closest" not in real

    def test_copies_and_nearness(self, compared_: Comparison) -> None:
        copies, good = (of(compared_, name).figures for name in ("copies", "good"))
        assert copies["row_copies"].value == 1 == copies["closest"].value and "p < 0.0001" in copies["row_copies"].note
        assert good["row_copies"].value == 0 and "p = 1" in good["row_copies"].note
        assert good["closest"].low < 0.5 < good["closest"].high

    def test_it_is_told_and_kept(self, compared_: Comparison, tmp_path: Path) -> None:
        found = of(compared_, "apart")
        told = summaries.summary_lines(found)
        assert any(line.startswith("two-sample score: ") for line in told) and "AUC of c3: " in "\n".join(told)
        assert any("columns that trees tell samples by" in line and "c1" in line for line in told)
        assert any(line.startswith(f"trends of {APART}: ") for line in told)
        assert f"of {N} samples and the test rows, seeds 0" in told
        found.save(tmp_path)
        kept = load(tmp_path)
        assert kept is not None and kept.to_json() == json.loads(json.dumps(found.to_json()))

    def test_the_same_again(self, protocol: TableProtocol, compared_: Comparison) -> None:
        again = measured(rows(2, N), protocol, "good")
        assert again.figures == of(compared_, "good").figures and protocol.matches(again)
        assert not protocol.matches(replace(again, target="c2"))

    def test_several_seeds(self, protocol: TableProtocol) -> None:
        found = evaluate(Made(rows(4, 3 * N), list(protocol.columns)), protocol=protocol, seeds=3)
        assert found.figures["trend"].low < found.figures["trend"].value < found.figures["trend"].high


class TestYardstick:
    def test_the_column_to_predict(self) -> None:
        def target(which: str | None = None, sizes: tuple[int, ...] = (0, 0, 3, 5)) -> str:
            parts = columns(len(sizes))
            for column, size in zip(parts, sizes, strict=True):
                column.size = size
            x = np.minimum(rows(0, 100)[:, : len(sizes)], [s - 1 if s else 9 for s in sizes])
            return TableProtocol(splits(x, x, parts), target=which).target

        assert target() == "c3" and target(sizes=(0, 0, 3, 99)) == "c2" and target(sizes=(0, 0, 99, 99)) == "c1"
        assert target(sizes=(0, 0, 3, 1)) == "c2" and target("c0") == "c0" and target(sizes=(0,)) == ""
        with pytest.raises(ZaohuaError, match="unknown column 'c9'"):
            target("c9")

    def test_few_rows_are_refused(self) -> None:
        with pytest.raises(ZaohuaError, match="39 training rows, 100 of the test split .* at least 40"):
            TableProtocol(splits(rows(0, 39), rows(1, 100), columns()))

    def test_flags(self) -> None:
        test = rows(1, 100)
        test[:3, 3] = -1
        stick = TableProtocol(splits(rows(0, 100), test, columns(), "validation"))
        found = measured(np.tile(rows(2, 1, 0), (100, 1)), stick, "one")
        for text in ("all 100 samples are the same", "training held out", "3 of 100 validation rows hold 3 cells"):
            assert any(text in flag for flag in found.flags)
        assert found.figures["tree_score"].value < 0.1 and found.figures["utility_auc"].value == 0.5

    def test_one_column_of_missing_numbers(self) -> None:
        x = np.full((50, 1), np.nan)
        found = measured(x, TableProtocol(splits(x, x, columns(1))), "none")
        assert found.figures["shape"].value == found.figures["trend"].value == 1
        assert any("no column can be predicted" in flag for flag in found.flags) and found.target == ""

    def test_names_are_told_apart(self) -> None:
        assert names_of(columns(3, ["a", 1, "1"])) == ["a", "1 (1)", "1 (2)"]


class TestCompare:
    def test_the_best_leads(self, compared_: Comparison) -> None:
        assert compared_.lead == "tree_score" and compared_.rows[-1].run == "apart"
        assert compared_.behind["apart"].low > 0 and compared_.winner is None  # copies look as real as new rows do
        said = summaries.verdict(compared_)
        assert len(said) == 1 and said[0].startswith("No winner by two-sample score: ")
        assert "where real training items have" in said[0]

    def test_a_winner(self, compared_: Comparison, protocol: TableProtocol) -> None:
        two = compared([of(compared_, name) for name in ("apart", "good")], protocol)
        assert two.winner == "good" and list(two.behind) == ["apart"]
        said = summaries.verdict(two)[0]
        assert said.startswith("good wins by two-sample score: ") and re.search(r"apart, is [\d.]+% behind", said)

    def test_json(self, compared_: Comparison) -> None:
        assert "columns" not in json.loads(json.dumps(compared_.to_json()))


def write_csv(path: Path, seed: int, n: int = 200, **more: str) -> Path:
    """A table of correlated columns, with a missing number, and a category in the last row if one is given."""
    x = rows(seed, n)
    lines = [f"{a:.4g},{b:.4g},{'xyz'[int(c)]},v{int(d)}".replace("nan", "") for a, b, c, d in x]
    lines[-1] = lines[-1].rpartition(",")[0] + "," + more.get("last", "v0")
    path.write_text("\n".join(["first,second,third,fourth", *lines]), "utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables")
    train = write_csv(path / "train.csv", 0)
    write_csv(path / "test.csv", 1, 100, last="never seen")
    zh.Independent(random_state=0).fit(train, out=path / "apart")
    zh.ProductMixture(n_components=12, random_state=0).fit(train, out=path / "mixture")
    return path


class TestFiles:
    """From files to figures, with models that learn."""

    def test_models_are_compared(self, folder: Path) -> None:
        found = compare([folder / "apart", folder / "mixture"], data=folder / "test.csv", samples=150)
        assert [row.run for row in found.rows] == ["mixture", "apart"] and found.rows[0].target == "fourth"
        assert found.rows[0].figures["log_likelihood"].n == 100  # the row of a category never seen without that
        assert "bits_per_dim" not in found.rows[0].figures and found.likeliest == "mixture"
        assert any("unlike training's: likelihoods leave these cells out" in flag for flag in found.rows[0].flags)
        root = page_of(page.write(found, folder / "a.html").read_text("utf-8"))
        assert "not in training" in root.text and "third" in root.text
        assert "trends: " in (folder / "mixture" / "README.md").read_text("utf-8")

        told: list[str] = []
        again = compare([folder / "apart", folder / "mixture"], data=folder / "test.csv", samples=150, log=told.append)
        assert again.to_json() == found.to_json() and not any(line.startswith("measuring /") for line in told)
        other = compare([folder / "apart", folder / "mixture"], data=folder / "test.csv", samples=150, target="first")
        assert set(other.rows[0].figures) > {"utility_r2"} and other.rows[0].target == "first"

    def test_rows_of_labels_are_scored_given_those(self, folder: Path) -> None:
        test = read_table(write_csv(folder / "labels.csv", 2, 100, last="never seen"))
        test.loc[3, "third"] = "w"  # a label that training never saw
        test.to_csv(folder / "labels.csv", index=False)
        model = zh.ProductMixture(n_components=2, random_state=0).fit(folder / "train.csv", "third")
        model = reloaded(model, folder / "of-labels")
        found = evaluate(model, data=folder / "labels.csv", samples=150)
        rest = test.drop(index=3)
        nats = model.score_samples(rest.drop(columns="third"), rest["third"].tolist())
        np.testing.assert_allclose(found.arrays["nats"], nats)
        assert found.figures["log_likelihood"].n == 99 and any("1 of 100 given rows have a l" in f for f in found.flags)
        test.drop(columns="third").to_csv(folder / "bare.csv", index=False)
        found = evaluate(model, data=folder / "bare.csv", samples=150)
        assert "log_likelihood" not in found.figures and "trend" in found.figures

    def test_a_run_of_labels_goes_on_from_its_file(self, folder: Path) -> None:
        model = zh.TabAR(**{**zh.TabAR.tiny, "max_steps": 4}, random_state=0)
        model.fit(folder / "train.csv", "third", out=folder / "labels")
        assert zh.TabAR(**{**zh.TabAR.tiny, "max_steps": 6}, random_state=0).resume(folder / "labels").n_steps_ == 6

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, r"has no test split .*data="),
            ({"data": "train.csv"}, "is what the model was trained on"),
            ({"data": "digits"}, "a data set of images, and a ProductMixture makes tables"),
            ({"data": "test.csv", "target": "fith"}, "unknown column 'fith'; did you mean 'first'"),
            ({"data": "test.csv", "inception": "x"}, "--inception isn't for models of tables"),
        ],
    )
    def test_refusals(
        self, folder: Path, options: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(folder)
        with pytest.raises(ZaohuaError, match=message):
            evaluate(zh.load(folder / "mixture"), **options)

    def test_other_columns_arent_compared(self, folder: Path) -> None:
        kinds = TableCodec(kinds={"first": "categorical"})
        zh.Independent(codec=kinds, random_state=0).fit(folder / "train.csv", out=folder / "other")
        with pytest.raises(ZaohuaError, match=r"makes tables of first \(continuous\).*can't be compared"):
            compare([folder / "apart", folder / "other"], data=folder / "test.csv")

    def test_pictures_have_no_target(self) -> None:
        with pytest.raises(ZaohuaError, match="--target isn't for models of images"):
            evaluate(zh.Gaussian().fit("digits"), target="a")


class TestPage:
    def test_it_shows_all(self, compared_: Comparison, tmp_path: Path) -> None:
        kept = [
            replace(row, by_column={what: dict(reversed(values.items())) for what, values in row.by_column.items()})
            for row in compared_.rows
        ]  # files keep no order
        root = page_of(page.write(replace(compared_, rows=kept), tmp_path / "a.html").read_text("utf-8"))
        assert len(root.all("figure", "column")) == 12 and len(root.all("svg", "map")) == 9
        assert "real test rows" in root.text and "Higher and further left is better" in root.text
        models = root.all("details", "model")
        assert ["open" in one.attributes for one in models] == [True, True, False] and "AUC of c3" in root.text
        for one in models:
            alike = [float(column.one("figcaption").one("span").text.rstrip("%")) for column in one.all("figure")]
            assert len(alike) == 4 and alike == sorted(alike)
        assert "--target c3" in root.one("pre").text and "predicted" in root.one("dl", "facts").text
        assert "<c2 0>" in [one["title"] for one in root.all("span") if "title" in one.attributes]

    def test_a_hundred_columns_with_odd_names(self, compared_: Comparison, tmp_path: Path) -> None:
        made = np.tile(rows(2, 60), (1, 25))
        parts = columns(100, [EVIL, "🦜 " * 40, "", *[f"a long name of a column, number {i}" for i in range(97)]])
        shares = dict.fromkeys(names_of(parts), 0.5)
        wide = [
            replace(
                row,
                run=EVIL + row.run,
                by_column={"shape": shares, "uses": shares},
                arrays={**row.arrays, "samples": made},
            )
            for row in compared_.rows[:2]
        ]
        both = replace(compared_, rows=wide, columns=parts, test=np.tile(rows(1, 60), (1, 25)), behind={})
        text = page.write(both, tmp_path / "b.html").read_text("utf-8")
        root = page_of(text)
        assert len(root.all("figure", "column")) == 48 and "The 24 least similar of 100 columns" in root.text
        assert "Shown are the 24 of 100 columns with the largest differences" in root.text and len(text) < 1_500_000
        names = [one.one("summary").one("b").text for one in root.all("details", "model")]
        assert names == [EVIL + row.run for row in compared_.rows[:2]]
        assert times(root, EVIL) > 20 and "🦜" in root.text


class TestCharts:
    def test_whole_numbers_fill_their_bins_evenly(self) -> None:
        x = np.tile(np.arange(1.0, 100.0), 5)
        low, high, count = charts._bins(x)
        assert (low, (high - low) / count) == (0.5, 4.0) and high >= 99.5
        svg = parsed(charts.histogram(x, x, ("<1>", "99"))).one("svg")
        assert len(svg.all("path")) == 2
        assert svg["aria-label"] == "Fractions of real numbers and of samples from <1> to 99"

    def test_constant_missing_and_outside(self) -> None:
        assert "nan" not in charts.histogram(np.full(5, 2.5), np.full(3, np.nan), ("2.5", "2.5"))
        assert charts.histogram(np.full(3, np.nan), np.ones(3), ("", "")) == ""
        far = charts.histogram(np.linspace(0, 1, 50), np.full(5, 1e300), ("0", "1"))
        assert "nan" not in far and charts.span(np.full(3, np.nan)) == (0.0, 0.0)

    def test_categories_beyond_those_shown_are_one(self) -> None:
        shares = np.array([0.3, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.0])
        bars = charts.categories(shares, shares[::-1], [f"<{i}>" for i in range(10)])
        assert [bar.name for bar in bars] == ["<0>", "<9>", "<1>", "<8>", "<2>", "<3>", "<4>", "3 others"]
        assert (bars[0].real, bars[0].made, bars[0].real_width) == pytest.approx((0.3, 0.0, 1.0))
        assert sum(bar.real for bar in bars) == pytest.approx(1) == pytest.approx(sum(bar.made for bar in bars))

    def test_bars_show_the_largest(self) -> None:
        assert charts.bars({"a": 0.1, "b": -0.2, "c": 0.4}, most=2) == [("c", 0.4, 1.0), ("a", 0.1, 0.25)]
        assert charts.bars({"a": -1.0}) == [("a", -1.0, 0.0)]

    def test_maps_show_signs(self) -> None:
        svg = parsed(charts.heat_map(np.array([[0.0, 0.5], [-0.5, 0.001]]), ["a", "<b>"], "difference")).one("svg")
        drawn = {one["class"]: one["fill-opacity"] for one in svg.all("rect") if one["class"] != "frame"}
        assert drawn == {"more": "0.50", "less": "0.50"} and "<b>" in [one.text for one in svg.all("title")]
