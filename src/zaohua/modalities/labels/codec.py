"""Codec from labels, which may be any hashable names, to the integers 0 ... K - 1."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import numpy as np
import torch
from torch import Tensor

from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError, shown, unknown
from zaohua.core.json import Json
from zaohua.core.missing import missing
from zaohua.core.notes import SHOWN, note
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities.base import Codec, counted

if TYPE_CHECKING:
    from zaohua.core.noise import Noise


LabelsLike: TypeAlias = Iterable[object]
"""Labels as the codec takes them: a list, an array or a series with one for each item."""


FEW = 20
"""Number of labels of one item only below which these aren't told."""


class LabelCodec(Codec[LabelsLike]):
    """Codec from labels (str, int, float, bool, or tuples of them) to classes 0 ... K - 1.

    A label may be missing: None, NaN or an empty text. It is no class, and its code is -1.

    Attributes:
        classes_: the K labels seen in `fit`, sorted if possible, else in order of appearance; or those declared.
        counts_: number of occurrences of each; one for each if all labels are missing.
    """

    modality: ClassVar[str] = "labels"
    representation: ClassVar[str] = "classes"
    column: ClassVar[str] = "label"

    classes: tuple[str | int, ...] | None = None
    """All labels that there may be, some or all of which training's items may lack; by default those that occur."""

    def fit(self, items: LabelsLike) -> Self:
        """Determine the labels and their frequencies.

        Args:
            items: sequence of labels, one per training item.

        Raises:
            ZaohuaError: there are no labels, or one has a type that isn't supported, or isn't among `classes`.
        """
        given = _plain_list(items)
        labels = [label for label in given if label is not None]
        if not given or (not labels and not self.classes):
            raise ZaohuaError("no labels: y is empty" if not given else f"no labels: all {len(given):,} are missing")
        if len(labels) < len(given):
            note(f"{len(given) - len(labels):,} of {len(given):,} items have no label: learnt without one")
        counts = Counter(_key(label) for label in labels)
        names = self._names(labels)
        if labels:
            self._set_classes(names, [counts[_key(name)] for name in names])
            _tell_doubts(self.classes_, self.counts_)
        else:
            self._set_classes(names, [1] * len(names))
        self.spec_ = DataSpec(axes=(), shape=(), features=(Feature("label", "category", size=len(names)),))
        return self

    def _names(self, labels: Sequence[object]) -> list[Any]:
        """Return the classes in order: those declared, or those among labels of training."""
        names: dict[tuple[bool, object], Any] = {_key(label): label for label in reversed(labels)}  # may not compare
        if self.classes is not None:
            declared = list(dict.fromkeys(self.classes))
            for label in names.values():
                if label not in declared:
                    raise unknown("label", label, declared)
            return declared
        keys = list(dict.fromkeys(map(_key, labels)))
        try:
            return [names[key] for key in sorted(keys, key=lambda key: names[key])]
        except TypeError:  # labels of several types can't be compared
            return [names[key] for key in keys]

    def encode_partly(self, items: LabelsLike) -> Tensor:
        """Encode labels as classes, int64 (n,), those that are missing or unknown as -1."""
        found = [self._find(label) for label in items]
        return torch.tensor([-1 if code is None else code for code in found], dtype=torch.int64)

    def encode(self, items: LabelsLike) -> Tensor:
        """Encode labels as classes, int64 (n,), missing ones as -1. The text of a label is accepted for it: "3" for 3.

        Raises:
            ZaohuaError: a label is unknown; the message suggests similar ones.
        """
        return torch.tensor([self._code(label) for label in _plain_list(items)], dtype=torch.int64)

    def knows(self, items: LabelsLike) -> np.ndarray:
        """Return a mask of the labels that `encode` accepts, bool (n,)."""
        return np.array([missing(label) or self._find(label) is not None for label in items], bool)

    def decode(self, x: Tensor) -> list[object]:
        """Return the labels of classes (n,); None for -1."""
        return [self.classes_[code] if code >= 0 else None for code in x.reshape(-1).tolist()]

    def as_items(self, y: object, n: int | None) -> list[object]:
        """Return n (or 1) copies of a single label; return a list or array of labels as a list."""
        is_class = isinstance(y, tuple) and _key(_plain(y)) in self._index
        if is_class or isinstance(y, str) or not isinstance(y, Iterable) or getattr(y, "ndim", 1) == 0:
            return [None if missing(y) else _plain(y)] * (1 if n is None else n)
        return _plain_list(y)

    def typed(self, text: str, several: bool = False) -> list[object]:
        """Return the label of a name, or labels apart by commas where the text isn't the name of one.

        Raises:
            ZaohuaError: a label is unknown; the message suggests similar ones.
        """
        names = [text] if not several or self._find(text) is not None else [name.strip() for name in text.split(",")]
        return [self.classes_[self._code(name)] for name in names]

    def draw(self, noise: Noise) -> Tensor:
        """Draw classes with their training frequencies, int64 (n,), by inversion of the distribution function."""
        u = noise.uniform()
        cdf = torch.tensor(np.cumsum(self.counts_) / sum(self.counts_), dtype=torch.float64, device=u.device)
        return torch.searchsorted(cdf, u.double(), right=True).clamp_(max=len(self.classes_) - 1)

    def log_prior(self) -> np.ndarray:
        """Return the log-frequency of each class in training, float64 (K,)."""
        with np.errstate(divide="ignore"):  # of classes that were declared and never occurred
            return np.log(np.array(self.counts_, dtype=np.float64) / sum(self.counts_))

    def learns(self) -> str:
        """Return that it tells the labels."""
        return "names and frequencies of the labels"

    def describe(self, n: int | None = None) -> str:
        """Describe the number of different labels."""
        kinds = counted(len(self.classes_), "label")
        return kinds if n is None else f"{counted(n, 'item')} with {kinds}"

    def state(self) -> Json:
        """Return labels and counts as JSON values."""
        if not hasattr(self, "spec_"):
            return {}
        return {"classes": [_to_json(c) for c in self.classes_], "counts": self.counts_}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        classes, counts = [_from_json(c) for c in state["classes"]], list(state["counts"])
        valid = all(0 <= int(count) < 2**53 for count in counts) and any(counts)
        if not valid or not len(classes) == len(counts) == self.spec_.channels:
            raise ZaohuaError(f"{len(counts)} counts of {len(classes)} labels don't fit together")
        self._set_classes(classes, [int(count) for count in counts])

    def _set_classes(self, classes: list[object], counts: list[int]) -> None:
        self.classes_: list[object] = classes
        self.counts_: list[int] = counts
        self._index = {_key(name): code for code, name in enumerate(classes)}
        texts = Counter(str(name) for name in classes)
        self._by_text = {str(name): code for code, name in enumerate(classes) if texts[str(name)] == 1}

    def _find(self, label: object) -> int | None:
        code = self._index.get(_key(label))
        return self._by_text.get(str(label)) if code is None else code

    def _code(self, label: object) -> int:
        code = self._find(label)
        if code is None and missing(label):
            return -1
        if code is None:
            raise unknown("label", label, self.classes_)
        return code


