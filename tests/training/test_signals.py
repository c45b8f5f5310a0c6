"""Signals: the first saves at the next step and says how to go on, the second ends at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.trainings import NO_FORK, POSIX, Mean, at_step, digits, ending

import zaohua as zh
from zaohua import cli
from zaohua.core.errors import ZaohuaError
from zaohua.training.callbacks.signals import Stopped
from zaohua.training.callbacks.tensorboard import tensorboard

SOURCE = Path(zh.__file__).parent.parent
SETTINGS = [
    "--channels",
    "8",
    "--latent-dim",
    "4",
    "--batch-size",
    "16",
    "--seed",
    "0",
    "--lr-schedule",
    "constant",
    "--device",
    "cpu",
    "--precision",
    "float32",
    "--checkpoint-every",
    "1000",
    "--kl-warmup",
    "0",
    "--warmup-steps",
    "0",
]  # nothing that depends on the length of it all


def wait_for(condition: Any, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


@POSIX
def test_a_program_that_is_terminated_saves_says_how_to_go_on_and_ends_as_another_process_would(tmp_path: Path) -> None:
    run, alone = tmp_path / "run", tmp_path / "alone"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    arguments = ["train", "vae", "digits", "--out", str(run), *SETTINGS, "--log-every", "5"]
    program = subprocess.Popen(
        [sys.executable, "-m", "zaohua", *arguments], stderr=subprocess.PIPE, text=True, env=environment
    )
    with program:
        try:
            wait_for((run / "history.jsonl").exists)
            program.send_signal(signal.SIGTERM)
            errors = program.communicate(timeout=60)[1]
        finally:
            program.kill()
    step = zh.load(run).n_steps_
    assert program.returncode == 143 and step >= 5
    last = errors.splitlines()[-1]
    assert last == f"zaohua: stopped by SIGTERM: saved at step {step}; go on with `zaohua resume {run}`"

    steps = ["--max-steps", str(step + 3), "--log-every", "5", "--json"]
    assert cli.main(["train", "vae", "--resume", "--out", str(run), *steps]) == 0
    assert cli.main(["train", "vae", "digits", "--out", str(alone), *SETTINGS, *steps]) == 0
    assert {**ending(run), f"{step:09d}": None}.items() >= ending(alone).items()


@POSIX
def test_interrupting_a_run_without_a_folder_keeps_the_model() -> None:
    model, handler = Mean(max_steps=9, device="cpu"), signal.getsignal(signal.SIGINT)
    with pytest.raises(Stopped, match="stopped by SIGINT: the model is as of the last step") as stop:
        model.fit(digits()[0], callbacks=[at_step(4, lambda: os.kill(os.getpid(), signal.SIGINT))])
    assert model.n_steps_ == 4 and model.sample(2).shape == (2, 8, 8)
    assert isinstance(stop.value, KeyboardInterrupt) and stop.value.signum == signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is handler
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_the_message_says_what_was_saved(tmp_path: Path) -> None:
    for step, said in ((7, "saved at step 7; go on with"), (-1, "nothing could be saved; go on with")):
        assert said in str(Stopped(tmp_path, signal.SIGTERM, step))


@NO_FORK
def test_a_second_signal_ends_at_once() -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:

        def stuck() -> None:
            os.write(write, b"x")
            for _ in range(600):
                time.sleep(0.1)  # a signal only cuts one of them short

        try:
            torch.set_num_threads(1)
            Mean(max_steps=9, device="cpu").fit(digits()[0], callbacks=[at_step(2, stuck)])
        finally:
            os._exit(99)
    assert os.read(read, 1) == b"x"
    began = time.monotonic()
    os.kill(child, signal.SIGINT)
    time.sleep(0.3)
    os.kill(child, signal.SIGTERM)
    status = os.waitpid(child, 0)[1]
    assert os.waitstatus_to_exitcode(status) == 143 and time.monotonic() - began < 20
    os.close(read)
    os.close(write)


def test_tensorboard_gets_the_history_or_is_named_as_missing(tmp_path: Path) -> None:
    pytest.importorskip("torch.utils.tensorboard", reason="the message is tested where it is missing")
    Mean(max_steps=4, log_every=2, device="cpu", tensorboard=True).fit(digits()[0], out=tmp_path)
    assert list(tmp_path.glob("events.out.tfevents.*"))


def test_tensorboard_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ZaohuaError, match="needs the tensorboard package: pip install"):
        tensorboard(tmp_path)
    with pytest.raises(ZaohuaError, match="needs the tensorboard package: pip install"):
        Mean(max_steps=4, device="cpu", tensorboard=True).fit(digits()[0], out=tmp_path / "run")
    Mean(max_steps=4, device="cpu").fit(digits()[0], out=tmp_path / "run", overwrite=True)  # no lock was left behind
