from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import contingency, ks_2samp
from tests.tables import SIZES, apart, rows

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.columns import associations, correlations, mean_trend, shapes, trends
from zaohua.metrics.rows import LEVELS, Binning, as_rows, merge_rare


def test_shapes_of_numbers_are_those_of_scipy():
    a, b = rows(0), rows(1) * [1.5, 0.7, 1, 1]
    found = shapes(a, b, SIZES)
    inf = [np.where(np.isnan(x), np.inf, x) for x in (a, b)]
    for c in (0, 1):
        assert found[c] == pytest.approx(1 - ks_2samp(inf[0][:, c], inf[1][:, c]).statistic)


def test_shapes_known_in_advance():
    """KS of uniform numbers from 0 to 1 and t to 1 + t is t; TVD of shares (.5, .5, 0) and (.25, .25, .5) is .5."""
    grid = np.arange(1000.0)
    cats = np.repeat([0, 1], 500), np.repeat([0, 1, 2, 2], 250)
    found = shapes(np.column_stack([grid, cats[0]]), np.column_stack([grid + 300, cats[1]]), [0, 3])
    assert found == pytest.approx([0.7, 0.5])


def test_missing_numbers_count():
    x = np.arange(100.0)[:, None]
    y = np.where(np.arange(100) % 4 == 0, np.nan, np.arange(100.0))[:, None]
    assert shapes(x, y, [0])[0] <= 0.75 + 1e-9
    assert shapes(np.full((5, 1), np.nan), np.full((9, 1), np.nan), [0])[0] == 1
    assert shapes(x, np.full((9, 1), np.nan), [0])[0] == 0


def test_trends_are_those_of_pandas():
    a, b = rows(2), rows(3)
    found = trends(a, b, SIZES)
    rho = [pd.DataFrame(x).corr().to_numpy()[0, 1] for x in (a, b)]
    assert found[0, 1] == pytest.approx(1 - abs(rho[0] - rho[1]) / 2)
    tables = [pd.crosstab(x[:, 2], x[:, 3], normalize="all") for x in (a, b)]
    assert found[2, 3] == pytest.approx(1 - (tables[0] - tables[1]).abs().to_numpy().sum() / 2)
    binning = Binning(a, SIZES)
    codes = [binning.transform(x) for x in (a, b)]
    tables = [pd.crosstab(x[0], x[2], normalize="all") for x in codes]
    assert found[0, 2] == pytest.approx(1 - tables[0].sub(tables[1], fill_value=0).abs().to_numpy().sum() / 2)


def test_a_table_is_like_itself_in_any_order():
    a = rows(4)
    order = np.random.default_rng(0).permutation(len(a))
    assert (shapes(a, a[order], SIZES) == 1).all() and trends(a, a[order], SIZES) == pytest.approx(np.ones((4, 4)))
    b = rows(5)
    columns = [3, 0, 2, 1]
    sizes = [SIZES[c] for c in columns]
    assert shapes(a[:, columns], b[:, columns], sizes) == pytest.approx(shapes(a, b, SIZES)[columns])
    np.testing.assert_allclose(
        trends(a[:, columns], b[:, columns], sizes), trends(a, b, SIZES)[np.ix_(columns, columns)]
    )


def test_columns_drawn_apart_have_perfect_shapes_and_poor_trends():
    a = rows(6)
    found = trends(a, apart(a), SIZES)
    assert (shapes(a, apart(a), SIZES) == 1).all()
    assert found[0, 1] == pytest.approx(0.6, abs=0.03) and found[1, 2] < 0.6 and found[2, 3] > 0.95
    assert 0 <= found.min() and found.max() <= 1 and mean_trend(found) < 0.9


def test_correlations_of_rows_that_have_both():
    x = rows(7)[:, :2]
    x[::7, 1] = np.nan
    x = np.column_stack([x, np.full(len(x), 3.1), np.full(len(x), np.nan)])
    expected = pd.DataFrame(x).corr().to_numpy()
    found = correlations(x)
    assert found[0, 1] == pytest.approx(expected[0, 1], abs=1e-12) and found[0, 0] == pytest.approx(1)
    assert (found[2:] == 0).all() and (found[:, 2:] == 0).all()
    far = np.column_stack([1e9 + x[:, 0], x[:, 1]])
    assert correlations(far)[0, 1] == pytest.approx(expected[0, 1], abs=1e-6)


def test_associations_are_those_of_scipy():
    a = rows(8, missing=0)
    found = associations(a, SIZES, Binning(a, SIZES))
    table = pd.crosstab(a[:, 2], a[:, 3]).to_numpy()
    assert found[2, 3] == pytest.approx(contingency.association(table, method="cramer"))
    assert found[0, 1] == pytest.approx(abs(np.corrcoef(a[:, 0], a[:, 1])[0, 1])) and (found == found.T).all()
    assert np.diag(found) == pytest.approx(np.ones(4)) and found[1, 2] > 0.7
    constant = associations(np.zeros((9, 2)), [0, 2], Binning(np.zeros((9, 2)), [0, 2]))
    assert (constant == 0).all()


def test_bins_tell_zeros_and_few_values_apart():
    x = np.array([[0.0]] * 92 + [[float(i)] for i in range(1, 8)] + [[np.nan]])
    binning = Binning(x, [0])
    codes = binning.transform(np.array([[0.0], [3.0], [np.nan], [99.0], [-1.0]]))[0]
    assert codes[0] == codes[4] == 0 and 0 < codes[1] < codes[3] < codes[2] == binning.sizes[0] - 1
    many = Binning(np.concatenate([np.zeros(920), np.arange(1, 81)])[:, None], [0])
    assert (many.transform(np.array([[0.0], [50.0]]))[0] == [0, 1]).all()


def test_rare_categories_are_taken_together():
    codes = np.repeat(np.arange(300), np.arange(300, 0, -1))
    new = merge_rare(codes, 300, LEVELS)
    assert (new[:99] == np.arange(99)).all() and (new[99:] == 99).all()
    assert (merge_rare(codes[:5], 4, LEVELS) == np.arange(4)).all()
    x = codes[:, None].astype(float)
    both = np.column_stack([x, x])
    assert trends(both, both, [300, 300]) == pytest.approx(np.ones((2, 2)))


def test_one_column_has_no_pairs():
    assert mean_trend(trends(np.ones((4, 1)), np.ones((3, 1)), [0])) == 1


@pytest.mark.parametrize(
    ("values", "sizes", "message"),
    [
        (np.ones(4), [0], r"must be \(rows, 1\), not \(4,\)"),
        (np.ones((4, 2)), [0], r"not \(4, 2\)"),
        (np.ones((0, 1)), [0], "0 some: at least 1"),
        (np.array([[np.inf]]), [0], "infinite numbers, in column 0"),
        (np.array([[3.0]]), [3], "none of its 3 category indices"),
        (np.array([[0.5]]), [3], "values in column 0"),
        (np.array([[np.nan]]), [3], "values in column 0"),
        (np.ones((4, 0)), [], "must be"),
    ],
)
def test_what_is_no_table_is_refused(values: np.ndarray, sizes: list[int], message: str):
    with pytest.raises(ZaohuaError, match=message):
        as_rows(values, sizes, "some")
