"""Beam search: it equals exhaustive search if it keeps every beginning, and a row doesn't depend on others."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

import zaohua as zh
from zaohua.families.autoregressive.beams import beam_search
from zaohua.families.autoregressive.decoding import guided
from zaohua.families.autoregressive.token_sampler import TokenSampler
from zaohua.families.guidance import guidance_of
from zaohua.nn.int8 import int8

from .test_autoregressive import CONTEXT, LABELS, NETS, V, make_net

END, ROOM = 0, 3
PROMPT = torch.tensor([[0, 1], [0, 2], [3, 1]])
NAMES = [name for name in NETS if name != "wavenet"]  # which is for sounds


def search(net: Any, beams: int, prompt: Tensor = PROMPT, choice: TokenSampler | None = None, **options: Any) -> Tensor:
    settings = {"room": ROOM, "context": CONTEXT, **options}
    return beam_search(net, prompt, choice or TokenSampler(ends=(END,)), beams=beams, **settings)


def exhaustive(net: Any, prompt: Tensor, y: Tensor | None = None, guidance: float = 1.0) -> list[int]:
    """Return the most likely of all continuations of one prompt (1, t), by whole passes of the network."""
    best, most = [], -torch.inf
    for new in itertools.product(range(V), repeat=ROOM):
        ended = list(new[: new.index(END) + 1] if END in new else new)
        tokens = torch.cat([prompt, torch.tensor([ended])], dim=1)
        logits = net(tokens, y)
        if guidance != 1:
            null = net(tokens, y, torch.tensor([False]))
            logits = null + guidance * (logits - null)
        nats = logits.double().log_softmax(2)[0, prompt.shape[1] - 1 : -1]
        score = nats[range(len(ended)), ended].sum()
        if score > most:
            best, most = ended, score
    return [*best, *[-1] * (ROOM - len(best))]


@pytest.mark.parametrize("guidance", [None, 1.0, 3.0])
@pytest.mark.parametrize("name", NAMES)
def test_with_every_beginning_it_is_an_exhaustive_search(name: str, guidance: float | None) -> None:
    net = make_net(name, None if guidance is None else LABELS)
    y = None if guidance is None else torch.tensor([0, 2, 1])
    with torch.no_grad():
        guide = None if guidance is None else guidance_of(guidance, LABELS)
        found = search(guided(net, guide), V**ROOM, y=y)
        best = [exhaustive(net, PROMPT[[i]], None if y is None else y[[i]], guidance or 1.0) for i in range(3)]
    assert found[:, 2:].tolist() == best
    assert torch.equal(found[:, :2], PROMPT)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_the_same_alone_also_beyond_the_context(name: str) -> None:
    net = make_net(name, LABELS)
    y, options = torch.tensor([0, 2, 1]), {"room": 2 * CONTEXT, "choice": TokenSampler()}
    together = search(net, 4, y=y, **options)
    for i in range(3):
        assert torch.equal(search(net, 4, PROMPT[[i]], y=y[[i]], **options), together[[i]])
    assert (together >= 0).all()


def test_one_beam_takes_the_most_likely_token_each_time_and_more_find_likelier_texts() -> None:
    net = make_net("zaohua")

    def nats(rows: Tensor) -> Tensor:
        with torch.no_grad():
            logits = net(rows.clamp(min=0)).double().log_softmax(2)[:, 1:-1]
        return logits.gather(2, rows[:, 2:, None].clamp(min=0))[..., 0].masked_fill(rows[:, 2:] < 0, 0).sum(1)

    one, several = search(net, 1, room=6), search(net, 30, room=6)
    tokens = PROMPT
    with torch.no_grad():
        for _ in range(6):
            token = net(tokens)[:, -1].argmax(1)
            tokens = torch.cat([tokens, token.masked_fill((tokens[:, 2:] == END).any(1), END)[:, None]], 1)
    shown = one[:, 2:] >= 0
    assert torch.equal(one[:, 2:][shown], tokens[:, 2:][shown])
    assert (nats(several) >= nats(one)).all() and (nats(several) > nats(one)).any()


def test_tokens_that_may_not_be_chosen_are_not() -> None:
    net = make_net("zaohua")
    banned = int(search(net, 5)[0, 2])
    assert not (search(net, 5, choice=TokenSampler(bias={banned: -torch.inf}, ends=(END,)))[:, 2:] == banned).any()


def test_networks_of_integers_search_too() -> None:
    net = make_net("zaohua")
    assert torch.equal(search(int8(net, least=1), V**ROOM), search(net, V**ROOM))


def test_texts_of_a_model_are_the_most_likely_ones() -> None:
    texts, labels = ["ab", "ab", "aab"] * 20 + ["ba", "ba", "bba"] * 20, ["x"] * 60 + ["y"] * 60
    settings = {**zh.GPT.tiny, "max_steps": 60, "warmup_steps": 5, "learning_rate": 1e-2, "max_tokens": 5}
    model = zh.GPT(**settings, random_state=0, device="cpu", precision="float32").fit(texts, labels)
    every = ["".join(letters) for n in range(5) for letters in itertools.product("ab", repeat=n)]
    best = [every[model.score_samples(every, [label] * len(every)).argmax()] for label in "xy"]
    found = model.sample(y=["x", "y", "x"], beams=100)
    assert found == [*best, best[0]] and best[0] != best[1]
    assert found == model.sample(y=["x", "y", "x"], beams=100, random_state=1, temperature=2.0)
    assert "".join(model.stream(y="x", beams=100)) == best[0]
    assert model.sample(y="x", beams=100, prompt="b")[0].startswith("b")
    assert model.sample(y="x", beams=100, stop=best[0][1]) == [best[0][: best[0].index(best[0][1])]]
