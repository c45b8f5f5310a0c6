"""Items that requests send, as models take them. They are measured before they are decoded; nothing is fetched."""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from zaohua.core.json import JsonValue
from zaohua.core.notes import gathered, note
from zaohua.serving.requests.errors import ApiError, invalid
from zaohua.serving.requests.media import placed
from zaohua.serving.requests.served import Known
from zaohua.serving.settings import Settings

if TYPE_CHECKING:
    from zaohua.modalities.images.original import Picture
    from zaohua.modalities.music.pieces import Piece
    from zaohua.modalities.sounds.original import Recording
    from zaohua.modalities.tables.codec import TableCodec

WIDEST = 65_500
"""Maximum height and width of a picture."""


def read(
    modality: str, known: Known, given: Sequence[JsonValue], settings: Settings, name: str = "items"
) -> tuple[Any, list[str]]:
    """Return items of a request as models take them, the inverse of `told`; and what was noted of them.

    Args:
        modality: kind of data.
        known: the model that is to take them.
        given: JSON values.
        settings: the server's limits.
        name: of the field.

    Raises:
        ApiError: an item is of another kind, too large or damaged.
    """
    with gathered() as notes:
        return _items(modality, known, given, settings, name), notes


def _items(modality: str, known: Known, given: Sequence[JsonValue], settings: Settings, name: str) -> Any:
    """Return items of a request as models take them."""
    if not given:
        raise invalid(name, "give at least one")
    if modality == "texts":
        return [{"text": _text(text, f"{name}.{i}")} for i, text in enumerate(given)]  # never taken for files
    if modality == "tables":
        return frame_of(known, given, name)
    files = [bytes_of(item, f"{name}.{i}") for i, item in enumerate(given)]
    if modality == "images":
        return _pixels(known, [picture(file, f"{name}.{i}", settings) for i, file in enumerate(files)])
    if modality == "sounds":
        return [recording(file, f"{name}.{i}", settings).item for i, file in enumerate(files)]
    if modality == "music":
        return [piece(file, f"{name}.{i}") for i, file in enumerate(files)]
    raise ApiError(400, f"model: items of {modality} can't be sent", "model", "not_supported")


def bytes_of(value: JsonValue, name: str) -> bytes:
    """Return the file of a base64 text, which may be a `data:` address; nothing is ever fetched."""
    if isinstance(value, str):
        if value.startswith("data:"):
            value = value.partition(",")[2]
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            pass
    raise invalid(name, "a file as base64")


def frame_of(known: Known, given: Sequence[JsonValue], name: str) -> Any:
    """Return rows of a table as a data frame with the model's names of columns."""
    import pandas as pd

    for i, row in enumerate(given):
        if not isinstance(row, dict) or any(isinstance(cell, (dict, list)) for cell in row.values()):
            raise invalid(f"{name}.{i}", "a row is an object: the name of each column, and a text, number or null")
    own = {str(column): column for column in cast("TableCodec", known.codec).container_.columns}
    return pd.DataFrame(list(given)).rename(columns=own)


def picture(data: bytes, name: str, settings: Settings) -> Picture:
    """Decode a picture; its size is looked at first."""
    from PIL import Image

    from zaohua.modalities.images.opening import FORMATS, reason
    from zaohua.modalities.images.original import Picture

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            kind = (image.format or "png").casefold()
    except Image.DecompressionBombError:
        width = height = WIDEST
    except Exception as error:  # a damaged file can make Pillow raise anything
        raise invalid(name, f"can't be read as a picture: {reason(error)}") from None
    if width * height > settings.max_pixels or max(width, height) > WIDEST:
        message = f"{name}: has more pixels than the server takes, {settings.max_pixels:,}"
        raise ApiError(413, message, name, "too_large")
    with _as_file(data, f".{kind}", name) as path:
        found = Picture.read(path)
    if not found.item.size:
        raise invalid(name, "has no pixels")
    return found


def recording(data: bytes, name: str, settings: Settings) -> Recording:
    """Decode a sound; its length is looked at first."""
    from zaohua.modalities.sounds.clips import Clip
    from zaohua.modalities.sounds.original import Recording

    with _as_file(data, _ending(data), name) as path:
        header = Clip(path).header()
        if isinstance(header, str):
            raise invalid(name, f"can't be read as a sound: {header}")
        if header.frames * header.channels > settings.max_seconds * header.rate:
            message = f"{name}: has {header.frames / header.rate:,.0f} s in {header.channels} channels"
            raise ApiError(413, f"{message}, and the server takes {settings.max_seconds:,.0f} s", name, "too_large")
        return Recording.read(path)


def piece(data: bytes, name: str) -> Piece:
    """Decode a MIDI file."""
    from zaohua.modalities.music.midi import read_midi

    with _as_file(data, ".mid", name) as path:
        return read_midi(path)


@contextlib.contextmanager
def _as_file(data: bytes, ending: str, name: str) -> Iterator[Path]:
    """Yield the path of a file with some data for a moment, see `media.placed`."""
    with placed(ending, name) as path:
        path.write_bytes(data)
        yield path


def _ending(data: bytes) -> str:
    """Return the ending of a sound file by how it begins; .wav for what isn't known, which a decoder then refuses."""
    begins = {b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3", b"FORM": ".aiff"}
    if len(data) > 1 and data[0] == 0xFF and data[1] >= 0xE0:
        return ".mp3"
    return next((ending for begin, ending in begins.items() if data.startswith(begin)), ".wav")


def _text(value: JsonValue, name: str) -> str:
    if not isinstance(value, str):
        raise invalid(name, "a text")
    return value


def _pixels(known: Known, pictures: list[Picture]) -> Any:
    """Return pictures in the values that a model's pixels can take, as one array if they have one shape."""
    import numpy as np

    from zaohua.modalities.images.codec import ImageCodec
    from zaohua.modalities.images.grid import EIGHT_BIT

    codec = known.codec
    assert isinstance(codec, ImageCodec)
    grid, found = codec.grid_, [each.seen(codec) for each in pictures]
    if grid != EIGHT_BIT:
        given, half = found, 0.51 * (grid.high - grid.low) / 255
        found = [grid.decode((each - grid.low) / grid.scale - 1, grid.levels, codec.dtype_) for each in given]
        if any((np.abs(new.astype(float) - old) > half).any() for new, old in zip(found, given, strict=True)):
            note(f"pixels that are none of the model's {grid.levels} values were rounded to the nearest")
    return np.stack(found) if len({each.shape for each in found}) == 1 else found
