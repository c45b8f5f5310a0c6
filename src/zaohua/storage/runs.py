"""Run folders: atomic saves, verified loads, nothing but safetensors and JSON.

A run's root holds the model, verified and saved as a whole (see `atomic`). A checkpoint is a folder that appears
whole by one rename, so the newest intact one is always a state that training was in.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import safetensors
import safetensors.torch
from torch import Tensor

from zaohua.core.errors import CheckpointError, ZaohuaError, ZaohuaWarning
from zaohua.storage.atomic import (
    MANIFEST,
    explained,
    manifest_bytes,
    read_folder,
    replace_file,
    sha256,
    sync,
    to_bytes,
    write_file,
    write_folder,
)
from zaohua.storage.card import card
from zaohua.storage.layout import (
    CARDS,
    CHECKPOINTS,
    HISTORY,
    LOCK,
    MODEL,
    STATE,
    WEIGHTS,
    card_file,
    check_out,
    checkpoint_steps,
    clear_run,
    has_weights,
    remove_checkpoint,
    remove_leftovers,
)
from zaohua.storage.legacy import FORMAT, check_format, current


def tensor_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Named tensors as a safetensors file; copied so that no two share memory and all are contiguous."""
    return safetensors.torch.save({name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()})


def _json(path: Path, data: bytes) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(data)
        check_format(value, path)
    except CheckpointError:
        raise
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise CheckpointError(f"{path} isn't what zaohua saves: no JSON object with a format") from None
    return value


def _tensors(path: Path, data: bytes) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{path} isn't what zaohua saves: {error}") from None


# ---- models


def save_model(folder: Path, model: dict[str, Any], tensors: Mapping[str, Tensor] | None) -> Path:
    """Save what rebuilds a model, and its card: `model.json`, and `weights.safetensors` when there are tensors yet.

    The card is the folder's README.md, or CARD.md where somebody else wrote a README.md.

    Raises:
        ZaohuaError: the folder holds files and no run, or can't be written.
    """
    from zaohua import __version__

    model = {"format": FORMAT, "version": __version__, **model}
    files = {MODEL: to_bytes(model)}
    if tensors is not None:
        files[WEIGHTS] = tensor_bytes(tensors)
    check_out(folder)
    place = card_file(folder)
    if place is not None:  # for people: its hash says whether they have changed it
        files[place.name] = card(model, folder.name).encode()
    if place is None or (place.name != CARDS[0] and not place.exists()):
        warnings.warn(
            f"{folder / CARDS[0]} may be somebody's own text, so it stays as it is: "
            + (f"the model card is {place}" if place else "no model card is written"),
            ZaohuaWarning,
            stacklevel=2,
        )
    write_folder(folder, files)
    return folder


