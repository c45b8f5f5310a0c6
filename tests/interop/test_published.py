"""Published models as runs: folders, damaged and hostile ones, and what is done with them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

import zaohua as zh
from zaohua.cli import main
from zaohua.interop import weights
from zaohua.interop.configuration import plan

CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": 264,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "tie_word_embeddings": True,
}
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer() -> str:
    """Bytes, and four special tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    fast = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(alphabet)}, merges=[]))
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    fast.add_special_tokens(["<s>", "</s>", "<|im_start|>", "<|im_end|>"])
    return fast.to_str()


def made(folder: Path, **changes: Any) -> Path:
    """A folder with a tiny Llama of random weights."""
    config = {**CONFIG, **changes}
    folder.mkdir(parents=True, exist_ok=True)
    what = plan(config)
    net = weights.empty(what, 64).to_empty(device="cpu")
    torch.manual_seed(0)
    for p in net.parameters():
        torch.nn.init.normal_(p, 1.0 if p.ndim == 1 else 0.0, 0.3)
    save_file(weights.theirs(net.state_dict(), what), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(tokenizer())
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": TEMPLATE}))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("published") / "tiny")


def test_a_folder_is_loaded_samples_scores_and_is_saved_as_a_run(folder: Path, tmp_path: Path) -> None:
    model = zh.load(folder)
    texts = model.sample(2, random_state=0, max_tokens=8)
    assert texts == model.sample(2, random_state=0, max_tokens=8) and texts[0] != texts[1]
    assert model.score_samples(["hello"])[0] < 0
    again = zh.load(model.save(tmp_path / "run"))
    assert again.sample(2, random_state=0, max_tokens=8) == texts
    assert again.base_["published"]["config"] == CONFIG


@pytest.mark.parametrize("lora", [0, 4])
def test_a_folder_is_fine_tuned_on_dialogues_and_goes_on(folder: Path, tmp_path: Path, lora: int) -> None:
    data = tmp_path / "talks.jsonl"
    data.write_text("".join(json.dumps({"prompt": f"{i}?", "answer": f"{i + 1}!"}) + "\n" for i in range(9)) * 6)
    run = tmp_path / "run"
    few = f"--max-steps 4 --context 48 --batch-size 4 --lora {lora} --checkpoint-every 2".split()
    few += "--lr-schedule constant --seed 0".split()
    assert main(["train", "gpt", str(data), "--base", str(folder), "--out", str(run), *few]) == 0
    model = zh.load(run)
    assert model.base_["published"]["config"] == CONFIG
    assert isinstance(model.chat("3?", max_tokens=4, random_state=0), str)
    assert main(["resume", str(run), "--max-steps", "6"]) == 0
    whole = tmp_path / "whole"
    few[1] = "6"
    assert main(["train", "gpt", str(data), "--base", str(folder), "--out", str(whole), *few]) == 0
    ours, theirs = zh.load(run).tensors(), zh.load(whole).tensors()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def _edit(name: str, change: Callable[[Any], None]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        value = json.loads((folder / name).read_text())
        change(value)
        (folder / name).write_text(json.dumps(value))

    return damage


def _weights(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return damage


def _index(names: dict[str, str]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))

    return damage


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def _header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((2 << 30).to_bytes(8, "little") + b"{}")


EMBEDDING = "model.embed_tokens.weight"
HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "pickle": (_pickled, "pytorch_model.bin, which isn't opened"),
    "code": (_edit("config.json", lambda c: c.update(auto_map={"AutoModel": "evil.Evil"})), "auto_map"),
    "experts": (_edit("config.json", lambda c: c.update(model_type="mixtral")), "mixture of experts"),
    "another kind": (_edit("config.json", lambda c: c.update(model_type="llamma")), "did you mean 'llama'"),
    "no kind": (_edit("config.json", lambda c: c.pop("model_type")), "names no model_type"),
    "quantised": (_edit("config.json", lambda c: c.update(quantization_config={"bits": 4})), "quantised"),
    "huge": (_edit("config.json", lambda c: c.update(hidden_size=1 << 40)), "hidden_size"),
    "text for a number": (_edit("config.json", lambda c: c.update(num_hidden_layers="two")), "num_hidden_layers"),
    "activation": (_edit("config.json", lambda c: c.update(hidden_act="mish")), "'mish'"),
    "positions": (_edit("config.json", lambda c: c.update(rope_scaling={"type": "longrope", "factor": 2})), "longrope"),
    "heads": (_edit("config.json", lambda c: c.update(num_attention_heads=3)), "config.json"),
    "no end": (_edit("config.json", lambda c: c.pop("eos_token_id")), "eos_token_id"),
    "end outside": (_edit("config.json", lambda c: c.update(eos_token_id=999)), "999"),
    "path": (_index({EMBEDDING: "../model.safetensors"}), "isn't a safetensors file beside it"),
    "absolute path": (_index({EMBEDDING: "/etc/model.safetensors"}), "isn't a safetensors file beside it"),
    "pickle in the index": (_index({EMBEDDING: "model.bin"}), "isn't a safetensors file beside it"),
    "missing shard": (_index({EMBEDDING: "model-00002.safetensors"}), "model-00002.safetensors is missing"),
    "list for an index": (_index([]), "names no files"),  # type: ignore[arg-type]
    "missing weight": (_weights(lambda t: t.pop(EMBEDDING)), f"{EMBEDDING} is missing"),
    "unknown weight": (_weights(lambda t: t.update(other=torch.zeros(2))), "isn't a weight of llama"),
    "shape": (_weights(lambda t: t.update({EMBEDDING: torch.zeros(264, 8)})), "not (264, 16)"),
    "rows": (_weights(lambda t: t.update({"model.layers.0.self_attn.q_proj.weight": torch.zeros(8, 16)})), "rows"),
    "NaN": (_weights(lambda t: t[EMBEDDING].view(-1)[3:4].fill_(float("nan"))), "infinite numbers or none"),
    "integers": (_weights(lambda t: t.update({EMBEDDING: torch.zeros(264, 16, dtype=torch.int8)})), "quantised"),
    "header": (_header, "header"),
    "cut": (lambda f: (f / "model.safetensors").write_bytes(b"\1\2"), "damaged"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "has no tokenizer.json"),
    "tokenizer": (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer"),
    "JSON": (lambda f: (f / "config.json").write_text("[" * 100_000), "isn't JSON"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_folders_give_one_line(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage, line = HOSTILE[case]
    damage(made(tmp_path / "bad"))
    assert main(["sample", str(tmp_path / "bad"), "-n", "1", "--out", str(tmp_path / "x.txt")]) == 2
    said = capsys.readouterr().err.strip()
    assert line in said and "\n" not in said, said
    assert not (tmp_path / "x.txt").exists()


@pytest.fixture
def beside(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder within another one, as somebody keeps models, seen from elsewhere."""
    shutil.copytree(folder, tmp_path / "models" / "tiny")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "talk.txt").write_text("hello there\n" * 40)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "models" / "tiny"


def test_commands_write_nothing_into_a_published_folder(beside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in beside.parent.rglob("*")}
    run = str(beside)
    for arguments, code in (
        (["sample", run, "--max-tokens", "2"], 0),
        (["score", run, "talk.txt"], 0),
        (["fill", run, "a ___ b", "--longest", "2"], 0),
        (["evaluate", run, "--data", "talk.txt", "-n", "1200"], 0),
        (["interpolate", run, "a", "b"], 2),
        (["export", run, "--to", "lora"], 2),
        (["resume", run, "--data", "talk.txt"], 2),
        (["train", "gpt", "talk.txt", "--base", run, "--out", run], 2),
    ):
        assert main(arguments) == code, arguments
    assert "is a published model and no run" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in beside.parent.rglob("*")} == before


def test_info_tells_what_a_published_model_is(beside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (beside / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    assert main(["info", str(beside), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["model"] == "GPT: published weights (llama)" and facts["context"] == "64 tokens"
    assert facts["licence"] == "cc-by-nc-4.0, which isn't for commercial use" and facts["chat template"] is True
    assert facts["parameters"] == f"{sum(p.numel() for p in zh.load(beside).nets_['net'].parameters()):,}"
    assert facts["ends with"] == "</s>, <|im_end|>" and "MiB to use" in facts["memory"]
