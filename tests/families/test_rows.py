"""Rows as CTGAN and TVAE see them: likelihoods that sum to one, bounds of tables, training by sampling."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise, ItemNoise
from zaohua.core.spec import DataSpec, Feature
from zaohua.families.likelihoods import likelihood_of
from zaohua.families.row_conditions import Conditions
from zaohua.families.rows import RowLikelihood
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.views import View
from zaohua.nn.rows import RowLayout
from zaohua.training.events import Batch

SPEC = DataSpec(
    axes=("column",),
    shape=(3,),
    features=(
        Feature("a?", "category", 3, missing=2),
        Feature("a", "real", 1, given=(0, 2)),
        Feature("b", "category", 4),
    ),
)


def table(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Rows with dependent columns, with missing cells, a frequent zero and a rare category."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["x", "y", "z"], n, p=[0.6, 0.37, 0.03])
    size = rng.normal(0, 1, n) + 5 * (kind == "x")
    count = np.where(rng.random(n) < 0.3, 0, rng.poisson(8 + 10 * (kind == "y")))
    return pd.DataFrame({"kind": kind, "size": np.where(rng.random(n) < 0.1, np.nan, size), "count": count})


# ---- p(row | parameters)


def test_a_likelihood_of_rows_sums_to_one() -> None:
    likelihood, noise = likelihood_of(SPEC), BatchNoise(0, 1)
    assert isinstance(likelihood, RowLikelihood) and likelihood.outputs(SPEC.channels) == 9
    parameters, total = noise.normal(9), 0.0
    z = torch.linspace(-10, 10, 20_001, dtype=torch.float64)
    for state, b in itertools.product(range(3), range(4)):
        numbers = z if state < 2 else z[:1] * torch.nan
        x = torch.stack([torch.full_like(numbers, state), numbers, torch.full_like(numbers, b)], dim=1)
        p = likelihood.log_prob(parameters.expand(len(x), -1), x).exp()
        total += float(p.sum() * (0.001 if state < 2 else 1))
    assert total == pytest.approx(1, abs=1e-3)


def test_features_that_a_row_does_not_say_are_summed_over() -> None:
    likelihood, parameters = likelihood_of(SPEC), BatchNoise(0, 1).normal(9)
    x = torch.tensor([[0, 0.1, b] for b in range(4)], dtype=torch.float64)
    every = likelihood.log_prob(parameters.expand(4, -1), x).logsumexp(0)
    x = torch.tensor([[0, 0.1, -1]], dtype=torch.float64)
    torch.testing.assert_close(likelihood.log_prob(parameters, x)[0], every)


def test_draws_are_as_frequent_as_their_likelihood_says() -> None:
    n, parameters = 20_000, torch.tensor([1.0, 0.0, -1.0, 0, 0, 0, 2, 0.5, 3])
    x = likelihood_of(SPEC).draw(parameters.expand(n, -1), BatchNoise(1, n))
    for feature, logits in ((0, parameters[:3]), (2, parameters[3:7])):
        shares = torch.bincount(x[:, feature].long(), minlength=len(logits)) / n
        torch.testing.assert_close(shares, logits.softmax(0), atol=0.01, rtol=0)
    there = x[:, 1][x[:, 0] < 2]
    assert x[:, 1].isnan().equal(x[:, 0] == 2)
    assert there.mean() == pytest.approx(0.5, abs=0.02) and there.std() == pytest.approx(np.exp(-0.5), abs=0.02)


# ---- numbers around modes


def test_places_around_modes_are_exact_and_say_nothing_of_the_choice_of_a_mode() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(m, 20, 500).round() for m in (0, 60)])
    values[0] = 400
    column = Column.from_series(pd.Series(values.astype(int), name="x"))
    view = View.fit(column, values - column.origin, "modes")
    x = np.repeat(np.array([30.0, 400.0]) - column.origin, 20_000)
    u = np.random.default_rng(1).random((len(x), 2))
    state, z = view.to_tensor(x, u)
    assert (view.from_tensor(state, z) == x).all()
    within = (view.numbers.from_tensor(state, z) - x)[:20_000]  # -0.5 to 0.5, in each mode
    for mode in np.unique(state[:20_000]):
        of_mode = within[state[:20_000] == mode]
        if len(of_mode) > 1000:
            assert abs(of_mode.mean()) < 0.1 and abs(of_mode.std() - 12**-0.5) < 0.03


@pytest.mark.parametrize("numbers", ["modes", "quantile"])
def test_bounds_of_a_table_sum_to_nearly_one(numbers: str) -> None:
    """All rows there can be of whole numbers and categories; the bound's probabilities fall short of one by little."""
    rng = np.random.default_rng(0)
    b = rng.choice(["p", "q"], 2000)
    a = np.where(b == "p", rng.binomial(30, 0.3, 2000), rng.binomial(30, 0.7, 2000))
    model = zh.TVAE(
        random_state=0,
        hidden=32,
        latent_dim=2,
        max_steps=250,
        batch_size=100,
        beta=1.0,
        learning_rate=1e-2,
        codec=TableCodec(numbers=numbers),
        score_importance_samples=200,
    )
    model.fit(pd.DataFrame({"a": a, "b": b}))
    every = pd.DataFrame(list(itertools.product(range(a.min(), a.max() + 1), ["p", "q"])), columns=["a", "b"])
    total = float(np.exp(model.score_samples(every)).sum())
    print(total)
    assert 0.8 < total < 1.03


