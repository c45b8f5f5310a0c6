"""Several processes train as one would with their batches together, and write one run folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.trainings import NO_FORK, Mean, at_step, digits, ending, make, without_times

import zaohua as zh
from zaohua.privacy.secret import Secret
from zaohua.storage.atomic import sha256
from zaohua.training.callbacks.signals import Stopped

pytestmark = NO_FORK

SOURCE = Path(zh.__file__).parent.parent


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def in_processes(work: Callable[[int], Any], world: int = 2, seconds: float = 120) -> list[Any]:
    """What `work(rank)` returns in each of some processes that were launched together, as JSON values.

    They are forks of this one, which has all libraries imported: a launcher's would take seconds to start.
    """
    port, children, pipes = free_port(), list[int](), list[int]()
    for rank in range(world):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            _work(work, rank, world, port, write)
        os.close(write)
        children.append(child)
        pipes.append(read)
    end, codes = time.monotonic() + seconds, dict[int, int]()
    while len(codes) < world and time.monotonic() < end and not any(codes.values()):
        for child in set(children) - set(codes):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                codes[child] = os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    for child in set(children) - set(codes):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    said = []
    for pipe in pipes:
        with os.fdopen(pipe) as file:
            said.append(file.read())
    assert [codes.get(child) for child in children] == [0] * world, said
    return [json.loads(text) for text in said]


def _work(work: Callable[[int], Any], rank: int, world: int, port: str, write: int) -> None:
    code = 1
    try:
        from accelerate.state import AcceleratorState

        os.environ.update(
            RANK=str(rank),
            WORLD_SIZE=str(world),
            LOCAL_RANK=str(rank),
            LOCAL_WORLD_SIZE=str(world),
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=port,
            ACCELERATE_USE_CPU="true",
        )
        AcceleratorState._reset_state(reset_partial_state=True)  # what tests before left
        torch.set_num_threads(1)
        os.write(write, json.dumps(work(rank)).encode())
        code = 0
    except BaseException:
        os.write(write, traceback.format_exc().encode())
    finally:
        os._exit(code)


def digest(model: Any) -> str:
    return sha256(b"".join(p.numpy().tobytes() for p in model.nets_.parameters()))


# ---- the same as one process


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("R3GAN", {}),
        ("Flow", {"channels": 8}),
        ("VAE", {"grad_accumulation": 2, "validation_fraction": 0.1, "validate_every": 3}),
    ],
)
def test_two_processes_learn_as_one_with_twice_the_batch(name: str, fields: dict[str, Any], tmp_path: Path) -> None:
    settings = {"log_every": 1, "checkpoint_every": 4, **fields}
    alone = make(name, 6, batch_size=16, **settings).fit(*digits())

    def work(rank: int) -> Any:
        model = make(name, 6, batch_size=8, **settings).fit(*digits(), out=tmp_path / "run")
        return digest(model)

    one, other = in_processes(work)
    assert one == other
    together = [json.loads(line) for line in (tmp_path / "run/history.jsonl").read_text().splitlines()]
    for record, expected in zip(together, alone.history_, strict=True):
        assert without_times(record) == pytest.approx(without_times(expected), rel=1e-5, abs=1e-5)
    assert digest(zh.load(tmp_path / "run")) == one
    assert {path.name for path in (tmp_path / "run").iterdir()} - {"README.md"} == {
        ".lock",
        "checkpoints",
        "history.jsonl",
        "manifest.json",
        "model.json",
        "weights.safetensors",
    }
    assert sorted(path.name for path in (tmp_path / "run/checkpoints").iterdir()) == ["000000004", "000000006"]


def test_a_gan_with_batch_normalisation_is_the_same_in_all_processes(tmp_path: Path) -> None:
    """Its statistics are of each process's own items, so its losses aren't those of one process."""

    def work(rank: int) -> Any:
        return digest(make("DCGAN", 4, log_every=1).fit(*digits(), out=tmp_path / "run"))

    one, other = in_processes(work)
    assert one == other == digest(zh.load(tmp_path / "run"))


def test_processes_share_the_items_and_one_seed() -> None:
    """With no random state given, they agree on one, and on the order of items that follows from it."""

    class Watched(Mean):
        def loss(self, nets: Any, batch: Any, phase: str) -> torch.Tensor:
            self.seen.append(batch.x.mean((1, 2, 3)).tolist())
            return super().loss(nets, batch, phase)

    def work(rank: int) -> Any:
        model = Watched(max_steps=6, batch_size=8, device="cpu")
        model.seen = []
        model.fit(np.arange(96, dtype=np.uint8).reshape(96, 1, 1).repeat(8, 1).repeat(8, 2))
        return {"seed": model.seed_, "seen": model.seen, "w": digest(model)}

    one, other = in_processes(work)
    assert one["seed"] == other["seed"] and one["w"] == other["w"]
    items = [round(x * 1e4) for part in (one, other) for draw in part["seen"] for x in draw]
    assert len(items) == len(set(items)) == 96  # an epoch, of which each saw half


# ---- stopping


def test_processes_stop_together_and_go_on_bit_for_bit(tmp_path: Path) -> None:
    settings = {"checkpoint_every": 4, "log_every": 3, "batch_size": 8}

    def stopped(rank: int) -> Any:
        stop = at_step(3, lambda: os.kill(os.getpid(), signal.SIGTERM))
        try:
            make("R3GAN", 7, **settings).fit(*digits(), out=tmp_path / "parts", callbacks=[stop])
        except Stopped as error:
            return [error.signum, error.run is not None]

    def resumed(rank: int) -> Any:
        return digest(make("R3GAN", 7, **settings).resume(tmp_path / "parts", *digits()))

    def whole(rank: int) -> Any:
        return digest(make("R3GAN", 7, **settings).fit(*digits(), out=tmp_path / "whole"))

    assert in_processes(stopped) == [[signal.SIGTERM, True], [signal.SIGTERM, False]]
    assert in_processes(resumed) == in_processes(whole)
    parts, expected = ending(tmp_path / "parts"), ending(tmp_path / "whole")
    for key in ("weights", "000000007/nets.safetensors", "000000007/optimizers.safetensors"):
        assert parts[key] == expected[key]
    for record, other in zip(parts["history"], expected["history"], strict=True):
        assert record == pytest.approx(other, rel=1e-6)


def test_one_process_goes_on_with_what_two_began(tmp_path: Path) -> None:
    settings = {"log_every": 1, "lr_schedule": "constant"}
    in_processes(lambda rank: digest(make("Flow", 3, batch_size=8, **settings).fit(*digits(), out=tmp_path)))
    make("Flow", 6, batch_size=16, **settings).resume(tmp_path, *digits())
    alone = make("Flow", 6, batch_size=16, **settings).fit(*digits())
    history = ending(tmp_path)["history"]
    assert [record["step"] for record in history] == [1, 2, 3, 4, 5, 6]
    for record, expected in zip(history, alone.history_, strict=True):
        assert record == pytest.approx(without_times(expected), rel=1e-5, abs=1e-5)


def test_processes_diverge_and_lose_patience_together(tmp_path: Path) -> None:
    def diverge(rank: int) -> Any:
        try:
            Mean(max_steps=9, nan_at=0, random_state=0, device="cpu").fit(*digits())
        except zh.ZaohuaError as error:
            return str(error)

    def wait(rank: int) -> Any:
        model = Mean(
            max_steps=50,
            pull=1.0,
            ema_decay=0.0,
            validation_fraction=0.2,
            validate_every=1,
            patience=2,
            random_state=0,
            device="cpu",
        )
        return model.fit(*digits(), out=tmp_path).n_steps_

    one, other = in_processes(diverge)
    assert one == other and "diverged at step 0" in one
    assert in_processes(wait) == [7, 7]


# ---- launchers


TORCHRUN = ["torch.distributed.run", "--nproc_per_node", "2", "--master_port"]
ACCELERATE = [
    "accelerate.commands.launch",
    "--multi_gpu",
    "--num_processes",
    "2",
    "--num_machines",
    "1",
    "--mixed_precision",
    "no",
    "--dynamo_backend",
    "no",
    "--main_process_port",
]


@pytest.mark.slow
def test_launchers_train_resume_and_speak_once(tmp_path: Path) -> None:
    run = tmp_path / "run"
    flags = [
        "--out",
        str(run),
        "--channels",
        "8",
        "--batch-size",
        "8",
        "--seed",
        "0",
        "--lr-schedule",
        "constant",
        "--precision",
        "float32",
        "--log-every",
        "1",
        "--warmup-steps",
        "2",
        "--device",
        "cpu",
    ]

    def launch(launcher: list[str], *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", *launcher, free_port(), "-m", "zaohua", *arguments, *flags],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("trained:") == done.stderr.count("100%") == 1, done.stderr

    launch(TORCHRUN, "train", "flow", "digits", "--max-steps", "3")
    launch(ACCELERATE, "train", "flow", "--resume", "--max-steps", "6")
    alone = zh.Flow(
        channels=8,
        batch_size=16,
        random_state=0,
        lr_schedule="constant",
        precision="float32",
        log_every=1,
        warmup_steps=2,
        max_steps=6,
        device="cpu",
    ).fit("digits", True)
    history = ending(run)["history"]
    assert [record["step"] for record in history] == [1, 2, 3, 4, 5, 6]
    for record, expected in zip(history, alone.history_, strict=True):
        assert record == pytest.approx(without_times(expected), rel=1e-5, abs=1e-5)


def test_a_launcher_that_starts_one_process_only_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `accelerate launch --cpu --num_processes 2` sets; see issue 2741 of accelerate."""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    monkeypatch.setenv("MASTER_PORT", "29500")
    with pytest.warns(zh.ZaohuaWarning, match="starts only one process, .* `torchrun --nproc_per_node N`"):
        Mean(max_steps=1, device="cpu").fit(*digits())


