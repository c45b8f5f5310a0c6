from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zaohua as zh
from zaohua.cli import COMMANDS, runs
from zaohua.cli.sample import sampling_flags
from zaohua.core import registry
from zaohua.storage.atomic import to_bytes, write_folder


def test_help_names_every_command(zaohua):
    said = zaohua("--help")
    assert said.code == 0 and all(f"zaohua {name}" in said.out for name in COMMANDS)
    assert said.out == zaohua().out
    assert zaohua("--version").out == f"zaohua {zh.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(zaohua, command: str):
    said = zaohua(command, "--help")
    assert said.code == 0 and f"zaohua {command}" in said.out


@pytest.mark.parametrize("entry", registry.entries(), ids=lambda entry: entry.command)
def test_every_field_of_a_model_is_an_option_with_help(zaohua, entry: registry.Entry):
    """This also proves that no field takes the name of another option."""
    said = zaohua("train", entry.command, "--help")
    assert said.code == 0
    assert all(option in said.out for option in ("--random-state", "--out", "--resume"))
    own = {
        "ImageCodec": ("--size", "--binarize"),
        "MelCodec": ("--seconds", "--bands"),
        "SpectrumCodec": ("--seconds", "--power"),
        "WaveCodec": ("--seconds", "--multiple"),
        "MuLawCodec": ("--seconds", "--trim"),
        "TextCodec": ("--tokenizer", "--context", "--prompt"),
        "MusicCodec": ("--tempo", "--music-steps"),
        "RollCodec": ("--form", "--melody"),
        "NumberCodec": (),
        "TableCodec": ("--numbers", "--kinds", "--max-categories"),
    }
    assert all(option in said.out for codec in entry.codecs for option in own[codec])
    assert ("--y-codec" in said.out) == entry.conditional and "codec" not in said.out.replace("--y-codec", "")


def test_models_as_table_json_and_markdown(zaohua):
    shown = zaohua("models").out
    assert all(entry.command in shown and entry.family in shown for entry in registry.entries())
    assert [entry["name"] for entry in json.loads(zaohua("models", "--json").out)] == [
        entry.name for entry in registry.entries()
    ]
    assert zaohua("models", "--markdown").out == registry.markdown() + "\n"


def test_train_says_where_the_run_is_and_numbers_runs(zaohua, tmp_path: Path):
    first, second = (zaohua("train", "gaussian", "digits", "--no-labels") for _ in range(2))
    assert "next:    zaohua sample runs/gaussian-digits\n" in first.err
    assert "runs/gaussian-digits-2" in second.err
    assert runs.default("gaussian", "digits", root=tmp_path / "runs").name == "gaussian-digits-3"
    assert runs.default("gaussian", "digits", again=True, root=tmp_path / "runs").name == "gaussian-digits-2"
    assert zh.load("runs/gaussian-digits").y_codec_ is None


def test_train_leaves_a_run_alone_unless_told(zaohua, gmm: Path):
    said = zaohua("train", "gmm", "digits", "--out", gmm)
    assert said.code == 2 and f"`zaohua resume {gmm}` goes on with it, --overwrite replaces it" in said.err


TINY = ["--max-steps", "2", "--channels", "8", "--latent-dim", "4", "--batch-size", "16", "--device", "cpu"]


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("model", ["gmm", "vae"])
def test_train_leaves_a_folder_of_somebody_else_as_it_is(zaohua, model: str, tmp_path: Path):
    own = tmp_path / "own"
    (own / "checkpoints").mkdir(parents=True)
    (own / "checkpoints" / "precious.pt").write_text("p")
    (own / "README.md").write_text("my own readme")
    before = files(tmp_path)
    for more in ([], ["--overwrite"], ["--evaluate-every", "5"] if model == "vae" else []):
        said = zaohua("train", model, "digits", "--out", own, *more)
        assert said.code == 2 and said.err.count("\n") == 1
        assert "holds files and no run (README.md, checkpoints)" in said.err
    assert files(tmp_path) == before


