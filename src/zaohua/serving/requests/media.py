"""Items as bytes and JSON: pictures, sounds and music as files in memory, texts as strings, tables as rows.

What comes in is measured before it is decoded, and is read as the rest of the package reads files.
"""

from __future__ import annotations

import base64
import contextlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import JsonValue
from zaohua.core.notes import gathered, note
from zaohua.serving.requests.errors import ApiError, invalid
from zaohua.serving.requests.served import Known

if TYPE_CHECKING:
    from zaohua.modalities.images.original import Picture
    from zaohua.modalities.original import Original
    from zaohua.modalities.sounds.sound import Sound

FILES = {"images": ("image/png", ".png"), "sounds": ("audio/wav", ".wav"), "music": ("audio/midi", ".mid")}
"""Type and ending of the file of an item, by the kind of data."""


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
    rows: list[dict[str, JsonValue]] = json.loads(
        frame.to_json(orient="records", date_format="iso", double_precision=15)
    )
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

    with placed(ending, "response_format") as path, recorded(replace(known.origin, seed=seed, source=COMPOSITE)):
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

    with placed(ending, "response_format") as path, recorded(replace(known.origin, seed=seed)):
        return write_samples(sound, path, kind).read_bytes()


def resampled(sound: Sound, rate: int) -> Sound:
    """Return a sound at another rate."""
    if sound.rate == rate:
        return sound
    import soxr

    from zaohua.modalities.sounds.sound import Sound

    return Sound(soxr.resample(sound.samples, sound.rate, rate).clip(-1, 1), rate)


@contextlib.contextmanager
def placed(ending: str, name: str) -> Iterator[Path]:
    """Yield the path of a file for a moment; errors and notes name a field of the request instead of it.

    Args:
        ending: of the file.
        name: of the field.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{ending}"
        with gathered() as notes:
            try:
                yield path
            except ZaohuaError as error:
                raise invalid(name, str(error).replace(f"{path}: ", "")) from None
        for text in notes:
            note(text.replace(str(path), name))
