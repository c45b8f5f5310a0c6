"""Kinds of data of a user's own are evaluated and compared without an edit inside the package."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.pages import page_of
from tests.series import LENGTH, TEST, TRAIN, Series, SeriesCodec, Spectral, SpectralSeries, labels_of, series

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.evaluation import VectorProtocol, summary_lines, vectors
from zaohua.evaluation.results import FLOOR, NAIVE, load
from zaohua.metrics.frechet import frechet_distance
from zaohua.modalities import registry
from zaohua.tasks.evaluation import Evaluator, compare, evaluate, page, splits_of
from zaohua.tasks.evaluation.protocols import protocol_class

FLOW: dict[str, Any] = {**zh.Flow.tiny, "max_steps": 3, "random_state": 0, "codec": SeriesCodec()}


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Series are known in these tests only."""
    monkeypatch.setattr(registry, "_KNOWN", dict(registry._KNOWN))
    zh.register(Series())


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two models of the data set, one that learnt its labels, too."""
    folder = tmp_path_factory.mktemp("series")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_KNOWN", dict(registry._KNOWN))
        zh.register(Series())
        zh.Flow(**FLOW).fit("two-speeds", out=folder / "plain")
        zh.Flow(**FLOW).fit("two-speeds", True, out=folder / "labelled")
        yield folder


def giving(run: Path, items: np.ndarray) -> Any:
    """The model of a run, whose samples are these items in order."""
    model, at = zh.load(run), itertools.count()
    model.sample = lambda n, *, y=None, random_state=None: items[[next(at) % len(items) for _ in range(n)]]
    return model


def test_series_are_measured_in_principal_components(runs: Path) -> None:
    made = series(TEST, 2)
    found = evaluate(giving(runs / "plain", made), run=runs / "plain")
    assert (found.modality, found.noun, found.lead, found.split, found.n) == ("series", "series", "frechet", "test", 60)
    assert found.extractor.startswith("pca-64, ")
    test = series(TEST, 1, labels_of(TEST)) / 4  # distances of tensors don't depend on how the axes are turned
    expected = frechet_distance(made / 4, test)
    assert found.figures["frechet"].value == pytest.approx(expected, rel=1e-3)
    assert {"precision", "recall", "coverage", "two_sample", "copy_rate", "log_likelihood"} < set(found.figures)
    assert set(found.references) == {FLOOR, NAIVE} and found.arrays["samples"].shape == (TEST, 1, LENGTH)
    assert found.references[FLOOR]["frechet"].value < found.references[NAIVE]["frechet"].value
    assert f"of {TEST} samples and as many test items" in "\n".join(summary_lines(found))


def test_likelihoods_are_the_models_own(runs: Path) -> None:
    model = zh.load(runs / "plain")
    found = evaluate(model, samples=20)
    rows = np.sort(np.random.default_rng(0).choice(TEST, 20, replace=False))  # as `Items.some` draws them
    x = series(TEST, 1, labels_of(TEST))[rows]
    np.testing.assert_allclose(found.arrays["nats"], model.score_samples(x), rtol=1e-4)


def test_copies_of_series_are_noticed(runs: Path) -> None:
    found = evaluate(giving(runs / "plain", series(TRAIN, 0, labels_of(TRAIN))))
    assert found.figures["copy_rate"].value == 1 and "60 exact" in found.figures["copy_rate"].note


def test_labels_are_those_of_the_test_series(runs: Path) -> None:
    model, asked = zh.load(runs / "labelled"), list[Any]()

    def sample(n: int, *, y: Any = None, random_state: Any = None) -> np.ndarray:
        asked.extend(y or ())
        return series(n, 3, y)

    model.sample = sample
    found = evaluate(model, samples=TEST)
    assert asked[:TEST] == labels_of(TEST) and set(found.recall_by_class) == {"slow", "fast"}


def test_models_of_series_are_compared_on_a_page(runs: Path, tmp_path: Path) -> None:
    both = compare([runs / "plain", runs / "labelled"], samples=40)
    assert both.lead == "frechet" and {row.run for row in both.rows} == {"plain", "labelled"}
    assert both.test.shape == (40, 1, LENGTH) and set(both.behind) == {both.rows[1].run}
    kept = load(runs / "plain")
    assert kept is not None and kept.n == 40 and kept.noun == "series"
    root = page_of(page.write(both, tmp_path / "page.html").read_text("utf-8"))
    assert (
        "Each model generated 40 series, compared with as many real ones that no model" in root.text
        and "and as many real series" in root.text
    )
    again: list[str] = []
    same = compare([runs / "plain", runs / "labelled"], samples=40, log=again.append)
    assert same.to_json() == both.to_json() and not any(line.startswith("measuring /") for line in again)


def test_other_lengths_arent_compared(runs: Path, tmp_path: Path) -> None:
    zh.Flow(**FLOW).fit(series(TRAIN, 0)[:, :8], out=tmp_path / "short")
    with pytest.raises(
        ZaohuaError, match="plain makes series of 1 x 12, .*short series of 1 x 8: they can't be compared"
    ):
        compare([runs / "plain", tmp_path / "short"])


def test_items_in_memory(tmp_path: Path) -> None:
    train, test = series(TRAIN, 0), series(TEST, 1)
    zh.Flow(**FLOW).fit(train, out=tmp_path / "run")
    with pytest.raises(ZaohuaError, match="trained on data in memory: give those data"):
        evaluate(zh.load(tmp_path / "run"))
    model = giving(tmp_path / "run", series(TEST, 2))
    found = evaluate(model, data=test, train=train)
    assert (found.data, found.split, found.n) == ("data in memory", "given", TEST)
    assert found.figures["frechet"].value == pytest.approx(frechet_distance(series(TEST, 2) / 4, test / 4), rel=1e-3)
    with pytest.raises(ZaohuaError, match="would reward copies"):
        evaluate(model, data=train, train=train)
    labelled = zh.Flow(**FLOW).fit(series(TRAIN, 0, labels_of(TRAIN)), labels_of(TRAIN))
    given = splits_of(labelled, (test, labels_of(TEST)), train=(train, labels_of(TRAIN)))
    assert given.test.labels == labels_of(TEST) and len(given.train) == TRAIN


def test_what_was_measured_in_memory_is_measured_again(tmp_path: Path) -> None:
    """Nothing tells whether items in memory are those of the last time."""
    for name in ("a", "b"):
        zh.Flow(**FLOW).fit(series(TRAIN, 0), out=tmp_path / name)
    given: dict[str, Any] = {"train": series(TRAIN, 0), "samples": 30}
    first = compare([tmp_path / "a", tmp_path / "b"], data=series(TEST, 1), **given)
    other = compare([tmp_path / "a", tmp_path / "b"], data=series(TEST, 5), **given)
    assert first.rows[0].figures["frechet"].value != other.rows[0].figures["frechet"].value


def test_features_and_measures_of_ones_own(runs: Path) -> None:
    registry._KNOWN["series"] = SpectralSeries()
    made = series(TEST, 2)
    found = evaluate(giving(runs / "plain", made))
    assert found.extractor.startswith("Spectral, ") and any(name.startswith("pca-64, ") for name in found.others)
    spectra = [np.abs(np.fft.rfft(x / 4))[:, 1:4] for x in (made, series(TEST, 1, labels_of(TEST)))]
    assert found.figures["frechet"].value == pytest.approx(frechet_distance(*spectra), rel=1e-3)
    assert found.figures["loudness"].value == pytest.approx(spectra[0].mean(), rel=1e-4)
    assert any(line.startswith("loudness: ") for line in summary_lines(found))


def test_features_that_arent_vectors_are_refused(runs: Path) -> None:
    class Odd(VectorProtocol):
        def features(self, items: Any) -> np.ndarray:
            return items

    with pytest.raises(ZaohuaError, match=r"Odd.features must return \(n, d\) finite numbers"):
        Odd(splits_of(zh.load(runs / "plain")))


def test_large_items_are_fewer(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "ROOM", 30 * LENGTH)
    splits = splits_of(zh.load(runs / "plain"))
    assert (len(splits.train), len(splits.test)) == (30, 30)


def test_options_of_other_kinds_are_refused(runs: Path) -> None:
    for option in ("inception", "target", "sampels"):
        with pytest.raises(ZaohuaError, match=f"--{option} isn't for models of series"):
            evaluate(zh.load(runs / "plain"), **{option: "x"})


def test_series_are_measured_while_a_model_trains() -> None:
    model = zh.Flow(**{**FLOW, "max_steps": 4, "validation_fraction": 0.4})
    model.fit("two-speeds", callbacks=[Evaluator(2, samples=30)])
    records = [record for record in model.history_ if "frechet" in record]
    assert [record["step"] for record in records] == [2, 4] and all({"precision", "recall"} < set(r) for r in records)


def test_each_kind_of_data_has_its_protocol(runs: Path) -> None:
    assert protocol_class(zh.load(runs / "plain")) is VectorProtocol
    names = {kind.name: kind.load(kind.protocol) for kind in registry.known() if kind.protocol is not None}
    assert {name: cls.modality for name, cls in names.items()} == {name: name for name in names}
    assert {name: (cls.lead, cls.noun) for name, cls in names.items()} == {
        "images": ("frechet", "pictures"),
        "tables": ("tree_score", "rows"),
        "texts": ("bits_per_byte", "texts"),
        "music": ("nats_per_note", "pieces"),
        "sounds": ("frechet", "sounds"),
    }
    assert Spectral.lead == "frechet"
