"""Augmentation: oracles that help, copy and harm; leaks; what is chosen on folds; what is written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import DataNote
from zaohua.metrics.intervals import Interval
from zaohua.tasks.augment import classical, scores
from zaohua.tasks.augment.arms import AUGMENTED, CLASSICAL, DUPLICATES, REAL, SYNTHETIC, duplicated
from zaohua.tasks.augment.classifiers import BoostedTrees, Lesson, Linear, Network
from zaohua.tasks.augment.data import Labelled, apportioned, folds, labels_like, some_of_each
from zaohua.tasks.augment.verdict import verdict
from zaohua.tasks.augment.writing import write_augmentation


def moons(n: int, seed: int, share: float = 0.5) -> pd.DataFrame:
    """Points of two half circles that overlap, as columns a and b, with their classes."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) < round(share * n)).astype(int)
    angle = rng.uniform(0, np.pi, n)
    x = np.where(y == 0, np.cos(angle), 1 - np.cos(angle))
    z = np.where(y == 0, np.sin(angle), 0.5 - np.sin(angle))
    points = np.stack([x, z], 1) + rng.normal(0, 0.3, (n, 2))
    return pd.DataFrame({"a": points[:, 0], "b": points[:, 1], "label": np.array(["no", "yes"])[y]})


class Oracle(BaseEstimator):
    """A generator that remembers what it was fitted to; `made` says what it returns for labels."""

    fitted_to: list[set[float]] = []

    def fit(self, X: pd.DataFrame) -> Oracle:
        self.rows_ = X
        type(self).fitted_to.append(set(X["a"]))
        return self

    def sample(self, *, y: dict[str, list[str]], random_state: int) -> pd.DataFrame:
        labels = y["label"]
        return self.made(labels, random_state).assign(label=labels)

    def made(self, labels: list[str], seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        by_label = dict(iter(self.rows_.groupby("label")))
        rows = [by_label[label].iloc[[rng.integers(len(by_label[label]))]] for label in labels]
        return pd.concat(rows, ignore_index=True)[["a", "b"]]


class Exact(Oracle):
    """The true distribution."""

    def made(self, labels: list[str], seed: int) -> pd.DataFrame:
        true = moons(4 * len(labels), seed + 10**6)
        out = pd.DataFrame(index=range(len(labels)), columns=["a", "b"], dtype=float)
        for label in ("no", "yes"):
            at = [i for i, own in enumerate(labels) if own == label]
            out.loc[at, ["a", "b"]] = true[true.label == label][["a", "b"]].to_numpy()[: len(at)]
        return out


class Wrong(Exact):
    """The true distribution of the other class."""

    def made(self, labels: list[str], seed: int) -> pd.DataFrame:
        return super().made(["yes" if label == "no" else "no" for label in labels], seed)


TEST = moons(600, 99)
OPTIONS: dict[str, Any] = {
    "label": "label",
    "test": TEST,
    "seeds": 3,
    "n_samples": 120,
    "n_folds": 2,
    "weights": (0.5, 1.0),
}


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Trees of few iterations, which suffice for two columns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BoostedTrees, "iterations", 12)
        yield


@pytest.fixture(scope="module")
def exact(quick: None) -> Any:
    Oracle.fitted_to.clear()
    return zh.augment(Exact(), moons(16, 1), **OPTIONS), [set(rows) for rows in Oracle.fitted_to]


def test_an_exact_generator_helps(exact: Any):
    found, _ = exact
    assert found.word == "helps" and found.sentence.startswith("helps by 0.") and found.metric == "auc"
    assert found.differences[REAL].low > 0 and found.differences[DUPLICATES].low > 0
    assert {REAL, DUPLICATES, CLASSICAL, SYNTHETIC, AUGMENTED} <= found.scores.keys()
    assert all(len(values) == 3 for values in found.scores.values())


def test_a_generator_that_copies_is_no_better_than_duplicates():
    found = zh.augment(Oracle(), moons(40, 1), **OPTIONS)
    assert found.word == "no difference shown"
    assert found.differences[DUPLICATES].low <= 0
    assert found.copied == (1.0, 0.0)
    assert any("samples that equal a training item: 100.0%" in line for line in found.lines())


def test_a_wrong_generator_harms():
    found = zh.augment(Wrong(), moons(160, 1), **{**OPTIONS, "weights": (1.0,)})
    assert found.word == "harms" and found.sentence.startswith("harms by 0.")


