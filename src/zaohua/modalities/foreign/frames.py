"""Tables whose cells hold encoded pictures or sounds, as `datasets` and the Hugging Face Hub store them in Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zaohua.modalities.foreign.cells import STARTS, is_encoded
from zaohua.modalities.modality import Modality

SOUNDS = (".wav", ".flac", ".ogg", ".mp3")


@dataclass
class Image:
    """Feature of a column of encoded pictures; read by the name of its class, as those of `datasets` are."""


@dataclass
class Audio:
    """Feature of a column of encoded sounds."""


@dataclass
class Value:
    """Feature of any other column.

    Attributes:
        dtype: "string" or another type.
    """

    dtype: str


class EncodedTable:
    """Frame as a data set with features.

    Args:
        frame: the frame.
    """

    def __init__(self, frame: Any):
        self.frame = frame
        self.features: dict[str, object] = {str(name): _feature(frame[name]) for name in frame.columns}

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, name: str) -> Sequence[object]:
        """Return the values of a column, with None for those that are missing."""
        values = self.frame[name].tolist()
        return values if isinstance(self.features[name], (Image, Audio)) else [_given(value) for value in values]


def holds_encoded(items: Any) -> bool:
    """Return True for a frame with a column of encoded files."""
    if not hasattr(items, "columns") or not hasattr(items, "iloc"):
        return False
    return any(is_encoded(_first(items[name])) for name in items.columns if items[name].dtype == object)


def wants_encoded(wanted: Sequence[Modality]) -> bool:
    """Return True unless only other kinds of data are wanted."""
    return not wanted or any(kind.name in ("images", "sounds", "texts") for kind in wanted)


def _feature(column: Any) -> object:
    first = _first(column)
    if is_encoded(first):
        start = first["bytes"] or b""
        ending = next((ending for begin, ending in STARTS.items() if start.startswith(begin)), "")
        named = str(first["path"] or "").casefold().endswith(SOUNDS)
        return Audio() if named or ending in SOUNDS else Image()
    return Value("string" if isinstance(first, str) else str(column.dtype))


def _first(column: Any) -> Any:
    there = column.dropna()
    return there.iloc[0] if len(there) else None


def _given(value: object) -> object:
    return None if value is None or value != value else value
