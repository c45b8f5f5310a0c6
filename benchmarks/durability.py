"""Kill a training run at random moments, damage its files, fill its disk: does it end as the run left alone?

    python benchmarks/durability.py --kills 50 --model flow --data digits

A child process trains and is killed (SIGKILL) after a random time, again and again, until it has trained to the end;
then its weights, the tensors of its last checkpoint and its history are compared with those of the run that
nobody touched. The children are forks of this process, which has everything imported. A really full disk is a tmpfs (as
root on Linux); without one, a limit on the size of files stands in. Prints a table; the exit code is 1 if anything
failed.
"""

from __future__ import annotations

import argparse
import dataclasses
import errno
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zaohua
from small_disk import fill, small_disk
from zaohua.core import registry
from zaohua.core.errors import CheckpointError, ZaohuaError


@dataclasses.dataclass
class Training:
    """A run that can be begun, gone on with, and compared.

    Attributes:
        model: name of the model.
        data: name of the data set, or a folder.
        steps: its length.
        every: steps between two checkpoints.
        notes: folder for what runs say.
    """

    model: str
    data: str
    steps: int
    every: int
    notes: Path

    def make(self) -> Any:
        cls = registry.model_class(registry.find(self.model).name)
        settings = {
            **cls.tiny,
            "max_steps": self.steps,
            "checkpoint_every": self.every,
            "log_every": 5,
            "random_state": 0,
            "device": "cpu",
            "precision": "float32",
        }
        return cls(**settings)

    def said(self, run: Path) -> list[str]:
        """Warnings and errors of a run, over all sittings."""
        path = self.notes / f"{run.name}.said"
        return path.read_text().splitlines() if path.exists() else []

    def sit(self, run: Path, callback: Callable[[Any], None]) -> None:
        """Begin the run, or go on with it."""
        if (run / "model.json").exists():
            self.make().resume(run, callbacks=[callback])
        else:
            self.make().fit(self.data, out=run, callbacks=[callback])


def start(training: Training, run: Path, also: Callable[[Any], None] | None = None) -> int:
    """A child that sits at the run; it notes warnings, and ends with 0, 2 (said why) or 1 (a bug)."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with (training.notes / f"{run.name}.said").open("a") as said:

            def hear(event: Any) -> None:
                if event.kind == "warning":
                    print(event.message, file=said, flush=True)
                if also is not None:
                    also(event)

            try:
                training.sit(run, hear)
                code = 0
            except ZaohuaError as error:
                print(error, file=said, flush=True)
                code = 2
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def finish(child: int, seconds: float = 600) -> int | None:
    """Wait for a child, and kill it when the time is up; its exit code, or None when it was killed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if code == -signal.SIGKILL else code


