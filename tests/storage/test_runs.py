"""Runs: checkpoints that are whole or not there, going on from the newest that is whole, hostile models refused."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.disk import crash_everywhere, damage, files_of, made_up, positions, tensors
from tests.trainings import POSIX

import zaohua as zh
from zaohua.core.errors import CheckpointError, ZaohuaError
from zaohua.storage import atomic, runs
from zaohua.storage.atomic import MANIFEST, sha256
from zaohua.storage.runs import Run, load_checkpoint

SOURCE = Path(zh.__file__).parent


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Run]:
    """A run that is being trained in `tmp_path`."""
    run = Run(tmp_path)
    yield run
    run.close()


def save_step(run: Run, step: int) -> None:
    run.save(step, {"value": step}, {"nets": tensors(step), "optimizers": tensors(-step)})


def newest(run: Path) -> tuple[int, list[str]]:
    """Step of the checkpoint that a run would go on from, and what is said of newer ones."""
    found = load_checkpoint(run)
    assert found is not None
    state, groups, problems = found
    assert state["step"] == state["value"] == float(groups["nets"]["b"]) == -float(groups["optimizers"]["b"])
    return state["step"], problems


@pytest.mark.parametrize("before", [[10, 20], [10, 20, 30]], ids=["a new step", "a step that was damaged"])
def test_a_crash_in_a_checkpoint_leaves_the_one_before_or_the_new(tmp_path: Path, before: list[int]) -> None:
    folder, seen = tmp_path / "run", list[int]()

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        run = Run(folder, keep=3)
        for step in before:
            save_step(run, step)
        run.close()
        if 30 in before:
            (folder / "checkpoints/000000030/state.json").write_bytes(b"{}")

    def change() -> None:
        run = Run(folder)
        try:
            save_step(run, 30)
        finally:
            run.close()

    for _ in crash_everywhere(change, prepare):
        seen.append(newest(folder)[0])
    assert sorted(seen) == seen and set(seen) == {20, 30}
    assert runs.checkpoint_steps(folder) == [20, 30]


def test_a_flipped_bit_in_any_file_of_a_checkpoint_is_noticed(training: Run, tmp_path: Path) -> None:
    save_step(training, 10)
    save_step(training, 20)
    paths = files_of(tmp_path / "checkpoints/000000020")
    assert [path.name for path in paths] == [MANIFEST, "nets.safetensors", "optimizers.safetensors", "state.json"]
    for path in paths:
        whole = path.read_bytes()
        for position in positions(path):
            damage(path, position)
            step, problems = newest(tmp_path)
            assert step == 10 and len(problems) == 1 and str(path) in problems[0]
            path.write_bytes(whole)
    damage(paths[1], 100)
    shutil.rmtree(tmp_path / "checkpoints/000000010")
    with pytest.raises(CheckpointError, match=r"no checkpoint of .* is intact: .*nets.safetensors is damaged"):
        load_checkpoint(tmp_path)


def test_strange_names_among_checkpoints_are_ignored(training: Run, tmp_path: Path) -> None:
    save_step(training, 10)
    for name in (".000000099.tmp", "old", "²"):
        (tmp_path / "checkpoints" / name).mkdir()
    (tmp_path / "checkpoints/7").write_text("a file")
    assert newest(tmp_path) == (10, [])
    assert load_checkpoint(tmp_path / "nowhere") is None


# ---- the folder of a run


def test_the_last_two_checkpoints_stay(training: Run, tmp_path: Path) -> None:
    for step in (10, 20, 30, 40):
        save_step(training, step)
    assert runs.checkpoint_steps(tmp_path) == [30, 40]


def test_damaged_checkpoints_never_crowd_out_good_ones(training: Run, tmp_path: Path) -> None:
    training.keep = 3
    for step in (10, 200, 300):
        save_step(training, step)
    for step in (200, 300):
        (tmp_path / f"checkpoints/{step:09d}/state.json").unlink()
    training.keep = 2
    save_step(training, 20)
    assert runs.checkpoint_steps(tmp_path) == [10, 20] and newest(tmp_path) == (20, [])


def test_failing_to_delete_old_checkpoints_stops_nothing(training: Run, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("unlink", "rmdir"):
            patch.setattr(os, name, lambda *_, **__: (_ for _ in ()).throw(PermissionError(errno.EACCES, "no")))
        for step in (10, 20, 30):
            save_step(training, step)
    assert runs.checkpoint_steps(tmp_path) == [10, 20, 30] and newest(tmp_path) == (30, [])
    save_step(training, 40)
    assert runs.checkpoint_steps(tmp_path) == [30, 40]


@POSIX
def test_one_process_at_a_time(tmp_path: Path) -> None:
    hold = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    run = Run(tmp_path)
    run.close()
    with subprocess.Popen(
        [sys.executable, "-c", hold, tmp_path / ".lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin and other.stdout and other.stdout.readline()
        with pytest.raises(ZaohuaError, match="is being trained by another process") as error:
            Run(tmp_path)
        assert "\n" not in str(error.value)
        other.kill()
        other.wait()
        Run(tmp_path).close()  # the lock went with the process that was killed


@POSIX
def test_a_worker_of_a_killed_run_does_not_hold_its_lock(training: Run, tmp_path: Path) -> None:
    read, write = os.pipe()
    worker = os.fork()
    if worker == 0:
        os.write(write, b"here")
        signal.pause()
    try:
        assert os.read(read, 4) == b"here"
        training._handle.close()  # as when the parent is killed
        Run(tmp_path).close()
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
        os.close(read)
        os.close(write)


def test_what_killed_processes_leave_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".history.jsonl.123.tmp").write_text("half")
    Run(tmp_path).close()
    assert not list(tmp_path.glob(".*.tmp"))


def test_history_survives_cut_off_and_damaged_lines(training: Run, tmp_path: Path) -> None:
    for step in (1, 2, 3, 4):
        training.append_history({"step": step, "loss": step / 7})
    with (tmp_path / "history.jsonl").open("ab") as file:
        file.write(b'\xff\xfe\n5\n{"loss": 1}\n{"step": 2, "lo')
    assert training.rewind_history(3) == [{"step": step, "loss": step / 7} for step in (1, 2, 3)]
    assert training.rewind_history(3)[-1]["step"] == 3
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 3


# ---- of a training


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run left alone: checkpoints at steps 4 and 6, history every 4 steps, done at 7."""
    folder = tmp_path_factory.mktemp("runs") / "vae"
    model(7).fit("digits", out=folder)
    return folder


