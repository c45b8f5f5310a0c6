"""Run folders: atomic saves, verified loads, nothing but safetensors and JSON.

Every folder that is saved carries a `manifest.json` with the sha256 of its files. Files are written beside
their final names, synced, and renamed, the manifest first naming both the old and the new hash of each and at
the end only the new: whenever the machine dies, what is on disk verifies. A checkpoint is a folder that appears whole
by one rename, so the newest intact one is always a state that training was in.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from zaohua.errors import CheckpointError, ZaohuaError

FORMAT = 1
"""Version of the layout; a higher one than this is refused with a message that says so."""
MODEL, WEIGHTS, MANIFEST = "model.json", "weights.safetensors", "manifest.json"


# ---- bytes on disk


def _sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn an OSError of a save into one line that says what is still whole."""
    try:
        yield
    except OSError as error:
        raise ZaohuaError(f"can't save to {path}: {error.strerror}; what was saved there before is whole") from error


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never a part of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(temporary, data)
            os.replace(temporary, path)
            _sync(path.parent)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def to_bytes(value: Any) -> bytes:
    """JSON with sorted keys; NaN is refused, since not every reader knows it."""
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def tensor_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Named tensors as a safetensors file; copied so that no two share memory and all are contiguous."""
    return safetensors.torch.save({name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()})


# ---- verified folders


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, atomically as a whole as far as `read_folder` is concerned."""
    new = {name: _sha256(data) for name, data in files.items()}
    old = _manifest(folder) if (folder / MANIFEST).exists() else {}
    both = {name: sorted({*old.get(name, []), *([new[name]] if name in new else [])}) for name in {*old, *new}}
    replace_file(folder / MANIFEST, to_bytes({"sha256": both}))
    for name, data in files.items():
        replace_file(folder / name, data)
    replace_file(folder / MANIFEST, to_bytes({"sha256": {**old, **{name: [h] for name, h in new.items()}}}))


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of a folder that its manifest names, verified.

    Raises:
        CheckpointError: a file is missing, or isn't what was written.
    """
    out = {}
    for name, hashes in _manifest(folder).items():
        try:
            out[name] = (folder / name).read_bytes()
        except FileNotFoundError:
            raise CheckpointError(f"{folder} is incomplete: {name} is missing") from None
        if _sha256(out[name]) not in hashes:
            raise CheckpointError(f"{folder / name} is damaged: its content isn't what was saved")
    return out


def _manifest(folder: Path) -> dict[str, list[str]]:
    try:
        raw = (folder / MANIFEST).read_bytes()
        hashes = json.loads(raw)["sha256"]
        if to_bytes({"sha256": hashes}) != raw:  # so that not even a changed blank goes unnoticed
            raise ValueError
        if not all("/" not in name and name not in ("", ".", "..") and isinstance(h, list) for name, h in hashes.items()):
            raise ValueError
    except FileNotFoundError:
        raise CheckpointError(f"{folder} is no saved model: it has no {MANIFEST}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{folder / MANIFEST} is damaged") from None
    return hashes  # type: ignore[no-any-return]


def _json(folder: Path, name: str, data: bytes) -> dict[str, Any]:
    value = json.loads(data)
    if value.get("format", 0) > FORMAT:
        raise CheckpointError(f"{folder / name} was saved by a newer version of zaohua: upgrade to read it")
    return value  # type: ignore[no-any-return]


# ---- models


def save_model(folder: Path, model: dict[str, Any], tensors: Mapping[str, Tensor] | None) -> Path:
    """Save what rebuilds a model: `model.json`, and `weights.safetensors` when there are tensors yet."""
    from zaohua import __version__

    files = {MODEL: to_bytes({"format": FORMAT, "version": __version__, **model})}
    if tensors is not None:
        files[WEIGHTS] = tensor_bytes(tensors)
    write_folder(folder, files)
    return folder


def load_model(folder: str | Path) -> tuple[dict[str, Any], dict[str, Tensor] | None]:
    """The JSON and the tensors of a saved model, verified; tensors are None for a run not yet trained.

    Raises:
        CheckpointError: there is none, or it is damaged; the message names the file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CheckpointError(f"no run at {folder}: there is no such folder")
    files = read_folder(folder)
    if MODEL not in files:
        raise CheckpointError(f"{folder} is no saved model: it has no {MODEL}")
    tensors = safetensors.torch.load(files[WEIGHTS]) if WEIGHTS in files else None
    return _json(folder, MODEL, files[MODEL]), tensors


