"""Codecs: files <-> items <-> tensors. One class for each kind of data; the same serves x and y."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zaohua.core.errors import CheckpointError, ZaohuaError
from zaohua.core.params import check_fields
from zaohua.core.spec import DataSpec
from zaohua.modalities.base import Codec, Codes
from zaohua.modalities.images.codec import ImageCodec
from zaohua.modalities.images.files import ImageFiles
from zaohua.modalities.labels.codec import LabelCodec
from zaohua.modalities.music.midi import MidiFiles
from zaohua.modalities.music.notes import MusicCodec
from zaohua.modalities.music.pieces import Piece
from zaohua.modalities.music.rolls import RollCodec
from zaohua.modalities.sounds.codec import WaveCodec
from zaohua.modalities.sounds.files import SoundFiles
from zaohua.modalities.sounds.mel import MelCodec
from zaohua.modalities.sounds.mu_law import MuLawCodec
from zaohua.modalities.sounds.sound import Sound, Sounds
from zaohua.modalities.sources import read
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.tables.frames import is_table
from zaohua.modalities.tables.plain_numbers import NumberCodec
from zaohua.modalities.texts.codec import TextCodec
from zaohua.modalities.texts.dialogues import is_dialogue
from zaohua.modalities.texts.files import TextFiles

__all__ = [
    "CODECS",
    "Codec",
    "Codes",
    "ImageCodec",
    "ImageFiles",
    "LabelCodec",
    "MelCodec",
    "MidiFiles",
    "MuLawCodec",
    "MusicCodec",
    "NumberCodec",
    "Piece",
    "RollCodec",
    "Sound",
    "SoundFiles",
    "Sounds",
    "TableCodec",
    "TextCodec",
    "TextFiles",
    "WaveCodec",
    "codec_for",
    "condition_codec",
    "from_json",
    "of_modalities",
    "of_modality",
    "read",
]

CODECS: dict[str, type[Codec]] = {
    cls.__name__: cls
    for cls in (
        ImageCodec,
        TextCodec,
        MusicCodec,
        RollCodec,
        MelCodec,
        WaveCodec,
        MuLawCodec,
        TableCodec,
        NumberCodec,
        LabelCodec,
    )
}
"""Every codec by its class name: the only ones that a saved model can name."""


MAKES = {
    "sounds": "log-mel spectrograms",
    "waves": "waves",
    "mu-law": "levels of mu-law",
    "music": "events",
    "rolls": "piano rolls",
    "tables": "columns of any kind",
    "numbers": "plain numbers",
}
"""What networks see of a kind of data that several codecs take, by the codec's modality."""


def codec_for(
    items: Any,
    modalities: Sequence[str] = ("images",),
    option: Codec | None = None,
    usual: Mapping[str, Any] | None = None,
    model: str = "this model",
) -> Codec:
    """An unfitted codec for items: a copy of `option`, or the one that their kind asks for.

    Args:
        items: as `read` returns them.
        modalities: kinds of data that the model takes.
        option: the codec that was asked for, or None.
        usual: what the model takes for options that are "auto".
        model: its name, for messages.

    Raises:
        ZaohuaError: the items are of no kind that the codec or the model takes; the message names what came.
    """
    kind, fitting = _kind(items), of_modalities(modalities)
    if option is not None:
        check_fields(option)
        if kind not in (option.kind, option.modality):
            takes = option.kind or option.modality
            raise ZaohuaError(f"{type(option).__name__} takes {takes}, but the data are {kind}")
    codec = next((cls for cls in fitting if kind in (cls.kind, cls.modality)), None) if option is None else type(option)
    if codec is None or codec not in fitting:
        raise _unfitting(kind, fitting, option, model)
    options = (codec() if option is None else option).get_params()
    return codec(**{**options, **{k: v for k, v in (usual or {}).items() if options[k] == "auto"}})


def _unfitting(kind: str, fitting: Sequence[type[Codec]], option: Codec | None, model: str) -> ZaohuaError:
    """The error about a model that doesn't take this kind of data, or takes it by other codecs than was asked for."""
    able = [cls for cls in fitting if kind in (cls.kind, cls.modality)]
    if option is None or not able:
        kinds = dict.fromkeys(cls.kind or cls.modality for cls in fitting)
        return ZaohuaError(
            f"the data are {kind}, but {model} takes {' or '.join(kinds)} (`zaohua models` lists the others)"
        )
    learns, own = " or ".join(MAKES[cls.modality] for cls in able), " or ".join(cls.__name__ for cls in able)
    return ZaohuaError(
        f"{model} learns {learns}, but {type(option).__name__} makes {MAKES[option.modality]}: leave "
        f"codec= out, or give a {own}"
    )


def of_modality(modality: str) -> type[Codec]:
    """The codec of a kind of data."""
    return of_modalities([modality])[0]


def of_modalities(modalities: Sequence[str]) -> list[type[Codec]]:
    """The codecs of a model that takes these kinds of data."""
    return [cls for cls in CODECS.values() if cls.modality in modalities]


def condition_codec(labels: Any) -> Codec:
    """An unfitted codec for conditions: pictures if they are arrays of them, sounds (one each), else labels."""
    if isinstance(labels, SoundFiles):
        return MelCodec(long="cut")
    is_array = isinstance(labels, np.ndarray) and labels.ndim >= 3
    return ImageCodec() if is_array or isinstance(labels, ImageFiles) else LabelCodec()


def from_json(data: dict[str, Any]) -> Codec:
    """The codec that `Codec.to_json` described, fitted if it was.

    Raises:
        CheckpointError: it names no codec of ours, or its options are not its codec's.
    """
    try:
        codec = CODECS[data["codec"]](**{k: tuple(v) if isinstance(v, list) else v for k, v in data["options"].items()})
        check_fields(codec)
        if data["spec"] is not None:
            codec.spec_ = DataSpec.from_json(data["spec"])
            codec.set_state(data["state"])
    except (KeyError, TypeError, AttributeError, ZaohuaError) as error:
        raise CheckpointError(f"the saved codec can't be read: {error!r}") from error
    return codec


def _kind(items: Any) -> str:
    """The kind of some items, or an error that says what is accepted."""
    if isinstance(items, ImageFiles) or (isinstance(items, np.ndarray) and items.ndim in (3, 4)):
        return "images"
    if is_table(items):
        return "tables"
    if isinstance(items, TextFiles):
        return "texts"
    if isinstance(items, list) and items and (isinstance(items[0], str) or is_dialogue(items[0])):
        return "texts"
    if isinstance(items, MidiFiles) or (isinstance(items, list) and items and isinstance(items[0], Piece)):
        return "music"
    if isinstance(items, SoundFiles):
        return "sounds"
    what = f"an array of shape {items.shape}" if isinstance(items, np.ndarray) else f"a {type(items).__name__}"
    raise ZaohuaError(
        f"can't learn from {what}: give a folder, the name of a data set, a table, an array "
        "(n, columns), (n, H, W) or (n, H, W, C), or a list of images, sounds, texts, dialogues or "
        "pieces of music"
    )
