"""Files that are changed and written again: what is changed is their item, and all else stays as it was."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import numpy as np

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec

ItemT = TypeVar("ItemT")


class Original(ABC, Generic[ItemT]):
    """Content of a file: its item, and what the file holds beside it, such as transparency and metadata.

    An original is not changed: each method that changes something returns another one.
    """

    path: Path
    item: ItemT

    @classmethod
    @abstractmethod
    def read(cls, path: Path) -> Self:
        """Read a file; note what can't be kept of it.

        Raises:
            ZaohuaError: it can't be read; the message is one line that names it.
        """

    @classmethod
    @abstractmethod
    def ending(cls, ending: str) -> str | None:
        """Return the ending of files that one of this ending is written to; None if no such file can be written."""

    @classmethod
    @abstractmethod
    def is_exact(cls, ending: str) -> bool:
        """Return whether files of this ending, which are written, hold items exactly as they are."""

    @property
    @abstractmethod
    def size(self) -> float:
        """How much there is to do: pixels, or seconds."""

    @staticmethod
    @abstractmethod
    def speed(per_second: float) -> str:
        """Write how much of `size` is done in a second: "0.3 megapixels/s"."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of a mask: (height, width) of pictures, (samples,) of sounds."""

    @abstractmethod
    def seen(self, codec: Codec, grey: bool = False) -> ItemT:
        """Return the item as a model is shown it.

        Args:
            codec: the model's, fitted.
            grey: True for the brightness alone, to which a model of colours is to add them.
        """

    @abstractmethod
    def with_item(self, item: ItemT, codec: Codec, grey: bool = False) -> Self:
        """Return this original with another item, of any size, that a model made of what `seen` returned."""

    @abstractmethod
    def write(self, path: Path) -> None:
        """Write the item, with what the file held beside it, to a new file in the format of its ending, atomically."""

    def filled(self) -> Self:
        """Return this original for an item without holes, as which its transparent parts may count."""
        return self

    @abstractmethod
    def extended(self, before: tuple[int, ...], after: tuple[int, ...]) -> Self:
        """Return this original, larger by a number of pixels or samples on both sides of each axis of `shape`."""

    @abstractmethod
    def write_differences(self, deviation: np.ndarray, path: Path) -> float:
        """Write a picture of where several answers differ, black where they agree; return the deviation at its top.

        Args:
            deviation: standard deviation of the answers' values, of the shape of the item.
            path: a .png file.
        """