# ---- a run that trains


def checkpoint_steps(run: str | Path) -> list[int]:
    """Steps of the checkpoints that a run has, oldest first."""
    folder = Path(run) / "checkpoints"
    return sorted(int(p.name) for p in folder.iterdir() if p.name.isdigit()) if folder.is_dir() else []


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
        folder = Path(run) / "checkpoints" / f"{step:09d}"
        try:
            files = read_folder(folder)
            state = _json(folder, "state.json", files.pop("state.json"))
            return state, {Path(name).stem: safetensors.torch.load(data) for name, data in files.items()}, problems
        except (CheckpointError, KeyError, ValueError, safetensors.SafetensorError) as error:
            problems.append(str(error))
    if problems:
        raise CheckpointError(f"no checkpoint of {run} is intact: {problems[0]}")
    return None


class Run:
    """The folder of a run in training: checkpoints, history, previews, and a lock on it all.

    Args:
        folder: where; made when it isn't there.
        keep: how many checkpoints stay.
    """

    def __init__(self, folder: str | Path, keep: int = 2):
        self.folder, self.keep = Path(folder), keep
        self.checkpoints = self.folder / "checkpoints"
        with _explained(self.folder):
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        self._lock()

    def _lock(self) -> None:
        """Hold the folder for this process; the lock goes with the process, however it ends."""
        self._handle = (self.folder / ".lock").open("w")
        with contextlib.suppress(ImportError):
            import fcntl

            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ZaohuaError(f"{self.folder} is being trained by another process") from None

    def close(self) -> None:
        """Release the lock."""
        self._handle.close()

    def save(self, step: int, state: dict[str, Any], tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Save a checkpoint: it appears whole under its final name or not at all; older ones are pruned.

        Raises:
            ZaohuaError: it can't be written; earlier checkpoints are untouched.
        """
        final = self.checkpoints / f"{step:09d}"
        temporary = self.checkpoints / f".{final.name}.tmp"
        with _explained(self.folder):
            shutil.rmtree(temporary, ignore_errors=True)
            try:
                temporary.mkdir()
                files = {f"{name}.safetensors": tensor_bytes(group) for name, group in tensors.items()}
                files["state.json"] = to_bytes({"format": FORMAT, "step": step, **state})
                for name, data in files.items():
                    _write(temporary / name, data)
                _write(temporary / MANIFEST, to_bytes({"sha256": {n: [_sha256(d)] for n, d in files.items()}}))
                _sync(temporary)
                if final.exists():
                    shutil.rmtree(final)
                os.replace(temporary, final)
                _sync(self.checkpoints)
            except OSError:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
        self._prune()

    def _prune(self) -> None:
        """Delete all but the newest checkpoints; a failure to delete never stops training."""
        for step in checkpoint_steps(self.folder)[: -self.keep]:
            shutil.rmtree(self.checkpoints / f"{step:09d}", ignore_errors=True)

    def clear(self) -> None:
        """Forget what an earlier run left in the folder."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        shutil.rmtree(self.folder / "previews", ignore_errors=True)
        for name in (MANIFEST, MODEL, WEIGHTS, "history.jsonl"):
            (self.folder / name).unlink(missing_ok=True)
        with _explained(self.folder):
            self.checkpoints.mkdir(exist_ok=True)

    # ---- history: a line of JSON for each logged step

    def append_history(self, record: dict[str, Any]) -> None:
        """Add a record to `history.jsonl`; a disk that is full never stops training here."""
        with contextlib.suppress(OSError), (self.folder / "history.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")

    def rewind_history(self, step: int) -> list[dict[str, Any]]:
        """Drop records after `step` (they are made again) and lines cut off by a crash; returns the rest."""
        path, kept = self.folder / "history.jsonl", list[dict[str, Any]]()
        for line in path.read_text().splitlines() if path.exists() else []:
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if record["step"] <= step:
                    kept.append(record)
        replace_file(path, "".join(json.dumps(record) + "\n" for record in kept).encode())
        return kept
