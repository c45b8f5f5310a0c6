"""Source of a model's training data: where they were read, so that they can be found again from anywhere."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.modalities.remote.addresses import PIN, is_url, shown
from zaohua.modalities.remote.fetching import hash_of

SPECIAL = set("{}*?[]")
"""Letters that make a path a pattern of file names."""


def source_of(X: str | Path, y: object, modality: str | None) -> Json:
    """Return the source of data that were read from a path, or that have a name, as JSON values.

    Args:
        X: the path, pattern of file names, or name of a data set, as it was given.
        y: True for the labels of the data, the name of a column, the path of conditions, or None.
        modality: kind of data that was asked for.

    Returns:
        These, of files the absolute paths, "at" and "y_at", and of addresses the hashes of what was fetched, "sha256"
        and "y_sha256".
    """
    source: Json = {"X": _shown(X), "y": _shown(y) if isinstance(y, (str, Path)) else True if y is True else None}
    for name, given in (("sha256", X), ("y_sha256", y)):
        if is_url(given) and (sha256 := hash_of(given)) is not None:
            source[name] = sha256
    if isinstance(y, (str, Path)) and _is_there(str(y)):
        source["y_at"] = os.path.abspath(os.path.expanduser(str(y)))
    if modality is not None:
        source["modality"] = modality
    if _is_there(str(X)):
        source["at"] = os.path.abspath(os.path.expanduser(X))
    return source


def located(source: Json | None, advice: str | None) -> str | None:
    """Return the path or name by which training data can be read now; None if they were in memory.

    Args:
        source: the result of `source_of`; older runs have no absolute path. An address comes back with the hash of what
            was learnt, so that data that have changed since aren't taken for these.
        advice: what to do if they are gone, for the message; None to return the path all the same.

    Raises:
        ZaohuaError: they are needed, and are neither where they were nor at the same path from here.
    """
    if source is None:
        return None
    if "sha256" in source:
        return f"{source['X']}{PIN}{source['sha256']}"
    given, at = str(source["X"]), source.get("at")
    if at is None or _is_there(at):
        return given if at is None else str(at)
    if _is_there(given) or advice is None:
        return given
    raise ZaohuaError(f"the training data, {given}, are no longer at {at}: {advice}")


def conditions_of(source: Json, advice: str) -> str | bool | None:
    """Return what conditions training data were read with: True, the name of a column, or a path or name of them.

    Args:
        source: the result of `source_of`.
        advice: what to do if they are gone, for the message.

    Raises:
        ZaohuaError: they are neither where they were nor at the same path from here.
    """
    y: str | bool | None = source["y"]
    if not isinstance(y, str):
        return y
    apart = {"X": y, "at": source.get("y_at")}
    return located(apart | ({"sha256": source["y_sha256"]} if "y_sha256" in source else {}), advice)


def same_source(one: Json | None, other: Json | None) -> bool:
    """Return True if two models learnt from the same path or name; data in memory are taken for the same."""
    first, second = one or {}, other or {}
    key = next((key for key in ("sha256", "at") if key in first and key in second), "X")
    return bool(first.get(key) == second.get(key))


def _shown(path: str | Path) -> str:
    return shown(path) if is_url(path) else str(path)


def _is_there(path: str) -> bool:
    """Return True if there is a file or folder, or the folder that a pattern of file names begins with."""
    whole = Path(path).expanduser()
    plain = list(itertools.takewhile(lambda part: not set(part) & SPECIAL, whole.parts))
    return whole.exists() or (len(plain) < len(whole.parts) and Path(*plain).exists())