def test_a_refused_training_leaves_nothing_behind(zaohua, tmp_path: Path):
    refused = ["train", "vae", "digits", "--out", "run", *TINY, "--evaluate-every", "2"]
    for more in ([], ["--tensorboard"]):
        assert "--evaluate-every measures by what training holds out" in zaohua(*refused, *more).err
        assert not list(tmp_path.iterdir())
    assert zaohua("train", "vae", "digits", "--out", "run", *TINY).code == 0
    before = files(tmp_path)
    assert "--evaluate-every measures by" in zaohua(*refused, "--overwrite").err
    assert files(tmp_path) == before


def test_overwriting_a_run_leaves_what_is_not_the_run_s(zaohua, tmp_path: Path):
    assert zaohua("train", "vae", "digits", "--out", "run", *TINY).code == 0
    for name in ("checkpoints/precious.pt", "notes.txt"):
        (tmp_path / "run" / name).write_text("mine")
    (tmp_path / "run/README.md").write_text("my own readme")
    said = zaohua("train", "vae", "digits", "--out", "run", *TINY, "--max-steps", "3", "--overwrite")
    assert said.code == 0 and said.err.count("README.md may be somebody's own text") == 1
    assert "2 steps" not in (tmp_path / "run/CARD.md").read_text() and zh.load("run").n_steps_ == 3
    assert (tmp_path / "run/README.md").read_text() == "my own readme"
    assert all((tmp_path / "run" / name).read_text() == "mine" for name in ("checkpoints/precious.pt", "notes.txt"))


def test_resume_without_checkpoints_is_refused_in_words_of_the_command_line(zaohua, tmp_path: Path):
    assert zaohua("train", "vae", "digits", "--out", "run", *TINY).code == 0
    shutil.rmtree("run/checkpoints")
    before = files(tmp_path)
    said = zaohua("train", "vae", "digits", "--resume", "--max-steps", "4", "--out", "run")
    assert (said.code, said.err) == (
        2,
        "zaohua: error: run has no checkpoint to go on from, only a trained model: "
        "`zaohua train vae DATA --base run --out NEW` begins from its weights, "
        "`zaohua train ... --out run --overwrite` begins anew\n",
    )
    assert files(tmp_path) == before
    assert zaohua("train", "vae", "digits", "--base", "run", "--max-steps", "1", "--out", "other").code == 0


def test_resume_with_other_networks_is_one_line(zaohua, tmp_path: Path):
    (tmp_path / "a.txt").write_text("the cat sat on the mat " * 200)
    tiny = ["--width", "16", "--layers", "1", "--context", "8", "--max-steps", "4", "--validate-every", "2"]
    assert zaohua("train", "gpt", "a.txt", "--out", "run", *tiny).code == 0
    for changed, own in (("--width 32", 16), ("--layers 2", 1), ("--context 16", 8)):
        said = zaohua("resume", "run", "--max-steps", "6", *changed.split())
        assert said.code == 2 and said.err.count("error: ") == 1
        assert f"can't resume run with {changed} (its own: {own}): networks and data depend on that" in said.err
        assert said.err.endswith("`zaohua resume run` takes the run's own settings\n")
    assert zaohua("train", "gpt", "a.txt", "--out", "run", "--resume", "--max-steps", "6").code == 0
    said = zaohua("resume", "run", "--max-steps", "5")
    assert said.code == 0 and "step 6/5" not in said.err
    assert (
        "nothing was trained: the run is at step 6, and its 5 steps are reached; --max-steps 12 trains on" in said.err
    )


def test_a_short_training_is_told_at_the_end(zaohua):
    assert (
        "vae-digits: note: 2 steps, 0.02 of the data seen once: expect noise"
        in zaohua("train", "vae", "digits", *TINY).err
    )


