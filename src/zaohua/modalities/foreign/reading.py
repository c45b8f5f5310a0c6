"""Read a data set of another library: which it is, which split, and what can't be learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zaohua.core.errors import ZaohuaError, named, unknown
from zaohua.core.notes import note, shown
from zaohua.modalities.foreign.features import is_featured, read_featured
from zaohua.modalities.foreign.map_style import is_map_style, read_map_style
from zaohua.modalities.found import Found
from zaohua.modalities.modality import Modality


def is_foreign(X: Any, kinds: Sequence[Modality]) -> bool:
    """Return True for a data set of another library, several splits of one, and a loader or a stream of one.

    Args:
        X: what was given.
        kinds: kinds of data, none of which recognises an object that only has a length and items by index.
    """
    if is_featured(X) or is_splits(X) or _is_column(X) or _is_stream(X) or _is_loader(X):
        return True
    return is_map_style(X) and not any(kind.recognises(X) for kind in kinds)


def is_splits(X: Any) -> bool:
    """Return True for a dictionary of splits, such as a `DatasetDict`."""
    plain = isinstance(X, Mapping) and not hasattr(X, "shape")  # sparse matrices of scipy are mappings, too
    return plain and len(X) > 0 and all(hasattr(part, "features") for part in X.values())


def read_foreign(
    X: Any, y: object, split: str | None, kinds: Sequence[Modality], wanted: Sequence[Modality] = ()
) -> Found:
    """Read items and what belongs to them from a data set of another library.

    Args:
        X: what `is_foreign` is True for.
        y: True to read labels, or the name of the column that holds them.
        split: split to read; None for the training data.
        kinds: candidates for the kind of data, in the order in which they are asked.
        wanted: candidates that are x where items have several parts.

    Raises:
        ZaohuaError: it is empty, a stream, or it isn't clear which part is to be learnt; the message lists them.
    """
    if is_splits(X):
        X = _part_of(X, split)
    elif split is not None:
        raise ZaohuaError(f"{named(X)} is one split, so {split!r} can't be taken of it")
    if _is_loader(X):
        raise ZaohuaError(f"{named(X)} makes batches in an order of its own: give its data set, X.dataset")
    if _is_stream(X):
        raise ZaohuaError(
            f"{named(X)} is a stream, whose items have no positions by which training could be resumed exactly: give "
            "a data set that is loaded whole (streaming=False), or a list of items"
        )
    if _is_column(X):
        X = X.source.select_columns([X.column_name])
    if not len(X):
        raise ZaohuaError(f"no items: {named(X)} is empty")
    if is_featured(X):
        return read_featured(X, y, kinds, wanted)
    return read_map_style(X, y, kinds, wanted)


def _part_of(X: Mapping[str, Any], split: str | None) -> Any:
    """Return a split of several: the one that is named, else that for training."""
    if split is None:
        split = next(iter(X)) if len(X) == 1 else "train"
        if split not in X:
            raise ZaohuaError(f"the data set has the splits {', '.join(X)}: give one of them, X[{next(iter(X))!r}]")
        others = [name for name in X if name != split]
        if others:
            note(f"{shown(others)} kept apart: X[{others[0]!r}]")
    if split not in X:
        raise unknown("split of the data set:", split, X)
    return X[split]


def _is_column(X: Any) -> bool:
    """Return True for a column of a data set that isn't read yet."""
    return hasattr(X, "column_name") and is_featured(getattr(X, "source", None))


def _is_stream(X: Any) -> bool:
    return any(base.__name__ in ("IterableDataset", "IterDataPipe") for base in type(X).__mro__)


def _is_loader(X: Any) -> bool:
    return hasattr(X, "dataset") and hasattr(X, "batch_size") and hasattr(X, "__iter__")
