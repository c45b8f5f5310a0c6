"""Audits: what copies, fresh rows and overfitted models give away, and when nothing can be said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.metrics.intervals import Interval
from zaohua.metrics.membership import membership
from zaohua.privacy.guarantee import ADD_OR_REMOVE, REPLACE, Guarantee
from zaohua.tasks.audit import Audit, audit, page
from zaohua.tasks.audit.canaries import bound, canaries
from zaohua.tasks.audit.exposed import alphabet_of, exposure_of, parts_of
from zaohua.tasks.audit.findings import Finding
from zaohua.tasks.audit.lira import halves, log_ratios
from zaohua.tasks.audit.sides import sides_of
from zaohua.tasks.audit.subject import Subject

NEAREST = ("copies", "nearest sample", "calibrated nearest sample")


def people(seed: int, n: int) -> pd.DataFrame:
    """Rows of numbers and categories, most of which are one of a kind."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, n)
    return pd.DataFrame(
        {
            "height": (150 + 10 * kind + rng.normal(0, 6, n)).round(1),
            "weight": (50 + 8 * kind + rng.normal(0, 6, n)).round(1),
            "income": rng.lognormal(3 + 0.3 * kind, 0.5).round(2),
            "town": np.array([f"t{k}" for k in range(12)])[(3 * kind + rng.integers(0, 4, n)) % 12],
            "job": np.array([f"j{k}" for k in range(6)])[(kind + rng.integers(0, 3, n)) % 6],
        }
    )


TRAIN, OTHERS = people(0, 200), people(1, 400)


@pytest.fixture(scope="module")
def overfitted() -> zh.ProductMixture:
    """A model with a component for every two rows."""
    return zh.ProductMixture(n_components=100, random_state=0).fit(TRAIN)


@pytest.fixture(scope="module")
def found(overfitted: zh.ProductMixture) -> Audit:
    """Its audit."""
    return audit(overfitted, data=TRAIN, against=OTHERS, n_samples=500, shadows=4)


def area(found: Audit, name: str) -> Interval:
    return next(one.membership.auc for one in found.findings if one.name == name and one.membership)


# ---- samples


def test_copies_are_told_almost_for_certain(overfitted: zh.ProductMixture) -> None:
    copies = TRAIN.iloc[np.random.default_rng(0).integers(0, 200, 1500)]
    found = audit(overfitted, data=TRAIN, against=OTHERS, samples=copies, only=NEAREST)
    assert area(found, "copies").value >= 0.99 and area(found, "nearest sample").value >= 0.99 and found.leaks
    assert found.worst is not None and found.worst.membership is not None and found.worst.membership.rate is not None
    assert found.worst.membership.rate.value > 0.95 and found.sizes == (200, 400, 1500)
    assert "Rows of the training data can be told from others: AUC 1.00" in found.sentences()[0]


def test_fresh_rows_tell_nothing(overfitted: zh.ProductMixture) -> None:
    areas, leaks = [], []
    for seed in range(6):
        fresh = people(100 + seed, 800)
        found = audit(
            overfitted, data=TRAIN, against=people(50 + seed, 400), samples=fresh, only=NEAREST, random_state=seed
        )
        areas += [area(found, name).value for name in NEAREST]
        leaks.append(found.leaks)
    assert np.mean(areas) == pytest.approx(0.5, abs=0.02) and sum(leaks) <= 1
    assert "which is no proof of privacy" in found.sentences()[0] and "None of 3 attacks could tell" in str(
        found.sentences()
    )


def test_an_overfitted_mixture_is_in_between_and_its_likelihood_gives_more_away(found: Audit) -> None:
    assert 0.6 < area(found, "nearest sample").value < 0.99
    assert area(found, "likelihood").value > area(found, "nearest sample").value
    assert found.leaks and found.worst is not None and found.worst.access == "model"
    assert found.worst_of_samples is not None and "Whoever has samples alone can tell them, too" in found.sentences()[1]
    auc, own = found.worst.membership, next(one for one in found.findings if one.name == found.worst.name).membership
    assert auc is not None and own is not None and auc.auc.low < own.auc.low  # corrected for the number of attacks
    assert [one.name for one in found.findings if one.why] == ["likelihood against zlib"]


def test_fewer_components_leak_less(found: Audit) -> None:
    model = zh.ProductMixture(n_components=2, random_state=0).fit(TRAIN)
    few = audit(model, data=TRAIN, against=OTHERS, n_samples=500, only=NEAREST)
    assert area(few, "nearest sample").high < area(found, "nearest sample").low


def test_attributes_are_guessed_beyond_what_others_allow(found: Audit) -> None:
    assert found.attributes[0].beyond.low > 0 and area(found, "attributes").low > 0.5
    assert {one.column for one in found.attributes} == set(TRAIN.columns)
    assert all(one.beyond.value == pytest.approx(one.members - one.others) for one in found.attributes)