def _tell_doubts(classes: Sequence[object], counts: Sequence[int]) -> None:
    """Note labels that are the same but for case, spaces or type, and labels most of which are of one item only."""
    spelt: dict[str, list[object]] = {}
    for name in classes:
        spelt.setdefault(" ".join(str(name).split()).casefold(), []).append(name)
    for alike in [names for names in spelt.values() if len(names) > 1][:SHOWN]:
        note(f"labels {', '.join(map(repr, alike))} count as {len(alike)}, though they differ in spelling only")
    once = sum(count == 1 for count in counts)
    if once >= FEW and 2 * once > len(counts):
        note(f"{once:,} of {len(counts):,} labels are of one item only, such as {classes[list(counts).index(1)]!r:.60}")


def _plain_list(labels: object) -> list[object]:
    """Convert a list, array or series of labels to a list of Python values, None for those that are missing."""
    if isinstance(labels, str) or not isinstance(labels, Iterable):
        raise ZaohuaError(f"labels must be a list or an array with one for each item, not {shown(labels)}")
    if hasattr(labels, "__array__") and not hasattr(labels, "columns"):
        labels = as_array(labels, "labels")
    if isinstance(labels, np.ndarray) and labels.ndim != 1:
        raise ZaohuaError(f"labels must be a list with one for each item, not an array of shape {labels.shape}")
    return [None if missing(label) else _plain(label, at) for at, label in enumerate(labels)]


def _plain(label: object, at: int | None = None) -> object:
    """Convert a label to a value whose type JSON preserves: scalars of numpy and torch become Python's."""
    if isinstance(label, (str, int, bool, type(None))) and type(label).__module__ == "builtins":
        return label
    if hasattr(label, "item") and getattr(label, "ndim", None) == 0 and label is not np.ma.masked:
        label = label.item()
    if isinstance(label, tuple):
        return tuple(_plain(part, at) for part in label)
    if isinstance(label, float) and math.isfinite(label):
        return label
    if isinstance(label, (str, int, bool, type(None))):
        return label
    where = "" if at is None else f" number {at}"
    what = f"label{where} is {shown(label)}"
    raise ZaohuaError(f"{what}: labels must be texts, finite numbers, True, False, None or tuples")


def _key(label: object) -> tuple[bool, object]:
    """Return the dictionary key of a label; the flag distinguishes True from 1."""
    return isinstance(label, bool), label


def _to_json(label: object) -> object:
    return {"tuple": [_to_json(part) for part in label]} if isinstance(label, tuple) else label


def _from_json(label: object) -> object:
    return tuple(_from_json(part) for part in label["tuple"]) if isinstance(label, dict) else label
