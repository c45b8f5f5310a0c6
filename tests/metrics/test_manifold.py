from __future__ import annotations

import numpy as np
import pytest

from zaohua.core.errors import ZaohuaError
from zaohua.metrics import pairwise
from zaohua.metrics.manifold import Manifold, manifold


def draws(seed: int, n: int = 300, d: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def four(found: Manifold) -> tuple[float, float, float, float]:
    return found.precision, found.recall, found.density, found.coverage


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("scale", [0.7, 1, 1.5])
def test_agrees_with_prdc(k: int, scale: float, monkeypatch: pytest.MonkeyPatch):
    from prdc import prdc

    monkeypatch.setattr(prdc, "print", lambda *a: None, raising=False)
    real, samples = draws(0), scale * draws(1, n=200)
    theirs = prdc.compute_prdc(real, samples, k)
    assert four(manifold(samples, real, k)) == pytest.approx(
        tuple(theirs[name] for name in ("precision", "recall", "density", "coverage")), rel=1e-12
    )


def test_on_a_line_by_hand():
    """Real balls are (-1, 1), (0, 2), (1, 5); those of samples (-10.25, .25), (-.25, .75), (.25, 1.25), (.75, 1.75)."""
    found = manifold([[-5.0], [0.25], [0.75], [1.25]], [[0.0], [1.0], [3.0]], k=1)
    assert four(found) == pytest.approx((3 / 4, 2 / 3, 6 / 4, 1))
    assert found.recalled.tolist() == [True, True, False]


def test_what_lies_on_the_edge_is_outside():
    """Of a set against itself the k-th neighbour is on the edge of each ball: itself and k - 1 are inside."""
    x = draws(2)
    assert four(manifold(x, x)) == (1, 1, 1, 1)
    assert four(manifold(x + 1e-3 * draws(3), x))[2] != 1


def test_collapse_to_half_scale_shows_in_recall_and_density_only():
    found = manifold(draws(4, 1000, 64) / 2, draws(5, 1000, 64))
    assert found.precision == 1 and found.recall == 0 and found.density > 20 and found.coverage > 0.99


def test_a_class_left_out_lowers_recall_and_not_precision():
    centres = 20 * np.eye(8)[:3]
    labels = np.repeat(["a", "b", "c"], 200)
    real, samples = (np.repeat(centres, 200, axis=0) + draws(seed, 600) for seed in (6, 7))
    whole, lacking = manifold(samples, real), manifold(samples[labels != "b"], real)
    assert lacking.precision == pytest.approx(whole.precision, abs=0.05)
    assert lacking.recall < whole.recall - 0.2
    by = lacking.recall_by(list(labels))
    assert by["b"] == 0 and by["a"] > 0.7 and by["c"] > 0.7
    assert np.mean(list(by.values())) == pytest.approx(lacking.recall)


def test_does_not_depend_on_order_or_blocks_and_falls_with_noise(monkeypatch: pytest.MonkeyPatch):
    a, b = draws(8), draws(9)
    before, order = four(manifold(a, b)), np.random.default_rng(0).permutation(len(a))
    assert four(manifold(a[order], b[order])) == pytest.approx(before, rel=1e-12)
    monkeypatch.setattr(pairwise, "BLOCK", 1000)
    assert four(manifold(a, b)) == pytest.approx(before, rel=1e-12)
    precisions = [manifold(a + s * draws(10), b).precision for s in (0, 0.5, 1, 2)]
    assert precisions == sorted(precisions, reverse=True) and precisions[0] > 0.6 and precisions[-1] < 0.3


def test_refuses_too_few_neighbours_and_labels_of_others():
    for k in (0, 300):
        with pytest.raises(ZaohuaError, match="must be at least 1 and below"):
            manifold(draws(0), draws(1), k)
    with pytest.raises(ZaohuaError, match="300 real items but 2 labels"):
        manifold(draws(0), draws(1)).recall_by([1, 2])