# ---- both kinds of items


def test_items_that_differ_by_themselves_are_no_evidence(overfitted: zh.ProductMixture) -> None:
    """As in published benchmarks of membership inference, which a classifier won that never saw the model."""
    with pytest.raises(ZaohuaError, match=r"differ by themselves.*AUC.*give others of the same source \(against=\)"):
        audit(overfitted, data=TRAIN, against=OTHERS.assign(height=OTHERS.height + 40), only=NEAREST)
    near = audit(
        overfitted, data=TRAIN, against=OTHERS.assign(height=OTHERS.height + 6), samples=people(5, 500), only=NEAREST
    )
    assert near.blind is not None and near.blind.low > 0.5 and "differ by themselves" in near.remarks[0]
    assert not near.leaks


def test_an_attack_must_beat_a_classifier_that_never_saw_the_model() -> None:
    scores = np.random.default_rng(0).normal(size=500) + np.repeat([0.5, 0], 250)
    finding = Finding("nearest sample", "samples", "", membership(scores[:250], scores[250:]))
    blind = Interval(0.65, 0.6, 0.7)
    found = Audit("r", "M", "rows", "a", "b", (250, 250, 9), (finding,), finding, finding, None)
    assert found.leaks and not replace(found, blind=blind).leaks
    assert "So no leak is shown" in replace(found, blind=blind).sentences()[0]


def test_what_was_trained_on_is_what_the_run_recorded(overfitted: zh.ProductMixture) -> None:
    with pytest.raises(ZaohuaError, match=r"trained on 0% of these 200 items only.*\(data=\)"):
        audit(overfitted, data=people(7, 200), against=OTHERS)
    with pytest.raises(ZaohuaError, match=r"trained on 100% of the 200 items that it shouldn't know.*\(against=\)"):
        audit(overfitted, data=TRAIN, against=TRAIN.copy())
    with pytest.raises(ZaohuaError, match="data in memory"):
        audit(overfitted, against=OTHERS)
    with pytest.raises(ZaohuaError, match="5 others are too few"):
        audit(overfitted, data=TRAIN, against=OTHERS[:5])
    with pytest.raises(ZaohuaError, match="attack"):
        audit(overfitted, data=TRAIN, against=OTHERS, only=["telepathy"])


def test_what_training_held_out_are_the_others(tmp_path: Any) -> None:
    TRAIN.to_csv(tmp_path / "t.csv", index=False)
    model = zh.TVAE(validation_fraction=0.3, max_steps=1, random_state=0).fit(str(tmp_path / "t.csv"))
    sides = sides_of(model)
    assert (len(sides.members), len(sides.others), sides.against) == (140, 60, "held out of training")
    rows = pd.concat([sides.members.raw, sides.others.raw]).sort_index()
    np.testing.assert_array_equal(rows.height, TRAIN.height)
    given = sides_of(model, against=OTHERS)  # those that were held out aren't members then either
    assert (len(given.members), len(given.others)) == (140, 400)


# ---- epsilon


def test_canaries_show_a_large_epsilon_of_an_overfitted_model(found: Audit) -> None:
    assert found.bound is not None and found.bound.epsilon > 2 and not found.alarm
    assert "at least" in found.sentences()[2] and "promises none" in found.sentences()[2]


def test_canaries_are_rows_of_values_that_training_had(overfitted: zh.ProductMixture) -> None:
    made = canaries(Subject(overfitted, sides_of(overfitted, TRAIN, OTHERS), 10), 300).raw
    assert len(made) == 300 and all(set(made[name]) <= set(TRAIN[name]) for name in TRAIN)
    assert made.dtypes.equals(TRAIN.dtypes) and not pd.merge(made, TRAIN).shape[0] > 5


