"""Choice of the codec of conditions y that aren't records, from what they are.

y is taken for what a person would take it for: pictures, sounds, pieces of music, vectors and records for themselves;
lists of texts and numbers for labels, unless they are sentences or measurements. What was chosen otherwise than labels
is told in a note, and `y_codec=` decides what the data leave open.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import CheckpointError, ZaohuaError, named, unknown
from zaohua.core.json import Json
from zaohua.core.notes import note
from zaohua.core.params import check_fields
from zaohua.core.registry import importable_class
from zaohua.core.spec import DataSpec
from zaohua.modalities import registry
from zaohua.modalities.base import Codec
from zaohua.modalities.collected import collect
from zaohua.modalities.condition_base import ConditionCodec
from zaohua.modalities.files.columns import is_text_name
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.modality import Modality

MANY_LABELS = 1000
"""Number of different texts above which they are no labels."""
LONG_LABEL = 24
"""Letters of a label: texts whose median is longer are sentences."""
FEW_NUMBERS = 20
"""Number of different numbers up to which they are labels."""
NAMES = {"labels": ("labels", 0), "tags": ("labels", 1), "numbers": ("tables", 1), "texts": ("texts", 1)}
"""Codecs by the names that `y_codec` takes, besides those of kinds of data: the kind, and which of its codecs."""


def part_codec(
    y: Any, choice: ConditionCodec | str | None = None, name: str = "", x_codec: Codec | None = None
) -> ConditionCodec:
    """Return an unfitted codec for conditions that are no records, none of them missing.

    Args:
        y: the conditions, one for each item.
        choice: the codec to use, or the name of one: "labels", "tags" (several labels for each item), "numbers",
            "texts", or a kind of data. None chooses one from the data.
        name: name of the part of a record that the conditions are; "" if they are no part.
        x_codec: fitted codec of the items, for conditions of the same kind of data.

    Raises:
        ZaohuaError: there is no codec of that name.
    """
    if isinstance(choice, str):
        return _of_name(choice, x_codec)
    if choice is not None:
        kind = registry.modality_of(type(choice))
        return type(choice)(**choice.get_params()) if kind is None else kind.as_condition(choice)
    if isinstance(y, FileItems) or (isinstance(y, np.ndarray) and y.ndim > 1):
        kind = next((kind for kind in registry.known() if kind.recognises(y)), None)
        if kind is None:
            raise ZaohuaError(f"{named(y)} as y is of no known kind of data: give a codec ({option('y_codec')})")
        return _of_kind(kind, x_codec)
    return _of_name(_of_list(plain_values(y), name), x_codec)


def plain_values(y: Any) -> list[Any]:
    """Return a list of conditions with Python's numbers and texts in place of those of other libraries."""
    values = y.tolist() if hasattr(y, "tolist") else list(y)
    return [value.item() if getattr(value, "ndim", None) == 0 else value for value in values]


def _of_kind(kind: Modality, x_codec: Codec | None) -> ConditionCodec:
    """Return the codec of a kind of data, beside the items' own if they are of this kind, too."""
    same = x_codec is not None and registry.modality_of(type(x_codec)) is kind
    return kind.beside(x_codec) if same and x_codec is not None else kind.condition_codec()


def _of_name(name: str, x_codec: Codec | None = None) -> ConditionCodec:
    """Return the codec of a name."""
    if name in NAMES:
        kind, which = NAMES[name]
        known = registry.modality(kind)
        return (*known.codecs[:1], *known.condition_codecs)[which]()
    if name not in {kind.name for kind in registry.known()}:
        raise unknown("codec of y", name, sorted({*NAMES, *(kind.name for kind in registry.known())}))
    return _of_kind(registry.modality(name), x_codec)


def _of_list(values: Sequence[object], name: str) -> str:
    """Return the name of the codec of a list of conditions, none of them missing."""
    if not values:
        return "labels"
    first = values[0]
    if all(isinstance(value, (set, frozenset, list)) for value in values) and _are_tags(values):
        return "tags"
    if all(isinstance(value, str) for value in values):
        return _of_texts([str(value) for value in values], name)
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return _of_numbers([float(value) for value in values if isinstance(value, (int, float))], name)
    if all(isinstance(value, date) for value in values):
        return "numbers"
    if isinstance(first, (str, int, float, tuple)):
        return "labels"
    kind = next((kind for kind in registry.known() if kind.recognises(list(values))), None)
    return "labels" if kind is None else kind.name


def _are_tags(values: Sequence[Any]) -> bool:
    """Return True if lists or sets hold names or integers, as several labels do, instead of numbers or items."""
    inside = [tag for tags in values for tag in tags]
    if any(isinstance(value, list) for value in values):
        return bool(inside) and all(isinstance(tag, str) for tag in inside)
    return all(isinstance(tag, (str, int)) for tag in inside)


def _of_texts(texts: Sequence[str], name: str) -> str:
    """Return whether texts are labels or texts."""
    different = set(texts)
    sentences = len(different) > MANY_LABELS or statistics.median(map(len, different)) > LONG_LABEL
    if is_text_name(name):
        return "texts"
    if sentences:
        _tell(name, "texts", "labels")
        return "texts"
    return "labels"


def _of_numbers(values: Sequence[float], name: str) -> str:
    """Return whether numbers are labels or numbers: many different ones that aren't whole, or hardly repeat."""
    different = set(values)
    if len(different) <= FEW_NUMBERS:
        return "labels"
    whole = all(value.is_integer() for value in different)
    if whole and 2 * len(different) <= len(values) and len(different) <= MANY_LABELS:
        return "labels"
    _tell(name, "numbers", "labels")
    return "numbers"


def _tell(name: str, taken: str, otherwise: str) -> None:
    """Note what conditions are taken for, and how they are taken for something else."""
    what, advice = (f"y[{name!r}]", {name: otherwise}) if name else ("y", otherwise)
    note(f"{what} is taken for {taken}; {option('y_codec', advice)} takes it for {otherwise}")


def collected(values: Sequence[Any]) -> Any:
    """Return conditions in the form that codecs take: lists of labels, numbers and texts as they are."""
    if isinstance(values[0], (str, int, float, bool, tuple, set, frozenset)):
        return values
    return collect(values)


def stored_codec(name: str, *more: type[ConditionCodec]) -> type[ConditionCodec]:
    """Return the codec class of a stored name: of a known modality, or defined or importable in this process.

    Args:
        name: the name, see `ConditionCodec.stored_name`.
        more: codecs that are of no modality.

    Raises:
        ZaohuaError: there is none.
    """
    ours = list(more)
    for kind in registry.known():
        ours += [*kind.codecs, *kind.other_codecs, *kind.condition_codecs]
    found: type[ConditionCodec] | None = next((codec for codec in ours if codec.stored_name() == name), None)
    return found or importable_class(name, ConditionCodec)


def restored(data: Json, *more: type[ConditionCodec]) -> Any:
    """Return the codec that `to_json` described, fitted if it was.

    Raises:
        CheckpointError: it names no codec that is known or can be imported, or its options are not its codec's.
    """
    try:
        codec = stored_codec(data["codec"], *more).from_options(data["options"])
        check_fields(codec)
        if data["spec"] is not None:
            codec.spec_ = DataSpec.from_json(data["spec"])
            codec.set_state(data["state"])
    except (KeyError, TypeError, AttributeError, ZaohuaError) as error:
        raise CheckpointError(f"the saved codec can't be read: {error!r}") from error
    return codec
