"""Adapters of PEFT: read with their base, written from a run, and damaged ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.interop.test_published import made

import zaohua as zh
from zaohua.cli import main

GPT2 = {
    "model_type": "gpt2",
    "n_embd": 16,
    "n_layer": 2,
    "n_head": 2,
    "n_positions": 64,
    "vocab_size": 264,
}
KINDS: dict[str, dict[str, Any]] = {
    "llama": {},
    "gpt2": GPT2,
    "gpt_neox": {"model_type": "gpt_neox", "num_key_value_heads": None, "tie_word_embeddings": False},
    "phi3": {"model_type": "phi3", "pad_token_id": 0, "tie_word_embeddings": False},
}
TOKENS = torch.arange(24).view(2, 12)


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        out: torch.Tensor = model.nets_["net"](TOKENS)
    return out


@pytest.fixture(scope="module", params=KINDS)
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A published model, and a run that was fine-tuned from it."""
    folder = tmp_path_factory.mktemp("adapters")
    base = made(folder / "base", **KINDS[request.param])
    changes = {"lora": 2, "max_steps": 3, "batch_size": 4, "learning_rate": 0.05, "random_state": 0}
    zh.load(base).finetune(["one two", "three four"] * 20, out=folder / "run", **changes)
    return base, folder / "run"


def test_adapters_of_a_run_give_the_same_logits(runs: tuple[Path, Path], tmp_path: Path) -> None:
    base, run = runs
    assert main(["export", str(run), "--to", "lora", "--out", str(tmp_path / "a")]) == 0
    ours, again = logits(zh.load(run)), logits(zh.load(tmp_path / "a"))
    assert (ours - logits(zh.load(base))).abs().max() > 0.01
    assert (ours - again).abs().max() < 1e-5
    config = json.loads((tmp_path / "a" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(base)
    zh.export(zh.load(tmp_path / "a"), "lora", tmp_path / "b")
    assert (ours - logits(zh.load(tmp_path / "b"))).abs().max() < 1e-5


def test_peft_and_we_compute_the_same(runs: tuple[Path, Path], tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForCausalLM

    base, run = runs
    zh.export(zh.load(run), "lora", tmp_path / "ours")
    assert len({path.stat().st_mode for path in (tmp_path / "ours").iterdir()}) == 1  # who reads one file reads all
    theirs = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), tmp_path / "ours").eval()
    assert (theirs(TOKENS).logits - logits(zh.load(run))).abs().max() < 1e-4
    targets = sorted({*json.loads((tmp_path / "ours" / "adapter_config.json").read_text())["target_modules"]})
    settings = peft.LoraConfig(r=3, lora_alpha=5, use_rslora=True, target_modules=targets[:2], task_type="CAUSAL_LM")
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), settings).eval()
    for name, p in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(p, 0, 0.3)
    model.save_pretrained(tmp_path / "theirs")
    assert (model(TOKENS).logits - logits(zh.load(tmp_path / "theirs"))).abs().max() < 1e-4


@pytest.fixture
def adapters(tmp_path: Path) -> Path:
    """Random adapters of one layer, whose base lies beside them."""
    made(tmp_path / "base")
    folder = tmp_path / "adapters"
    folder.mkdir()
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": "../base"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    layer = "base_model.model.model.layers.1.mlp.up_proj"
    pair = {f"{layer}.lora_A.weight": torch.randn(2, 16), f"{layer}.lora_B.weight": torch.randn(24, 2)}
    save_file(pair, folder / "adapter_model.safetensors")
    return folder


def test_a_product_is_added_by_its_scale(adapters: Path) -> None:
    a, b = load_file(adapters / "adapter_model.safetensors").values()
    name = "net.blocks.1.inner.weight"
    before = zh.load(adapters.parent / "base").tensors()[name]
    assert torch.allclose(zh.load(adapters).tensors()[name], before + 2 * b @ a, atol=1e-6)


def _set(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "adapter_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


def _tensors(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        save_file(change(load_file(folder / "adapter_model.safetensors")), folder / "adapter_model.safetensors")

    return damage


def _renamed(old: str, new: str) -> Callable[[Path], None]:
    return _tensors(lambda found: {name.replace(old, new): value for name, value in found.items()})


def _pickled(folder: Path) -> None:
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "DoRA": (_set(use_dora=True), "use_dora"),
    "kind": (_set(peft_type="IA3"), "'IA3' can't be read"),
    "whole modules": (_set(modules_to_save=["lm_head"]), "modules_to_save"),
    "biases": (_set(bias="all"), "biases were trained"),
    "PiSSA": (_set(init_lora_weights="pissa"), "'pissa' changes the base"),
    "rank": (_set(r=1 << 60), "r is"),
    "alpha": (_set(lora_alpha="much"), "lora_alpha is 'much'"),
    "no base": (_set(base_model_name_or_path=None), "names no base"),
    "base elsewhere": (_set(base_model_name_or_path="/nowhere/llama"), "which isn't there"),
    "base is itself": (_set(base_model_name_or_path="."), "holds adapters itself"),
    "embedding": (_renamed("layers.1.mlp.up_proj", "embed_tokens"), "embed_tokens isn't an adapted layer"),
    "embedding of PEFT": (_renamed("up_proj.lora_A.weight", "up_proj.lora_embedding_A"), "no matrix of LoRA"),
    "layer": (_renamed("layers.1", "layers.7"), "layers.7.mlp.up_proj isn't an adapted layer"),
    "half": (_tensors(lambda found: dict([*found.items()][:1])), "one of the two matrices is missing"),
    "shape": (_tensors(lambda found: {k: v[:, :1].clone() for k, v in found.items()}), "don't fit"),
    "NaN": (_tensors(lambda found: {k: v * float("nan") for k, v in found.items()}), "infinite numbers or none"),
    "pickle": (_pickled, "adapter_model.bin, which isn't opened"),
    "JSON": (lambda f: (f / "adapter_config.json").write_text("[" * 99_999) and None, "isn't JSON"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_adapters_give_one_line(case: str, adapters: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage, line = HOSTILE[case]
    damage(adapters)
    assert main(["sample", str(adapters), "-n", "1"]) == 2
    said = capsys.readouterr().err.strip()
    assert line in said and "\n" not in said, said


def test_runs_without_adapters_say_so(adapters: Path, tmp_path: Path) -> None:
    with pytest.raises(zh.ZaohuaError, match="as it was published"):
        zh.export(zh.load(tmp_path / "base"), "lora", tmp_path / "out")
    whole = zh.load(tmp_path / "base").finetune(["one two"] * 20, max_steps=1)
    with pytest.raises(zh.ZaohuaError, match="without lora="):
        zh.export(whole, "lora", tmp_path / "out")
    other = zh.load(tmp_path / "base").finetune(["one two"] * 20, max_steps=1, lora=1)
    made(tmp_path / "base", rms_norm_eps=1e-5)
    torch.manual_seed(1)
    tensors = load_file(tmp_path / "base" / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    save_file({**tensors, name: torch.randn(24, 16)}, tmp_path / "base" / "model.safetensors")
    with pytest.raises(zh.ZaohuaError, match="is the base another"):
        zh.export(other, "lora", tmp_path / "out")
    with pytest.raises(zh.ZaohuaError, match="didn't begin from a published model"):
        zh.export(zh.GPT(**zh.GPT.tiny).fit(["abc"] * 20), "lora", tmp_path / "out")
