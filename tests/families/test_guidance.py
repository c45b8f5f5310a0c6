"""Parts of a condition: any of them may be left out, which gives the marginal, and be amplified by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import zaohua as zh
from zaohua.core.spec import DataSpec, Feature
from zaohua.families.guidance import guidance_of

LABEL = DataSpec((), (), (Feature("label", "category", 2),))
TWO = DataSpec(("part",), None, (), parts=(("a", LABEL), ("b", LABEL)))
CHANCE = np.array([[0.5, 0.1], [0.1, 0.3]])
"""Probability of each pair of a and b."""


@pytest.fixture(scope="module")
def model() -> zh.MADE:
    """A model of two pixels that are a and b, given a record of both."""
    pairs = np.random.default_rng(0).choice(4, size=4000, p=CHANCE.ravel())
    images = np.stack([pairs // 2, pairs % 2], 1).astype(np.uint8).reshape(-1, 1, 2)
    records = [{"a": "no yes".split()[a], "b": "no yes".split()[b]} for a, b in images[:, 0]]
    made = zh.MADE(
        hidden=32, layers=1, max_steps=600, batch_size=128, learning_rate=1e-2, random_state=0, condition_dropout=0.3
    )
    return made.fit(images, records)


def probabilities(model: zh.MADE, y: dict[str, str]) -> np.ndarray:
    """Of each pair of pixels, given a record."""
    pairs = np.array([[[a, b]] for a in (0, 1) for b in (0, 1)], np.uint8)
    return np.exp(model.score_samples(pairs, [y] * 4)).reshape(2, 2)


def test_a_part_that_is_left_out_gives_the_marginal(model: zh.MADE) -> None:
    np.testing.assert_allclose(probabilities(model, {}), CHANCE, atol=0.04)
    for value, word in enumerate(("no", "yes")):
        a, b = CHANCE[value], CHANCE[:, value]
        given_a, given_b = probabilities(model, {"a": word}), probabilities(model, {"b": word})
        np.testing.assert_allclose(given_a[value], a / a.sum(), atol=0.06)
        np.testing.assert_allclose(given_b[:, value], b / b.sum(), atol=0.06)
        assert given_a[1 - value].max() < 0.03 and given_b[:, 1 - value].max() < 0.03
    assert probabilities(model, {"a": "no", "b": "yes"})[0, 1] > 0.95


def test_samples_follow_the_part_that_is_given(model: zh.MADE) -> None:
    pixels = model.sample(2000, y={"a": "yes"}, random_state=0).reshape(-1, 2)
    assert pixels[:, 0].mean() > 0.97 and pixels[:, 1].mean() == pytest.approx(0.75, abs=0.07)


def test_weights_of_parts() -> None:
    full, without_a, without_b, nothing = (torch.tensor([[float(i)]]) for i in (1, 20, 300, 4000))
    both, plain = guidance_of(3.0, TWO), guidance_of({"a": 3.0, "b": 3.0}, TWO)
    assert both is not None and plain is not None and both.shown.equal(plain.shown)
    assert both.combine(torch.cat([full, nothing])).item() == pytest.approx(4000 + 3 * (1 - 4000))
    one = guidance_of({"a": 3.0}, TWO)
    assert one is not None and one.shown.tolist() == [[True, True], [False, True]]
    assert one.combine(torch.cat([full, without_a])).item() == pytest.approx(1 + 2 * (1 - 20))
    two = guidance_of({"a": 3.0, "b": 2.0}, TWO)
    assert two is not None and two.shown.tolist() == [[True, True], [False, True], [True, False]]
    combined = two.combine(torch.cat([full, without_a, without_b]))
    assert combined.item() == pytest.approx(1 + 2 * (1 - 20) + (1 - 300))
    assert sum(two.coefficients) == pytest.approx(1)
    assert guidance_of(1.0, TWO) is None and guidance_of({"a": 1.0}, TWO) is None and guidance_of(1.0, LABEL) is None


def test_a_guided_part_is_exaggerated_and_the_other_stays(model: zh.MADE) -> None:
    plain, guided = (
        model.sample(3000, y={"a": "yes"}, random_state=1, guidance=g).reshape(-1, 2).mean(0) for g in (1.0, {"b": 5.0})
    )
    np.testing.assert_allclose(plain, guided, atol=0.05)  # b isn't given, so with and without it are the same
    less = model.sample(3000, y={"a": "yes", "b": "no"}, random_state=1, guidance={"a": 0.0}).reshape(-1, 2)
    assert less[:, 0].mean() == pytest.approx(CHANCE[1, 0] / CHANCE[:, 0].sum(), abs=0.06)  # as if a weren't given