def model(steps: int) -> Any:
    return zh.VAE(
        **{
            **zh.VAE.tiny,
            "max_steps": steps,
            "checkpoint_every": 2,
            "log_every": 4,
            "random_state": 0,
            "device": "cpu",
            "precision": "float32",
            "lr_schedule": "constant",
        }
    )


def weights(folder: Path) -> str:
    return sha256((folder / "weights.safetensors").read_bytes())


def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one(run: Path, tmp_path: Path) -> None:
    assert runs.checkpoint_steps(run) == [6, 7]
    folder, events = tmp_path / "run", list[Any]()
    shutil.copytree(run, folder)
    damage(folder / "checkpoints/000000007/average.safetensors", 1000)
    model(7).resume(folder, callbacks=[events.append])
    (warning,) = [event for event in events if event.kind == "warning"]
    assert "000000007/average.safetensors is damaged" in warning.message and "from step 6" in warning.message
    assert weights(folder) == weights(run) and newest_step(folder) == 7


def newest_step(folder: Path) -> int:
    found = load_checkpoint(folder)
    assert found is not None and not found[2]
    return int(found[0]["step"])


def test_resuming_mends_damaged_weights(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    damage(folder / "weights.safetensors", 500)
    with pytest.raises(CheckpointError, match=r"weights\.safetensors is damaged"):
        zh.load(folder)
    model(7).resume(folder)
    assert weights(folder) == weights(run)


def test_a_run_on_a_full_disk_goes_on_and_says_so(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, events, write = tmp_path / "run", list[Any](), atomic.write_file

    def full(path: Path, data: bytes) -> None:
        if events and events[-1].step > 2:
            path.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, data)

    with monkeypatch.context() as patch:
        for module in (atomic, runs):
            patch.setattr(module, "write_file", full)
        with pytest.raises(ZaohuaError, match="No space left on device; what was saved there before is whole"):
            model(7).fit("digits", out=folder, callbacks=[events.append])
    assert [event.step for event in events if event.kind == "warning"] == [4, 6, 7]
    assert all("No space left" in event.message for event in events if event.kind == "warning")
    assert runs.checkpoint_steps(folder) == [2] and zh.load(folder).n_steps_ == 2
    model(7).resume(folder)
    assert weights(folder) == weights(run)


# ---- what somebody else made up


def test_a_model_that_makes_no_sense(run: Path, tmp_path: Path) -> None:
    good, weights = json.loads((run / "model.json").read_bytes()), (run / "weights.safetensors").read_bytes()

    def refused(changes: dict[str, Any], match: str, weights: bytes | None = weights) -> None:
        files = {"model.json": json.dumps({k: v for k, v in {**good, **changes}.items() if v != "-"}).encode()}
        folder = made_up(tmp_path, {**files, **({} if weights is None else {"weights.safetensors": weights})})
        with pytest.raises(ZaohuaError, match=match) as error:
            zh.load(folder)
        assert "\n" not in str(error.value)

    refused({"model": "os.system"}, "unknown model")
    refused({"model": 5}, "unknown model|no model that this version")
    refused({"parameters": "-"}, "no model that this version")
    refused({"parameters": {"learning_rat": 1}}, "learning_rat")
    refused({"parameters": {**good["parameters"], "latent_dim": -4}}, "latent_dim must be")
    refused({"parameters": {**good["parameters"], "latent_dim": 5}}, "no model that this version")
    refused({"codec": {"codec": "subprocess", "options": {}, "spec": None}}, "codec can't be read")
    refused({"codec": None}, "codec can't be read")
    refused({"state": []}, "no model that this version")
    refused({"state": {"steps": "many"}}, "no model that this version")
    refused({}, "no weights yet", weights=None)
    with pytest.raises(CheckpointError, match="no such folder"):
        zh.load(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="is no saved model"):
        zh.load(SOURCE)


def test_nothing_is_ever_unpickled() -> None:
    unsafe = re.compile(
        r"(?<!safetensors\.)torch\.(load|save)\b|import (pickle|joblib|marshal|shelve|dill)"
        r"|\bpickle\.\w|allow_pickle=True|yaml\.(unsafe_)?load\b|(?<![.\w])(eval|exec)\("
    )
    lines = [(path.name, line) for path in SOURCE.rglob("*.py") for line in path.read_text("utf-8").splitlines()]
    found = [(name, line.strip()) for name, line in lines if unsafe.search(line)]
    assert found == [
        (
            "inception.py",  # the converter of others' weights, whose hash is checked before
            'weights = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)',
        )
    ]
