"""What Zaohua didn't make is never deleted or overwritten, whatever it is called and wherever it lies."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.disk import crash_everywhere
from tests.trainings import Killed, Mean, at_step, digits, kill, make

import zaohua as zh
from zaohua.core.errors import CheckpointError, ZaohuaError, ZaohuaWarning
from zaohua.storage import layout, runs
from zaohua.storage.atomic import MANIFEST, manifest_bytes

FOREIGN = {
    "text": {"notes.txt": "mine"},
    "readme": {"README.md": "my own readme"},
    "another program's model": {"model.json": '{"class_name": "Sequential", "config": {}}', "manifest.json": "{}"},
    "a web application": {"manifest.json": '{"name": "app", "icons": []}', "index.html": "<p>"},
    "named alike": {"history.jsonl": "{}", "weights.safetensors": "w", ".keep.tmp": "x"},
    "checkpoints of others": {"checkpoints/precious.pt": "p"},
    "previews of others": {"previews/holiday.png": "h"},
    "hidden": {".config": "c"},
}


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def content(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def gmm() -> Any:
    return zh.GMM(n_components=1, random_state=0).fit(digits()[0])


# ---- folders that are no runs


@pytest.mark.parametrize("files", FOREIGN.values(), ids=FOREIGN)
def test_a_folder_of_somebody_else_is_refused_before_anything_is_read_or_written(
    files: dict[str, str], gmm: Any, tmp_path: Path
) -> None:
    put(tmp_path, files)
    before, name = content(tmp_path), min(files).split("/")[0]

    def never(event: Any) -> None:
        raise AssertionError("it trains")

    attempts: list[Callable[[], Any]] = [
        lambda: gmm.save(tmp_path),
        lambda: zh.GMM(n_components=1).fit("no such data", out=tmp_path),
        lambda: make("VAE", 1).fit("no such data", out=tmp_path, callbacks=[never]),
        lambda: make("VAE", 1).fit(digits()[0], out=tmp_path, overwrite=True, callbacks=[never]),
    ]
    for attempt in attempts:
        with pytest.raises(ZaohuaError, match=f"{tmp_path.name} holds files and no run .*{name}.*choose a new") as said:
            attempt()
        assert "\n" not in str(said.value)
    assert content(tmp_path) == before


def test_fine_tuning_into_such_a_folder_is_refused(tmp_path: Path) -> None:
    put(tmp_path, {"a.txt": "a", "b.txt": "b", "c.txt": "c", "d.txt": "d"})
    before = content(tmp_path)
    with pytest.raises(ZaohuaError, match=r"holds files and no run \(a.txt, b.txt, c.txt and 1 more\)"):
        make("VAE", 1).fit(digits()[0]).finetune(digits()[0], out=tmp_path)
    assert content(tmp_path) == before


def test_a_file_or_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for out in (tmp_path / "file", tmp_path / "file" / "deep" / "run", tmp_path / "dangling"):
        with pytest.raises(ZaohuaError, match="can't save to .*: Not a directory"):
            zh.GMM().fit("no such data", out=out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "file"]


def test_what_people_call_empty_is_empty(gmm: Any, tmp_path: Path) -> None:
    put(tmp_path, {".gitkeep": "", ".DS_Store": "x"})
    (tmp_path / "checkpoints").mkdir()  # as a run that was refused leaves it
    gmm.save(tmp_path)
    assert zh.load(tmp_path).sample().shape == (1, 8, 8) and (tmp_path / ".DS_Store").read_text() == "x"


# ---- runs that are saved over, gone on with or overwritten

MINE = {
    "checkpoints/precious.pt": "p",
    "previews/holiday.png": "h",
    "previews/20240101.png": "h",
    "notes.txt": "n",
    "checkpoints/000000002/notes.txt": "n",
    ".mine.tmp": "t",
    ".mine.1.tmp": "t",
    ".mine.new": "t",
    "LICENSE": "l",
    "checkpoints/2024/photo.png": "p",
    "samples.png": "s",
}


def test_only_what_the_run_made_is_deleted_from_it(tmp_path: Path) -> None:
    data, settings = digits(), {"checkpoint_every": 1, "preview_every": 1, "log_every": 1}
    make("VAE", 3, **settings).fit(*data, out=tmp_path)
    assert runs.checkpoint_steps(tmp_path) == [2, 3]
    put(tmp_path, MINE | {".history.jsonl.7.tmp": "left by a run that was killed"})
    make("VAE", 5, **settings).resume(tmp_path, *data)
    assert runs.checkpoint_steps(tmp_path) == [4, 5]
    make("VAE", 1, **{**settings, "preview_every": None}).fit(*data, out=tmp_path, overwrite=True)
    assert {name: (tmp_path / name).read_text() for name in MINE} == MINE
    here = {name for name, data in content(tmp_path).items() if data is not None}
    assert here - set(MINE) == {
        ".lock",
        "README.md",
        "history.jsonl",
        MANIFEST,
        "model.json",
        "weights.safetensors",
        *(
            f"checkpoints/000000001/{name}"
            for name in (MANIFEST, "state.json", "nets.safetensors", "average.safetensors", "optimizers.safetensors")
        ),
    }
    assert zh.load(tmp_path).n_steps_ == 1 and len((tmp_path / "history.jsonl").read_text().splitlines()) == 1


def test_a_run_in_which_a_damaged_manifest_lies_is_overwritten(tmp_path: Path) -> None:
    make("VAE", 1).fit(digits()[0], out=tmp_path)
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(ZaohuaError, match="holds a run already"):
        make("VAE", 1).fit(digits()[0], out=tmp_path)
    with pytest.warns(ZaohuaWarning, match="the model card is"):  # whose README.md it is was told by the manifest only
        make("VAE", 2).fit(digits()[0], out=tmp_path, overwrite=True)
    assert zh.load(tmp_path).n_steps_ == 2


def test_overwriting_that_is_cut_off_leaves_a_run_that_can_be_overwritten(tmp_path: Path) -> None:
    model = Mean(max_steps=1, device="cpu", random_state=0)
    model.fit(digits()[0], out=tmp_path)
    whole = content(tmp_path)

    def prepare() -> None:
        for name, data in whole.items():
            if data is None:
                (tmp_path / name).mkdir(exist_ok=True)
            else:
                (tmp_path / name).write_bytes(data)

    for _ in crash_everywhere(lambda: layout.clear_run(tmp_path), prepare):
        layout.check_out(tmp_path)
        assert layout.is_run(tmp_path)
        model.fit(digits()[0], out=tmp_path, overwrite=True)
        assert layout.checkpoint_steps(tmp_path) == [1] and runs.load_model(tmp_path)[1] is not None


def test_a_run_that_was_just_begun_holds_nothing_to_lose(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        make("VAE", 3).fit(*digits(), out=tmp_path, callbacks=[at_step(1, kill)])
    assert layout.is_run(tmp_path) and not layout.holds_training(tmp_path)
    make("VAE", 3).fit(*digits(), out=tmp_path)
    assert layout.holds_training(tmp_path)


# ---- the card


def test_a_card_that_somebody_changed_stays_and_the_model_s_goes_beside_it(gmm: Any, tmp_path: Path) -> None:
    gmm.save(tmp_path)
    readme, card = tmp_path / "README.md", tmp_path / "CARD.md"
    written = readme.read_text()
    gmm.save(tmp_path)
    assert readme.read_text() == written and not card.exists()
    readme.write_text("my own readme")
    with pytest.warns(ZaohuaWarning, match=r"README.md may be somebody's own text, .*: the model card is .*CARD.md"):
        gmm.save(tmp_path)
    assert readme.read_text() == "my own readme" and card.read_text() == written
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is said once
        gmm.save(tmp_path)
    readme.unlink()
    gmm.save(tmp_path)
    assert readme.read_text() == written
    for path in (readme, card):
        path.write_text("mine")
    with pytest.warns(ZaohuaWarning, match="no model card is written"):
        gmm.save(tmp_path)
    assert readme.read_text() == card.read_text() == "mine" and zh.load(tmp_path).sample().shape == (1, 8, 8)


def test_the_card_is_not_verified_on_loading(gmm: Any, tmp_path: Path) -> None:
    gmm.save(tmp_path)
    (tmp_path / "README.md").unlink()
    assert zh.load(tmp_path).sample().shape == (1, 8, 8)
    (tmp_path / "model.json").unlink()
    with pytest.raises(CheckpointError, match="model.json is missing"):
        zh.load(tmp_path)


def test_runs_of_before_whose_manifest_knows_no_card_are_used_on(tmp_path: Path) -> None:
    data = digits()

    def as_before() -> None:
        hashes = json.loads((tmp_path / MANIFEST).read_bytes())["sha256"]
        assert set(hashes) - {"CARD.md"} == {"model.json", "weights.safetensors", "README.md"}
        kept = {name: digest for name, digest in hashes.items() if name not in layout.CARDS}
        (tmp_path / MANIFEST).write_bytes(manifest_bytes(kept))
        if (tmp_path / "CARD.md").exists():
            os.remove(tmp_path / "CARD.md")

    make("VAE", 2).fit(*data, out=tmp_path)
    old = (tmp_path / "README.md").read_text()
    as_before()
    with pytest.warns(ZaohuaWarning, match="the model card is .*CARD.md"):
        assert make("VAE", 4).resume(tmp_path, *data).n_steps_ == 4
    assert (tmp_path / "README.md").read_text() == old and "4 steps" in (tmp_path / "CARD.md").read_text()
    (tmp_path / "README.md").unlink()
    zh.load(tmp_path).save(tmp_path)
    as_before()
    with pytest.warns(ZaohuaWarning, match="the model card is .*CARD.md"):
        make("VAE", 1).fit(*data, out=tmp_path, overwrite=True)
    assert zh.load(tmp_path).n_steps_ == 1
