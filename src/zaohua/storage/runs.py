"""Run folders: models and checkpoints as safetensors and JSON, saved atomically and verified on loading.

A run's root holds the model, saved as a whole (see `atomic`). A checkpoint is a folder that is completed by a single
rename, so every intact one is a state that training was in.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import safetensors
import safetensors.torch
from torch import Tensor

from zaohua.core.errors import CheckpointError, ZaohuaError, ZaohuaWarning
from zaohua.core.json import Json
from zaohua.storage import published
from zaohua.storage.atomic import (
    MANIFEST,
    encoded,
    explained,
    manifest_bytes,
    read_file,
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
    FINAL,
    HISTORY,
    LOCK,
    MODEL,
    STATE,
    WEIGHTS,
    card_file,
    check_out,
    checkpoint_steps,
    clear_run,
    remove_checkpoint,
    remove_leftovers,
)
from zaohua.storage.legacy import FORMAT, check_format, current
from zaohua.storage.locks import lock, release


def tensor_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Encode named tensors as a safetensors file; copies, because they must be contiguous and not share memory."""
    return safetensors.torch.save({name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()})


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: dict[str, str] | None = None) -> None:
    """Write named tensors as a safetensors file that others may read as they may read new files.

    The library itself leaves files that only their owner may read.
    """
    path.touch()
    mode = path.stat().st_mode
    safetensors.torch.save_file(dict(tensors), path, about)
    path.chmod(mode)


def weights_hash(tensors: Mapping[str, Tensor]) -> str:
    """Return the sha256 that the manifest of a run has for the weights of a model."""
    return sha256(tensor_bytes(tensors))


def _json(path: Path, data: bytes) -> Json:
    try:
        value: Json = json.loads(data)
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


def save_model(folder: Path, model: Json, tensors: Mapping[str, Tensor] | None) -> Path:
    """Save a model: `model.json`, `weights.safetensors` if it has tensors yet, and its card.

    The card is the folder's README.md, or CARD.md if someone else wrote the README.md.

    Args:
        folder: the run folder.
        model: content of `model.json`, without format and version.
        tensors: the fitted tensors; None before the first step of training.

    Returns:
        The folder.

    Raises:
        ZaohuaError: the folder holds files and no run, or can't be written.
    """
    from zaohua import __version__

    model = {"format": FORMAT, "version": __version__, **model}
    files = {MODEL: to_bytes(model)}
    if tensors is not None:
        files[WEIGHTS] = tensor_bytes(tensors)
    check_out(folder)
    path = card_file(folder)
    if path is not None:
        files[path.name] = encoded(card(model, folder))
    if path is None or (path.name != CARDS[0] and not path.exists()):
        warnings.warn(
            f"{folder / CARDS[0]} may be somebody's own text, so it stays as it is: "
            + (f"the model card is {path}" if path else "no model card is written"),
            ZaohuaWarning,
            stacklevel=2,
        )
    write_folder(folder, files)
    return folder


def load_model(folder: str | Path, weights: bool = True) -> tuple[Json, dict[str, Tensor] | None]:
    """Read and verify a saved model.

    Args:
        folder: the run folder; or that of a published model, as in `published`.
        weights: False to skip the tensors.

    Returns:
        The content of `model.json` in the current format, and the tensors; None for tensors that were skipped or
        aren't there yet.

    Raises:
        CheckpointError: there is no model, or it is damaged; the message names the file.
    """
    if published.is_published(folder):
        return published.reader().load_model(str(folder), weights)
    folder = Path(folder)
    if not folder.is_dir():
        raise CheckpointError(f"no run at {folder}: there is no such folder")
    files = read_folder(folder, (MODEL, WEIGHTS) if weights else (MODEL,))
    if MODEL not in files:
        raise CheckpointError(f"{folder} is no saved model: it has no {MODEL}")
    tensors = _tensors(folder / WEIGHTS, files[WEIGHTS]) if WEIGHTS in files else None
    return current(_json(folder / MODEL, files[MODEL]), folder / MODEL), tensors


