"""Options from a file, and files of options."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

import zaohua as zh
from zaohua.core import registry

TINY = ["--channels", "8", "--latent-dim", "4", "--batch-size", "16", "--device", "cpu"]


def test_a_printed_configuration_makes_the_same_run(zaohua, tmp_path: Path):
    given = [*TINY, "--max-steps", "2", "--seed", "3", "--learning-rate", "1e-3", "--size", "6", "6", "--no-labels"]
    said = zaohua("train", "vae", "digits", *given, "--print-config")
    assert said.code == 0 and said.err == "" and not list(tmp_path.iterdir())
    Path("run.yaml").write_text(said.out)
    assert zaohua("train", "vae", "digits", *given, "--out", "a").code == 0
    assert zaohua("train", "--config", "run.yaml", "--out", "b").code == 0
    a, b = (json.loads(Path(run, "model.json").read_bytes()) for run in "ab")
    for key in ("parameters", "codec_option", "codec", "y_codec", "seed", "source"):
        assert a[key] == b[key], key
    assert a["parameters"]["max_steps"] == 2 and a["codec_option"]["options"]["size"] == [6, 6]
    assert Path("a/weights.safetensors").read_bytes() == Path("b/weights.safetensors").read_bytes()
    assert zaohua("train", "vae", "digits", "--config", "run.yaml", "--print-config").out == said.out


@pytest.mark.parametrize("entry", registry.entries(), ids=lambda entry: entry.command)
def test_every_configuration_is_read_back_as_it_was(zaohua, entry: registry.Entry):
    """Every default survives the way through YAML, with its type."""
    printed = zaohua("train", entry.command, "--print-config").out
    Path("run.yaml").write_text(printed)
    assert zaohua("train", "--config", "run.yaml", "--print-config").out == printed
    Path("run.json").write_text(json.dumps(yaml.safe_load(printed)))
    assert zaohua("train", "--config", "run.json", "--print-config").out == printed


def test_flags_go_before_the_file_and_the_file_before_the_defaults(zaohua):
    Path("run.yml").write_text("max-steps: 7\nbatch_size: 3\nseed: 5\nlearning_rate: 1e-4\nlabels: false\nflip: true\n")
    shown = yaml.safe_load(
        zaohua("train", "vae", "--config", "run.yml", "--batch-size", "128", "--no-flip", "--print-config").out
    )
    assert (shown["max_steps"], shown["batch_size"], shown["random_state"]) == (7, 128, 5)
    assert (shown["learning_rate"], shown["labels"], shown["flip"]) == (1e-4, False, False)
    assert shown["beta"] == zh.VAE().beta and "data" not in shown and shown["model"] == "vae"


def test_values_of_several_parts(zaohua):
    text = "kinds: {age: integer, zip code: categorical}\nconstraints: [start < end, '(a, b)']\nmax_categories: 20\n"
    Path("run.yaml").write_text(text)
    shown = yaml.safe_load(zaohua("train", "ctgan", "--config", "run.yaml", "--print-config").out)
    assert shown["kinds"] == {"age": "integer", "zip code": "categorical"}
    assert shown["constraints"] == ["start < end", "(a, b)"] and shown["max_categories"] == 20
    Path("run.yaml").write_text('stop: ["\\n\\n", "# no: comment"]\nprompt: "a\\nb"\nsuffix: "yes"\n')
    shown = yaml.safe_load(zaohua("train", "gpt", "--config", "run.yaml", "--print-config").out)
    assert (shown["stop"], shown["prompt"], shown["suffix"]) == (["\n\n", "# no: comment"], "a\nb", "yes")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("run.yaml", "max_step: 3", "unknown option in run.yaml: 'max_step'; did you mean 'max_steps'"),
        ("run.yaml", "print_config: true", "unknown option in run.yaml: 'print_config'"),
        ("run.yaml", "max_steps: many", "run.yaml: max_steps must be a whole number, not 'many'"),
        ("run.yaml", "max_steps: 2.5", "run.yaml: max_steps must be a whole number or none, not 2.5"),
        ("run.yaml", "max_steps: true", "run.yaml: max_steps must be a whole number or none, not True"),
        ("run.yaml", "max_steps: 0", "run.yaml: max_steps must be at least 1, not 0"),
        ("run.yaml", "flip: maybe", "run.yaml: flip must be true or false, not 'maybe'"),
        ("run.yaml", "encoder: cnv", "run.yaml: encoder must be 'conv' or 'mlp', not 'cnv'; did you mean 'conv'"),
        ("run.yaml", "a: [1", "run.yaml, line 1: is no YAML"),
        ("run.yaml", "- 3", "run.yaml: must hold options and their values"),
        ("run.yaml", "!!python/object/apply:os.system ['true']", "is no YAML"),
        ("run.yaml", "model: edm", "run.yaml: has options of edm, not of vae"),
        ("run.json", "{", "run.json: is no JSON"),
        ("run.yaml", "data: 5", "run.yaml: data must be a text, not 5"),
        ("run.yaml", "out: 5", "run.yaml: out must be a text or none, not 5"),
        ("run.ini", "a=3", "run.ini: a file of options ends in .yaml or .json"),
        ("other.yaml", "", "run.yaml: No such file or directory"),
    ],
)
def test_a_mistake_is_one_line(zaohua, name: str, text: str, message: str):
    Path(name).write_text(text)
    said = zaohua("train", "vae", "digits", "--config", "run.yaml" if name == "other.yaml" else name)
    assert said.code == 2 and said.out == "" and not Path("runs").exists()
    assert said.err.startswith("zaohua: error: ") and said.err.count("\n") == 1 and message in said.err


def test_a_run_is_gone_on_with_by_a_file(zaohua, vae: Path, tmp_path: Path):
    steps = zh.load(vae).n_steps_
    Path("more.yaml").write_text(f"resume: true\nout: {vae}\nmax_steps: {steps + 2}\n")
    assert zaohua("train", "vae", "--config", "more.yaml").code == 0
    assert zh.load(vae).n_steps_ == steps + 2 and zh.load(vae).channels == 8


def test_options_of_sampling_from_a_file(zaohua, gmm: Path):
    Path("s.yaml").write_text("n: 4\ny: [3, '5']\nseed: 1\nout: made.npz\n")
    said = zaohua("sample", gmm, "--config", "s.yaml", "--json")
    assert said.code == 2 and "s.yaml: y must be texts, not [3, '5']" in said.err
    Path("s.yaml").write_text("n: 4\ny: ['3', '5']\nseed: 1\nout: made.npz\n")
    said = zaohua("sample", gmm, "--config", "s.yaml", "--json", "-n", "2")
    assert json.loads(said.out)["y"] == [3, 5] and json.loads(said.out)["out"] == "made.npz"
    Path("t.yaml").write_text(zaohua("sample", gmm, "--config", "s.yaml", "--print-config").out)
    assert json.loads(zaohua("sample", gmm, "--config", "t.yaml", "--overwrite", "--json").out)["y"] == [3, 5, 3, 5]
