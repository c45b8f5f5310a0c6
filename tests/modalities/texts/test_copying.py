from __future__ import annotations

from typing import Any

import pytest
import torch

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.families.autoregressive.surprisal import surprisal
from zaohua.metrics.text_overlap import SEPARATOR
from zaohua.modalities.texts.corpus import Corpus
from zaohua.modalities.texts.surprise import surprise
from zaohua.tasks.copying import copy_report

TEXT = "the cat sat on the mat. a rat ran at the cat! " * 30


@pytest.fixture(scope="module")
def model() -> Any:
    return zh.CharRNN(**{**zh.CharRNN.tiny, "max_steps": 3}, random_state=0, device="cpu").fit([TEXT])


@pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 3), (2, 9), (5, None), (0, 0)])
def test_a_corpus_is_a_part_of_all_characters(start: int, stop: int | None) -> None:
    whole = "abcd" + SEPARATOR + "" + SEPARATOR + "qa" + SEPARATOR + "xyz" + SEPARATOR
    corpus = Corpus(["abcd", "", ("q", "a"), "xyz"], start, stop)
    assert "".join(corpus) == whole[start:stop] == "".join(corpus)


def test_what_is_held_out_is_not_looked_up(model: Any) -> None:
    cut = len(TEXT) + 1 - -(-(len(TEXT) + 1) // 10)
    text = TEXT[: cut - 40] + "#" * 40 + TEXT[cut:]
    report = copy_report(model, [text[cut - 60 : cut - 30], text[cut - 40 : cut - 10]], data=[text], n=10)
    assert report.samples.fractions == (1.0, 1.0) and report.corpus == "data in memory"
    late = copy_report(model, ["?" * 20, "@" * 9], data=[TEXT[:-20] + "?" * 20], n=10)
    assert late.samples.fraction == 0 and late.real is not None and late.reference == "12% of it, held out"
    assert late.real.characters == late.samples.characters
    given = copy_report(model, [TEXT[:50]], data=[TEXT], held_out=["z" * 99], n=10)
    assert given.samples.fraction == 1 and given.real is not None and given.real.fraction == 0


def test_what_cannot_be_compared_is_said(model: Any) -> None:
    with pytest.raises(ZaohuaError, match=r"data in memory: give them \(data="):
        copy_report(model)
    with pytest.raises(ZaohuaError, match="isn.t a model of texts"):
        copy_report(zh.GMM())
    with pytest.raises(ZaohuaError, match="isn.t a model of texts"):
        surprise(zh.GMM(), ["a"])


@pytest.mark.parametrize("stride", [1, 5, 16])
def test_a_stride_gives_each_token_at_least_so_much_before_it(model: Any, stride: int) -> None:
    text, context = TEXT[:60], model.context
    told: list[Any] = []
    found = surprise(model, [text], stride=stride, each=lambda i, tokens: told.extend(tokens))
    codec = model.codec_
    tokens = [codec.end_, *codec.tokenizer_.encode(text).tolist(), codec.end_]
    place = 40
    scored = context
    while scored < place:
        scored += stride
    begin = scored - context
    window = torch.tensor([tokens[begin : begin + context + 1]])
    expected = surprisal(model.nets_["net"], window, None)
    assert told[place - 1]["nats"] == pytest.approx(float(expected[0, place - 1 - begin]), abs=1e-4)
    assert found.nats == pytest.approx(sum(token["nats"] for token in told), abs=1e-3)
    assert found.tokens == len(tokens) - 1
    assert place - begin > context - stride
