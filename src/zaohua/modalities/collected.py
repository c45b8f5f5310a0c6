"""Collections in memory, in the form that codecs take, and the kind of data that they are of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zaohua.core.advice import option
from zaohua.core.arrays import as_array, unmasked
from zaohua.core.errors import ZaohuaError, named
from zaohua.core.notes import note
from zaohua.modalities import registry
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.files.values import is_item, is_list_of_items, stacked
from zaohua.modalities.listed import read_listed
from zaohua.modalities.modality import Modality


def collect(
    X: Any, labels: Any = None, *, kinds: Sequence[Modality] | None = None, prefer: Modality | None = None
) -> Any:
    """Return a collection in memory in the form that codecs take.

    Args:
        X: an array of any library, a frame, or a list of items or files.
        labels: one for each item, for items that keep theirs.
        kinds: candidates for the kind of data; a single one is used without a check. Default: all.
        prefer: the candidate that is used if it recognises the data.

    Raises:
        ZaohuaError: it is empty, a single item, or arrays of different shapes.
    """
    return collected(X, labels, registry.known() if kinds is None else kinds, prefer)[0]


def collected(
    X: Any, labels: Any, kinds: Sequence[Modality], prefer: Modality | None = None
) -> tuple[Any, Modality | None]:
    """Return a collection in the form that codecs take, and its kind; None if no kind recognises it."""
    if isinstance(X, FileItems):
        return X.anew(labels), next(
            (kind for kind in kinds if kind.recognises(X)), None
        )  # those given stay as they are
    if isinstance(X, (list, tuple)):
        if not len(X):
            raise ZaohuaError("no items: the list is empty")
        files = read_listed(X, labels, kinds)
        if files is not None:
            return files
        X = stacked(X)
    elif hasattr(X, "toarray"):
        raise ZaohuaError("a sparse matrix can't be learnt from: give X.toarray()")
    elif is_item(X) and not any(kind.recognises(X) for kind in kinds):
        raise ZaohuaError(f"a single {type(X).__name__}: give a list of them")
    elif hasattr(X, "__array__") and not hasattr(X, "columns") and type(X).__module__.split(".")[0] != "pandas":
        X = as_array(X, masked=True)
        if is_list_of_items(X):
            return collected(list(X), labels, kinds, prefer)
    kind: Modality | None
    if len(kinds) == 1:
        kind = kinds[0]
    else:
        kind = prefer if prefer is not None and prefer.recognises(X) else recognised(X, kinds)
    if isinstance(X, np.ndarray):
        X = unmasked(X, "these items" if kind is None else kind.noun, holes=kind is not None and kind.holes)
    if kind is not None:
        return kind.collect(X, labels), kind
    if isinstance(X, list) and all(isinstance(item, np.ndarray) for item in X):
        other = next(a.shape for a in X if a.shape != X[0].shape)
        raise ZaohuaError(f"arrays of different shapes: {X[0].shape} and {other}")
    return X, None


def recognised(X: object, kinds: Sequence[Modality] | None = None) -> Modality | None:
    """Return the first modality that recognises a collection; None if none does.

    Where several do, as an array of numbers may be of several kinds, a `ZaohuaWarning` says which it is taken for.
    """
    able = [kind for kind in (registry.known() if kinds is None else kinds) if kind.recognises(X)]
    if len(able) > 1:
        others = " or ".join(option("modality", kind.name) for kind in able[1:])
        note(f"{named(X)} is taken for {able[0].name}; {others} reads it otherwise")
    return able[0] if able else None