def load_model(folder: str | Path, weights: bool = True) -> tuple[dict[str, Any], dict[str, Tensor] | None]:
    """The JSON and the tensors of a saved model, verified; tensors are None for a run not yet trained.

    Args:
        folder: the run.
        weights: whether to read the tensors at all.

    Raises:
        CheckpointError: there is none, or it is damaged; the message names the file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CheckpointError(f"no run at {folder}: there is no such folder")
    files = read_folder(folder, (MODEL, WEIGHTS) if weights else (MODEL,))
    if MODEL not in files:
        raise CheckpointError(f"{folder} is no saved model: it has no {MODEL}")
    tensors = _tensors(folder / WEIGHTS, files[WEIGHTS]) if WEIGHTS in files else None
    return current(_json(folder / MODEL, files[MODEL]), folder / MODEL), tensors


# ---- a run that trains


def base_weights(base: str | None, run: str | Path) -> dict[str, Tensor]:
    """The weights that a run without a checkpoint yet begins from: those of the run `base`.

    Raises:
        ZaohuaError: the model that it began from isn't kept.
    """
    tensors = None if base is None else load_model(base)[1]
    if tensors is None:
        raise ZaohuaError(f"{run} has no checkpoint yet, and the model it began from isn't kept: fine-tune again")
    return tensors


def check_resumable(run: str | Path, advice: str) -> None:
    """Check that going on with a run replaces no trained weights by those of a training from scratch.

    A run that was just begun, and killed before anything was saved, may be gone on with: from step 0.

    Args:
        run: its folder.
        advice: what to do instead, in the words of the caller's interface.

    Raises:
        ZaohuaError: it has weights, but no checkpoint.
    """
    if has_weights(Path(run)) and not checkpoint_steps(run):
        raise ZaohuaError(f"{run} has no checkpoint to go on from, only a trained model: {advice}")


Checkpoint = tuple[dict[str, Any], dict[str, dict[str, Tensor]], list[str]]


def load_checkpoint(run: str | Path) -> Checkpoint | None:
    """The newest intact checkpoint of a run: its state, its groups of tensors, and what is wrong with newer ones.

    Returns:
        None when the run has no checkpoint at all.

    Raises:
        CheckpointError: there are checkpoints but none is intact.
    """
    problems: list[str] = []
    for step in reversed(checkpoint_steps(run)):
        folder = Path(run) / CHECKPOINTS / f"{step:09d}"
        try:
            files = read_folder(folder)
            state = _json(folder / STATE, files.pop(STATE, b""))
            return state, {Path(name).stem: _tensors(folder / name, data) for name, data in files.items()}, problems
        except CheckpointError as error:
            problems.append(str(error))
    if problems:
        raise CheckpointError(f"no checkpoint of {run} is intact: {problems[0]}")
    return None


_locks: set[IO[str]] = set()
if hasattr(os, "register_at_fork"):  # or a worker would hold on to the lock of a run that was killed
    os.register_at_fork(after_in_child=lambda: [lock.close() for lock in _locks])


def _lock(folder: Path) -> IO[str]:
    """Hold a folder for this process; the lock goes with the process, however it ends."""
    handle = (folder / LOCK).open("a")
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise ZaohuaError(f"{folder} is being trained by another process") from None
    except (ImportError, OSError):  # a system, or a file system, without locks
        pass
    _locks.add(handle)
    return handle


class Run:
    """The folder of a run in training: checkpoints, history, previews, and a lock on it all.

    Args:
        folder: where; made when it isn't there.
        keep: how many checkpoints stay.
    """

    def __init__(self, folder: str | Path, keep: int = 2):
        self.folder, self.keep = Path(folder), keep
        self.checkpoints = self.folder / CHECKPOINTS
        self._made = not self.folder.exists()
        with explained(self.folder):
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            self._handle = _lock(self.folder)
            remove_leftovers(self.folder)

    def close(self) -> None:
        """Release the lock; of a run that was refused before anything was saved, nothing stays."""
        if not (self.folder / MODEL).exists():
            with contextlib.suppress(OSError):
                self.checkpoints.rmdir()  # unless something is in it
                (self.folder / LOCK).unlink()
                if self._made:
                    self.folder.rmdir()
        _locks.discard(self._handle)
        self._handle.close()

    def save(self, step: int, state: dict[str, Any], tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Save a checkpoint: it appears whole under its final name or not at all; older ones are pruned.

        Raises:
            ZaohuaError: it can't be written; earlier checkpoints are untouched.
        """
        final = self.checkpoints / f"{step:09d}"
        temporary = self.checkpoints / f".{final.name}.tmp"
        with explained(self.folder):
            shutil.rmtree(temporary, ignore_errors=True)
            try:
                temporary.mkdir()
                files = {f"{name}.safetensors": tensor_bytes(group) for name, group in tensors.items()}
                files[STATE] = to_bytes({"format": FORMAT, "step": step, **state})
                for name, data in files.items():
                    write_file(temporary / name, data)
                write_file(temporary / MANIFEST, manifest_bytes({n: sha256(d) for n, d in files.items()}))
                sync(temporary)
                if final.exists():
                    remove_checkpoint(final)
                os.replace(temporary, final)
                sync(self.checkpoints)
            except OSError:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
        self._prune(step)

    def _prune(self, newest: int) -> None:
        """Delete all but the newest checkpoints, and damaged ones after it; failing to never stops training."""
        steps = checkpoint_steps(self.folder)
        for step in {*steps} - {*[step for step in steps if step <= newest][-self.keep :]}:
            remove_checkpoint(self.checkpoints / f"{step:09d}")

    def clear(self) -> None:
        """Delete what an earlier run left in the folder, and nothing else."""
        clear_run(self.folder)

    # ---- history: a line of JSON for each logged step

    def append_history(self, record: dict[str, Any]) -> None:
        """Add a record to `history.jsonl`; a disk that is full never stops training here."""
        with contextlib.suppress(OSError), (self.folder / HISTORY).open("a") as file:
            file.write(json.dumps(record) + "\n")

    def rewind_history(self, step: int) -> list[dict[str, Any]]:
        """Drop records after `step` (they are made again) and lines cut off by a crash; returns the rest."""
        path, kept = self.folder / HISTORY, list[dict[str, Any]]()
        for line in path.read_bytes().splitlines() if path.exists() else []:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                record = json.loads(line)
                if record["step"] <= step:
                    kept.append(record)
        replace_file(path, "".join(json.dumps(record) + "\n" for record in kept).encode())
        return kept