@pytest.mark.parametrize("neighbours", [ADD_OR_REMOVE, REPLACE])
def test_a_model_that_ignores_single_rows_has_no_bound_and_a_broken_promise_is_an_alarm(
    neighbours: str, overfitted: zh.ProductMixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    promise = Guarantee(1.0, 1e-6, "one row", neighbours, "said so")
    monkeypatch.setattr(zh.ProductMixture, "guarantee", promise)
    found = audit(overfitted, data=TRAIN, against=OTHERS, only=["copies"], n_samples=50, canaries=200)
    assert found.bound is not None and found.bound.delta == 1e-6 and found.alarm
    assert found.sentences()[0].startswith("ALARM: the model promises epsilon 1,")
    X, other = (np.random.default_rng(k).integers(0, 256, (n, 2, 2), np.uint8) for k, n in ((0, 2000), (1, 300)))
    calm = zh.Gaussian(random_state=0).fit(X)  # to whose mean and covariance a row of many adds little
    kept = bound(Subject(calm, sides_of(calm, X, other), 50), 200, promise)
    assert kept.epsilon < 1
    assert "is within the promised 1" in " ".join(replace(found, bound=kept).sentences())


def test_a_bound_without_a_likelihood_is_by_samples(
    overfitted: zh.ProductMixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zaohua.tasks.audit.signals.unable", lambda model: "it tells nothing")
    found = bound(Subject(overfitted, sides_of(overfitted, TRAIN, OTHERS), 2000), 200, None)
    assert found.epsilon > 0.3


# ---- shadow models


def test_shadow_models_hold_each_item_half_of_the_time() -> None:
    masks = halves(101, 16, 0)
    assert masks.shape == (16, 101) and (masks.sum(0) == 8).all()


def test_log_ratios_are_those_of_normal_densities() -> None:
    rng, included = np.random.default_rng(0), halves(50, 8, 1)
    shadows, told = rng.normal(size=(8, 50)) + 3 * included, rng.normal(size=50)
    inside, outside = ((shadows * mask).sum(0) / 4 for mask in (included, ~included))
    scale = np.sqrt(np.square(shadows - np.where(included, inside, outside)).sum() / (8 * 50 - 2 * 50))
    wanted = norm.logpdf(told, inside, scale) - norm.logpdf(told, outside, scale)
    np.testing.assert_allclose(log_ratios(told, shadows, included), wanted)


# ---- other kinds of data


def test_pictures_with_labels_are_audited() -> None:
    X, y = zh.read("digits", True)
    y = np.asarray(y)
    order = np.random.default_rng(0).permutation(len(X))
    train, rest = (X[order[:150]], y[order[:150]]), (X[order[150:350]], y[order[150:350]])
    model = zh.GMM(n_components=5, random_state=0).fit(*train)
    found = audit(model, data=train, against=rest, n_samples=300, shadows=0)
    assert found.noun == "images" and area(found, "nearest sample").low > 0.5 and found.bound is not None


def test_noise_that_is_removed_tells_of_flow_models() -> None:
    X = np.random.default_rng(0).integers(0, 256, (80, 8, 8), dtype=np.uint8)
    model = zh.Flow(channels=8, max_steps=2, batch_size=8, random_state=0).fit(X[:40])
    found = audit(model, data=X[:40], against=X[40:], n_samples=20, only=["likelihood", "likelihood ratio"], canaries=0)
    assert len([one for one in found.findings if one.membership]) == 2


def test_texts_have_an_exposure_of_secrets_that_rises_with_their_number() -> None:
    rng = np.random.default_rng(0)
    words = ["a code", "the key", "my dog", "one day"]
    texts = [f"{words[rng.integers(4)]} {rng.integers(10, 100)}" for _ in range(120)]
    bits = {}
    for times in (0, 60):
        model = zh.GPT(width=32, layers=1, heads=2, context=16, max_steps=60, batch_size=32, random_state=0)
        model.fit([*texts, *["the key 73"] * times])
        found = exposure_of(model, "the key {73}")
        assert (found.method, found.scored) == ("enumeration", 100)
        bits[times] = found.bits
    assert bits[60] > 6 > bits[0]
    scores = model.score_samples([f"the key {k:02}" for k in range(100)])
    assert found.rank == 1 + int((scores > scores[73]).sum())
    others = [f"{words[rng.integers(4)]} {rng.integers(10, 100)}" for _ in range(120)]
    audited = audit(model, data=[*texts, *["the key 73"] * 60], against=others, only=["likelihood"])
    assert audited.noun == "texts"


def test_secrets_are_in_braces() -> None:
    assert parts_of("my card is {49-61}.") == ("my card is ", "49-61", ".")
    assert alphabet_of("7") == "0123456789" and alphabet_of("-") == "-" and len(alphabet_of("Q")) == 26
    for text in ("no braces", "empty {}", "open {3"):
        with pytest.raises(ZaohuaError, match="marks no secret"):
            parts_of(text)


# ---- the page


def test_the_page_and_the_json_hold_what_was_found(found: Audit) -> None:
    text = page.text(found)
    assert not re.search(r"(?:src|href)\s*=|https?://|@import|url\(", text) and len(text) < 100_000
    assert all(one.name in text for one in found.findings) and "hides copies and protects nobody" in text
    assert "What can be guessed of a row" in text and "epsilon is at least" in text
    read = json.loads(json.dumps(found.to_json()))
    assert read["leaks"] and read["sentences"] == found.sentences() and read["findings"][0]["membership"]["auc"]
    told = page.lines(found)
    assert told[0] == found.sentences()[0] and any(
        line.startswith("not tried: likelihood against zlib") for line in told
    )


def test_an_audit_can_be_repeated(overfitted: zh.ProductMixture) -> None:
    run: Callable[[], Audit] = lambda: audit(  # noqa: E731
        overfitted, data=TRAIN, against=OTHERS, n_samples=100, only=NEAREST, random_state=3
    )
    first, second = run(), run()
    assert first.findings == second.findings and first.worst == second.worst