def test_a_run_of_before_that_holds_a_device_is_gone_on_with_here(zaohua):
    assert zaohua("train", "vae", "digits", "--out", "run", *TINY).code == 0
    model = json.loads(Path("run/model.json").read_bytes())
    model["parameters"] |= {"device": "cuda:7", "workers": 0, "tensorboard": False}
    write_folder(Path("run"), {"model.json": to_bytes(model)})
    assert zaohua("sample", "run", "-n", "1").code == 0
    assert zaohua("train", "vae", "--resume", "--max-steps", "3", "--out", "run").code == 0
    assert zaohua("train", "vae", "digits", "--base", "run", "--max-steps", "1", "--out", "other").code == 0


def test_train_on_a_folder_with_options_of_the_codec(zaohua, tmp_path: Path):
    for name in ("dark", "light"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(4):
            pixels = np.random.default_rng(i).integers(0, 100, (12, 16)) + (150 if name == "light" else 0)
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "photos" / name / f"{i}.png")
    said = zaohua("train", "gaussian", "photos", "--size", "4", "6", "--json", "--seed", "7")
    assert json.loads(said.out)["run"] == "runs/gaussian-photos" and json.loads(said.out)["seed"] == 7
    model = zh.load("runs/gaussian-photos")
    assert model.sample(2, y="dark").shape == (2, 4, 6)


def test_resume_takes_the_stored_settings_and_lets_flags_override(zaohua, vae: Path):
    assert zaohua("train", "vae", "--resume", "--out", vae, "--max-steps", "8").code == 0
    model = zh.load(vae)
    assert (model.max_steps, model.channels, model.batch_size, model.n_steps_) == (8, 8, 16, 8)
    assert zaohua("train", "edm", "digits", "--resume", "--out", vae).err.count("is a run of VAE, not of EDM")


def test_samples_as_grid_files_and_array(zaohua, gmm: Path):
    assert str(gmm / "samples.png") in zaohua("sample", gmm).err
    assert Image.open(gmm / "samples.png").size == (8 * 58 - 2, 8 * 58 - 2)
    assert zaohua("sample", gmm, "-n", "4", "--y", "3,5", "--out", "files").code == 0
    names = [f"0000{i}-{y}.png" for i, y in enumerate("3535")]
    assert sorted(p.name for p in Path("files").glob("[!.]*")) == [*names, "metadata.csv"]
    assert Path("files/metadata.csv").read_text() == "file_name,label\n" + "".join(f"{n},{n[6]}\n" for n in names)
    said = zaohua("sample", gmm, "--each", "3", "--y", "1", "--y", "2", "--seed", "5", "--out", "a.npz", "--json")
    assert json.loads(said.out)["y"] == [1, 1, 1, 2, 2, 2]
    again = zh.load(gmm).sample(y=[1, 1, 1, 2, 2, 2], random_state=5)
    np.testing.assert_array_equal(np.load("a.npz")["images"], again)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--y", "boot"], "unknown label 'boot'"),
        (["-n", "0"], "must be at least 1"),
        (["--out", "x.jpg"], "a folder, or to a .png or .npz or .gif file"),
        (["--steps", "3"], "unknown option '--steps'"),
    ],
)
def test_samples_that_cannot_be(zaohua, gmm: Path, arguments: list[str], message: str):
    said = zaohua("sample", gmm, *arguments)
    assert said.code == 2 and message in said.err


def test_sampling_fields_are_options_of_sample(zaohua, vae: Path):
    fields = [f.name for f in zh.registry.model_class("flow").__dataclass_fields__.values()]
    assert "steps" in fields  # flow's sampler; the VAE has none
    shown = zaohua("sample", vae, "--help").out
    assert "--steps" not in shown and "--temperature" in shown
    assert "--vocoder" not in shown and "--score-importance-samples" not in shown