def test_the_generator_never_sees_held_out_rows(exact: Any):
    _, fitted = exact
    train = set(moons(16, 1)["a"])
    assert len(fitted) == 9  # for each of three seeds: two folds, and all
    assert all(rows <= train for rows in fitted) and not any(rows & set(TEST["a"]) for rows in fitted)
    for seed in range(3):
        one, two, whole = fitted[3 * seed : 3 * seed + 3]
        assert whole == train and len(one) == len(two) == 8
        assert not one & two  # with two folds, each generator has seen what the other is measured by


def test_the_weight_is_chosen_without_the_held_out_rows(exact: Any):
    turned = TEST.assign(label=["yes" if label == "no" else "no" for label in TEST["label"]])
    other = zh.augment(Exact(), moons(16, 1), **{**OPTIONS, "test": turned})
    assert [choice.weight for choice in other.choices] == [choice.weight for choice in exact[0].choices]
    assert other.folds == exact[0].folds
    assert other.word == "harms"  # by rows that mean the opposite


def test_seeds_are_paired_and_repeatable(exact: Any):
    again = zh.augment(Exact(), moons(16, 1), **OPTIONS)
    assert again.scores == exact[0].scores
    assert len(set(exact[0].scores[AUGMENTED])) == 3  # but differ from one another


def test_a_fixed_generator_that_saw_the_held_out_rows_is_refused():
    data = moons(200, 1).assign(**{name: np.random.default_rng(k).normal(size=200) for k, name in enumerate("cdef")})
    model = zh.GaussianCopula(random_state=0).fit(data)
    with pytest.warns(DataNote, match="FIXED"), pytest.raises(ZaohuaError, match="was trained on 100% of the held-out"):
        zh.augment(model, data[::2], **{**OPTIONS, "test": data[1::2], "refit": "never"})


def test_a_fixed_generator_is_used_as_it_is():
    model = zh.ProductMixture(random_state=0, n_components=4).fit(moons(60, 1))
    with pytest.warns(DataNote, match="FIXED"):
        found = zh.augment(model, moons(60, 1), **{**OPTIONS, "refit": "never"})
    assert "FIXED" in found.remarks()[0] and found.settings["generator"] == "ProductMixture"


def test_copies_of_a_model_learn_rows_given_the_label():
    found = zh.augment(zh.ProductMixture(), moons(40, 1, 0.25), **{**OPTIONS, "n": 24})
    assert Counter(found.data.made.y) == {"yes": 30, "no": 90} and len(found.data.real) == 24
    assert list(found.data.made.items.columns) == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": 1}, "seeds must be a whole number of at least 3"),
        ({"label": None}, "say which column holds them"),
        ({"label": "c"}, "unknown column 'c'"),
        ({"classifier": "network"}, "network is the classifier of pictures and sounds"),
        ({"classifier": "tree"}, "did you mean 'trees'"),
        ({"weights": (0.0,)}, "weights must be numbers above 0"),
        ({"n_folds": 30}, "can't be divided into 30 folds"),
        ({"test": TEST.assign(label="other")}, "labels that the training items lack"),
    ],
)
def test_what_cannot_be_compared_is_refused(change: dict[str, Any], message: str):
    with pytest.raises(ZaohuaError, match=message):
        zh.augment(Exact(), moons(40, 1), **{**OPTIONS, **change})


def test_the_area_under_the_curve_is_of_two_classes():
    data = moons(60, 1).assign(label=["a", "b", "c"] * 20)
    with pytest.raises(ZaohuaError, match="auc is for two classes, and there are 3"):
        zh.augment(Exact(), data, **{**OPTIONS, "test": None, "metric": "auc"})


# ---- parts


def test_class_ratios_are_kept():
    assert apportioned(Counter({"a": 76, "b": 24}), 50) == {"a": 38, "b": 12}
    assert apportioned(Counter({"a": 2, "b": 1}), 4) == {"a": 3, "b": 1}
    data = Labelled.of(list(range(40)), ["a"] * 10 + ["b"] * 20 + [None] * 5 + [float("nan")] * 5)
    assert Counter(labels_like(data, 9, np.random.default_rng(0))) == {"a": 3, "b": 6}
    rows = some_of_each(data, 12, np.random.default_rng(0))
    assert Counter(data.y[row] for row in rows) == {"a": 4, "b": 8}
    lesson = duplicated(Lesson(np.arange(30.0)[:, None], np.repeat([0, 1], [10, 20]), np.ones(30)), 90, 0.5, 0)
    assert lesson.weights[30:].sum() == pytest.approx(15) and np.bincount(lesson.y[30:]).tolist() == [30, 60]
    assert all(count == 4 for count in Counter(lesson.x[:, 0]).values())  # each real item as often


