"""Map-style data sets of torch, and whatever else has a length and items by index: read once, into memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError, named
from zaohua.core.memory import free_memory
from zaohua.core.notes import note
from zaohua.modalities.collected import collected
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.found import Found
from zaohua.modalities.modality import Modality

CHANNELS = (1, 3, 4)
IMAGES = "images"


def is_map_style(X: Any) -> bool:
    """Return True for an object that has a length and items by index, but is no collection, array or frame."""
    if isinstance(X, (Sequence, Mapping, Set, FileItems, bytes)) or not hasattr(X, "__getitem__"):
        return False
    plain = not any(hasattr(X, name) for name in ("__array__", "__dlpack__", "columns", "shape", "toarray"))
    return plain and hasattr(X, "__len__") and not isinstance(X, type)


def read_map_style(X: Any, y: object, kinds: Sequence[Modality], wanted: Sequence[Modality]) -> Found:
    """Read all items into memory, and their labels if they are pairs (x, y) or dictionaries.

    Args:
        X: the data set.
        y: True for the labels of pairs, the name of the labels in dictionaries, or None.
        kinds: candidates for the kind of data.
        wanted: candidates that are preferred.

    Raises:
        ZaohuaError: an item can't be read, the items don't fit into memory, or it isn't clear what is x.
    """
    first = _item(X, 0)
    x_of, y_of = _parts(first, y)
    _check_room(X, first)
    if _differs(first, _item(X, 0)):
        note(f"the items of {named(X)} differ at every access, as random transforms make them: each is read once")
    items, labels = list[Any](), list[Any]()
    for row in range(len(X)):
        item = _item(X, row)
        if isinstance(item, (tuple, Mapping)) != isinstance(first, (tuple, Mapping)) or not _has(item, x_of, y_of):
            raise ZaohuaError(f"item {row} of {named(X)} isn't of the same form as the first: {_form(item)}")
        items.append(_plain(item if x_of is None else item[x_of]))
        labels.append(None if y_of is None else _plain(item[y_of]))
    only = wanted[0] if len(wanted) == 1 else None
    found, kind = collected(_channels_last(items, wanted or kinds), None, kinds, only)
    if y_of is None:
        return Found(found, None, kind)
    shaped = getattr(labels[0], "ndim", 0) > 1 or hasattr(labels[0], "getbands")
    return Found(found, collected(_channels_last(labels, kinds), None, kinds)[0] if shaped else labels, kind)


def _has(item: Any, *keys: Any) -> bool:
    """Return True if an item has parts by these keys, but for those that are None."""
    if isinstance(item, Mapping):
        return all(key is None or key in item for key in keys)
    return all(key is None or key < len(item) for key in keys)


def _parts(first: Any, y: object) -> tuple[Any, Any]:
    """Return the keys of x and y in an item, from its first; None where it has none, or is itself x."""
    labelled = y is not None and y is not False
    if isinstance(first, Mapping):
        names = [name for name in first if name != y]
        if len(names) != 1:
            raise ZaohuaError(
                f"the items have the parts {', '.join(map(str, first))}: make them pairs (x, y), or x alone"
            )
        return names[0], y if y in first else None
    if not isinstance(first, tuple):
        return None, None
    if len(first) > 2:
        raise ZaohuaError(f"the items have {len(first)} parts ({_form(first)}): make them pairs (x, y), or x alone")
    return 0, 1 if labelled and len(first) == 2 else None


def _item(X: Any, row: int) -> Any:
    try:
        return X[row]
    except Exception as error:  # whatever the other library raises
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ZaohuaError(f"item {row} of {named(X)} can't be read ({reason})") from error


def _form(item: Any) -> str:
    """Describe an item in a few words."""
    return ", ".join(map(named, item)) if isinstance(item, (tuple, list)) else named(item)


def _plain(value: Any) -> Any:
    """Return a tensor as an array, and one without axes as a number; anything else as it is."""
    if hasattr(value, "detach") or hasattr(value, "__dlpack__"):
        value = as_array(value)
    return value.item() if isinstance(value, (np.ndarray, np.generic)) and not value.ndim else value


def _check_room(X: Any, first: Any) -> None:
    """Raise a `ZaohuaError` if the items don't fit into half of the memory."""
    needed, free = len(X) * _size(first), free_memory()
    if needed > free / 2:
        raise ZaohuaError(
            f"the {len(X):,} items of {named(X)} take {needed / 2**30:.1f} GiB of the {free / 2**30:.1f} GiB free: "
            "give a part of them (torch.utils.data.Subset), or files, which are read when they are needed"
        )


def _size(item: Any) -> int:
    """Return about how many bytes an item takes."""
    if isinstance(item, (tuple, list)):
        return sum(map(_size, item))
    if isinstance(item, Mapping):
        return sum(map(_size, item.values()))
    if hasattr(item, "getbands"):
        return int(item.width * item.height * len(item.getbands()))
    return int(getattr(item, "nbytes", 64))


def _differs(one: Any, other: Any) -> bool:
    """Return True if two readings of the same item differ."""
    if isinstance(one, (tuple, list)):
        return len(one) != len(other) or any(map(_differs, one, other))
    if isinstance(one, Mapping):
        return any(_differs(one[name], other[name]) for name in one)
    if hasattr(one, "getbands"):
        return bool(one.tobytes() != other.tobytes())
    one, other = _plain(one), _plain(other)
    if isinstance(one, np.ndarray):
        return not np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return False


def _channels_last(items: list[Any], kinds: Sequence[Modality]) -> list[Any]:
    """Return pictures whose channels come first, as torch has them, with the channels last."""
    shape: Sequence[int] = getattr(items[0], "shape", ())
    if not any(kind.name == IMAGES for kind in kinds) or len(shape) != 3:
        return items
    if shape[0] not in CHANNELS or shape[2] in CHANNELS:
        return items
    note(f"items of shape {tuple(shape)} are taken for pictures with their channels first")
    return [np.moveaxis(item, 0, -1) if getattr(item, "ndim", 0) == 3 else item for item in items]
