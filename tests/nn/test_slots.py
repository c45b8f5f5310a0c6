"""Rows that join and leave one by one read what whole passes do, in every network that decodes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.shaken import shaken

from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.blueprint import GPT2, LLAMA, ZAOHUA, Blueprint
from zaohua.nn.native.compiler import available
from zaohua.nn.native.decoder import NativeTransformer
from zaohua.nn.native.structures import Packed
from zaohua.nn.recurrent import Recurrent
from zaohua.nn.transformer import Transformer

V, CONTEXT = 6, 12
TEXT = DataSpec(("position",), None, (Feature("token", "category", 5),), pad=-1)
TEXTS = torch.tensor([[1, 2, 3, 4, 0], [3, 1, -1, -1, -1], [-1] * 5])
BLUEPRINTS = {
    "zaohua": ZAOHUA,
    "gpt2": GPT2,
    "llama": LLAMA,
    "groups and windows in some layers": Blueprint(
        kv_heads=2, window=3, windowed=(0,), rotary_local=100.0, qk_norm="head", attention_cap=5.0, rotary_share=0.5
    ),
    "windows in all": Blueprint(window=3, parallel=True, positions=True),
}
STARTS, ARRIVALS, LENGTHS = (3, 1, 5, 2, 4, 1), (0, 0, 1, 3, 3, 5), (12, 10, 12, 7, 11, 12)


def make(kind: str, y_spec: DataSpec | None) -> Any:
    torch.manual_seed(0)
    if kind in BLUEPRINTS:
        sizes: dict[str, Any] = {"width": 32, "layers": 2, "heads": 4, "architecture": BLUEPRINTS[kind]}
        net: Any = Transformer(V, y_spec, context=CONTEXT, **sizes).eval()
    else:
        net = Recurrent(V, y_spec, width=16, layers=2, cell=kind).eval()  # type: ignore[arg-type]  # a name from a list
    return shaken(net)


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("kind", [*BLUEPRINTS, "lstm", "gru", *(f"{kind}, compiled" for kind in BLUEPRINTS)])
@torch.no_grad()
def test_rows_that_come_and_go_read_what_a_whole_pass_does(kind: str, conditional: bool) -> None:
    kind, _, compiled = kind.partition(", ")
    whole_net = net = make(kind, TEXT if conditional else None)
    if compiled:
        if isinstance(available(), str):
            pytest.skip(available())
        net = NativeTransformer(net, Packed(net, integers=False))
    rows = torch.randint(V, (6, 1, CONTEXT), generator=torch.Generator().manual_seed(1))
    ys = [TEXTS[[i % 3]][:, TEXTS[i % 3] != -1] if conditional else None for i in range(6)]
    whole = [whole_net(row, y)[0] for row, y in zip(rows, ys, strict=True)]
    slots, there, at = net.slots(), list[int](), list(STARTS)
    checked = 0
    for time in range(20):
        for i in (i for i in range(6) if ARRIVALS[i] == time):
            state = net.start(1, ys[i])
            first = net.step(rows[i][:, : at[i]], state)
            torch.testing.assert_close(first[0], whole[i][at[i] - 1], atol=1e-5, rtol=0)
            slots.join(state)
            there.append(i)
        if there:
            logits = net.step(torch.cat([rows[i][:, at[i] : at[i] + 1] for i in there]), slots)
        for place in reversed(range(len(there))):
            i = there[place]
            torch.testing.assert_close(logits[place], whole[i][at[i]], atol=1e-5, rtol=0)
            at[i], checked = at[i] + 1, checked + 1
            if at[i] == LENGTHS[i]:
                slots.leave(place)
                there[place] = there[-1]
                there.pop()
    assert len(slots) == 0 and checked == sum(LENGTHS) - sum(STARTS)
