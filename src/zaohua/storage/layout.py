"""What a run folder holds, and which of its files are Zaohua's own.

Nothing else in such a folder is ever deleted or overwritten: a folder that holds other files and no run is refused,
and of a run that is overwritten only the files named here go.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from pathlib import Path

from zaohua.core.errors import ZaohuaError
from zaohua.storage.atomic import MANIFEST, explained, hashes_of, manifest_bytes, replace_file, sha256, write_folder

MODEL, WEIGHTS, HISTORY, LOCK = "model.json", "weights.safetensors", "history.jsonl", ".lock"
CHECKPOINTS, PREVIEWS = "checkpoints", "previews"
STATE = "state.json"
CARDS = "README.md", "CARD.md"
"""Where the model card goes: the second when somebody else wrote the first."""

ROOT = (MANIFEST, MODEL, WEIGHTS, HISTORY, *CARDS)
GROUPS = tuple(f"{name}.safetensors" for name in ("nets", "average", "optimizers", "best"))
LEFTOVER = re.compile(r"\.(" + "|".join(map(re.escape, ROOT)) + r")\.\d+\.tmp")
"""Half a file that a process which was killed left in a run's root."""
PENDING = re.compile(r"\.(" + "|".join(map(re.escape, ROOT)) + r")\.new")
UNFINISHED = re.compile(r"\.\d{9,}\.tmp")
PREVIEW = re.compile(r"\d{7}\.\w+")
OF_SYSTEMS = {".DS_Store", "Thumbs.db", "desktop.ini", "lost+found", ".gitkeep", ".gitignore"}
"""What stands in folders that people call empty."""


# ---- what is there


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run, whole or damaged, and not just files that happen to be named alike."""
    if MODEL in hashes_of(folder):
        return True
    try:
        model = json.loads((folder / MODEL).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(model, dict) and {"model", "parameters", "codec"} <= set(model)


def has_weights(folder: Path) -> bool:
    """Whether a run was saved with weights, even if they have been deleted since."""
    return WEIGHTS in hashes_of(folder) or (folder / WEIGHTS).exists()


def checkpoint_steps(run: str | Path) -> list[int]:
    """Steps of the checkpoints that a run has, oldest first."""
    folder = Path(run) / CHECKPOINTS
    named = [path for path in _inside(folder) if re.fullmatch(r"[0-9]{9,}", path.name)]
    own = (MANIFEST, STATE, *GROUPS)
    return sorted(int(path.name) for path in named if any((path / name).exists() for name in own))


def holds_training(folder: Path) -> bool:
    """Whether a folder holds a run with weights or checkpoints: one that was just begun has nothing to lose."""
    return is_run(folder) and (has_weights(folder) or bool(checkpoint_steps(folder)))


# ---- where to write


def check_out(out: str | Path) -> None:
    """Check that a run can be saved to a folder: a new or empty one, or one that holds a run.

    Raises:
        ZaohuaError: it holds files of other people's, or can't be written.
    """
    folder = Path(out)
    with explained(folder):
        there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
        if not there.is_dir():
            raise NotADirectoryError(20, "Not a directory")
        if not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
        if there != folder or is_run(folder):
            return
        others = sorted(path.name for path in folder.iterdir() if not _counts_for_nothing(path))
    if others:
        named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
        raise ZaohuaError(
            f"{folder} holds files and no run ({named}): nothing was written; choose a new or an empty folder"
        )


def _counts_for_nothing(path: Path) -> bool:
    """Whether a folder that holds such a thing is empty all the same."""
    if path.name == CHECKPOINTS and path.is_dir():  # as a run that was refused before its first step leaves it
        return all(UNFINISHED.fullmatch(inside.name) for inside in path.iterdir())
    return path.name in {LOCK, *OF_SYSTEMS} or any(p.fullmatch(path.name) for p in (LEFTOVER, PENDING))


def card_file(folder: Path) -> Path | None:
    """Where a run's card may be written: to a file that isn't there yet, or that Zaohua wrote and nobody changed."""
    return next((folder / name for name in CARDS if not os.path.lexists(folder / name) or is_own(folder / name)), None)


def is_own(card: Path) -> bool:
    """Whether a card is word for word what Zaohua wrote, as the manifest of its folder knows."""
    with contextlib.suppress(OSError):
        return hashes_of(card.parent).get(card.name) == sha256(card.read_bytes())
    return False


def write_card(path: Path, text: str) -> None:
    """Write a card; it stays Zaohua's own if it was, and the people's who changed it if they did."""
    if is_own(path) or not os.path.lexists(path):
        write_folder(path.parent, {path.name: text.encode()})
    else:
        replace_file(path, text.encode())


# ---- removing


def remove_leftovers(folder: Path) -> None:
    """Delete what processes that were killed have left in a run's root."""
    for path in folder.iterdir():
        if LEFTOVER.fullmatch(path.name):
            path.unlink(missing_ok=True)


def remove_checkpoint(folder: Path) -> None:
    """Delete a checkpoint, and its folder unless something else is in it; failing to is no error."""
    with contextlib.suppress(OSError):
        for name in {*hashes_of(folder), MANIFEST, STATE, *GROUPS}:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()


def clear_run(folder: Path) -> None:
    """Delete what an earlier run left: weights, checkpoints, previews, history. Its `model.json` stays till the next.

    Raises:
        ZaohuaError: something can't be deleted.
    """
    with explained(folder):
        if (folder / MANIFEST).exists():  # first, so that whenever this is cut off, it is a run that can be begun anew
            kept = {name: digest for name, digest in hashes_of(folder).items() if name != WEIGHTS}
            replace_file(folder / MANIFEST, manifest_bytes(kept))
        for step in checkpoint_steps(folder):
            remove_checkpoint(folder / CHECKPOINTS / f"{step:09d}")
        for path in _inside(folder / CHECKPOINTS):
            if UNFINISHED.fullmatch(path.name):
                shutil.rmtree(path, ignore_errors=True)
        for path in _inside(folder / PREVIEWS):
            if PREVIEW.fullmatch(path.name):
                path.unlink()
        with contextlib.suppress(OSError):
            (folder / PREVIEWS).rmdir()
        for name in (WEIGHTS, HISTORY):
            (folder / name).unlink(missing_ok=True)


def _inside(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def cache_folder() -> Path:
    """Return where downloaded files and trained yardsticks are kept: $XDG_CACHE_HOME/zaohua, or ~/.cache/zaohua."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zaohua"
