"""Language models as folders of Hugging Face: transformers computes the same, and the same model comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.interop.exports import TEXTS, small
from tests.interop.test_published import made

import zaohua as zh
from zaohua.cli import main
from zaohua.modalities.texts import dialogues
from zaohua.nn.blueprint import Blueprint

transformers = pytest.importorskip("transformers")

TALKS = [
    [{"role": "system", "content": "Be kind."}, *({"role": role, "content": f"{role} {i}"} for role in two)]
    for i in range(6)
    for two in (("user", "assistant"),)
]
CASES: dict[str, dict[str, Any]] = {
    "zaohua": {"architecture": "zaohua", "codec": zh.TextCodec(tokenizer="bpe", vocabulary=300), "context": 256},
    "gpt2": {"architecture": "gpt2", "codec": zh.TextCodec(tokenizer="bytes")},
    "llama": {"architecture": "llama"},
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    fields = CASES[request.param]
    model = small("GPT", X=TALKS if request.param == "zaohua" else TEXTS, **{"context": 32, "top_k": 5, **fields})
    return model, zh.export(model, "hf", tmp_path_factory.mktemp("hf") / "made")


@torch.no_grad()
def test_transformers_computes_the_same(case: tuple[Any, Path]) -> None:
    model, folder = case
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    tokens = torch.randint(model.spec_.channels, (2, 32), generator=torch.Generator().manual_seed(0))
    expected = model.nets_["net"](tokens)
    assert expected.std() > 0.1
    torch.testing.assert_close(theirs(tokens).logits, expected, atol=1e-5, rtol=1e-5)


def test_tokenizers_write_the_same_tokens(case: tuple[Any, Path]) -> None:
    model, folder = case
    fast = transformers.AutoTokenizer.from_pretrained(folder)
    for text in (TEXTS[0], " 1 little  letters and some more ", ""):
        ids = [model.codec_.begin_, *model.codec_.tokenizer_.encode(text).tolist()]
        assert fast(text)["input_ids"] == ids
        assert fast.decode(ids, skip_special_tokens=True) == text
    assert fast.bos_token_id == fast.eos_token_id == model.codec_.end_


def test_greedy_texts_are_the_same(case: tuple[Any, Path]) -> None:
    model, folder = case
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert theirs.generation_config.top_k == 5 and theirs.generation_config.do_sample
    fast = transformers.AutoTokenizer.from_pretrained(folder)
    length = 200 if model.context > 200 else 20
    out = theirs.generate(**fast("1 li", return_tensors="pt"), do_sample=False, max_new_tokens=length)
    text = model.sample(1, prompt="1 li", temperature=0.0, max_tokens=length, random_state=0)[0]
    assert model.codec_.end_ in out[0, 1:] or len(out[0]) > length
    assert fast.decode(out[0], skip_special_tokens=True) == text


def test_the_same_model_comes_back(case: tuple[Any, Path], tmp_path: Path) -> None:
    model, folder = case
    back = zh.load(folder)
    mine = model.tensors()
    assert all(torch.equal(value, mine[name]) for name, value in back.tensors().items())
    assert back.sample(3, random_state=0, max_tokens=20) == model.sample(3, random_state=0, max_tokens=20)
    again = zh.export(back, "hf", tmp_path / "again")
    assert (again / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def test_dialogues_are_written_as_the_model_learnt_them(tmp_path: Path) -> None:
    model = small("GPT", X=TALKS, codec=zh.TextCodec(tokenizer="chars"))
    folder = zh.export(model, "hf", tmp_path / "made")
    fast = transformers.AutoTokenizer.from_pretrained(folder)
    talk = [*TALKS[0], {"role": "user", "content": "user 1"}]
    asked = fast.apply_chat_template(talk, add_generation_prompt=True)["input_ids"]
    assert asked == model.codec_.asking(dialogues.asked(talk))
    whole = fast.apply_chat_template(TALKS[0])["input_ids"]
    row = model.codec_.encode([TALKS[0]])[[0]][0]
    assert whole == torch.where(row < -1, -2 - row, row).tolist()
    back = zh.load(folder)
    assert back.chat("user 1", random_state=0, max_tokens=8) == model.chat("user 1", random_state=0, max_tokens=8)


def test_published_weights_go_back_with_their_own_settings(tmp_path: Path) -> None:
    base = made(tmp_path / "base")
    (base / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    model = zh.load(base)
    folder = zh.export(model, "hf", tmp_path / "made")
    config = json.loads((folder / "config.json").read_text())
    assert json.loads((base / "config.json").read_text()).items() <= config.items()
    assert json.loads((folder / "tokenizer.json").read_text()) == json.loads((base / "tokenizer.json").read_text())
    assert "license: apache-2.0" in (folder / "README.md").read_text()
    back = zh.load(folder)
    assert all(torch.equal(value, model.tensors()[name]) for name, value in back.tensors().items())
    assert back.sample(2, random_state=0, max_tokens=8) == model.sample(2, random_state=0, max_tokens=8)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokens = torch.arange(9)[None]
    torch.testing.assert_close(theirs(tokens).logits, model.nets_["net"](tokens), atol=1e-5, rtol=0)


REFUSED: dict[str, tuple[str, dict[str, Any], bool, str]] = {
    "conditions": ("GPT", {}, True, "it is conditioned on"),
    "pictures": ("ImageGPT", {}, False, "only transformers of texts"),
    "settings": ("GPT", {"architecture": Blueprint(positions=True)}, False, "no published kind of model"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_others_are_refused(case: str, tmp_path: Path) -> None:
    name, fields, labels, line = REFUSED[case]
    with pytest.raises(zh.ZaohuaError, match=line) as error:
        zh.export(small(name, labels, **fields), "hf", tmp_path / "made")
    assert "\n" not in str(error.value) and not (tmp_path / "made").exists()


def test_a_run_is_exported_by_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small("GPT").save(tmp_path / "run")
    assert main(["export", str(tmp_path / "run"), "--to", "hf"]) == 0
    assert "a model of the type nanochat" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "run-hf").iterdir()} >= {"config.json", "README.md", "tokenizer.json"}
    assert main(["export", str(tmp_path / "run"), "--to", "hf", "--type", "q8_0"]) == 2
    assert "type of numbers" in capsys.readouterr().err
