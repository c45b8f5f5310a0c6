"""Language models as .gguf files: our reader and that of transformers get the same network and the same tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.interop.exports import TEXTS, small
from tests.interop.test_architectures import CASES as KINDS
from tests.interop.test_architectures import LLAMA3, theirs
from tests.interop.test_published import CONFIG, TEMPLATE, made, tokenizer

import zaohua as zh
from zaohua.interop import weights
from zaohua.interop.configuration import plan
from zaohua.interop.gguf_names import ARCHITECTURES
from zaohua.interop.gguf_reading import File
from zaohua.interop.gguf_stretch import settings_of
from zaohua.interop.gguf_writing import write_published
from zaohua.interop.published import Published, read
from zaohua.modalities.texts import dialogues
from zaohua.modalities.texts.tokenizers import byte_letters

pytest.importorskip("gguf")
CASES: dict[str, dict[str, Any]] = {
    "pieces": {"architecture": "llama", "codec": zh.TextCodec(tokenizer="bpe", vocabulary=300)},
    "bytes": {"architecture": "gpt2", "codec": zh.TextCodec(tokenizer="bytes")},
    "characters": {"architecture": "llama"},
}
SPECIAL = {"bos_token_id": 256, "eos_token_id": 257}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    model = small("GPT", **{"context": 32, **CASES[request.param]})
    return model, zh.export(model, "gguf", tmp_path_factory.mktemp("gguf") / "made") / "model.gguf"


def test_our_reader_gets_the_same_weights_and_tokens(case: tuple[Any, Path]) -> None:
    model, path = case
    back = zh.load(path)
    mine = model.tensors()
    assert all(torch.equal(value, mine[name]) for name, value in back.tensors().items())
    for text in (*TEXTS, " 1 little  letters and some more "):
        ids = model.codec_.tokenizer_.encode(text).tolist()
        assert back.codec_.tokenizer_.encode(text).tolist() == ids
        assert back.codec_.plain(ids) == text
    assert (back.codec_.begin_, back.codec_.end_) == (model.codec_.begin_, model.codec_.end_)
    if model.architecture == "llama":
        options: dict[str, Any] = {"random_state": 0, "max_tokens": 20, "temperature": 1.0}
        assert back.sample(3, **options) == model.sample(3, **options)


@pytest.mark.parametrize("text", ["abc d", "a▁b é春眠 不 😀\n"])
def test_characters_become_bytes_that_llama_cpp_merges(text: str, tmp_path: Path) -> None:
    model = small("GPT", X=[text] * 9, architecture="llama")
    path = zh.export(model, "gguf", tmp_path / "made") / "model.gguf"
    back, values = zh.load(path), File(path).values
    ids = model.codec_.tokenizer_.encode(text).tolist()
    assert back.codec_.tokenizer_.encode(text).tolist() == ids and back.codec_.plain(ids) == text
    assert values["tokenizer.ggml.model"] == "gpt2"  # the other kind aborts the process where a byte has no token
    tokens, merges = values["tokenizer.ggml.tokens"], values["tokenizer.ggml.merges"]
    assert merged(text, [tuple(merge.split(" ")) for merge in merges]) == [tokens[i] for i in ids]


def merged(text: str, merges: list[tuple[str, ...]]) -> list[str]:
    """Merge the bytes of a text as llama.cpp does: the first merge of the list that is possible, as often as it is."""
    names = {byte: letter for letter, byte in byte_letters().items()}
    parts = [names[byte] for byte in text.encode()]
    while found := [pair for pair in merges if pair in zip(parts, parts[1:], strict=False)]:
        at = [*zip(parts, parts[1:], strict=False)].index(found[0])
        parts[at : at + 2] = ["".join(found[0])]
    return parts


def test_transformers_reads_the_same_logits(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    model = small("GPT", width=32, **CASES["pieces"])
    folder = zh.export(model, "gguf", tmp_path / "made")
    other = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file="model.gguf").eval()
    tokens = torch.arange(10)[None]
    with torch.no_grad():
        logits = other(tokens).logits
    torch.testing.assert_close(logits, model.nets_["net"](tokens), atol=1e-4, rtol=0)


@pytest.mark.parametrize("numbers, most", [("f16", 1e-3), ("q8_0", 0.01)])
def test_fewer_bits_are_near(tmp_path: Path, numbers: str, most: float) -> None:
    model = small("GPT", architecture="llama", width=32)
    path = zh.export(model, "gguf", tmp_path / "made", type=numbers) / "model.gguf"
    whole = zh.export(model, "gguf", tmp_path / "whole") / "model.gguf"
    assert path.stat().st_size < whole.stat().st_size
    mine, back = model.tensors(), zh.load(path).tensors()
    for name, value in back.items():
        assert value.ndim > 1 or torch.equal(value, mine[name])
        assert float((value - mine[name]).abs().max()) <= most * float(mine[name].abs().max()), name


@pytest.mark.parametrize("name", [name for name, (kind, _) in KINDS.items() if kind in ARCHITECTURES])
def test_published_kinds_are_read_as_they_were_written_or_refused(name: str, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    kind, settings = KINDS[name]
    usual = {"query_pre_attn_scalar": 8} if kind == "gemma2" else {}
    model = theirs(kind, {**settings, "vocab_size": 264, **usual})
    config = {**model.config.to_dict(), **SPECIAL}
    what = plan(config)
    net = weights.ours(model.state_dict(), what, "it")
    path = tmp_path / "made.gguf"
    found = Published("it", config, what, weights.theirs(net, what), tokenizer(), TEMPLATE, {}, SPECIAL)
    if name in REFUSED:
        with pytest.raises(zh.ZaohuaError, match=REFUSED[name]):
            write_published(found, path, "f32")
        return
    write_published(found, path, "f32")
    back = read(str(path))
    assert back.template == TEMPLATE
    for key, value in weights.ours(back.weights, back.plan, "it").items():
        exact = not kind.startswith("gemma") or value.ndim > 1  # to norms 1 is added and taken away again
        assert torch.equal(value, net[key]) if exact else torch.allclose(value, net[key], atol=1e-6), key


@pytest.mark.parametrize(
    "base, width, factor, high, context",
    [(5e5, 128, 8.0, 4.0, 8192), (5e5, 64, 32.0, 4.0, 8192), (1e4, 8, 8.0, 4.0, 16), (1e4, 64, 4.0, 2.5, 300)],
)
def test_positions_of_llama_3_are_read(base: float, width: int, factor: float, high: float, context: int) -> None:
    modeling = pytest.importorskip("transformers.modeling_rope_utils")
    transformers = pytest.importorskip("transformers")
    rope = {"rope_type": "llama3", "rope_theta": base, "factor": factor, "low_freq_factor": 1.0}
    rope |= {"high_freq_factor": high, "original_max_position_embeddings": context}
    config = transformers.LlamaConfig(head_dim=width, rope_parameters=rope, max_position_embeddings=context * 2)
    theirs, _ = modeling.ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    usual = base ** -(torch.arange(width // 2) * 2 / width)
    found = settings_of((usual / theirs).numpy(), base, "it.gguf")
    assert found == {name: value for name, value in rope.items() if name != "rope_theta"}


def test_positions_of_llama_3_are_written(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    model = theirs("llama", {"rope_parameters": LLAMA3, "vocab_size": 264}).eval()
    config = {**model.config.to_dict(), **SPECIAL}
    what, path = plan(config), tmp_path / "made.gguf"
    net = weights.ours(model.state_dict(), what, "it")
    write_published(
        Published("it", config, what, weights.theirs(net, what), tokenizer(), None, {}, SPECIAL), path, "f32"
    )
    tokens = torch.arange(48)[None]
    with torch.no_grad():
        torch.testing.assert_close(zh.load(path).nets_["net"](tokens), model(tokens).logits, atol=1e-4, rtol=0)


def test_other_divisors_are_refused() -> None:
    assert settings_of(np.ones(4, "float32"), 1e4, "it.gguf") is None
    with pytest.raises(zh.ZaohuaError, match=r"it\.gguf divides its rotary frequencies"):
        settings_of(np.array([1, 3, 2, 8], "float32"), 1e4, "it.gguf")


REFUSED = {
    "llama, biases, llama3": "can't say that mlp_bias",
    "mistral": "can't say that window",
    "qwen2, windows": "can't say that window",
    "smollm3": "can't say that unturned",
    "gemma3": "can't say that attention_scale",
}


def test_published_weights_go_into_a_gguf_and_back(tmp_path: Path) -> None:
    model = zh.load(made(tmp_path / "base", vocab_size=300))
    back = zh.load(zh.export(model, "gguf", tmp_path / "made") / "model.gguf")
    assert back.codec_.vocabulary == 300 and not any(map(back.codec_.is_text, range(256, 300)))
    options: dict[str, Any] = {"random_state": 0, "max_tokens": 8, "temperature": 1.0}
    assert back.sample(2, **options) == model.sample(2, **options)
    asked = dialogues.asked("What?")
    assert back.codec_.asking(asked) == model.codec_.asking(asked)
    assert File(tmp_path / "made" / "model.gguf").get("context_length") == CONFIG["max_position_embeddings"]


def test_what_llama_cpp_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(zh.ZaohuaError, match="architecture='llama'"):
        zh.export(small("GPT"), "gguf", tmp_path / "made")
    model = small("GPT", architecture="llama")
    with pytest.raises(zh.ZaohuaError, match="q8_1"):
        zh.export(model, "gguf", tmp_path / "made", type="q8_1")
    assert not (tmp_path / "made").exists()


def test_pieces_with_spaces_keep_their_merges(tmp_path: Path) -> None:
    folder = made(tmp_path / "base", bos_token_id=262, eos_token_id=263)
    pieces = ["<unk>", *(f"<0x{i:02X}>" for i in range(256)), "▁", "a", "b", "ab", "▁ab", "<s>", "</s>"]
    state = {
        "version": "1.0",
        "added_tokens": [{"id": i, "content": pieces[i], "special": True} for i in (0, 262, 263)],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            ],
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ],
        },
        "model": {
            "type": "BPE",
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": {piece: i for i, piece in enumerate(pieces)},
            "merges": [["a", "b"], ["▁", "ab"]],
        },
    }
    for entry in state["added_tokens"]:
        entry.update(dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False))
    (folder / "tokenizer.json").write_text(json.dumps(state))
    model = zh.load(folder)
    back = zh.load(zh.export(model, "gguf", tmp_path / "made") / "model.gguf")
    for text in ("ab ab", "ba abé", " a"):
        ids = model.codec_.tokenizer_.encode(text).tolist()
        assert back.codec_.tokenizer_.encode(text).tolist() == ids
        assert back.codec_.plain(ids) == text
