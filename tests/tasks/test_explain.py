"""Explanations: sums that must hold, attributions against captum, oddness, counterfactuals, attention, and the page."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import zaohua as zh
from tests.trainings import digits, make
from zaohua.core.errors import ZaohuaError
from zaohua.nn.attention import SelfAttention, visible
from zaohua.nn.blueprint import NAMED
from zaohua.nn.transformer import Transformer
from zaohua.tasks.explain.attention import measured
from zaohua.tasks.explain.attribution import integrated_gradients, occlusion
from zaohua.tasks.explain.attributions import attributions, bayes
from zaohua.tasks.explain.counterfactuals import counterfactuals
from zaohua.tasks.explain.judge import Judge
from zaohua.tasks.explain.oddness import Detector
from zaohua.tasks.explain.subject import Subject, reference_of, subject_of
from zaohua.tasks.explain.surprisal import surprisal
from zaohua.tasks.explain.vectors import vectors
from zaohua.tasks.explain.walks import first_layer, principal

X, Y = digits(400)
PIECES = [zh.Piece.from_voices([[72, 72, 60], [67, 65, 64]]), zh.Piece.from_voices([[60], [48]])] * 6
TEXTS = ["the rat sat on the mat", "a cat sat on a rat", "the mat is flat"] * 4


def table(n: int = 240, seed: int = 0) -> pd.DataFrame:
    """Two groups of rows, which the last column names."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    return pd.DataFrame(
        {
            "height": 4.0 * group + rng.normal(size=n),
            "colour": np.where(rng.uniform(size=n) < 0.9, np.array(["red", "blue"])[group], "green"),
            "noise": rng.normal(size=n),
            "kind": np.array(["low", "high"])[group],
        }
    )


TRAIN, TEST = (X[:300], Y[:300]), (X[300:], Y[300:])


def subject(model: Any, item: object = None, train: object = TRAIN, data: object = TEST) -> Subject:
    known: list[Any] = []

    def find() -> Any:
        if not known:
            known.append(reference_of(model, data, train))
        return known[0]

    return subject_of(model, item, None, find)


@pytest.fixture(scope="module")
def mixture() -> Any:
    return zh.ProductMixture(random_state=0, n_components=4).fit(table())


@pytest.fixture(scope="module")
def vae() -> Any:
    mlp = {"encoder": "mlp", "decoder": "mlp", "latent_dim": 6, "batch_size": 64}
    return make("VAE", 500, **mlp).fit(X[:300], Y[:300])


def rows(model: Any, item: object = 0) -> Subject:
    return subject(model, item, table(), table(80, 1))


# ---- surprisal


@pytest.mark.parametrize(
    ("name", "items", "fields"),
    [
        ("PixelCNN", X[:40], {}),
        ("MADE", (X[:40] > 7).astype(np.uint8), {}),
        ("ImageGPT", X[:40], {}),
        ("GPT", TEXTS, {"context": 8}),
        ("ChoraleRNN", PIECES, {"context": 4}),
        ("MusicGPT", PIECES, {"context": 8}),
    ],
)
def test_surprisals_sum_to_the_score(name: str, items: Any, fields: dict[str, Any]) -> None:
    model = make(name, 3, **fields).fit(items)
    found = surprisal(subject(model, items[:1], items, items))
    assert found.kind == "exact"
    assert found.total == pytest.approx(-model.score_samples(items[:1])[0], rel=1e-5)
    assert not found.names or len(found.names) == found.nats.size


@pytest.mark.parametrize("name", ["ProductMixture", "TabAR"])
def test_surprisals_of_cells_sum_to_the_score(name: str, mixture: Any) -> None:
    frame = table()
    frame.loc[5, "colour"] = None
    model = mixture if name == "ProductMixture" else make("TabAR", 20, validation_fraction=0).fit(frame)
    for row in (0, 7):
        found = surprisal(rows(model, frame[row : row + 1]))
        assert found.names == ("height", "colour", "noise", "kind")
        assert found.total == pytest.approx(-model.score_samples(frame[row : row + 1])[0], abs=1e-4)


def test_a_cell_given_all_others_is_a_share_of_the_sum_over_its_values(mixture: Any) -> None:
    frame = table()[3:4]
    found = surprisal(rows(mixture, frame))
    each = [mixture.score_samples(frame.assign(colour=value))[0] for value in ("red", "blue", "green")]
    own = mixture.score_samples(frame)[0] - np.logaddexp.reduce(each)
    assert found.rest is not None and found.rest[1] == pytest.approx(-own, abs=1e-6)
    ar = make("TabAR", 30, validation_fraction=0).fit(table())
    given = surprisal(rows(ar, frame))
    x = ar.prepare_items(ar.encode_items(pd.concat([frame.assign(colour=v) for v in ("red", "blue", "green")]))).x
    index = [feature.name for feature in ar.spec_.features].index("colour")
    with ar.inference():
        chances = ar.log_conditional(x, None, [index]).exp()
    assert float(chances.sum()) == pytest.approx(1, abs=1e-5)
    assert given.rest is not None and min(abs(given.rest[1] + np.log(chances.numpy()))) < 1e-5


