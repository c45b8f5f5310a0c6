import torch

from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.mlp import MLP
from zaohua.nn.rows import RowLayout

SPEC = DataSpec(
    axes=("column",),
    shape=(4,),
    features=(
        Feature("a?", "category", 3),
        Feature("a", "real", 1, given=(0, 2)),
        Feature("b", "category", 2),
        Feature("c", "real", 1),
    ),
)
NAN = torch.nan


def test_rows_become_wide_and_rows_again():
    layout = RowLayout(SPEC)
    x = torch.tensor([[1, 0.5, 0, -2], [2, NAN, 1, 3]], dtype=torch.float64)
    wide = layout.wide(x)
    assert wide.tolist() == [[0, 1, 0, 1, 0, 0.5, -2], [0, 0, 1, 0, 1, 0, 3]]
    assert wide.dtype == torch.float32 and layout.width == 7 and layout.one_hots == 5
    torch.testing.assert_close(layout.rows(wide), x, equal_nan=True)


def test_what_is_unknown_or_was_never_seen_is_zero():
    layout = RowLayout(SPEC)
    x = torch.tensor([[-1, NAN, 5, 4], [0, 1.5, 1, 4]], dtype=torch.float64)
    known = torch.tensor([[True, True, True, True], [False, True, True, False]])
    assert layout.wide(x, known).tolist() == [[0, 0, 0, 0, 0, 0, 4], [0, 0, 0, 0, 1, 1.5, 0]]


def test_rows_of_one_kind_only():
    numbers = RowLayout(DataSpec(("column",), (1,), (Feature("x", "real", 1),)))
    assert numbers.wide(torch.tensor([[2.0]])).tolist() == [[2.0]] and numbers.one_hots == 0
    categories = RowLayout(DataSpec(("column",), (1,), (Feature("x", "category", 2),)))
    assert categories.wide(torch.tensor([[1.0]])).tolist() == [[0.0, 1.0]]
    assert categories.rows(torch.tensor([[0.3, 0.1]])).tolist() == [[0.0]]


def test_a_perceptron_takes_rows():
    x = torch.tensor([[1, 0.5, 0, -2], [2, NAN, 1, 3]], dtype=torch.float64)
    torch.manual_seed(0)
    ours = MLP(SPEC, out_dim=3, hidden=8)
    torch.manual_seed(0)
    torch.testing.assert_close(ours(x), MLP(7, out_dim=3, hidden=8)(RowLayout(SPEC).wide(x)))
