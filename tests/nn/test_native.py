"""Compiled decoding: as the network decodes, whatever its blueprint, and the network itself where that can't be."""

from __future__ import annotations

import subprocess
import weakref
from pathlib import Path

import pytest
import torch
from tests.shaken import shaken

from zaohua.core.errors import ZaohuaWarning
from zaohua.core.spec import DataSpec, Feature
from zaohua.nn import quick as quick_module
from zaohua.nn.blueprint import GPT2, LLAMA, ZAOHUA, Blueprint, Stretch
from zaohua.nn.image_gpt import PixelTransformer
from zaohua.nn.int8 import Int8Transformer
from zaohua.nn.lora import adapt
from zaohua.nn.native import compiler
from zaohua.nn.native.decoder import NativeTransformer
from zaohua.nn.native.structures import Layer, Matrix, Net, Task
from zaohua.nn.quick import compiled, quick, unsupported
from zaohua.nn.transformer import Transformer

V, CONTEXT = 37, 40
TEXT = DataSpec(("position",), None, (Feature("token", "category", 5),), pad=-1)
TEXTS = torch.tensor([[1, 2, 3, 4, 0], [3, 1, -1, -1, -1], [-1] * 5])
BLUEPRINTS = {
    "zaohua": ZAOHUA,
    "gpt2": GPT2,
    "llama": LLAMA,
    "grouped, with biases": Blueprint(kv_heads=2, qkv_bias=True, out_bias=True, mlp_bias=True, head_bias=True),
    "window and caps": Blueprint(
        norm_weight="plus_one",
        norm_places="both",
        kv_heads=1,
        head_width=12,
        attention_scale=0.2,
        attention_cap=5.0,
        window=7,
        windowed=(0,),
        rotary_local=100.0,
        activation="gelu_tanh",
        embedding_scale=4.0,
        logit_cap=3.0,
    ),
    "norms of heads": Blueprint(qk_norm="head", kv_heads=2, rotary_base=1e6, inner=50, activation="gelu"),
    "norms behind": Blueprint(norm_places="after", qk_norm="all", kv_heads=2, unturned=(1,)),
    "parallel, turned in part": Blueprint(
        norm="layer", norm_bias=True, parallel=True, rotary_share=0.5, gated=False, activation="gelu"
    ),
    "scaled": Blueprint(residual_scale=0.3, logit_scale=0.2, tied=False, stretch=Stretch("yarn", 4.0, scale=1.1)),
    "places and angles": Blueprint(positions=True, embedding_norm=True, activation="relu2"),
}


@pytest.fixture(autouse=True)
def _compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    if isinstance(compiler.available(), str):
        pytest.skip(compiler.available())
    monkeypatch.setattr(quick_module, "LEAST", 1)
    monkeypatch.setattr(quick_module, "SLOWER", 1e9)  # tests share their cores: what is measured there says little


def make(blueprint: Blueprint, spec: DataSpec | None = None, width: int = 48) -> Transformer:
    torch.manual_seed(0)
    net = Transformer(V, spec, context=CONTEXT, width=width, layers=2, heads=4, architecture=blueprint).eval()
    return shaken(net, 0.2)


def native(net: Transformer, integers: bool = False) -> NativeTransformer:
    found = compiled(net, integers)
    assert found is not None
    return found


