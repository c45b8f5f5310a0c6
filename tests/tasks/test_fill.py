"""Gaps in texts: drawn as Bayes' rule says, whatever surrounds them comes back, and one line says what can't be."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

import zaohua as zh
from zaohua.core.errors import ZaohuaError

TEXTS = ["abcabcca", "bbacacab", "cabbacca", "acbacbab"] * 4
SMALL: dict[str, Any] = {"width": 16, "layers": 1, "context": 24, "max_steps": 2, "batch_size": 8, "random_state": 0}
MODELS = {"GPT": {**SMALL, "heads": 2, "dropout": 0.0}, "CharRNN": {**SMALL, "dropout": 0.0}}


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    """A model whose letters depend strongly on those before them, at random."""
    out = getattr(zh, request.param)(**MODELS[request.param]).fit(TEXTS)
    generator = torch.Generator().manual_seed(3)
    for p in out.nets_.parameters():
        p.data += torch.randn(p.shape, generator=generator) / max(1.0, p[0].numel() / 8) ** 0.5
    return out


def posterior(model: Any, before: str, after: str, fillings: list[str]) -> np.ndarray:
    """p(filling | before, after), by the probabilities of all texts; fillings have no special tokens."""
    texts = [before + filling + after for filling in fillings]
    rows = model.codec_.encode(texts)[np.arange(len(texts))].long()[:, :-1]
    with torch.no_grad():
        logits = model.nets_["net"](rows[:, :-1], None)
    logits[:, len(before) : len(before) + len(fillings[0]), model.codec_.end_ + 1 :] = -torch.inf
    log_p = logits.double().log_softmax(2).gather(2, rows[:, 1:, None]).sum((1, 2))
    return log_p.softmax(0).numpy()


def test_gaps_are_filled_as_bayes_rule_says(model: Any) -> None:
    fillings, n = ["".join(pair) for pair in itertools.product("abc", repeat=2)], 150
    p = posterior(model, "a", "bcab", fillings)
    left = posterior(model, "a", "", fillings)
    assert np.abs(p - left).sum() > 0.2  # what follows matters
    found = zh.fill(model, "a__bcab", gap="__", length=2, n_samples=n, random_state=0, temperature=1.0, candidates=60)
    counts = Counter(text[1:3] for text in found.samples)
    share = np.array([counts[filling] / n for filling in fillings])
    assert np.abs(share - p).max() < 4 * np.sqrt(p * (1 - p) / n).max() + 0.02
    assert "approximate" in found.how and all(text[0] + text[3:] == "abcab" for text in found.samples)
    best = zh.fill(model, "a__bcab", gap="__", length=2, random_state=0, temperature=0, candidates=60).texts
    assert best[1:3] == fillings[int(p.argmax())]


def test_lengths_are_unknown_or_given(model: Any) -> None:
    options: dict[str, Any] = {"random_state": 1, "n_samples": 12, "candidates": 8}
    any_length = zh.fill(model, "ab___ca_____b", longest=4, **options).samples
    assert len({len(text) for text in any_length}) > 3 and all(7 <= len(text) <= 13 for text in any_length)
    assert all(text.startswith("ab") and text.endswith("b") and "ca" in text for text in any_length)
    assert {len(text) for text in zh.fill(model, "ab___ca_____b", length=3, **options).samples} == {11}
    at_the_end = zh.fill(model, "ab___", longest=5, **options).samples
    assert all(text.startswith("ab") and 3 <= len(text) <= 7 for text in at_the_end)


def test_answers_repeat_and_the_first_are_the_same(model: Any) -> None:
    texts = ["a[gap]b", "c[gap]c[gap]a"]
    found = zh.fill(model, texts, gap="[gap]", n_samples=3, random_state=2, longest=3)
    assert found.texts == found.samples[0] and len(found.samples) == 3
    assert zh.fill(model, texts, gap="[gap]", n_samples=2, random_state=2, longest=3).samples == found.samples[:2]
    assert zh.fill(model, texts[0], gap="[gap]", random_state=2, longest=3).texts == found.texts[0]


def test_a_model_that_learnt_to_fill_in_stops_by_itself() -> None:
    texts = ["aaaab", "aacab"] * 20
    options = {"max_steps": 300, "fim": 0.7, "lr_schedule": "constant", "learning_rate": 1e-2, "temperature": 1.0}
    model = zh.GPT(**{**MODELS["GPT"], **options}).fit(texts)
    found = zh.fill(model, "aa__ab", gap="__", n_samples=20, random_state=0, longest=6)
    assert "having read what follows" in found.how and "approximate" not in found.how
    assert sum(text in texts for text in found.samples) >= 12
    assert zh.fill(model, "aa__ab", gap="__", length=1, random_state=0, temperature=0).texts in texts
    assert len(zh.fill(model, "aa__ab", gap="__", length=4, random_state=0, temperature=0).texts) == 8


@pytest.mark.parametrize(
    ("texts", "options", "line"),
    [
        ("abc", {}, "no gap in 'abc': mark it with ___"),
        (["a___", 3], {}, "fill takes a text, or a list of texts, not an int"),
        ("a___b", {"gap": ""}, "the mark of a gap is a text"),
        ("a___b", {"length": 0}, "length"),
        ("a___Q", {}, "Q"),
    ],
)
def test_what_cannot_be_is_said(model: Any, texts: Any, options: Any, line: str) -> None:
    with pytest.raises(ZaohuaError, match=line):
        zh.fill(model, texts, **options)


def test_only_models_of_texts_fill() -> None:
    with pytest.raises(ZaohuaError, match="fill takes a fitted model of texts"):
        zh.fill(zh.Flow(), "a___")