# ---- runs in training


def base_weights(base: str | None, run: str | Path) -> dict[str, Tensor]:
    """Return the weights that a fine-tuned run without checkpoints starts from.

    Args:
        base: folder of the run that was fine-tuned; None if that model was never saved.
        run: folder of the run, for the message.

    Raises:
        ZaohuaError: the original model isn't available.
    """
    tensors = None if base is None else load_model(base)[1]
    if tensors is None:
        raise ZaohuaError(f"{run} has no checkpoint yet, and the model it began from isn't kept: fine-tune again")
    return tensors


class Checkpoint(NamedTuple):
    """Content of a checkpoint.

    Attributes:
        state: its state as JSON values.
        tensors: its groups of tensors.
        problems: descriptions of newer checkpoints that are damaged.
    """

    state: Json
    tensors: dict[str, dict[str, Tensor]]
    problems: list[str]


def load_checkpoint(run: str | Path) -> Checkpoint | None:
    """Read the newest intact checkpoint of a run.

    Returns:
        The checkpoint; None if the run has none.

    Raises:
        CheckpointError: there are checkpoints, but none is intact.
    """
    problems: list[str] = []
    for step in reversed(checkpoint_steps(run)):
        folder = Path(run) / CHECKPOINTS / f"{step:09d}"
        try:
            files = read_folder(folder)
            state = _json(folder / STATE, files.pop(STATE, b""))
            groups = {Path(name).stem: _tensors(folder / name, data) for name, data in files.items()}
            return Checkpoint(state, groups, problems)
        except CheckpointError as error:
            problems.append(str(error))
    if problems:
        raise CheckpointError(f"no checkpoint of {run} is intact: {problems[0]}")
    return None


class Run:
    """Folder of a run in training, locked for this process.

    Args:
        folder: path of the folder, which is created if necessary.
        keep: number of checkpoints to keep.
    """

    def __init__(self, folder: str | Path, keep: int = 2):
        self.folder, self.keep = Path(folder), keep
        self.checkpoints = self.folder / CHECKPOINTS
        self._created = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        with explained(self.folder):
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            self._handle = lock(self.folder)
            remove_leftovers(self.folder)

    def close(self) -> None:
        """Release the lock; remove the folders that were created again if nothing was saved."""
        if not (self.folder / MODEL).exists():
            with contextlib.suppress(OSError):
                self.checkpoints.rmdir()  # fails unless it is empty
                (self.folder / LOCK).unlink()
                for path in self._created:  # the innermost first
                    path.rmdir()
        release(self._handle)

    def save(self, step: int, state: Json, tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Save a checkpoint atomically, and delete old ones.

        Args:
            step: step of the training.
            state: state as JSON values.
            tensors: groups of tensors.

        Raises:
            ZaohuaError: the checkpoint can't be written; earlier ones are unchanged.
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
        """Delete all but the newest checkpoints up to step `newest`, and any after it; ignore errors."""
        steps = checkpoint_steps(self.folder)
        for step in {*steps} - {*[step for step in steps if step <= newest][-self.keep :]}:
            remove_checkpoint(self.checkpoints / f"{step:09d}")

    def clear(self) -> None:
        """Delete the files of an earlier run in the folder, and no others."""
        clear_run(self.folder)

    # ---- history: one line of JSON for each record

    def append_history(self, record: Json) -> None:
        """Append a record to `history.jsonl`; ignore errors such as a full disk."""
        with contextlib.suppress(OSError), (self.folder / HISTORY).open("a") as file:
            file.write(json.dumps(record) + "\n")

    def rewind_history(self, step: int) -> list[Json]:
        """Delete records after `step`, final ones and incomplete lines; return the others."""
        path, records = self.folder / HISTORY, list[Json]()
        for line in read_file(path).splitlines() if path.exists() else []:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                record = json.loads(line)
                if record["step"] <= step and not record.get(FINAL):
                    records.append(record)
        replace_file(path, "".join(json.dumps(record) + "\n" for record in records).encode())
        return records