def test_folds_are_of_labelled_items_and_unlabelled_ones_are_always_learnt():
    data = Labelled.of(list(range(20)), ["a", "b"] * 6 + [None] * 8)
    parts = list(folds(data, 3, np.random.default_rng(0)))
    assert np.sort(np.concatenate([held for _, held in parts])).tolist() == list(range(12))
    for rows, held in parts:
        assert set(range(12, 20)) <= set(rows) and not set(rows) & set(held)
        assert Counter(data.y[row] for row in held) == {"a": 2, "b": 2}


def test_metrics_follow_from_the_classes():
    assert scores.metric_for(Counter(a=90, b=10), True) == "auc"
    assert scores.metric_for(Counter(a=90, b=10), False) == "f1"
    assert scores.metric_for(Counter(a=9, b=10, c=8), False) == "accuracy"
    p, truth = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]]), np.array([0, 1, 0])
    assert scores.score("accuracy", p, truth) == pytest.approx(2 / 3)
    assert scores.score("auc", p, truth) == 1.0
    assert scores.score("f1", p, truth) == pytest.approx(0.4)


def test_the_interval_covers_seeds_and_test_items():
    rng, truth = np.random.default_rng(0), np.repeat([0, 1], 50)
    right = np.eye(2)[truth] * 0.8 + 0.1
    noisy = [np.clip(right + rng.normal(0, 0.5, right.shape), 0.01, 1) for _ in range(4)]
    found = scores.difference("accuracy", [right] * 4, noisy, truth)
    alone = [1 - scores.score("accuracy", p, truth) for p in noisy]
    assert found.value == pytest.approx(np.mean(alone)) and found.low > 0
    same = scores.difference("accuracy", [noisy[0]] * 3, [right] * 3, truth)
    assert same.high - same.low > 0.05  # though all seeds agree


def test_the_verdict_needs_more_than_duplicates():
    up, none, down = Interval(0.03, 0.01, 0.05), Interval(0.01, -0.01, 0.03), Interval(-0.03, -0.05, -0.01)
    assert verdict({"real": up, "duplicates": up}, "real", "duplicates") == ("helps", "helps by 0.030 (0.010 to 0.050)")
    assert verdict({"real": up, "duplicates": none}, "real", "duplicates")[0] == "no difference shown"
    assert verdict({"real": none, "duplicates": up}, "real", "duplicates")[0] == "no difference shown"
    assert verdict({"real": down, "duplicates": up}, "real", "duplicates") == (
        "harms",
        "harms by 0.030 (0.010 to 0.050)",
    )


def test_smote_interpolates_within_classes_and_keeps_categories():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [12, 6])
    x = np.column_stack([rng.normal(10 * y, 1), rng.integers(0, 3, 18)])
    x[0, 0] = np.nan
    rows, labels = classical.smote(x, y, [0, 3], [8, 4], 0)
    assert np.bincount(labels).tolist() == [8, 4] and set(rows[:, 1]) <= {0.0, 1.0, 2.0}
    low, high = np.nanmin(x[y == 1, 0]), np.nanmax(x[y == 1, 0])
    assert ((rows[labels == 1, 0] >= low) & (rows[labels == 1, 0] <= high)).all()
    for sizes, columns in (([0], [0]), ([3], [1])):
        assert len(classical.smote(x[:, columns], y, sizes, [8, 4], 0)[0]) == 12
    with pytest.raises(ZaohuaError, match="one row only"):
        classical.smote(x[:13], y[:13], [0, 3], [2, 2], 0)


@pytest.mark.parametrize("classifier", [BoostedTrees, Linear])
def test_items_of_weight_zero_count_for_nothing(classifier: type[Any]):
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=120), rng.integers(0, 3, 120), np.where(rng.random(120) < 0.2, np.nan, 1.0)])
    y = (x[:, 0] + 0.3 * rng.normal(size=120) > 0).astype(np.int64)
    weights = np.where(np.arange(120) < 60, 1.0, 0.0)
    learner = classifier(2, [0, 3, 0])
    some = learner.learn(Lesson(x, y, weights), 0)(x)
    half = learner.learn(Lesson(x[:60], y[:60], np.ones(60)), 0)(x)
    assert some.shape == (120, 2) and np.allclose(some.sum(1), 1)
    assert np.corrcoef(some[:, 1], half[:, 1])[0, 1] > 0.9


