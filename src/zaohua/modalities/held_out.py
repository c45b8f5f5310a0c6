"""Read the real items by which a model is measured, as its codec encodes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from zaohua import modalities
from zaohua.core.errors import NoLabels, ZaohuaError
from zaohua.core.noise import ItemNoise, derive_seed, seeds_from_content
from zaohua.modalities.base import Codes
from zaohua.modalities.datasets import known


def encoded(model: Any, source: Any, split: str | None) -> tuple[Any, Codes, list[Any] | None]:
    """Read a source and encode its items as a model does.

    Args:
        model: a fitted one.
        source: a path, the name of a data set, items in memory, or a pair of such items and their labels.
        split: which split of it; None for that which `fit` reads.

    Returns:
        The items that were encoded (see `Codec.parts`), their codes, and the labels that they carry or None.

    Raises:
        ZaohuaError: they are of another kind of data, or can't be read.
    """
    check_kind(model, source)
    kind = modalities.modality_of(type(model.codec_))
    name = None if kind is None else kind.name
    if isinstance(source, tuple) and len(source) == 2:
        items, labels = modalities.read(*source, split=split, modality=name)
    else:
        try:
            items, labels = modalities.read(source, True, split=split, modality=name)
        except NoLabels:
            items, labels = modalities.read(source, split=split, modality=name)
    codes, labels, parts = model.encode_labelled(items, labels)
    return parts, codes, None if labels is None else list(labels)


def prepared(model: Any, codes: Tensor) -> Tensor:
    """Return the tensors that a model learns from instead of some codes, with noise that follows from their content."""
    noise = ItemNoise(seeds_from_content(codes, derive_seed("evaluate")))
    return model.codec_.prepare(codes, noise)


def is_named(source: Any) -> bool:
    """Return whether a source is the name of a data set, and no file or folder."""
    return isinstance(source, str) and source in known() and not Path(source).exists()


def check_kind(model: Any, source: Any) -> None:
    """Raise a `ZaohuaError` if a data set is of another kind than the items of a model."""
    kind = modalities.modality_of(type(model.codec_))
    if kind is not None and is_named(source) and known()[source].modality != kind.name:
        raise ZaohuaError(
            f"{source} is a data set of {known()[source].modality}, and a {type(model).__name__} makes {kind.name}"
        )
