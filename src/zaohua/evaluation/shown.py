"""What a page shows of items and their conditions."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from zaohua.evaluation.given import Given


def side_by_side(labels: Sequence[Hashable] | None, n: int, each: int) -> np.ndarray:
    """Select which of n items a page shows, as indices: a grid with a column for each label.

    There are at most `each` items per label, as many of each as of the rarest, and at most twelve labels. Without
    labels, the first items are selected.
    """
    if labels is None:
        return np.arange(min(n, each * 10))
    classes = sorted(set(labels), key=str)[:12]
    indices = {label: [i for i, other in enumerate(labels) if other == label][:each] for label in classes}
    return np.array([indices[label][k] for k in range(min(map(len, indices.values()))) for label in classes])


def asked_examples(conditions: Sequence[object] | None, given: Sequence[Given], most: int) -> dict[str, np.ndarray]:
    """Return the first conditions as a page shows them: "asked", texts, and "asked_pictures", uint8, if there are any.

    Args:
        conditions: one for each item, or None.
        given: what they consist of; plain labels aren't shown in this way.
        most: number of conditions.
    """
    if conditions is None or not given or [part.kind for part in given if not part.name] == ["labels"]:
        return {}
    some = list(conditions[:most])
    found = {"asked": asked(some)}
    for part in given:
        values = part.of(some)
        if part.kind == "tensors" and len(part.axes) == 2 and all(value is not None for value in values):
            tensors = np.asarray(part.to_values(values), np.float32)
            pictures = np.rint(np.clip((tensors + 1) * 127.5, 0, 255)).astype(np.uint8)
            grey = pictures.shape[1] not in (3, 4)
            found["asked_pictures"] = pictures[:, 0] if grey else np.moveaxis(pictures, 1, -1)
            break
    return found


def asked(conditions: Sequence[Hashable] | None, most: int = 100) -> np.ndarray:
    """Write conditions as a page shows them, an array of texts (n,): empty for what isn't a short text or a number.

    Args:
        conditions: labels, numbers, texts, records of these, or anything else; None for none.
        most: length of the longest text.
    """
    return np.array([_asked(condition)[:most] for condition in (() if conditions is None else conditions)], str)


def _asked(condition: object) -> str:
    if isinstance(condition, Mapping):
        parts = {name: _asked(part) for name, part in condition.items()}
        return ", ".join(f"{name}: {part}" for name, part in parts.items() if part)
    if isinstance(condition, (list, tuple, set, frozenset)):
        return ", ".join(filter(None, map(_asked, condition)))
    if isinstance(condition, (float, np.floating)):
        return f"{condition:.4g}"
    return str(condition) if isinstance(condition, (str, int, np.integer, np.str_, np.bool_)) else ""