def test_options_of_sample_are_those_of_the_kind_of_data():
    """Pictures need no vocoder; fields of scores affect no samples."""
    pictures = zh.Flow(**{**zh.Flow.tiny, "max_steps": 1}, random_state=0).fit("digits").to_json()
    sounds = {**pictures, "codec": zh.MelCodec().to_json()}
    shared = {"precision", "guidance", "sampler", "steps", "guidance_above", "guidance_below"}
    assert {flag.name for flag in sampling_flags(pictures)} == shared
    assert {flag.name for flag in sampling_flags(sounds)} == {*shared, "vocoder"}


def test_info(zaohua, gmm: Path, vae: Path):
    assert "1,500 pictures of 8 x 8 pixels, 1 channel, 17 levels" in zaohua("info", gmm).out
    assert "0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in zaohua("info", gmm).out
    gpt = zh.GPT(width=16, heads=1, layers=1, context=8, max_steps=1, random_state=0).fit(["a b c", "c b a"] * 9)
    gpt.save("texts")
    changed = {"context": 8, "heads": 1, "layers": 1, "max_steps": 1, "width": 16, "random_state": 0}
    assert json.loads(zaohua("info", "texts", "--json").out)["settings"] == changed  # not `stop`, stored as a list
    facts = json.loads(zaohua("info", vae, "--json").out)
    assert facts["model"].startswith("VAE") and facts["steps"] >= 6 and facts["settings"]["channels"] == 8


def test_music_from_a_table_to_a_sound(zaohua, tmp_path: Path):
    voices = [[[72 + i, 60], [72 + i, 64], [74 + i, -1]] for i in range(4)]
    (tmp_path / "tunes-16th.json").write_text(json.dumps({"train": voices, "test": voices[:1]}))
    tiny = ["--width", "8", "--hidden", "4", "--max-steps", "3", "--max-frames", "6", "--device", "cpu"]
    assert zaohua("train", "chorale-rnn", "tunes-16th.json", *tiny, "--tempo", "120").code == 0
    run = "runs/chorale-rnn-tunes-16th"
    assert zaohua("sample", run, "-n", "2").err.endswith(f"{run}/samples.wav\n")
    assert Path(run, "samples.wav").read_bytes()[:4] == b"RIFF"
    assert "a folder, or to a .wav or .mid file, not to .png" in zaohua("sample", run, "--out", "a.png").err
    pytest.importorskip("symusic")
    assert zaohua("sample", run, "-n", "2", "--out", "tunes").code == 0
    assert sorted(path.name for path in Path("tunes").glob("[!.]*")) == ["00000.mid", "00001.mid"]
    assert zaohua("sample", run, "--melody", "tunes/00000.mid", "--out", "b.mid").code == 0
    assert "none.mid: can't be read as a MIDI file: No such file" in zaohua("sample", run, "--melody", "none.mid").err


def test_what_is_there_is_never_written_over(zaohua, gmm: Path):
    """A path that is given must be new, one that isn't given is numbered, and a folder holds one generation."""
    run = shutil.copytree(gmm, "run", ignore=shutil.ignore_patterns("samples*"))
    for name in ("samples.png", "samples-2.png"):
        assert zaohua("sample", run, "-n", "2").err.endswith(f"{run}/{name}\n")
    Path("mine.npz").write_text("mine")
    said = zaohua("sample", run, "-n", "2", "--out", "mine.npz")
    assert said.code == 2 and "mine.npz is there already: --overwrite replaces it" in said.err
    assert Path("mine.npz").read_text() == "mine"
    assert zaohua("sample", run, "-n", "2", "--out", "mine.npz", "--overwrite").code == 0
    assert zaohua("sample", run, "-n", "6", "--out", "some").code == 0
    assert "--overwrite replaces them" in zaohua("sample", run, "-n", "2", "--out", "some").err
    assert zaohua("sample", run, "-n", "2", "--out", "some", "--overwrite").code == 0
    assert sorted(path.name for path in Path("some").glob("[!.]*")) == ["00000.png", "00001.png"]
    Path("some/mine.txt").write_text("mine")
    said = zaohua("sample", run, "-n", "1", "--out", "some", "--overwrite")
    assert said.code == 2 and "some holds other files (mine.txt): nothing was written" in said.err
    assert len(list(Path("some").glob("[!.]*"))) == 3


