"""Fidelity to conditions: of perfect samples, shuffled ones and constant ones, and to parts of records alone."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zaohua as zh
from zaohua.evaluation.comparison import Comparison, compared
from zaohua.evaluation.fidelity import Fidelity, Pairs
from zaohua.evaluation.given import Given
from zaohua.evaluation.results import REAL_PAIRS, SHUFFLED, Evaluation
from zaohua.evaluation.summaries import summary_lines
from zaohua.metrics.judges import training
from zaohua.tasks.evaluation import evaluate, page
from zaohua.tasks.evaluation.protocols import protocol_for

PLACES = ("left", "middle", "right", "edge")
PHRASES = ("a {} one", "it is {}", "seen at the {}")


@pytest.fixture(autouse=True, scope="module")
def short() -> Any:
    """Judges train for few steps, and aren't kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "STEPS", (90, 90))
        patch.setattr(training, "BATCH", 64)
        yield


def picture(record: dict[str, Any], rng: np.random.Generator) -> np.ndarray:
    """A column at a place of some brightness, above a row whose height is told by a text, 8 x 8."""
    x = rng.integers(0, 30, (8, 8))
    column = 2 * PLACES.index(record["where"])
    x[:4, column : column + 2] = record["bright"]
    x[7 if "low" in record["text"] else 5] = 255
    return x.astype(np.uint8)


