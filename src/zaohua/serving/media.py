"""Items as bytes and JSON: pictures, sounds and music as files in memory, texts as strings, tables as rows.

What comes in is measured before it is decoded, and is read as the rest of the package reads files.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import JsonValue
from zaohua.serving.dialect.errors import ApiError, invalid
from zaohua.serving.served import Known
from zaohua.serving.settings import Settings

if TYPE_CHECKING:
    from zaohua.modalities.images.original import Picture
    from zaohua.modalities.music.pieces import Piece
    from zaohua.modalities.original import Original
    from zaohua.modalities.sounds.original import Recording
    from zaohua.modalities.sounds.sound import Sound

FILES = {"images": ("image/png", ".png"), "sounds": ("audio/wav", ".wav"), "music": ("audio/midi", ".mid")}
"""Type and ending of the file of an item, by the kind of data."""
WIDEST = 65_500
"""Maximum height and width of a picture."""

# ---- out


def files_of(known: Known, items: Any, n: int, seed: int | None, source: str | None = None) -> list[bytes]:
    """Return each of n items as a file, which says what made it.

    Args:
        known: the model that made them.
        items: as the model returns them.
        n: their number.
        seed: as it was given.
        source: IPTC's digital source type; None for what was made as a whole.
    """
    from zaohua.storage.outputs import whole_folder
    from zaohua.storage.provenance.origin import recorded

    origin = replace(known.origin, seed=seed, source=source or known.origin.source)
    with tempfile.TemporaryDirectory() as temporary, recorded(origin):
        folder = Path(temporary) / "items"
        with whole_folder(folder) as place:
            paths = known.codec.write(items, place, [f"{i:06}" for i in range(n)])
        return [(folder / path.name).read_bytes() for path in paths]


def told(modality: str, known: Known, items: Any, n: int, seed: int | None, source: str | None = None) -> JsonValue:
    """Return items as a list of JSON values, see the top; `source` as for `files_of`."""
    if modality == "texts":
        return [str(item) for item in items]
    if modality == "tables":
        return rows_of(items)
    if modality not in FILES:
        raise ApiError(400, f"model: items of {modality} can't be sent", "model", "not_supported")
    return [base64_of(file) for file in files_of(known, items, n, seed, source)]


def base64_of(file: bytes) -> str:
    """Return a file as text."""
    return base64.b64encode(file).decode()


def rows_of(items: Any) -> list[dict[str, JsonValue]]:
    """Return the rows of a table as JSON objects; a missing cell is null."""
    from zaohua.modalities.tables.frames import to_frame

    frame = to_frame(items)[0]
    frame.columns = [str(column) for column in frame.columns]
    rows: list[dict[str, JsonValue]] = json.loads(frame.to_json(orient="records", date_format="iso"))
    return rows


def rewritten(known: Known, original: Original[Any], seed: int | None, ending: str) -> bytes:
    """Return a file that was sent, of which a model made parts.

    Args:
        known: the model.
        original: what is in the file now.
        seed: as it was given.
        ending: of the file.
    """
    from zaohua.storage.provenance.origin import COMPOSITE, recorded

    with _place(ending, "response_format") as path, recorded(replace(known.origin, seed=seed, source=COMPOSITE)):
        original.write(path)
        return path.read_bytes()


def with_seen(original: Picture, made: Picture, seen: Any) -> Picture:
    """Return a picture that a model made of another, with the pixels of that where they were seen, to the bit.

    Args:
        original: what was sent.
        made: the picture.
        seen: how far each pixel was seen, from 0 to 1, (H, W).
    """
    import numpy as np

    if made.item.shape != original.item.shape:
        return made
    kept = (seen == 1).reshape(*seen.shape, *[1] * (original.item.ndim - 2))
    return replace(made, item=np.where(kept, original.item, made.item))


def sound_file(known: Known, sound: Sound, ending: str, kind: str, seed: int | None) -> bytes:
    """Return a sound that a model made as a file.

    Args:
        known: the model.
        sound: the sound.
        ending: of the file.
        kind: of samples, as libsndfile calls it.
        seed: as it was given.
    """
    from zaohua.modalities.sounds.sheets import write_samples
    from zaohua.storage.provenance.origin import recorded

    with _place(ending, "response_format") as path, recorded(replace(known.origin, seed=seed)):
        return write_samples(sound, path, kind).read_bytes()


def resampled(sound: Sound, rate: int) -> Sound:
    """Return a sound at another rate."""
    if sound.rate == rate:
        return sound
    import soxr

    from zaohua.modalities.sounds.sound import Sound

    return Sound(soxr.resample(sound.samples, sound.rate, rate).clip(-1, 1), rate)


# ---- in


def items_of(modality: str, known: Known, given: Sequence[JsonValue], settings: Settings, name: str = "items") -> Any:
    """Return items of a request as models take them: the inverse of `told`.

    Args:
        modality: kind of data.
        known: the model that is to take them.
        given: JSON values.
        settings: the server's limits.
        name: of the field.

    Raises:
        ApiError: an item is of another kind, too large or damaged.
    """
    if not given:
        raise invalid(name, "give at least one")
    if modality == "texts":
        return [{"text": _text(text, f"{name}.{i}")} for i, text in enumerate(given)]  # never taken for files
    if modality == "tables":
        return frame_of(known, given, name)
    files = [bytes_of(item, f"{name}.{i}") for i, item in enumerate(given)]
    if modality == "images":
        pictures = [picture(file, f"{name}.{i}", settings).seen(known.codec) for i, file in enumerate(files)]
        return _stacked(pictures)
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
    own = {str(column): column for column in known.codec.container_.columns}  # type: ignore[attr-defined]
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
    except Exception as error:  # a damaged file can make Pillow raise anything
        raise invalid(name, f"can't be read as a picture: {reason(error)}") from None
    if width * height > settings.max_pixels or max(width, height) > WIDEST:
        message = f"{name}: has {width * height:,} pixels, and the server takes {settings.max_pixels:,}"
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
def _place(ending: str, name: str) -> Iterator[Path]:
    """Yield the path of a file for a moment; errors name a field of the request instead of it.

    Args:
        ending: of the file.
        name: of the field.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{ending}"
        try:
            yield path
        except ZaohuaError as error:
            raise invalid(name, str(error).replace(f"{path}: ", "")) from None


@contextlib.contextmanager
def _as_file(data: bytes, ending: str, name: str) -> Iterator[Path]:
    """Yield the path of a file with some data for a moment, see `_place`."""
    with _place(ending, name) as path:
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


def _stacked(pictures: list[Any]) -> Any:
    """Return pictures as one array if they have one shape, else as a list."""
    import numpy as np

    return np.stack(pictures) if len({each.shape for each in pictures}) == 1 else pictures