def test_data_options_and_paths_in_info_and_card(zaohua, tmp_path: Path):
    (tmp_path / "a.txt").write_text("the cat sat on the mat " * 200)
    tiny = ["--width", "16", "--layers", "1", "--context", "8", "--max-steps", "2", "--tokenizer", "bpe"]
    run = "runs/my first"
    assert zaohua("train", "gpt", "a.txt", "--out", run, *tiny, "--vocabulary", "300").code == 0
    said = zaohua("info", run)
    size = zh.load(run).codec_.tokenizer_.size
    assert f"vocabulary {size}" in said.out and "tokenizer bpe" in said.out and str(tmp_path / "a.txt") in said.out
    card = Path(run, "README.md").read_text("utf-8")
    assert "| tokenizer | bpe |" in card and f"| vocabulary | {size} |" in card
    assert f"(`zaohua evaluate '{run}'`)" in card and f'model = zh.load("{run}")' in card
    images = np.zeros((4, 8, 8), np.uint8)
    zh.Flow(**{**zh.Flow.tiny, "max_steps": 1}, random_state=0, size=8, flip=True).fit(images).save("flow")
    card = Path("flow/README.md").read_text("utf-8")
    assert "| flip | True |" in card and "| size | [8, 8] |" in card and "vocoder" not in card
    assert "flip yes" in zaohua("info", "flow").out and "size 8 x 8" in zaohua("info", "flow").out


def test_a_run_that_was_stopped_before_its_end_is_told(zaohua):
    assert zaohua("train", "vae", "digits", "--out", "run", *TINY).code == 0
    assert "stopped" not in zaohua("sample", "run", "-n", "1").err
    model = json.loads(Path("run/model.json").read_bytes())
    model["parameters"]["max_steps"] = 150
    write_folder(Path("run"), {"model.json": to_bytes(model)})
    said = zaohua("sample", "run", "-n", "1")
    assert said.code == 0
    assert "warning: run was stopped before its end, at step 2 of 150: `zaohua resume run` goes on with it" in said.err


def test_a_full_disk_leaves_no_half_of_a_sample(zaohua, gmm: Path, monkeypatch: pytest.MonkeyPatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    for out in ("new/x.png", "x.npz"):
        said = zaohua("sample", gmm, "-n", "2", "--out", out)
        assert said.code == 2 and f"{out} can't be written: No space left on device; nothing of it is left" in said.err
    assert not list(Path().iterdir())


def test_values_that_begin_with_a_dash(zaohua, tmp_path: Path):
    zh.GMM(n_components=1, random_state=0).fit(np.random.default_rng(0).random((20, 4, 4)), ["-x", "b"] * 10, out="run")
    assert json.loads(zaohua("sample", "run", "--y=-x", "-n", "1", "--json").out)["y"] == ["-x"]
    assert json.loads(zaohua("sample", "run", "--y", "b", "b", "--y=-x", "-n", "3", "--json").out)["y"] == [
        "b",
        "b",
        "-x",
    ]
    assert "(a value is written --y=-x)" in zaohua("sample", "run", "--y", "-x").err


def test_names_outside_the_encoding_of_the_system(tmp_path: Path):
    """A folder whose name isn't text in the system's encoding is learnt from, and named in the card."""
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    for i in range(2):
        Image.fromarray(np.full((8, 8), 100 * i, np.uint8)).save(folder / f"{i}.png")
    zh.GMM(n_components=1, random_state=0).fit(str(folder), out=tmp_path / "run")
    assert "caf\\udce9" in (tmp_path / "run/README.md").read_text("utf-8")
    assert zh.load(tmp_path / "run").source_["X"] == str(folder)