def records(seed: int, n: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [
        {
            "where": PLACES[rng.integers(4)],
            "bright": float(rng.integers(60, 256)),
            "text": PHRASES[rng.integers(3)].format(("low", "high")[rng.integers(2)]),
        }
        for _ in range(n)
    ]


def pictures(some: list[dict[str, Any]], seed: int = 9) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([picture(record, rng) for record in some])


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Fidelity:
    learnt, asked = records(0, 500), records(1, 200)
    for record in asked[:50]:
        del record["bright"]
    given = [Given("where", "labels", list), Given("bright", "numbers", list), Given("text", "texts", list)]
    pairs = Pairs(pictures(learnt), learnt), Pairs(pictures(records(1, 200)), asked)
    return Fidelity(given, *pairs, folder=tmp_path_factory.mktemp("judges"))


class TestRecords:
    def test_real_items_and_shuffled_ones(self, judges: Fidelity) -> None:
        real, shuffled = judges.references[REAL_PAIRS], judges.references[SHUFFLED]
        assert set(real) == {"accuracy:where", "correlation:bright", "number_error:bright", "matched:text"}
        assert real["accuracy:where"].value > 0.95 and real["correlation:bright"].value > 0.9
        assert shuffled["accuracy:where"].low <= 0.25 <= shuffled["accuracy:where"].high
        assert shuffled["correlation:bright"].low <= 0 <= shuffled["correlation:bright"].high
        assert real["matched:text"].low > shuffled["matched:text"].high and judges.seconds > 0

    def test_perfect_samples_score_as_real_items(self, judges: Fidelity) -> None:
        again = judges.figures(judges.counts(judges.test.items, np.arange(200)))
        assert again == judges.references[REAL_PAIRS]

    def test_items_without_a_part_are_left_out_of_account(self, judges: Fidelity) -> None:
        real = judges.references[REAL_PAIRS]
        assert real["correlation:bright"].n == 150 and real["accuracy:where"].n == 200

    def test_a_part_shuffled_alone_drops_alone(self, judges: Fidelity) -> None:
        asked, rng = records(1, 200), np.random.default_rng(0)
        moved = [{**record, "where": PLACES[rng.integers(4)]} for record in asked]
        found = judges.figures(judges.counts(pictures(moved), np.arange(200)))
        real = judges.references[REAL_PAIRS]
        assert found["accuracy:where"].high < 0.5
        for name in ("correlation:bright", "matched:text"):
            assert found[name].high > real[name].low and found[name].low < real[name].high

    def test_constant_samples_follow_nothing(self, judges: Fidelity) -> None:
        same = np.repeat(judges.test.items[:1], 200, 0)  # type: ignore[arg-type]
        found = judges.figures(judges.counts(same, np.arange(200)))
        assert found["correlation:bright"].value == 0
        assert found["accuracy:where"].value < 0.4


def with_samples(model: Any, run: str, samples: Callable[[int], Any]) -> Any:
    """The model with other samples: `samples` of the number of samples, in order."""
    other, at = copy.copy(model), [0]

    def sample(n: int, *, y: Any = None, random_state: Any = None) -> Any:
        rows = np.arange(at[0], at[0] + n)
        at[0] += n
        return samples(rows)

    other.sample, other.run_ = sample, run
    return other


def both(model: Any, right: Callable[[Any], Any], wrong: Callable[[Any], Any], data: Any, train: Any) -> Comparison:
    """Compare models that make the right samples and wrong ones."""
    models = [with_samples(model, run, made) for run, made in (("right", right), ("wrong", wrong))]
    protocol = protocol_for(models[0], 100_000, data, None, train, others=models[1:])
    return compared([evaluate(one, protocol=protocol) for one in models], protocol)


def of(found: Comparison, run: str) -> Evaluation:
    return next(row for row in found.rows if row.run == run)


@pytest.fixture(scope="module")
def captioned() -> Comparison:
    """Pictures of captions."""
    train, test = records(2, 300), records(3, 60)
    texts, asked = ([record["text"] for record in some] for some in (train, test))
    x, real = pictures(train), pictures(test)
    model = zh.Flow(**{**zh.Flow.tiny, "max_steps": 1}, y_codec="texts", random_state=0).fit(x, texts)
    return both(model, lambda i: real[i % 60], lambda i: real[(i + 1) % 60], (real, asked), (x, texts))


def test_pictures_of_texts(captioned: Comparison, tmp_path: Path) -> None:
    right, wrong = of(captioned, "right"), of(captioned, "wrong")
    assert right.figures["matched"] == right.references[REAL_PAIRS]["matched"]
    assert wrong.figures["matched"].value < right.figures["matched"].value
    lead = captioned.leads["matched"]
    assert lead.best == "right" and lead.behind["wrong"].low > 0
    assert any("right comes first" in note for note in captioned.notes)
    assert any(line.startswith("matched: ") for line in summary_lines(right))
    text = page.text(captioned)
    assert "Conditions and samples" in text and text.count(records(3, 1)[0]["text"]) >= 1
    assert set(captioned.to_json()["leads"]) == {"matched"}
    right.save(tmp_path)


def test_texts_of_pictures() -> None:
    train, test = records(4, 200), records(5, 40)
    texts, real = ([record["text"] for record in some] for some in (train, test))
    x, asked = pictures(train), pictures(test)
    model = zh.GPT(**{**zh.GPT.tiny, "max_steps": 1}, random_state=0).fit(texts, x)
    found = both(
        model,
        lambda rows: [real[i % 40] for i in rows],
        lambda rows: ["nothing at all"] * len(rows),
        (real, asked),
        (texts, x),
    )
    right, wrong = of(found, "right"), of(found, "wrong")
    assert right.figures["exact_match"].value == 1 and right.figures["bleu"].value > 0.99
    assert wrong.figures["bleu"].value == 0 and wrong.figures["exact_match"].value == 0
    assert 0 <= right.figures["retrieved"].value <= 1 and right.figures["retrieved"].n == 40
    assert {"bleu", "exact_match", "cider"} <= set(found.leads)
    text = page.text(found)
    assert "asked_pictures" in found.arrays and real[0] in text and 'alt="condition"' in text


def test_pictures_of_pictures() -> None:
    x, real = pictures(records(6, 80)), pictures(records(7, 30))
    model = zh.Flow(**{**zh.Flow.tiny, "max_steps": 1}, random_state=0).fit(x, 255 - x)
    fifth: Callable[[Any], Any] = lambda i: real[i % 30]  # noqa: E731
    found = evaluate(with_samples(model, "right", fifth), data=(real, 255 - real), train=(x, 255 - x), samples=1000)
    assert {"psnr", "psnr_best", "psnr_mean", "ssim", "ssim_best", "matched"} <= set(found.figures)
    assert found.figures["psnr"].n == 30 and found.figures["psnr_best"].value >= found.figures["psnr"].value


def test_models_of_other_conditions_are_compared_without_fidelity() -> None:
    train, test = records(2, 60), records(3, 30)
    x, real = pictures(train), pictures(test)
    labels, asked = ([record["where"] for record in some] for some in (train, test))
    one = zh.Gaussian(random_state=0).fit(x, labels)
    other = zh.Gaussian(random_state=0).fit(x)
    protocol = protocol_for(one, 1000, (real, asked), None, (x, labels), others=[other])
    rows = [evaluate(model, protocol=protocol) for model in (one, other)]
    assert "accuracy" in rows[0].figures and "accuracy" not in rows[1].figures
    assert rows[0].references[REAL_PAIRS]["accuracy"].value > rows[0].references[SHUFFLED]["accuracy"].value
    assert not compared(rows, protocol).leads