def test_noise_is_added_once_over_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Secret, "fresh", classmethod(lambda cls: cls(os.urandom(16)))
    )  # each process would have its own
    monkeypatch.setattr("zaohua.training.private.budget.noise_for", lambda *_: 0.7)

    def work(rank: int) -> Any:
        keys = list[str]()
        monkeypatch.setattr(Secret, "normal", _remembering(keys))
        model = Mean(random_state=0, device="cpu", precision="float32", batch_size=8, epsilon=2.0, max_steps=3)
        model.fit(*digits(40), callbacks=[])
        return {"keys": keys, "w": model.nets_["net"].w.tolist()}

    first, second = in_processes(work)
    assert first == second and len(set(first["keys"])) == 1
    monkeypatch.setattr(Secret, "fresh", classmethod(lambda cls: cls(bytes.fromhex(first["keys"][0]))))
    alone = Mean(
        random_state=0,
        device="cpu",
        precision="float32",
        batch_size=16,
        grad_accumulation=2,
        epsilon=2.0,
        max_steps=3,
    ).fit(*digits(40), callbacks=[])
    torch.testing.assert_close(alone.nets_["net"].w, torch.tensor(first["w"]))


def _remembering(keys: list[str]) -> Callable[..., np.ndarray]:
    """`Secret.normal`, which notes the key."""
    normal = Secret.normal

    def noted(self: Secret, count: int, *name: int | str) -> np.ndarray:
        keys.append(self.key.hex())
        return normal(self, count, *name)

    return noted
