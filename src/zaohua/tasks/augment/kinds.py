"""What classifiers see of each kind of data, and what is done to it without a generative model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import ItemNoise
from zaohua.core.notes import gathered
from zaohua.modalities.images.codec import ImageCodec
from zaohua.modalities.modality import Modality
from zaohua.modalities.sounds.clips import Clip
from zaohua.modalities.sounds.files import SoundFiles
from zaohua.modalities.sounds.mel import MelCodec
from zaohua.tasks.augment import classical
from zaohua.tasks.augment.data import Labelled


class View(ABC):
    """What classifiers see of items; its settings follow from training items alone.

    Args:
        real: training items.
        column: column of a table that holds the labels, which classifiers don't see; None if labels lie apart.
        model: the generator, whose codec says what pictures are brought to, once it is fitted.
    """

    classifier: ClassVar[str] = "network"
    transforms: ClassVar[Sequence[classical.Transform]] = ()
    sizes: Sequence[int] = ()

    @abstractmethod
    def __init__(self, real: Labelled, column: str | None, model: Any): ...

    @abstractmethod
    def see(self, items: Any) -> np.ndarray:
        """Return what classifiers see of items, (n, ...)."""


class Rows(View):
    """Rows of numbers and categories, with one category for all that training's rows didn't have."""

    classifier = "trees"

    def __init__(self, real: Labelled, column: str | None, model: Any):
        table = real.items
        self.names = [name for name in table.columns if name != column]
        if not self.names:
            raise ZaohuaError(f"the table has no column beside {column}: there is nothing to learn from")
        self._known: dict[Any, dict[Any, int] | None] = {name: _categories(table[name]) for name in self.names}
        self.sizes = [0 if known is None else len(known) + 2 for known in self._known.values()]

    def see(self, items: Any) -> np.ndarray:
        """Return numbers and category indices, float64 (n, columns)."""
        columns = list[Any]()
        for name, known in self._known.items():
            values = items[name]
            if known is None:
                columns.append(_numbers(values))
            else:
                columns.append([known.get(_text(value), len(known) + (value == value)) for value in values.tolist()])
        return np.column_stack(columns).astype(np.float64)


class Pictures(View):
    """Pictures of one size, as 8 bits."""

    transforms = classical.PICTURES

    def __init__(self, real: Labelled, column: str | None, model: Any):
        own = getattr(model, "codec_", None)
        self.codec = own if isinstance(own, ImageCodec) else ImageCodec().fit(real.items)

    def see(self, items: Any) -> np.ndarray:
        """Return pictures, uint8 (n, H, W) or (n, H, W, C)."""
        codes = self.codec.encode(self.codec.parts(items))
        parts = []
        for start in range(0, len(codes), 1024):
            block = codes[np.arange(start, min(start + 1024, len(codes)))]
            noise = ItemNoise([0] * len(block))
            parts.append(np.asarray(self.codec.decode(self.codec.prepare(block, noise))))
        return np.concatenate(parts)


class Spectrograms(View):
    """Log-mel spectrograms of sounds, as loud and long as training's."""

    transforms = classical.SOUNDS

    def __init__(self, real: Labelled, column: str | None, model: Any):
        self.codec = MelCodec(long="cut").fit(real.items)

    def see(self, items: Any) -> np.ndarray:
        """Return spectrograms, float32 (n, channels, bands, frames)."""
        clips = items.sources if isinstance(items, SoundFiles) else [Clip(sound) for sound in items]
        codes = torch.from_numpy(np.stack([self.codec.form_.load(clip) for clip in clips]))
        blocks = [self.codec.spectrograms(self.codec.waves(block)) for block in codes.split(256)]
        return torch.cat(blocks).float().numpy()


VIEWS: dict[str, type[View]] = {"tables": Rows, "images": Pictures, "sounds": Spectrograms}
"""The view of each kind of data."""


def view_of(kind: Modality | None, real: Labelled, column: str | None, model: Any) -> View:
    """Return what classifiers see of a kind of data.

    Raises:
        ZaohuaError: there is none.
    """
    name = "items of an unknown kind" if kind is None else kind.name
    if name not in VIEWS:
        raise ZaohuaError(f"augment takes {', '.join(VIEWS)}, not {name}")
    with gathered():
        return VIEWS[name](real, column, model)


def _categories(values: Any) -> dict[Any, int] | None:
    """Return the index of each category of a column, or None if it holds numbers or times."""
    if values.dtype.kind in "iufM":
        return None
    return {text: i for i, text in enumerate(sorted({_text(value) for value in values.tolist() if value == value}))}


def _text(value: Any) -> str:
    """Return a cell as text."""
    return str(value)


def _numbers(values: Any) -> np.ndarray:
    """Return a column as numbers, NaN where one is missing."""
    if values.dtype.kind == "M":
        array = values.to_numpy().astype("datetime64[s]")
        return np.where(np.isnat(array), np.nan, array.astype(np.float64))
    return np.asarray(values.to_numpy(np.float64, na_value=np.nan))