@pytest.mark.parametrize("name", BLUEPRINTS)
@torch.inference_mode()
def test_every_blueprint_gives_the_logits_of_the_network(name: str) -> None:
    net = make(BLUEPRINTS[name])
    fast, tokens = native(net), torch.randint(0, V, (3, CONTEXT))
    assert unsupported(net) is None
    whole, state = net(tokens), fast.start(3)
    first = fast.steps(tokens[:, :11], state)
    torch.testing.assert_close(first, whole[:, :11], atol=1e-5, rtol=1e-5)
    fast.step(tokens[:, :5], state)  # wrong tokens, which are taken back
    fast.rewind(state, 5)
    for i in range(11, CONTEXT):
        torch.testing.assert_close(fast.step(tokens[:, [i]], state), whole[:, i], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", BLUEPRINTS)
@torch.inference_mode()
def test_every_blueprint_in_integers_is_near_it(name: str) -> None:
    net = make(BLUEPRINTS[name], width=256)
    fast, tokens = native(net, True), torch.randint(0, V, (3, CONTEXT))
    state = fast.start(3)
    got = torch.stack([fast.step(token[:, None], state) for token in tokens.unbind(1)], 1)
    exact = net(tokens)
    error = float((got - exact).square().mean() / exact.square().mean())
    assert 0 < error < 0.05**2


@pytest.mark.parametrize("architecture", [ZAOHUA, GPT2, LLAMA], ids=["zaohua", "gpt2", "llama"])
@torch.inference_mode()
def test_conditions_of_several_lengths_precede_the_tokens(architecture: Blueprint) -> None:
    net = make(architecture, TEXT)
    fast, tokens = native(net), torch.randint(0, V, (3, 9))
    whole, state = net(tokens, TEXTS), fast.start(3, TEXTS)
    torch.testing.assert_close(fast.steps(tokens[:, :4], state), whole[:, :4], atol=1e-5, rtol=1e-5)
    fast.select(state, torch.tensor([0, 1, 2]))
    for i in range(4, 9):
        torch.testing.assert_close(fast.step(tokens[:, [i]], state), whole[:, i], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("integers", [False, True])
@torch.inference_mode()
def test_a_row_is_the_same_to_the_last_bit_alone_and_in_a_batch(integers: bool) -> None:
    """Also if its rows have read different numbers of tokens."""
    net = make(LLAMA, width=256)
    fast, tokens, lengths = native(net, integers), torch.randint(0, V, (17, 12)), [1 + i % 9 for i in range(17)]
    alone, caches = [], fast.start(17)
    for row, length in enumerate(lengths):
        state = fast.start(1)
        for i in range(length):
            fast.step(tokens[[row], i : i + 1], state)
        for own, cache in zip(state, caches, strict=True):
            cache.keys[row], cache.values[row] = own.keys[0], own.values[0]
        alone.append(fast.step(tokens[[row], length : length + 1], state)[0])
    last = tokens.gather(1, torch.tensor(lengths)[:, None])
    together = fast.read(last, caches, lengths, [0] * 17, caches[0].prefix)
    assert torch.equal(together, torch.stack(alone))


@torch.inference_mode()
def test_weights_that_changed_are_packed_again() -> None:
    net = make(ZAOHUA)
    token = torch.tensor([[3]])
    before = native(net).step(token, net.start(1))
    net.blocks[0].outer.weight.data.mul_(1.5)
    after = native(net).step(token, net.start(1))
    assert not torch.equal(after, before)
    torch.testing.assert_close(after, net.step(token, net.start(1)), atol=1e-5, rtol=1e-5)


def test_networks_that_it_does_not_suit_decode_as_before() -> None:
    assert isinstance(quick(make(ZAOHUA)), NativeTransformer)
    half = make(ZAOHUA).bfloat16()
    assert quick(half) is half and "float32" in str(unsupported(half))
    adapted = adapt(make(LLAMA), "attention", 2)
    assert quick(adapted) is adapted and "adapters" in str(unsupported(adapted))
    other = torch.nn.Linear(3, 3)
    assert quick(other) is other
    small = make(ZAOHUA)
    quick_module.LEAST = 1 << 18  # the fixture restores it
    assert quick(small) is small


def test_without_a_compiler_the_network_decodes_and_a_warning_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(quick_module, "_refused", weakref.WeakKeyDictionary())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(quick_module, "available", compiler.available.__wrapped__)
    net = make(ZAOHUA, width=256)
    with pytest.warns(ZaohuaWarning, match="no C\\+\\+ compiler"):
        assert quick(net) is net
    assert isinstance(quick(net, integers=True), Int8Transformer)
    broken = tmp_path / "g++"
    broken.write_text("#!/bin/sh\n[ $1 = --version ] && exit 0\necho broken >&2; exit 1\n")
    broken.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("CXX", str(broken))
    assert "failed: broken" in str(compiler.available.__wrapped__())


def test_what_differs_or_is_slower_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick_module, "_refused", weakref.WeakKeyDictionary())
    monkeypatch.setattr(quick_module, "SLOWER", 0.0)
    net = make(ZAOHUA)
    with pytest.warns(ZaohuaWarning, match="slower than"):
        assert quick(net) is net
    monkeypatch.setattr(quick_module, "SLOWER", 1e9)
    monkeypatch.setattr(quick_module, "NEAR", 0.0)
    other = make(LLAMA)
    with pytest.warns(ZaohuaWarning, match="differs"):
        assert quick(other) is other


@torch.inference_mode()
def test_images_are_drawn_by_it_too() -> None:
    torch.manual_seed(0)
    transformer = Transformer(5, context=9, width=32, layers=2, heads=4, places=True).eval()
    for p in transformer.parameters():
        p.add_(0.3 * torch.randn_like(p))
    net = PixelTransformer(transformer, DataSpec(("height", "width"), (3, 3), (Feature("pixel", "real", 1, 4),)))
    x = torch.randint(0, 4, (2, 1, 3, 3)) * (2 / 3) - 1
    whole, state = net(x).flatten(2), net.start(2)
    assert isinstance(state.decoder, NativeTransformer)
    values = x.flatten(1)
    for i in range(9):
        torch.testing.assert_close(net.step(values[:, i - 1 : i], state), whole[:, :, i], atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_long_prompts_are_read_by_the_network_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zaohua.nn.native.decoder.MOST", 5)
    net = make(ZAOHUA)
    fast, tokens = native(net), torch.randint(0, V, (1, 9))
    assert fast.nbytes > sum(p.nbytes for p in net.blocks.parameters())
    whole, state = net(tokens), fast.start(1)
    torch.testing.assert_close(fast.step(tokens[:, :8], state), whole[:, 7], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(fast.step(tokens[:, 8:], state), whole[:, 8], atol=1e-5, rtol=1e-5)
    again = fast.start(1)
    torch.testing.assert_close(fast.steps(tokens, again), whole, atol=1e-5, rtol=1e-5)


def test_unknown_tokens_and_full_caches_are_errors() -> None:
    fast = native(make(ZAOHUA))
    state = fast.start(1)
    for token in (-1, V):
        with pytest.raises(IndexError, match=f"below {V}"):
            fast.step(torch.tensor([[token]]), state)
    with torch.inference_mode():
        fast.step(torch.zeros(1, CONTEXT, dtype=torch.int64), state)
        with pytest.raises(IndexError, match=f"before position {CONTEXT}"):
            fast.step(torch.zeros(1, 1, dtype=torch.int64), state)


def test_structures_are_those_of_the_compiled_code() -> None:
    import ctypes

    for index, structure in enumerate((Net, Layer, Matrix, Task)):
        assert compiler.functions().struct_size(index) == ctypes.sizeof(structure)


@pytest.mark.slow
@pytest.mark.parametrize("processor", ["x86-64", "haswell", "x86-64-v4"])
def test_older_processors_compute_the_same(processor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled for them, steps run on newer ones, too."""
    flags = (*compiler.FLAGS, f"-march={processor}")
    path = tmp_path / "step.so"
    try:
        subprocess.run(["g++", *flags, str(compiler.SOURCES[-1]), "-o", str(path)], check=True)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("no g++ for these processors")
    if "v4" in processor and "avx512f" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor can't")
    built = compiler.loaded(path)
    for module in ("zaohua.nn.native.decoder", "zaohua.nn.native.structures"):
        monkeypatch.setattr(f"{module}.functions", lambda: built)
    monkeypatch.setattr(quick_module, "available", lambda: built)
    for integers, most in ((False, 1e-5), (True, 0.1)):
        net = make(LLAMA, width=256)
        fast, tokens = native(net, integers), torch.randint(0, V, (7, 9))
        with torch.inference_mode():
            state = fast.start(7)
            got = torch.stack([fast.step(token[:, None], state) for token in tokens.unbind(1)], 1)
            torch.testing.assert_close(got, net(tokens), atol=most, rtol=most)
