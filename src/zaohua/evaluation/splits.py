"""Real items to measure by: those that a model learnt from, and those that it has never seen, as it sees them.

As it sees them: pictures of its size and channels, and of two levels where it learnt those; sounds of its rate and
length. So a model isn't charged for what its codec took away, and `compare` refuses to set models side by side that
don't make the same kind of item.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch

from zaohua import modalities
from zaohua.core.errors import NoLabels, ZaohuaError
from zaohua.core.noise import ItemNoise, derive_seed, seeds_from_content
from zaohua.modalities.base import Codes
from zaohua.modalities.datasets import known
from zaohua.modalities.images.show import visible
from zaohua.modalities.sounds.codec import SoundCodec
from zaohua.modalities.sounds.files import SoundFiles

TOGETHER = 1024
"""Pictures that are decoded together."""


class Items(ABC):
    """Real items of a kind.

    Attributes:
        values: them, in the form in which they are measured, (n, ...).
        codes: those that a model can score, as its codec encodes them.
        labels: theirs, or None.
        columns: of rows, what the codec knows of each.
        groups: the group of each item, as windows are of one recording, int64 (n,); None where each is its own.
        most: of a split that are looked at; of more, so many drawn at random.
    """

    most: ClassVar[float] = 100_000
    values: Any
    codes: Any
    labels: Any
    columns: Any
    groups: Any = None

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def take(self, rows: np.ndarray) -> Self:
        """Some of them, in the order of `rows`."""

    def some(self, n: float, seed: int) -> Self:
        """So many of them, drawn at random without replacement and in order; all of them if there are no more."""
        return self if n >= len(self) else self.take(some(np.arange(len(self)), n, seed))


@dataclass(frozen=True, eq=False)
class Pictures(Items):
    """Real pictures.

    Attributes:
        codes: as a codec encodes them.
        labels: theirs, or None.
        shown: how a batch of codes looks, uint8 (b, H, W) or (b, H, W, C).
    """

    codes: Codes
    labels: list[Any] | None
    shown: Callable[[torch.Tensor], np.ndarray]
    columns: Sequence[Any] = ()

    @functools.cached_property
    def pixels(self) -> np.ndarray:
        """How they look, uint8 (n, H, W) or (n, H, W, C); found out when first asked for."""
        return np.concatenate(
            [
                self.shown(self.codes[np.arange(start, min(start + TOGETHER, len(self)))])
                for start in range(0, len(self), TOGETHER)
            ]
        )

    @property
    def values(self) -> np.ndarray:
        """The pixels."""
        return self.pixels

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: np.ndarray) -> Pictures:
        """Some of them, in the order of `rows`."""
        labels = None if self.labels is None else [self.labels[i] for i in rows]
        taken = Pictures(self.codes[rows], labels, self.shown)
        if "pixels" in vars(self):
            vars(taken)["pixels"] = self.pixels[rows]
        return taken


@dataclass(frozen=True, eq=False)
class Recordings(Items):
    """Real sounds, still in their files: those, or the parts of them, that a model learns from.

    Attributes:
        values: the files, which know their labels.
        codec: the model's, which says what sounds are brought to.
    """

    values: SoundFiles
    codec: SoundCodec

    def __len__(self) -> int:
        return len(self.values)

    @property
    def labels(self) -> Any:
        """Those that the files know, or None."""
        return self.values.labels

    @property
    def groups(self) -> np.ndarray:
        """Which recording each is of."""
        return self.values.groups

    def take(self, rows: np.ndarray) -> Recordings:
        """Some of them, in the order of `rows`."""
        labels = None if self.values.labels is None else [self.values.labels[i] for i in rows]
        return Recordings(SoundFiles([self.values.sources[i] for i in rows], labels), self.codec)


@dataclass(frozen=True, eq=False)
class Splits:
    """Two splits of a data set.

    Attributes:
        data: what it is called.
        split: of the items to measure by: "test", "validation", or "given" where they were named apart.
        train: what the model learnt from; where there is a test split, with what training held out.
        test: what to measure by.
    """

    data: str
    split: str
    train: Any
    test: Any


Reader = Callable[[Any, Any, str | None], Items]
"""Reads all items of a source, as a model sees them: (model, source, split)."""


def pictures(model: Any, source: str | Path, split: str | None) -> Pictures:
    """The pictures of a source, with the labels that it may carry."""
    _, codes, labels = _encoded(model, source, split, "images")
    return Pictures(codes, labels, functools.partial(_as_seen, model))


def recordings(model: Any, source: str | Path, split: str | None) -> Recordings:
    """The sounds of a source, with the labels that it may carry."""
    items, _, labels = _encoded(model, source, split, "sounds")  # which leaves out, trims and cuts what the model does
    return Recordings(SoundFiles(items.sources, labels), model.codec_)


def _encoded(model: Any, source: str | Path, split: str | None, kind: str) -> tuple[Any, Codes, list[Any] | None]:
    """The items of a source, as a model encodes them, and the labels that it may carry."""
    check_kind(model, source, kind)
    try:
        items, labels = modalities.read(source, True, split=split)
    except NoLabels:
        items, labels = modalities.read(source, split=split)
    codes, labels, parts = model.encode_labelled(items, labels)
    return parts, codes, None if labels is None else list(labels)


def splits_of(
    model: Any,
    data: str | Path | None = None,
    split: str | None = None,
    train: str | Path | None = None,
    read: Reader = pictures,
) -> Splits:
    """The items that a model is to be measured by.

    Without `data` they are the test split of what it was trained on, if that has one: a named data set, or a folder
    with subfolders `train` and `test`. Else they are the share that training held out, by which nothing may have been
    chosen if the figures are to mean what they say.

    Args:
        model: a fitted one.
        data: items that it never saw: a path, or the name of a data set, whose test split is taken.
        split: "test" or "validation"; by default the first of them that there is.
        train: what it was trained on, if that isn't known or isn't where it was any more.
        read: reads the items.

    Raises:
        ZaohuaError: there is no such split, it has labels that were never learnt, or what the model was trained on
            isn't known.
    """
    if split not in (None, "test", "validation"):
        raise ZaohuaError(f"split is {split!r}: it must be test or validation, as training items would reward copies")
    source = train if train is not None else (model.source_ or {}).get("X")
    if source is None:
        raise ZaohuaError(f"this {type(model).__name__} was trained on data in memory: say on which (--train)")
    seen = read(model, source, None)
    if data is not None:
        if Path(data).exists() and Path(source).exists() and Path(data).resolve() == Path(source).resolve():
            raise ZaohuaError(f"{data} is what the model was trained on: distances to it would reward copies")
        named = is_named(data)
        test = read(model, data, "test" if named else None)
        return Splits(str(data), "test" if named else "given", _looked_at(seen), _learnt(model, data, test))
    why = ""
    if split != "validation":
        try:
            test = read(model, source, "test")
        except ZaohuaError as error:
            why = f" ({error})"
        else:
            return Splits(str(source), "test", _looked_at(seen), _learnt(model, source, test))
    if split == "test" or not getattr(model, "validation_fraction", 0):
        raise ZaohuaError(
            f"{source} has no test split{why}: give items that training never saw (--data), or train "
            "with a share held out (--validation-fraction 0.1)"
        )
    held, kept = model.hold_out(len(seen), derive_seed(model.seed_, "split"), seen.groups)
    return Splits(str(source), "validation", seen.take(some(kept, seen.most)), seen.take(some(held, seen.most)))


def _learnt(model: Any, source: str | Path, items: Items) -> Items:
    """Those of a test split that are looked at; labels that the model never learnt are an error at once."""
    knows, labels = getattr(model.y_codec_, "knows", None), items.labels
    if knows is not None and labels is not None and not (known := knows(labels)).all():
        names = ", ".join(sorted({str(label) for label, ok in zip(labels, known, strict=True) if not ok})[:5])
        raise ZaohuaError(
            f"{source}: {int((~known).sum()):,} of {len(known):,} test items have labels that this "
            f"{type(model).__name__} never learnt ({names}): take them away, or give others (--data)"
        )
    return _looked_at(items)


def _looked_at(items: Items) -> Items:
    return items.some(items.most, 0)


def some(rows: np.ndarray, n: float, seed: int = 0) -> np.ndarray:
    """So many of some rows, drawn at random without replacement and in order; all of them if there are no more."""
    return rows if n >= len(rows) else np.sort(np.random.default_rng(seed).choice(rows, int(n), replace=False))


def is_named(source: Any) -> bool:
    """Whether it is the name of a data set, and no file or folder."""
    return isinstance(source, str) and source in known() and not Path(source).exists()


def check_kind(model: Any, source: str | Path, modality: str) -> None:
    """Raise a `ZaohuaError` if a data set is of another kind."""
    if is_named(source) and known()[str(source)].modality != modality:
        raise ZaohuaError(
            f"{source} is a data set of {known()[str(source)].modality}, and a {type(model).__name__} makes {modality}"
        )


def _as_seen(model: Any, codes: torch.Tensor) -> np.ndarray:
    """What a model sees of some encoded pictures; the coins of dynamic binarisation follow from their content."""
    noise = ItemNoise(seeds_from_content(codes, derive_seed("evaluate")))
    return visible(model, model.codec_.decode(model.codec_.prepare(codes, noise)))