def test_a_bound_of_densities_integrates_to_nearly_one() -> None:
    rng = np.random.default_rng(0)
    x = np.where(rng.random(2000) < 0.5, rng.normal(100, 10, 2000), rng.normal(200, 20, 2000))
    model = zh.TVAE(
        random_state=0, hidden=32, latent_dim=2, max_steps=250, batch_size=100, beta=1.0, learning_rate=1e-2
    ).fit(pd.DataFrame({"x": x, "c": "same"}))
    grid = np.linspace(x.min(), x.max(), 401)
    density = np.exp(model.score_samples(pd.DataFrame({"x": grid, "c": "same"})))
    print(float(density.sum() * (grid[1] - grid[0])))
    assert 0.8 < float(density.sum() * (grid[1] - grid[0])) < 1.03


# ---- training by sampling


def test_rows_and_conditions_come_as_if_a_category_had_been_drawn_first() -> None:
    spec = DataSpec(("column",), (2,), (Feature("a", "category", 2), Feature("b", "category", 3)))
    rows = torch.tensor([[0, 0], [0, 0], [0, 1], [1, 1], [0, 2]], dtype=torch.float64)
    layout = RowLayout(spec)
    one_hot = layout.one_hot(rows)
    counts = one_hot.sum(0)
    conditions = Conditions(layout, counts)
    logs = torch.log1p(counts.double())
    chance = torch.cat([logs[:2] / logs[:2].sum(), logs[2:] / logs[2:].sum()]) / 2  # of each condition
    expected = chance * one_hot / counts  # of a row of those that meet it, (rows, conditions)
    weights = conditions.weights(one_hot)
    torch.testing.assert_close(weights / weights.sum(), expected.sum(1))
    n = 20_000
    for row in range(5):
        c = conditions.of(one_hot[row].expand(n, -1), BatchNoise(row, n))
        assert (c.sum(1) == 1).all()
        torch.testing.assert_close(c.double().mean(0), expected[row] / expected[row].sum(), atol=0.015, rtol=0)
    torch.testing.assert_close(conditions.frequent(BatchNoise(9, n)).mean(0), counts / 10, atol=0.015, rtol=0)


def ctgan(**fields: object) -> zh.CTGAN:
    return zh.CTGAN(random_state=0, **{**zh.CTGAN.tiny, **fields})