def test_changes_keep_shape_and_content():
    x = torch.zeros(6, 1, 28, 28)
    x[:, :, 12:16, 10:12] = 1.0
    generator = torch.Generator().manual_seed(0)
    for transform in (*classical.PICTURES, *classical.SOUNDS):
        out = transform(x, generator)
        assert out.shape == x.shape and not torch.equal(out, x) and out.isfinite().all()
    mirrored = classical.flipped(x, torch.Generator().manual_seed(0))
    assert {tuple(row.nonzero()[0].tolist()) for row in mirrored[:, 0]} == {(12, 10), (12, 16)}


def test_the_network_learns_from_weighted_pictures(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Network, "steps", (30, 30))
    x = np.zeros((40, 12, 12), np.uint8)
    x[::2, :6], x[1::2, 6:] = 255, 255
    y = np.arange(40) % 2
    wrong = 1 - y
    lesson = Lesson(
        np.concatenate([x, x]), np.concatenate([y, wrong]), np.repeat([1.0, 0.0], 40), classical.PICTURES[0]
    )
    assert (Network(2).learn(lesson, 0)(x).argmax(1) == y).mean() > 0.9


# ---- files


def test_a_table_is_written_with_weights(exact: Any, tmp_path: Path):
    out = write_augmentation(exact[0], tmp_path / "out", "label", None)
    table = pd.read_csv(out / "augmented.csv")
    made = table[table.source == "synthetic"]
    assert list(table.columns) == ["a", "b", "label", "sample_weight", "source"] and len(made) == 120
    assert made.sample_weight.sum() == pytest.approx(exact[0].choices[0].weight * 16, rel=1e-3)
    assert (table[table.source == "real"].sample_weight == 1).all()
    told = json.loads((out / "results.json").read_text())
    assert told["verdict"] == "helps" and "every fold" in told["generator"] and told["recall"]["samples"] > 0.5
    page = (out / "index.html").read_text()
    assert exact[0].sentence in page and "http" not in page.replace("http://www.w3.org/2000/svg", "")
    with pytest.raises(ZaohuaError):
        write_augmentation(exact[0], tmp_path / "out", "label", None)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of a few pictures of two classes, most without a class, and the run of a model of them."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 60, (40, 8, 8)).astype(np.uint8)
    x[::2, :4] += 150
    y = [("top", "flat")[i % 2] for i in range(40)]
    folder = tmp_path_factory.mktemp("augment")
    model = zh.Flow(**{**zh.Flow.tiny, "max_steps": 2, "batch_size": 8, "random_state": 0}).fit(
        x, y, out=folder / "run"
    )
    assert model.n_steps_ == 2
    return x, folder / "run"


def test_pictures_with_few_labels(pictures: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Network, "steps", (4, 4))
    x, run = pictures
    y, model = [("top", "flat")[i % 2] for i in range(40)], zh.load(run)
    seen = []

    def fit(data: Labelled, seed: int) -> Any:
        seen.append((len(data), len(data.known)))
        return model.finetune(data.items, data.y, max_steps=1, random_state=seed)

    found = zh.augment(
        model, x[:30], y[:30], test=(x[30:], y[30:]), n=8, unlabelled=True, fitter=fit, n_samples=8, n_folds=2,
        seeds=3, options=[{"guidance": 1.0}, {"guidance": 2.0}], weights=(0.5,),
    )  # fmt: skip
    assert seen == [(26, 4), (26, 4), (30, 8)] * 3  # the labelled items of a fold are left out, the others never
    assert found.baseline == CLASSICAL and found.choices[0].options["guidance"] in (1.0, 2.0)
    out = write_augmentation(found, tmp_path / "out", None, model)
    weights = pd.read_csv(out / "weights.csv")
    assert len(weights) == 16 and all((out / name).exists() for name in weights.file_name)
    assert weights[weights.source == "synthetic"].sample_weight.sum() == pytest.approx(4)
    assert zh.origin(out / weights[weights.source == "synthetic"].file_name.iloc[0]).origin.model == "Flow"
