"""Layout of a run folder: the names of the files that Zaohua writes.

No other file is ever deleted or overwritten: a folder with other files and no run is refused, and when a run is
overwritten, only files with these names are deleted.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from pathlib import Path

from zaohua.core.arguments import path_of
from zaohua.core.errors import ZaohuaError
from zaohua.storage.atomic import (
    MANIFEST,
    encoded,
    explained,
    hashes_of,
    manifest_bytes,
    read_file,
    replace_file,
    sha256,
    write_folder,
)

MODEL, WEIGHTS, HISTORY, LOCK = "model.json", "weights.safetensors", "history.jsonl", ".lock"
CHECKPOINTS, PREVIEWS = "checkpoints", "previews"
FINAL = "final"
"""Mark of the records that end a training; a training that goes on drops them, see `Run.rewind_history`."""
STATE = "state.json"
CARDS = "README.md", "CARD.md"
"""Names of the model card; the second is used if someone else wrote the first."""

ROOT = (MANIFEST, MODEL, WEIGHTS, HISTORY, *CARDS)
GROUPS = tuple(f"{name}.safetensors" for name in ("nets", "average", "optimizers", "best"))
LEFTOVER = re.compile(r"\.(" + "|".join(map(re.escape, ROOT)) + r")\.\d+\.tmp")
"""Temporary file that a killed process left in a run's root."""
PENDING = re.compile(r"\.(" + "|".join(map(re.escape, ROOT)) + r")\.new")
"""File of an interrupted save that awaits its final name."""
UNFINISHED = re.compile(r"\.\d{9,}\.tmp")
"""Folder of a checkpoint that was not saved completely."""
PREVIEW = re.compile(r"\d{7}\.\w+(\.origin\.json)?")
SYSTEM_FILES = {".DS_Store", "Thumbs.db", "desktop.ini", "lost+found", ".gitkeep", ".gitignore"}
"""Files in folders that users consider empty."""


# ---- reading


def is_run(folder: Path) -> bool:
    """Return True if a folder holds a run, intact or damaged, and not just files with the same names."""
    if MODEL in hashes_of(folder):
        return True
    try:
        model = json.loads(read_file(folder / MODEL))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(model, dict) and {"model", "parameters", "codec"} <= set(model)


def has_weights(folder: Path) -> bool:
    """Return True if a run was saved with weights, even if they have been deleted since."""
    return WEIGHTS in hashes_of(folder) or (folder / WEIGHTS).exists()


def checkpoint_steps(run: str | Path) -> list[int]:
    """Return the steps of a run's checkpoints, oldest first."""
    folder = Path(run) / CHECKPOINTS
    candidates = [path for path in _entries(folder) if re.fullmatch(r"[0-9]{9,}", path.name)]
    names = (MANIFEST, STATE, *GROUPS)
    return sorted(int(path.name) for path in candidates if any((path / name).exists() for name in names))


def holds_training(folder: Path) -> bool:
    """Return True if a folder holds a run with weights or checkpoints, which overwriting would lose."""
    return is_run(folder) and (has_weights(folder) or bool(checkpoint_steps(folder)))


# ---- writing


def check_out(out: str | Path) -> None:
    """Check that a run can be saved to a folder: the folder is new, empty or holds a run.

    Raises:
        ZaohuaError: the folder holds other files, or can't be written.
    """
    folder = path_of("out", out)
    with explained(folder):
        existing = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
        if not existing.is_dir():
            raise NotADirectoryError(20, "Not a directory")
        if not os.access(existing, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
        if existing != folder or is_run(folder):
            return
        others = sorted(path.name for path in folder.iterdir() if not _is_negligible(path))
    if others:
        names = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
        raise ZaohuaError(
            f"{folder} holds files and no run ({names}): nothing was written; choose a new or an empty folder"
        )


def _is_negligible(path: Path) -> bool:
    """Return True if a folder with this entry still counts as empty."""
    if path.name == CHECKPOINTS and path.is_dir():  # left by a run that was refused before its first step
        return all(UNFINISHED.fullmatch(entry.name) for entry in path.iterdir())
    return path.name in {LOCK, *SYSTEM_FILES} or any(p.fullmatch(path.name) for p in (LEFTOVER, PENDING))


def card_file(folder: Path) -> Path | None:
    """Return where a run's card may be written: a new file, or one that Zaohua wrote and nobody changed."""
    return next((folder / name for name in CARDS if not os.path.lexists(folder / name) or is_own(folder / name)), None)


def is_own(card: Path) -> bool:
    """Return True if a card is exactly what Zaohua wrote, according to the manifest of its folder."""
    with contextlib.suppress(OSError):
        return hashes_of(card.parent).get(card.name) == sha256(read_file(card))
    return False


def write_card(path: Path, text: str) -> None:
    """Write a card, and record it in the manifest unless a user has changed it."""
    if is_own(path) or not os.path.lexists(path):
        write_folder(path.parent, {path.name: encoded(text)})
    else:
        replace_file(path, encoded(text))


# ---- removing


def remove_leftovers(folder: Path) -> None:
    """Delete temporary files that killed processes left in a run's root."""
    for path in folder.iterdir():
        if LEFTOVER.fullmatch(path.name):
            path.unlink(missing_ok=True)


def remove_checkpoint(folder: Path) -> None:
    """Delete a checkpoint, and its folder unless it holds other files; ignore errors."""
    with contextlib.suppress(OSError):
        for name in {*hashes_of(folder), MANIFEST, STATE, *GROUPS}:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()


def clear_run(folder: Path) -> None:
    """Delete the weights, checkpoints, previews and history of a run. Its `model.json` stays until it is replaced.

    Raises:
        ZaohuaError: a file can't be deleted.
    """
    with explained(folder):
        if (folder / MANIFEST).exists():  # first: after an interruption the run can be started from scratch
            kept = {name: digest for name, digest in hashes_of(folder).items() if name != WEIGHTS}
            replace_file(folder / MANIFEST, manifest_bytes(kept))
        for step in checkpoint_steps(folder):
            remove_checkpoint(folder / CHECKPOINTS / f"{step:09d}")
        for path in _entries(folder / CHECKPOINTS):
            if UNFINISHED.fullmatch(path.name):
                shutil.rmtree(path, ignore_errors=True)
        for path in _entries(folder / PREVIEWS):
            if PREVIEW.fullmatch(path.name):
                path.unlink()
        with contextlib.suppress(OSError):
            (folder / PREVIEWS).rmdir()
        for name in (WEIGHTS, HISTORY):
            (folder / name).unlink(missing_ok=True)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def cache_folder() -> Path:
    """Return where downloaded files and trained yardsticks are kept: $XDG_CACHE_HOME/zaohua, or ~/.cache/zaohua."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zaohua"
