"""Codecs of conditions y: chosen from what they are, and restored from JSON."""

from __future__ import annotations

from typing import Any

from zaohua.core.json import Json
from zaohua.core.missing import missing
from zaohua.modalities.base import Codec
from zaohua.modalities.choosing import part_codec, plain_values, restored
from zaohua.modalities.condition_base import ConditionCodec
from zaohua.modalities.files.columns import Column
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.labels.codec import LabelCodec
from zaohua.modalities.records.codec import RecordCodec
from zaohua.modalities.records.rows import is_records


def condition_codec(y: Any, choice: ConditionCodec | str | None = None, x_codec: Codec | None = None) -> ConditionCodec:
    """Return an unfitted codec for conditions.

    Records, and conditions of which some are missing, get a `RecordCodec`; for others see `choosing.part_codec`.

    Args:
        y: the conditions, one for each item.
        choice: the codec to use, or the name of one: "labels", "tags" (several labels for each item), "numbers",
            "texts", or a kind of data. None chooses one from the data.
        x_codec: fitted codec of the items: conditions of the same kind of data are represented so that they fit them.

    Raises:
        ZaohuaError: there is no codec of that name, or y is of no known kind of data.
    """
    if choice is None and isinstance(y, Column) and y.is_texts:
        choice = "texts"
    if isinstance(choice, RecordCodec) or (choice is None and is_records(y)):
        return RecordCodec(parts=None if choice is None else choice.parts).beside(x_codec)
    if isinstance(y, FileItems) or getattr(y, "ndim", 1) > 1:
        return part_codec(y, choice, x_codec=x_codec)
    values = plain_values(y)
    there = [value for value in values if not missing(value)]
    chosen = part_codec(there or values, choice, x_codec=x_codec)
    if len(there) < len(values) and not isinstance(chosen, LabelCodec):
        return RecordCodec(parts={RecordCodec.ONLY: chosen})
    return chosen


def from_json(data: Json) -> Any:
    """Return the codec that `to_json` described, fitted if it was.

    Raises:
        CheckpointError: it names no codec that is known or can be imported, or its options are not its codec's.
    """
    return restored(data, RecordCodec)