def test_one_pass_has_the_gradients_of_both_phases() -> None:
    model = ctgan(dropout=0.0, precision="float32").fit(table())
    nets = model.build(model.spec_, None)
    x = model.prepare(model.codec_.encode(table(20, 1)), BatchNoise(0, 20))

    def gradient(phase: str, net: str) -> torch.Tensor:
        nets.zero_grad()
        model.loss(nets, Batch(x, None, BatchNoise(3, 20)), phase).sum().backward()
        return torch.cat([p.grad.flatten() for p in nets[net].parameters()])

    for net in ("discriminator", "generator"):
        torch.testing.assert_close(gradient("both", net), gradient(net, net), rtol=1e-4, atol=1e-5)


def test_the_penalty_of_a_linear_critic_is_that_of_its_slope() -> None:
    weight = torch.tensor([[3.0], [4.0]])
    x, fakes = torch.randn(6, 2), torch.randn(6, 2)
    found = ctgan(gradient_penalty=10.0).penalty(lambda x: x @ weight, x, fakes, torch.rand(6, 1))
    torch.testing.assert_close(found, torch.full((6,), 160.0))
    packs = ctgan().penalty(lambda x: (x @ weight).view(2, 3).sum(1, keepdim=True), x, fakes, torch.rand(6, 1))
    torch.testing.assert_close(packs, torch.full((2,), 10 * (5 * 3**0.5 - 1) ** 2))


@pytest.mark.parametrize("name", ["CTGAN", "TVAE"])
@pytest.mark.parametrize("columns", [["kind", "size", "count"], ["size"], ["kind"]])
def test_any_table_is_learnt_and_kept(name: str, columns: list[str], tmp_path) -> None:
    cls = getattr(zh, name)
    frame = table()[columns]
    model = cls(random_state=0, **cls.tiny).fit(frame, out=tmp_path / "run")
    rows = model.sample(40, random_state=1)
    assert list(rows.columns) == columns and (rows.dtypes == frame.dtypes).all()
    again = zh.load(tmp_path / "run")
    pd.testing.assert_frame_equal(again.sample(40, random_state=1), rows)
    pd.testing.assert_frame_equal(again.sample(7, random_state=1), rows[:7])


@pytest.mark.parametrize("name", ["CTGAN", "TVAE"])
def test_labels_columns_that_are_given_and_going_on(name: str, tmp_path) -> None:
    cls, frame = getattr(zh, name), table()
    labels = np.where(frame["count"] > 8, "many", "few")
    model = cls(random_state=0, **cls.tiny).fit(frame, labels)
    assert len(model.sample(3, y="many", random_state=0)) == 3
    settings = {**cls.tiny, "max_steps": 8, "lr_schedule": "constant"}
    whole = cls(random_state=0, **settings).fit(frame)
    assert (whole.sample(5, y={"kind": "x"}, random_state=0)["kind"] == "x").all()
    part = cls(random_state=0, **{**settings, "max_steps": 3}).fit(frame, out=tmp_path / "run")
    part.max_steps = 8
    part.resume(tmp_path / "run", frame)
    if name == "CTGAN":  # a VAE's weight of the KL term follows the whole length of the training
        for a, b in zip(whole.nets_.parameters(), part.nets_.parameters(), strict=True):
            assert torch.equal(a, b)


def test_batches_that_can_not_be_packed_are_refused() -> None:
    with pytest.raises(ZaohuaError, match="choose a multiple of 5"):
        ctgan(batch_size=21).fit(table())


def test_a_sample_is_a_row_of_categories_and_numbers_that_go_together() -> None:
    model = ctgan(max_steps=2, device="cpu").fit(table())
    x = model.draw(ItemNoise(range(50)), None)
    for place, feature in enumerate(model.spec_.features):
        if feature.given is not None:
            assert x[:, place].isnan().equal(x[:, feature.given[0]] >= feature.given[1])
