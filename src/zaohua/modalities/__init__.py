"""Kinds of data: files <-> items <-> tensors, one folder for each kind, in an open registry.

read, write, register          public functions (`zaohua.read` ...)
read_with_kind                 the same as read, with the kind of data
codec_for, condition_codec     codecs for items, and for conditions
from_json                      codec of a saved model
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zaohua.core.errors import ZaohuaError, named
from zaohua.modalities.modality import Modality
from zaohua.modalities.options import CodecOptions
from zaohua.modalities.registry import (
    codec_classes,
    kinds_of,
    known,
    modality,
    modality_of,
    only_kind,
    register,
    taken_by,
)

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec as Codec
    from zaohua.modalities.base import Codes as Codes
    from zaohua.modalities.base import GridCodec as GridCodec
    from zaohua.modalities.conditions import condition_codec as condition_codec
    from zaohua.modalities.conditions import from_json as from_json
    from zaohua.modalities.images.codec import ImageCodec as ImageCodec
    from zaohua.modalities.images.files import ImageFiles as ImageFiles
    from zaohua.modalities.labels.codec import LabelCodec as LabelCodec
    from zaohua.modalities.labels.tags import TagCodec as TagCodec
    from zaohua.modalities.music.midi import MidiFiles as MidiFiles
    from zaohua.modalities.music.notes import MusicCodec as MusicCodec
    from zaohua.modalities.music.pieces import Piece as Piece
    from zaohua.modalities.music.rolls import RollCodec as RollCodec
    from zaohua.modalities.reading import read as read
    from zaohua.modalities.reading import read_with_kind as read_with_kind
    from zaohua.modalities.reading import write as write
    from zaohua.modalities.records.codec import RecordCodec as RecordCodec
    from zaohua.modalities.sounds.files import SoundFiles as SoundFiles
    from zaohua.modalities.sounds.mel import MelCodec as MelCodec
    from zaohua.modalities.sounds.mu_law import MuLawCodec as MuLawCodec
    from zaohua.modalities.sounds.sound import Sound as Sound
    from zaohua.modalities.sounds.sound import Sounds as Sounds
    from zaohua.modalities.sounds.spectrum import SpectrumCodec as SpectrumCodec
    from zaohua.modalities.sounds.waves import WaveCodec as WaveCodec
    from zaohua.modalities.tables.codec import TableCodec as TableCodec
    from zaohua.modalities.tables.plain_numbers import NumberCodec as NumberCodec
    from zaohua.modalities.tables.vectors import VectorCodec as VectorCodec
    from zaohua.modalities.texts.captions import CaptionCodec as CaptionCodec
    from zaohua.modalities.texts.codec import TextCodec as TextCodec
    from zaohua.modalities.texts.files import TextFiles as TextFiles

_LAZY = {
    "CaptionCodec": "texts.captions",
    "Codec": "base",
    "Codes": "base",
    "GridCodec": "base",
    "ImageCodec": "images.codec",
    "ImageFiles": "images.files",
    "LabelCodec": "labels.codec",
    "MelCodec": "sounds.mel",
    "MidiFiles": "music.midi",
    "MuLawCodec": "sounds.mu_law",
    "MusicCodec": "music.notes",
    "NumberCodec": "tables.plain_numbers",
    "Piece": "music.pieces",
    "RecordCodec": "records.codec",
    "RollCodec": "music.rolls",
    "Sound": "sounds.sound",
    "SoundFiles": "sounds.files",
    "Sounds": "sounds.sound",
    "SpectrumCodec": "sounds.spectrum",
    "TableCodec": "tables.codec",
    "TagCodec": "labels.tags",
    "TextCodec": "texts.codec",
    "TextFiles": "texts.files",
    "VectorCodec": "tables.vectors",
    "WaveCodec": "sounds.waves",
    "condition_codec": "conditions",
    "from_json": "conditions",
    "read": "reading",
    "read_with_kind": "reading",
    "write": "reading",
}
"""Where the public names are defined that import torch, numpy or pandas."""

__all__ = [
    *_LAZY,
    "Modality",
    "codec_classes",
    "codec_for",
    "kinds_of",
    "known",
    "modality",
    "modality_of",
    "register",
    "only_kind",
    "taken_by",
]


def codec_for(
    items: object,
    takes: Sequence[type],
    option: Codec | CodecOptions | None = None,
    usual: Mapping[str, object] | None = None,
    model: str = "this model",
    kind: Modality | None = None,
) -> Codec:
    """Return an unfitted codec for items: a copy of `option`, or the one that their kind of data asks for.

    Args:
        items: as `read` returns them.
        takes: codec classes, abstract ones too, that the model accepts.
        option: the codec that was asked for, or None.
        usual: what the model takes for options of the codec that are "auto".
        model: its name, for messages.
        kind: the modality that the items were read as; found out when not given.

    Raises:
        ZaohuaError: the items are of no kind that the codec or the model takes; the message names what came.
    """
    from zaohua.core.params import check_fields

    if isinstance(option, CodecOptions):
        usually = codec_for(items, takes, None, usual, model, kind)
        return codec_for(items, takes, option.of(type(usually)), usual, model, kind)
    own = None if option is None else modality_of(type(option))
    if option is not None:
        check_fields(option)
        if own is None and isinstance(option, tuple(takes)):
            return _copied(
                option, usual
            )  # a codec of the user's own, of no registered kind of data: it knows its items
    if kind is None:
        kind = own if own is not None and own.recognises(items) else _recognised(items, takes)
    if own is not None and kind is not own:
        raise ZaohuaError(f"{type(option).__name__} takes {own.name}, but the data are {kind.name}")
    able = [codec for codec in kind.codecs if issubclass(codec, tuple(takes))]
    if option is None and able:
        return _copied(able[0](), usual)
    if option is None or not isinstance(option, tuple(takes)):
        raise _not_taken(kind, able, takes, option, model, items)
    return _copied(option, usual)


def _copied(option: Codec, usual: Mapping[str, object] | None) -> Codec:
    """Return an unfitted copy of a codec, with a model's usual values for options that are "auto"."""
    options = option.get_params()
    return type(option)(**{**options, **{k: v for k, v in (usual or {}).items() if options.get(k) == "auto"}})