def ending(run: Path) -> dict[str, str]:
    """Hashes of all that must come out the same."""
    out = {"weights": hashlib.sha256((run / "weights.safetensors").read_bytes()).hexdigest()}
    for path in sorted(max((run / "checkpoints").iterdir()).glob("*.safetensors")):
        out[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    records = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    lines = [{k: v for k, v in record.items() if k not in ("seconds", "items_per_second")} for record in records]
    out["history"] = hashlib.sha256(json.dumps(lines).encode()).hexdigest()
    return out


def verified(run: Path) -> str:
    """What is wrong with what a kill left, or an empty text."""
    from zaohua.storage.runs import load_checkpoint

    try:
        load_checkpoint(run)
        zaohua.load(run)
    except CheckpointError as error:
        early = ("no weights yet", "is no saved model", "no such folder")  # killed before the first checkpoint
        return "" if any(words in str(error) for words in early) else str(error)
    return ""


# ---- the three trials


def kills(training: Training, folder: Path, expected: dict[str, str], alone: float, n: int, seed: int) -> Iterator[str]:
    """Kill n times; yields what went wrong."""
    rng, count, rounds, in_save, before_first = random.Random(seed), 0, 0, 0, 0
    sittings, began = 0, time.monotonic()
    while count < n:
        run, rounds = folder / f"killed-{rounds}", rounds + 1
        while True:
            limit = rng.uniform(0, alone / 3) if count < n else 600
            code, sittings = finish(start(training, run), limit), sittings + 1
            if code is not None:
                break
            count += 1
            left = [path.name for path in run.rglob(".*") if path.suffix in (".tmp", ".new")]
            in_save, before_first = in_save + bool(left), before_first + (not (run / "weights.safetensors").exists())
            if problem := verified(run):
                yield f"after kill {count}: {problem}"
            if sys.stderr.isatty():
                print(f"\r{count}/{n} kills, round {rounds}", end="", file=sys.stderr, flush=True)
        if code:
            yield f"round {rounds} could not go on: {training.said(run)[-1:]}"
        elif ending(run) != expected:
            yield f"round {rounds} ended differently: {[k for k, v in ending(run).items() if v != expected[k]]}"
        if training.said(run):
            yield f"round {rounds} warned: {training.said(run)[0]}"
        shutil.rmtree(run, ignore_errors=True)
    row("killed (SIGKILL)", f"{count} times in {rounds} runs of {training.steps} steps, {sittings} sittings")
    row("  in the middle of a save", f"{in_save}")
    row("  before the first save was done", f"{before_first}")
    row("  time", f"{time.monotonic() - began:.0f} s; a run left alone takes {alone:.1f} s")


def flips(training: Training, folder: Path, expected: dict[str, str], whole: Path, seed: int) -> Iterator[str]:
    """Flip a bit at random places of each file of a run and of its newest checkpoint; yields what went unnoticed."""
    from zaohua.storage.runs import load_checkpoint

    rng, noticed, places = random.Random(seed), 0, 40
    newest = max((whole / "checkpoints").iterdir())
    files = [whole / name for name in ("manifest.json", "model.json", "weights.safetensors")]
    files += sorted(path for path in newest.iterdir())
    for path in files:
        content = path.read_bytes()
        for _ in range(places):
            damaged = bytearray(content)
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            path.write_bytes(damaged)
            try:
                if path.parent == newest:
                    found = load_checkpoint(whole)
                    problem = found[2][0] if found and found[2] else ""
                else:
                    zaohua.load(whole)
                    problem = ""
            except CheckpointError as error:
                problem = str(error)
            if path.parent.name in problem:
                noticed += 1
            else:
                yield f"a flipped bit of {path.name} went unnoticed"
        path.write_bytes(content)
    row("flipped a bit", f"{places} times in each of {len(files)} files, noticed {noticed} of {places * len(files)}")
    mended = 0
    for path in files[3:]:
        run = folder / f"damaged-{path.stem}"
        shutil.copytree(whole, run)
        damaged_path = run / path.relative_to(whole)
        content = bytearray(damaged_path.read_bytes())
        content[len(content) // 2] ^= 1
        damaged_path.write_bytes(content)
        code = finish(start(training, run))
        if code or ending(run) != expected or not any("going on from step" in line for line in training.said(run)):
            yield f"with {path.name} of the newest checkpoint damaged it ended differently, or didn't say so"
        else:
            mended += 1
        shutil.rmtree(run)
    row("  went on from the one before", f"{mended} of {len(files) - 3}, to the same end, with a warning")


def full_disk(training: Training, folder: Path, expected: dict[str, str]) -> Iterator[str]:
    """Fill the disk in the middle of training; then make room, and go on."""
    with small_disk(folder / "disk") as mounted:
        run, ballast = folder / "disk" / "full", folder / "disk" / "ballast"
        at = training.steps // 2 // training.every * training.every
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

        def happen(event: Any) -> None:
            if event.kind == "step" and event.step == at + 1:
                if mounted:
                    fill(ballast)
                else:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))

        code = finish(start(training, run, happen))
        how, reason = ("a full tmpfs", errno.ENOSPC) if mounted else ("a limit on the size of files", errno.EFBIG)
        told = training.said(run)
        if code != 2 or not told or not all(os.strerror(reason) in line and "whole" in line for line in told):
            yield f"it didn't say that the disk was full: exit code {code}, {told[:1]}"
        if problem := verified(run):
            yield f"on a full disk: {problem}"
        elif zaohua.load(run).n_steps_ != at:
            yield f"on a full disk the model is of step {zaohua.load(run).n_steps_}, not {at}"
        row(
            "disk full",
            f"({how}) from step {at + 1} of {training.steps} on: told {len(told)} times, the state of step {at} whole",
        )
        ballast.unlink(missing_ok=True)
        if finish(start(training, run)) or ending(run) != expected:
            yield "with room again, the run ended differently"
        else:
            row("  with room again", f"went on from step {at} to the same end")


def row(what: str, figures: str) -> None:
    print(f"{what:<34}{figures}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="flow")
    parser.add_argument("--data", default="digits")
    for name, default in (("kills", 50), ("steps", 60), ("every", 2), ("seed", 0)):  # of the run, checkpoints, moments
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()

    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="zaohua-durability-") as place:
        folder = Path(place)
        training = Training(options.model, options.data, options.steps, options.every, folder)
        dataclasses.replace(training, steps=1).make().fit(options.data)  # import all there is
        whole, began = folder / "alone", time.monotonic()
        if finish(start(training, whole)) or training.said(whole):
            print("the run left alone failed", *training.said(whole), file=sys.stderr)
            return 1
        alone, expected = time.monotonic() - began, ending(whole)
        row(
            "left alone",
            f"{registry.find(options.model).name} on {options.data}: {options.steps} steps, a checkpoint "
            f"every {options.every}, weights {expected['weights'][:12]}",
        )
        problems = [
            *kills(training, folder, expected, alone, options.kills, options.seed),
            *flips(training, folder, expected, whole, options.seed),
            *full_disk(training, folder, expected),
        ]
    print("".join(f"FAILED: {problem}\n" for problem in problems), end="")
    row("verdict", f"{len(problems)} failures" if problems else "every run ended bit-identical to the run left alone")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
