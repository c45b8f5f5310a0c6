"""Base of all codecs, which convert files to items to tensors and back, for x and for y alike.

    files --read--> items --encode--> codes --prepare--> tensors ... tensors --decode--> items --write--> files

*Items* are the user's data (arrays, names, strings). *Codes* are the same items in the compact form that is stored
during training (uint8 pixels, integer labels). *Tensors* are the inputs of networks (floats in [-1, 1]). Only `prepare`
may be random (binarising, flipping); its randomness comes from its argument `noise`.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TypeAlias

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError, named
from zaohua.core.json import Json
from zaohua.modalities.condition_base import CodesOf, ConditionCodec, ItemsT
from zaohua.modalities.prefixes import PREFIXED, prefix
from zaohua.storage.outputs import whole_file

if TYPE_CHECKING:
    from torch import Tensor

    from zaohua.core.noise import Noise
    from zaohua.operators.degradation import Degradation
    from zaohua.operators.step import Units


Indices: TypeAlias = "Sequence[int] | slice | np.ndarray | Tensor"
"""Indices of a batch: integers, a mask or a slice."""


LIMITS = ("memory", "max_pixels")
"""Options of codecs that say how much is read, and not how."""
LONGEST_NAME = 60
"""Letters of a condition in the name of a file."""


Codes: TypeAlias = "CodesOf[Tensor]"
"""Encoded items: a tensor (n, ...) in memory, or anything that gathers a batch of them from disk."""


def counted(n: int | None, noun: str, rest: str = "") -> str:
    """Format a count: "1 row", "2,000 rows", or "rows" where n is None; `rest` follows the noun."""
    named = f"{noun}{'' if n == 1 else 's'}{rest}"
    return named if n is None else f"{n:,} {named}"


def file_names(n: int, y: Sequence[object] | None = None) -> list[str]:
    """Return the names, without suffix, of the files of n items: 00000, 00001 ... and the condition of each, if given.

    Conditions are told shortly, see `in_short`.
    """
    if y is None:
        return [f"{i:05d}" for i in range(n)]
    plain = ["".join(c if c.isalnum() or c in "-_" else "_" for c in in_short(text))[:LONGEST_NAME] for text in y]
    return [f"{i:05d}-{name}".removesuffix("-") for i, name in enumerate(plain)]


def in_short(condition: object) -> str:
    """Write a condition in a few words: of a file its name, of a record its parts, of a set its labels, each once.

    Of an array of more than one axis, such as a picture, nothing is written.
    """
    if isinstance(condition, Path):
        return condition.stem
    if isinstance(condition, Mapping):
        return "-".join(filter(None, map(in_short, condition.values())))
    if isinstance(condition, (set, frozenset)):
        return "_".join(sorted(map(str, condition)))
    if isinstance(condition, float):
        return f"{condition:g}"
    if isinstance(condition, np.ndarray):
        condition = condition.tolist() if condition.ndim == 1 else []
    if isinstance(condition, list):
        return "_".join(map(in_short, condition))
    return "" if condition is None else str(condition)


class Codec(ConditionCodec[ItemsT, "Tensor"], ABC, Generic[ItemsT]):
    """Base of all codecs: keyword-only dataclasses of options whose fitted state ends in `_`.

    Subclasses define `fit`, `encode`, `decode`, and where they need to `prepare`, `write` and the JSON state.
    """

    sheets: ClassVar[dict[str, Callable[..., None]]]
    """Methods (items, path, y, columns) that write items to one file, by suffix; the first suffix is the default."""
    bounded: ClassVar[bool] = True
    """False if the real numbers of tensors may lie outside of [-1, 1]."""
    printed: ClassVar[bool] = False
    """True if new items are printed unless a file is requested."""
    usual_number: ClassVar[int] = 64
    """Default number of new items."""
    previewed: ClassVar[int] = 64
    """Number of items in a preview during training."""
    blank: ClassVar[float | None] = None
    """Value that pads the tensors of shorter items at the end of their last axis; None if none are padded."""
    ended: ClassVar[float | None] = None
    """Value, outside the range of items, by which tensors of new items say that they ended before: `decode` leaves out
    what follows. None if all items are of one length."""
    previews: ClassVar[tuple[str, ...]] = ()
    """Suffixes of the files of a preview; empty for the default suffix."""

    shrinks: ClassVar[str] = ""
    """Option that makes items smaller, such as "size"; empty if there is none."""

    @classmethod
    def option(cls, name: str, value: object = None) -> str:
        """Return one of the codec's options as it is typed: `channels='grey'`, `--image-channels grey`."""
        return option(name, value, prefix=prefix(cls) if name in PREFIXED else "")

    @classmethod
    def smaller_items(cls) -> str:
        """Return advice that makes items smaller."""
        return f"take smaller items ({cls.option(cls.shrinks)})" if cls.shrinks else "take smaller items or networks"

    def reading(self) -> dict[str, object]:
        """Return the options that are in force while data are read for this codec, see `ReadingOptions`."""
        return {}

    def parts(self, items: ItemsT) -> ItemsT:
        """Return the items that `encode` encodes one to one: `items`, unless the codec splits them."""
        return items

    def opened(self, items: ItemsT) -> ItemsT:
        """Return the items that `encode` encodes one to one, `parts`."""
        return self.parts(items)

    @abstractmethod
    def encode(self, items: ItemsT) -> Codes:
        """Encode items; raise a `ZaohuaError` that names the first that can't be encoded."""

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Convert a batch of codes (b, ...) to the tensor that networks see, as described by `spec_`.

        Args:
            codes: a batch of what `encode` returned, on any device.
            noise: source of randomness of these b items.
            train: whether augmentation may be applied.
        """
        return codes

    def observation(self, degradation: Degradation) -> ConditionCodec:
        """Return the fitted codec of what a degradation leaves of the items, for models that learn to undo it.

        Raises:
            ZaohuaError: items of this kind can't be degraded in training.
        """
        raise ZaohuaError(f"{self.representation or self.modality} can't be degraded in training: give pairs, x and y")

    def observe(self, codes: Tensor, x: Tensor, degradation: Degradation, noise: Noise) -> Tensor:
        """Degrade a batch, and return what is seen as tensors of the codec of `observation`.

        Args:
            codes: the batch as it is encoded.
            x: the same as `prepare` returned it.
            degradation: what happens to the items, in their own units.
            noise: source of randomness.
        """
        raise ZaohuaError(f"{self.representation or self.modality} can't be degraded in training: give pairs, x and y")

    @abstractmethod
    def decode(self, x: Tensor) -> ItemsT:
        """Convert network output (b, ...) to items."""

    def describe(self, n: int | None = None) -> str:
        """Describe fitted items in a phrase: "13,314 rows of 11 columns: 4 integer, 7 categorical".

        Args:
            n: number of items; None leaves it out.
        """
        sides = " x ".join(map(str, self.spec_.shape or ()))
        return counted(n, "item") + (f" of {sides} numbers" if sides else " of different lengths")

    def about(self, n: int) -> list[str]:
        """Describe in lines what each part of the n fitted items is taken for, if they have parts as tables do."""
        return []

    def settings(self) -> Json:
        """Return the options of a fitted codec by name, for people: without limits of memory, and what was left to the
        data with what was found in them.
        """
        options = {name: value for name, value in self.get_params().items() if name not in LIMITS}
        found: Json = json.loads(json.dumps({**options, **self.found()}))
        return found

    def found(self) -> Json:
        """Return the values that a fitted codec found for options that may be left to the data."""
        return {}

    def write(self, items: ItemsT, folder: Path, names: Sequence[str]) -> list[Path]:
        """Write each item to a file of a common format, and return the paths; text files by default."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.txt" for name in names]
        for path, item in zip(paths, _each(items), strict=True):
            path.write_text(f"{item}\n", "utf-8")
        return paths

    def write_sheet(
        self, items: ItemsT, path: str | Path, y: Sequence[object] | None = None, columns: int | None = None
    ) -> Path:
        """Write all items to one file, which appears once it is complete, and return its path.

        Args:
            items: as `decode` gives them.
            path: the file; its suffix, one of `sheets`, selects the format. Default: the first of them.
            y: the condition of each item, for formats that store conditions.
            columns: items per row, for formats with rows.

        Raises:
            ZaohuaError: items of this kind aren't written to files with that suffix, or the file can't be written.
        """
        path = Path(path) if Path(path).suffix else Path(path).with_suffix(self.ending())
        write = self.sheet_writer(path)
        with whole_file(path) as temporary:
            write(self, items, temporary, y, columns)
        return path

    def write_preview(self, items: ItemsT, stem: Path) -> list[Path]:
        """Write all items to one file for each suffix in `previews`, and return the paths."""
        return [self.write_sheet(items, f"{stem}{ending}") for ending in self.previews or (self.ending(),)]

    @classmethod
    def ending(cls) -> str:
        """Return the default suffix of a file of many items."""
        return next(iter(cls.sheets))

    @classmethod
    def sheet_writer(cls, path: Path) -> Callable[..., None]:
        """Return the method in `sheets` for the suffix of a path; raise a `ZaohuaError` that lists all suffixes."""
        ending = path.suffix.casefold()
        if ending not in cls.sheets:
            raise ZaohuaError(
                f"{path}: items of this kind are written to a folder, or to a "
                f"{' or '.join(cls.sheets)} file, not to {path.suffix}"
            )
        return cls.sheets[ending]

    def _write_lines(self, items: ItemsT, path: Path, y: Sequence[object] | None, columns: int | None) -> None:
        """Write one line per item."""
        path.write_text("".join(f"{item}\n" for item in _each(items)), "utf-8")

    sheets = {".txt": _write_lines}


def _each(items: object) -> Iterable[object]:
    """Return items that can be iterated over, as those can that are written one by one."""
    if not isinstance(items, Iterable):
        raise ZaohuaError(f"items must be a list or an array of them, not {named(items)}")
    return items


class GridCodec(Codec[ItemsT], ABC):
    """Base of codecs whose tensors are regular grids of real numbers, (channels, *shape) with one to three axes.

    Images are such grids, as are spectrograms, series and voxels. Diffusion and flow models take any of them, GANs and
    VAEs those of two axes.
    """

    def units(self) -> Units | None:
        """Return the units of tensors' values in the items' own; None if they aren't in proportion to one another."""
        return None

    def error(self, made: Tensor, real: Tensor) -> Tensor:
        """Return how far predicted tensors (B, C, *axes) are from what they should be, (B,): the mean squared error.

        A codec whose numbers aren't in proportion to what is heard or seen has another measure.
        """
        return (made - real).square().flatten(1).mean(1)