def test_bounds_and_estimates_are_called_so(vae: Any) -> None:
    found = surprisal(subject(vae, 0))
    assert found.kind == "bound" and found.latents is not None and found.latents.shape == (6,)
    assert found.score is not None and found.total > -found.score - 1  # the score's bound is tighter
    flow = make("Flow", 2).fit(X[:32], Y[:32])
    estimate = surprisal(subject(flow, 0))
    assert estimate.kind == "estimate" and estimate.score is None and len(estimate.levels) == 5
    codes = make("VQVAE", 4).fit(np.kron(X[:32], np.ones((1, 2, 2), np.uint8)))
    one = np.kron(X[:1], np.ones((1, 2, 2), np.uint8))
    assert surprisal(subject(codes, one)).total == pytest.approx(-codes.score_samples(one)[0], rel=1e-5)


# ---- attributions


def test_integrated_gradients_are_complete_and_equal_to_captum() -> None:
    captum = pytest.importorskip("captum.attr")
    x = torch.from_numpy(X[:200].astype(np.float32) / 8 - 1)[:, None]
    judge = Judge(x, Y[:200])

    def f(points: torch.Tensor) -> torch.Tensor:
        return judge.log_probabilities(points)[:, 3]

    base = torch.full_like(x[:1], -1.0)
    found = integrated_gradients(f, x[:1], base)
    assert abs(found.gap) < 1e-3 * max(1, abs(found.at - found.base))
    theirs, delta = captum.IntegratedGradients(f).attribute(
        x[:1], base, n_steps=found.steps, return_convergence_delta=True
    )
    np.testing.assert_allclose(found.values, theirs[0].numpy(), atol=1e-3)
    assert abs(float(delta)) < 1e-3
    hidden = captum.Occlusion(f).attribute(x[:1], (1, 2, 2), strides=(1, 2, 2), baselines=base)
    np.testing.assert_allclose(occlusion(f, x[:1], base, 2), hidden[0, 0].numpy(), atol=1e-3)


def test_a_jump_has_no_gradient() -> None:
    with pytest.raises(ZaohuaError, match="jumps"):
        integrated_gradients(lambda x: (x.sum(1) > 0).float() * 5 + x.sum(1), torch.ones(1, 2), -torch.ones(1, 2))


def test_an_answer_depends_on_the_cells_that_tell_it(mixture: Any) -> None:
    found = bayes(rows(mixture, table()[2:3]))
    assert found.names == ("height", "colour", "noise") and found.title.startswith("log p(kind = ")
    assert abs(found.occlusion[2]) < 0.1 * max(abs(found.occlusion[:2]))
    both = attributions(rows(mixture, table()[2:3]))
    assert [each.unit for each in both] == ["nats", "log odds"]
    assert both[1].gradients is not None
    assert both[1].occlusion.sum() == pytest.approx(both[1].gradients.values.sum())


def test_words_of_a_prompt_are_left_out_one_by_one() -> None:
    model = make("GPT", 40, context=32).fit(["abab cdcd abab cdcd"] * 20)
    (found,) = attributions(subject(model, "abab cdcd abab cdcd", None, None))
    assert found.names == ("abab ", "cdcd ") and len(found.occlusion) == 2 and found.unit == "nats"
    whole, start = (surprisal(subject(model, text, None, None)).nats for text in ("abab cdcd abab cdcd", "abab cdcd "))
    assert found.at == pytest.approx(-whole[len(start) - 1 : -1].sum(), abs=1e-3)


# ---- oddness


def test_raw_likelihood_prefers_simple_pictures_and_the_ratio_does_not() -> None:
    big = np.kron(X[:200], np.ones((1, 2, 2), np.uint8))
    model = make("PixelCNN", 30, batch_size=16).fit(big)
    detector = Detector(model, model.encode_items(big))
    usual = model.encode_items(big[:40])
    a, b = detector.scores(usual, usual), detector.scores(model.encode_items(np.zeros_like(big[:1])))
    assert b["raw"][0] < a["raw"].min()  # a model of digits finds black likelier than any digit
    assert b["ratio"][0] > np.median(a["ratio"]) and b["typicality"][0] > np.median(a["typicality"])


def test_rows_unlike_trainings_are_odd_though_models_leave_their_cells_out(mixture: Any) -> None:
    far = pd.DataFrame({"height": [99.0], "colour": ["red"], "noise": [-99.0], "kind": ["low"]})
    usual, odd = mixture.encode_items(table(80, 1)), mixture.encode_items(far)
    detector = Detector(mixture, mixture.encode_items(table()))
    a, b = detector.scores(usual, usual), detector.scores(odd)
    assert -mixture.score_samples(far)[0] < np.median(-mixture.score_samples(table(80, 1)))  # what is to be avoided
    assert b["raw"][0] > a["raw"].max() and b["distance"][0] > np.quantile(a["distance"], 0.9)


def test_vectors_of_sequences_are_near_where_they_share_runs() -> None:
    model = make("GPT", 1, context=8).fit(TEXTS)
    v = vectors(model, model.encode_items(["the rat sat", "the rat sat on", "flat mat is"]))
    assert np.linalg.norm(v[0] - v[1]) < np.linalg.norm(v[0] - v[2])


