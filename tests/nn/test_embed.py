from __future__ import annotations

import pytest
import torch

from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.embed import Embed, TimeEmbed, pool, positions
from zaohua.nn.overlay import Overlay

LABEL = DataSpec((), (), (Feature("label", "category", 10),))
VECTOR = DataSpec((), (), (Feature("attribute", "real", 3),))
TEXT = DataSpec(("time",), None, (Feature("token", "category", 50),), pad=50)
FIXED_TEXT = DataSpec(("time",), (7,), (Feature("token", "category", 50),))
MAP = DataSpec(("height", "width"), (6, 5), (Feature("class", "category", 4),))
IMAGE = DataSpec(("height", "width"), (28, 20), (Feature("pixel", "real", 3, 256),))
VOXELS = DataSpec(("depth", "height", "width"), (9, 5, 2), (Feature("density", "real", 2),))
RAGGED_VOXELS = DataSpec(("depth", "height", "width"), None, (Feature("density", "real", 2),))
SOUND = DataSpec(("time",), (4000,), (Feature("wave", "real", 1),))
RAGGED_SOUND = DataSpec(("time",), None, (Feature("wave", "real", 1),))


def codes(*shape: int, size: int) -> torch.Tensor:
    return torch.randint(size, shape, generator=torch.Generator().manual_seed(0))


CONDITIONS = {
    "label": (LABEL, codes(4, size=10), 1),
    "vector": (VECTOR, torch.randn(4, 3), 1),
    "text": (TEXT, codes(4, 9, size=50), 9),
    "fixed text": (FIXED_TEXT, codes(4, 7, size=50), 7),
    "map": (MAP, codes(4, 6, 5, size=4), 30),
    "image": (IMAGE, torch.randn(4, 3, 28, 20), 49),
    "sound": (SOUND, torch.randn(4, 1, 4000), 64),
    "ragged sound": (RAGGED_SOUND, torch.randn(4, 1, 50_000), 64),
    "voxels": (VOXELS, torch.randn(4, 2, 9, 5, 2), 18),
    "ragged voxels": (RAGGED_VOXELS, torch.randn(4, 2, 9, 60, 30), 2 * 4 * 4),
    "short sound": (RAGGED_SOUND, torch.randn(4, 1, 300), 2),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_tokens(name: str) -> None:
    spec, y, length = CONDITIONS[name]
    embed = Embed(spec, 32)
    tokens = embed(y, 4)
    assert tokens.values.shape == (4, length, 32) and tokens.present.shape == (4, length) and tokens.present.all()
    assert length <= 64
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(embed(y[order], 4).values, tokens.values[order])
    assert not torch.allclose(tokens.summary[0], tokens.summary[1])


@pytest.mark.parametrize("name", CONDITIONS)
def test_dropped_conditions_are_the_null_token(name: str) -> None:
    spec, y, _ = CONDITIONS[name]
    embed = Embed(spec, 32)
    keep = torch.tensor([True, False, True, False])
    null = embed(None, 4)
    assert null.values.shape == (4, 1, 32) and null.present.all()
    tokens = embed(y, 4, keep)
    torch.testing.assert_close(tokens.values[~keep, :1], null.values[~keep])
    assert not tokens.values[~keep, 1:].any() and tokens.present[~keep].sum(1).eq(1).all()
    torch.testing.assert_close(tokens.values[keep], embed(y, 4).values[keep])
    torch.testing.assert_close(tokens.summary[1], null.summary[1])
    (tokens.values.sum() + tokens.summary.sum()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in embed.parameters())


def test_unconditional_has_no_tokens() -> None:
    embed = Embed(None, 32)
    assert not list(embed.parameters()) and not embed.state_dict()
    tokens = embed(None, 5, torch.ones(5, dtype=torch.bool))
    assert tokens.values.shape == (5, 0, 32) and tokens.present.shape == (5, 0)
    torch.testing.assert_close(tokens.summary, torch.zeros(5, 32))


def test_padding_changes_nothing() -> None:
    embed = Embed(TEXT, 32)
    y = codes(3, 6, size=50)
    longer = torch.cat([y, torch.full((3, 5), 50)], dim=1)
    torch.testing.assert_close(embed(longer, 3).values[:, :6], embed(y, 3).values)
    assert embed(longer, 3).values[:, 6:].eq(0).all()
    assert torch.equal(embed(longer, 3).present, longer != 50)
    torch.testing.assert_close(embed(longer, 3).summary, embed(y, 3).summary)


def test_an_empty_text_is_no_condition() -> None:
    embed = Embed(TEXT, 32)
    y = torch.full((2, 4), 50)
    y[0] = 3
    torch.testing.assert_close(embed(y, 2).summary[1], embed(None, 2).summary[1])
    torch.testing.assert_close(tuple(embed(y[:, :0], 2)), tuple(embed(None, 2)))
    assert embed(y, 2).present.tolist() == [[True] * 4, [True, False, False, False]]  # the null token, alone


def test_tokens_that_are_zero_are_there() -> None:
    """As those of a network whose last layer is silent: what is there is told by the condition, not by the numbers."""
    embed = Embed(TEXT, 32)
    torch.nn.init.zeros_(embed.out.weight)
    for conv in embed.mix.convs:
        torch.nn.init.zeros_(conv.weight)
    y = torch.tensor([[3, 4, 50]])
    tokens = embed(y, 1)
    assert not tokens.values.any() and tokens.present.tolist() == [[True, True, False]]
    ones = tokens.present.unsqueeze(2).expand(1, 3, 32).float()
    torch.testing.assert_close(pool(ones, tokens.present), torch.ones(1, 32))


def test_the_order_of_words_matters() -> None:
    embed = Embed(TEXT, 32)
    mean = embed(torch.tensor([[1, 2, 3], [3, 2, 1]]), 2).summary
    assert (mean[0] - mean[1]).abs().max() > 1e-3


def test_a_text_is_summed_up_by_the_mean_and_the_maximum_of_its_own_tokens() -> None:
    embed = Embed(TEXT, 32)
    y = codes(2, 6, size=50)
    y[1, 3:] = 50
    for half, summed_up in enumerate((lambda values: values.mean(0), lambda values: values.amax(0))):
        with torch.no_grad():
            embed.mix.both.weight.copy_(torch.eye(64)[32 * half : 32 * half + 32] - torch.eye(64)[:32])
        values, _, summary = embed(y, 2)
        torch.testing.assert_close(summary, torch.stack([summed_up(values[0]), summed_up(values[1, :3])]))


def test_positions_are_distinct() -> None:
    places = positions((8, 8), 32, torch.device("cpu")).flatten(0, 1)
    assert torch.pdist(places).min() > 0.1


@pytest.mark.parametrize("times", [torch.linspace(0, 1000, 200), torch.linspace(-2, 2, 200)])
def test_times_are_told_apart(times: torch.Tensor) -> None:
    features = TimeEmbed(32).double()(times)
    assert features.shape == (200, 32) and features.dtype == torch.float64
    assert (features.diff(dim=0).norm(dim=1) > 1e-4).all()


def test_overlay() -> None:
    overlay = Overlay(IMAGE)
    x, y = torch.randn(2, 1, 8, 8), torch.randn(2, 3, 28, 20)
    mixed = overlay(x, y, torch.tensor([True, False]))
    assert mixed.shape == (2, 4, 8, 8)
    torch.testing.assert_close(mixed[1], overlay(x, None)[1])
    torch.testing.assert_close(mixed[0], overlay(x, y)[0])
