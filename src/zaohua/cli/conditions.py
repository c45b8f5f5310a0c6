"""Read what `zaohua sample --y` and `--each` ask for: labels, files as conditions, or values of columns."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from zaohua.core.errors import ZaohuaError

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel
    from zaohua.modalities.condition_base import ConditionCodec
    from zaohua.modalities.files.items import FileItems

Collection: TypeAlias = "list[object] | np.ndarray | FileItems[object]"
"""Conditions: labels or texts, arrays, or files."""


@dataclass(frozen=True)
class Conditions:
    """What the items to make are conditioned on.

    Attributes:
        y: as `sample` takes it: a list or array with one for each item, values by column, or None.
        n: how many items to make.
        names: of the condition of each item, as people know them: labels, or files; None without.
        labels: whether they are labels, which files of samples can hold.
    """

    y: Any
    n: int
    names: Sequence[object] | None = None
    labels: bool = False


def read_conditions(model: GenerativeModel, given: Sequence[str], n: int | None, each: int | None) -> Conditions:
    """Work out what to make, for a model and the values of --y, -n and --each.

    Args:
        model: fitted.
        given: labels by name, files or folders of the kind that the model is conditioned on, texts, or
            `column=value`.
        n: items to make, at least 1; None: as many as usual for their kind, and at least one for each condition.
        each: items to make of each condition instead.

    Raises:
        ZaohuaError: the model takes no such conditions, or can't list them for --each.
    """
    usual = model.codec_.usual_number
    if _are_columns(model, given):
        if each is not None:
            raise ZaohuaError("--each is for labels; with columns given, -n says how many rows")
        columns = {name: value for name, _, value in (text.partition("=") for text in given)}
        return Conditions(columns, n or usual)
    if given and model.y_codec_ is None:
        raise ZaohuaError("this run was trained without labels, so it can't take --y")
    if each is not None and model.y_codec_ is None:
        raise ZaohuaError("--each needs a model with labels, and this run has none")
    codec = model.y_codec_
    if codec is None or (not given and each is None):
        return Conditions(None, n or usual)
    known = all_conditions(codec)
    if known is not None:
        labels = _labels(codec, given, known) if given else known
        found, names = cast(Collection, labels), cast(Sequence[object], labels)
    elif given:
        found, names = _read_values(codec, given)
    else:
        raise ZaohuaError("this run's conditions can't be listed: name those to make --each of with --y FILE")
    if each is not None:
        rows = [row for row in range(len(names)) for _ in range(each)]
    else:
        rows = [i % len(names) for i in range(n or max(usual, len(names)))]
    return Conditions(_rows(found, rows), len(rows), [names[row] for row in rows], known is not None)


def all_conditions(codec: ConditionCodec) -> list[object] | None:
    """List every condition that a codec knows, such as all labels; None if they can't be listed."""
    log_prior = codec.log_prior()
    if log_prior is None:
        return None
    import torch

    return list(codec.decode(torch.arange(len(log_prior))))


def _are_columns(model: GenerativeModel, given: Sequence[str]) -> bool:
    """Tell whether --y gives values to columns of a table, and not labels."""
    from zaohua.estimator.columns import Tabular

    if not given or not isinstance(model, Tabular) or not all("=" in text for text in given):
        return False
    known = None if model.y_codec_ is None else all_conditions(model.y_codec_)
    return not {str(label) for label in known or ()}.issuperset(given)


def _labels(codec: ConditionCodec, given: Sequence[str], known: Sequence[object]) -> list[object]:
    """Find labels by their names; a comma separates them unless it is part of a label's own name."""
    names = {str(label) for label in known}
    texts = [text for value in given for text in ([value] if value in names else value.split(","))]
    return list(codec.decode(codec.encode([text.strip() for text in texts])[np.arange(len(texts))]))


def _read_values(codec: ConditionCodec, given: Sequence[str]) -> tuple[Collection, Sequence[object]]:
    """Read conditions that can't be listed: files and folders of their kind, or texts; and their names."""
    from zaohua import modalities
    from zaohua.modalities.files.items import FileItems

    kind = modalities.modality_of(type(codec))
    if kind is None:
        raise ZaohuaError(f"conditions of this run's {type(codec).__name__} can't be given on the command line")
    parts: list[Collection] = []
    names: list[str] = []
    for text in given:
        path = Path(text).expanduser()
        if kind.recognises([text]):  # the text is a condition itself
            parts.append([text])
            names.append(text)
            continue
        if not os.path.exists(path):
            raise ZaohuaError(f"--y {text}: is no file or folder, and this run was conditioned on {kind.noun}")
        one = path.is_file() and path.suffix.casefold() in kind.suffixes
        parts.append(modalities.read([path] if one else path, modality=kind.name)[0])
        names += [f"{text}[{i}]" for i in range(len(parts[-1]))]
    found = _joined(parts)
    if not isinstance(found, FileItems):
        return found, names
    codec.encode(found)  # files that are broken leave, and are named
    found.report()
    return found, found.paths


def _joined(parts: list[Collection]) -> Collection:
    """Join conditions of several arrays, or of several folders and files."""
    if len({type(part) for part in parts}) > 1:
        raise ZaohuaError("--y takes files or arrays, not both at once")
    if not isinstance(parts[0], np.ndarray):
        return _like(parts[0], [source for part in parts for source in _sources(part)])
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if len({array.shape[1:] for array in arrays}) > 1:
        raise ZaohuaError(f"--y: arrays of different shapes: {' and '.join(str(array.shape) for array in arrays)}")
    return np.concatenate(arrays)


def _rows(found: Collection, rows: list[int]) -> Collection:
    """Pick some of the conditions, maybe more than once."""
    if isinstance(found, np.ndarray):
        return np.asarray(found[rows])
    sources = _sources(found)
    return _like(found, [sources[row] for row in rows])


def _sources(found: Collection) -> Sequence[object]:
    """Return what a collection is made of: locations of files, or the values themselves."""
    return cast(Sequence[object], getattr(found, "sources", found))


def _like(found: list[object] | FileItems[object], sources: list[object]) -> Collection:
    """Make a collection of other sources: a list, or a class of files."""
    return sources if isinstance(found, list) else type(found)(sources)
