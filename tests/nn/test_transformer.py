"""Transformer with conditions of several tokens: cached = whole, alone = in a batch, and weights of older runs."""

from __future__ import annotations

import pytest
import torch
from tests.shaken import shaken
from torch import Tensor, nn

from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.int8 import int8
from zaohua.nn.transformer import Architecture, Transformer
from zaohua.training.building import built_for

V, CONTEXT = 6, 8
TEXT = DataSpec(("position",), None, (Feature("token", "category", 5),), pad=-1)
PICTURE = DataSpec(("height", "width"), (8, 8), (Feature("pixel", "real", 1, 256),))
TEXTS = torch.tensor([[1, 2, 3, 4, 0], [3, 1, -1, -1, -1], [-1] * 5])
CONDITIONS = {"text": (TEXT, TEXTS), "picture": (PICTURE, torch.randn(3, 1, 8, 8, generator=torch.Generator()))}
TOKENS = torch.tensor([[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 2, 1, 1, 0, 0]])


def make(spec: DataSpec, architecture: Architecture = "zaohua", width: int = 16) -> Transformer:
    torch.manual_seed(0)
    net = Transformer(V, spec, context=CONTEXT, width=width, layers=2, heads=2, architecture=architecture).eval()
    return shaken(net)


@pytest.mark.parametrize("architecture", ["zaohua", "gpt2"])
@pytest.mark.parametrize("kind", CONDITIONS)
@torch.no_grad()
def test_steps_give_what_one_pass_does_and_an_item_is_the_same_alone(kind: str, architecture: Architecture) -> None:
    spec, y = CONDITIONS[kind]
    net = make(spec, architecture)
    whole = net(TOKENS, y)
    for i in range(3):
        own = y[[i]][:, y[i] != -1] if kind == "text" else y[[i]]
        torch.testing.assert_close(net(TOKENS[[i]], own), whole[[i]], atol=1e-5, rtol=0)
    state = net.start(3, y)
    for i in range(TOKENS.shape[1]):
        torch.testing.assert_close(net.step(TOKENS[:, [i]], state), whole[:, i], atol=1e-5, rtol=0)


@torch.no_grad()
def test_integers_decode_with_conditions_too() -> None:
    net = make(TEXT, width=64)
    small = int8(net, least=1)
    exact, state = net.start(3, TEXTS), small.start(3, TEXTS)
    for i in range(TOKENS.shape[1]):
        torch.testing.assert_close(small.step(TOKENS[:, [i]], state), net.step(TOKENS[:, [i]], exact), atol=0.3, rtol=0)


@torch.no_grad()
def test_every_token_sees_the_summary_without_attention() -> None:
    net = make(TEXT)
    for block in net.blocks:
        for layer in (block.attention.out, block.outer):
            nn.init.zeros_(layer.weight)
    seen = net(TOKENS[[0, 0]], TEXTS[:2])
    assert (seen[0] - seen[1]).abs().amax(1).min() > 1e-3
    nn.init.zeros_(net.lift.weight)
    blind: Tensor = net(TOKENS[[0, 0]], TEXTS[:2])
    torch.testing.assert_close(blind[0], blind[1])


@torch.no_grad()
def test_weights_of_runs_before_there_was_a_summary_still_load() -> None:
    net = make(PICTURE)
    for name, p in net.named_parameters():
        if ".mix." in name or "lift" in name:
            nn.init.zeros_(p)
    nets = nn.ModuleDict({"net": net})
    old = {k: v for k, v in nets.state_dict().items() if ".mix." not in k and "lift" not in k}
    assert len(old) < len(nets.state_dict())
    loaded = built_for(lambda: nn.ModuleDict({"net": make(PICTURE)}), old)["net"].eval()
    y = CONDITIONS["picture"][1]
    torch.testing.assert_close(loaded(TOKENS, y), net(TOKENS, y))
    values, present, summary = loaded.embed(y, 3)
    assert present.all()
    torch.testing.assert_close(summary, values.mean(1))


def test_checkpoints_change_no_gradient() -> None:
    grads = []
    for again in (False, True):
        torch.manual_seed(0)
        net = Transformer(V, context=CONTEXT, width=16, layers=2, heads=2, dropout=0.5, gradient_checkpointing=again)
        for p in net.parameters():
            nn.init.normal_(p, std=0.3)
        torch.manual_seed(1)
        net(TOKENS).square().sum().backward()
        grads.append([p.grad for p in net.parameters()])
    for one, other in zip(*grads, strict=True):
        assert one is not None and torch.equal(one, other)