# ---- latents


def test_counterfactuals_flip_the_classifier_and_move_less_than_classes_are_apart(vae: Any, mixture: Any) -> None:
    for found in (
        [counterfactuals(subject(vae, i)) for i in range(2)],
        [counterfactuals(rows(mixture, i)) for i in range(4)],
    ):
        each = [one for item in found for one in item.found]
        assert np.mean([one.flips for one in each]) >= 0.8
        assert np.median([one.distance for one in each]) < found[0].between
        assert all(one.label != item.label for item in found for one in item.found)
    assert each[0].changed and set(each[0].changed) <= {"height", "colour", "noise"}


def test_principal_directions_and_those_of_a_first_layer() -> None:
    z = np.random.default_rng(0).normal(size=(500, 5)) * [4, 1, 0.5, 0.2, 0.1]
    first = principal(z)[0]
    assert abs(abs(first[0]) - 4) < 0.3 and np.abs(first[1:]).max() < 0.3
    gan = make("R3GAN", 1, channels=4, max_channels=4, latent_dim=6).fit(X[:32])
    directions = first_layer(gan)
    np.testing.assert_allclose(directions @ directions.T, np.eye(len(directions)), atol=1e-6)


# ---- attention


@pytest.mark.parametrize("changes", [{}, {"kv_heads": 2, "attention_cap": 5.0}])
def test_weights_are_those_that_attention_uses(changes: dict[str, Any]) -> None:
    layer = SelfAttention(16, 4, 0.0, dataclasses.replace(NAMED["gpt2"], **changes)).eval()
    x = torch.randn(2, 6, 16)
    with torch.no_grad():
        weights = layer.weights(x, None, None)
        size = layer.size
        v = layer.qkv(x)[..., -layer.kv_heads * size :].view(2, 6, layer.kv_heads, size).transpose(1, 2)
        v = v.repeat_interleave(4 // layer.kv_heads, dim=1)
        out = layer.out((weights @ v).transpose(1, 2).reshape(2, 6, -1))
        torch.testing.assert_close(out, layer(x, None, None))
        mask = visible(0, 6, torch.ones(2, 0, dtype=torch.bool), x.device)
        torch.testing.assert_close(layer.weights(x, None, mask), weights)


def test_rollout_of_a_transformer_sums_to_one() -> None:
    net = Transformer(9, context=8, width=16, layers=3, heads=2).eval()
    with torch.no_grad():
        looks = net.attention(torch.arange(7)[None])
    found = measured(torch.stack([layer[0].double() for layer in looks]), 7)
    assert found.last.sum() == pytest.approx(1) and found.condition == 0 and found.reach.shape == (3, 2)
    even = torch.tril(torch.ones(5, 5)).double()
    flat = measured((even / even.sum(1, keepdim=True)).expand(2, 2, 5, 5), 5)
    np.testing.assert_allclose(flat.received, 1)
    assert flat.reach.max() == pytest.approx(np.mean(np.arange(5)) / 2)


# ---- the page


@pytest.mark.parametrize("name", ["vae", "mixture", "flow", "gpt"])
def test_the_page_needs_no_other_file(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    source: dict[str, Any] = {"train": (X[:300], Y[:300]), "data": (X[300:], Y[300:])}
    if name == "flow":
        model: Any = make("Flow", 4, score_steps=4).fit(X[:300], Y[:300])
    elif name == "gpt":
        model, source = make("GPT", 4, context=16).fit(TEXTS), {"train": TEXTS, "data": TEXTS[:5]}
    else:
        model = request.getfixturevalue(name)
    if name == "mixture":
        source = {"train": table(), "data": table(80, 1)}
    found = zh.explain(model, 1, **source)
    page = found.write(tmp_path / "page.html").read_text("utf-8")
    wanted = {
        "vae": {"neighbours", "surprisal", "oddness", "counterfactuals", "attributions", "walks"},
        "mixture": {"neighbours", "surprisal", "oddness", "attributions", "counterfactuals"},
        "flow": {"neighbours", "surprisal", "attributions", "counterfactuals", "walks", "noising"},
        "gpt": {"neighbours", "surprisal", "oddness", "attributions", "noising", "attention"},
    }
    assert wanted[name] <= set(found.panels), found.absent
    assert len(page) < 3e6 and not re.search(r"(?:src|href)=\"(?!#|data:)|url\(|@import|https?://(?!www\.w3)", page)
    assert all(f'id="{panel}"' in page for panel in found.panels) and "None" not in page
    assert set(found.panels) | set(found.absent) == set(found.to_json()["panels"]) | set(found.absent)


def test_without_neighbours_no_training_item_is_shown(mixture: Any, tmp_path: Path) -> None:
    found = zh.explain(mixture, table(1, 5), panels=["surprisal"])
    assert set(found.panels) == {"surprisal"}  # and the training rows weren't asked for
    with pytest.raises(ZaohuaError, match="unknown panel 'odd'; did you mean 'oddness'"):
        zh.explain(mixture, panels=["odd"])