def _recognised(items: object, takes: Sequence[type[Codec]]) -> Modality:
    """Return the kind of some items, or an error that says what a model of these codecs accepts."""
    from zaohua.modalities.collected import recognised

    kind = recognised(items)
    if kind is not None:
        return kind
    if isinstance(items, (list, tuple)) and len(items) == 2 and recognised(items[0]) is not None:
        raise ZaohuaError("can't learn from a pair (items, labels), as zh.read returns it: give fit(items, labels)")
    given = " or ".join(dict.fromkeys(kind.given for kind, _ in taken_by(takes) if kind.given))
    what = f"{named(items)} of {type(items[0]).__name__}" if isinstance(items, list) and items else named(items)
    raise ZaohuaError(f"can't learn from {what}: give a folder, the name of a data set, or {given}")


def _not_taken(
    kind: Modality,
    able: Sequence[type[Codec]],
    takes: Sequence[type],
    option: Codec | None,
    model: str,
    items: object,
) -> ZaohuaError:
    """Return the error of a model that doesn't take a kind of data, or takes it in another representation."""
    if not able or option is None:
        names = list(dict.fromkeys(kind.name for kind, _ in taken_by(takes)))
        advice = _conversion(items, names) or "`zaohua models` lists the others"
        return ZaohuaError(f"the data are {kind.name}, but {model} takes {' or '.join(names)} ({advice})")
    learns, classes = (
        " or ".join(words) for words in zip(*((c.representation, c.__name__) for c in able), strict=True)
    )
    return ZaohuaError(
        f"{model} learns {learns}, but {type(option).__name__} makes {option.representation}: leave codec= out, or "
        f"give a {classes}"
    )


def _conversion(items: object, kinds: Sequence[str]) -> str | None:
    """Return how to make items of one of some kinds of an array or a frame that isn't of that kind; None if unknown."""
    shape, dtype = tuple(getattr(items, "shape", ())), str(getattr(items, "dtype", ""))
    if "texts" in kinds and len(shape) == 1 and (dtype.startswith("<U") or dtype in ("object", "str", "string")):
        return "give a list of texts: X.tolist()"
    if "images" in kinds and len(shape) == 2:
        values = "X.to_numpy()" if hasattr(items, "to_numpy") else "X"
        return f"images are (n, H, W) or (n, H, W, C): {values}.reshape({_square(shape[1])})"
    return None


def _square(numbers: int) -> str:
    """Return the shape of square images of so many numbers, as it is typed: "-1, 28, 28"."""
    for channels in (1, 3, 4):
        side = math.isqrt(numbers // channels)
        if side > 1 and side * side * channels == numbers:
            return f"-1, {side}, {side}" + (f", {channels}" if channels > 1 else "")
    return "-1, H, W"


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(importlib.import_module(f"zaohua.modalities.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'zaohua.modalities' has no attribute {name!r}")
