"""The kinds of data that are known: ours, those of installed packages, and those that were registered.

A module that isn't installed as a package is found by the environment variable `ZAOHUA_MODALITIES`, which names modules
that register their kinds of data when they are imported: `ZAOHUA_MODALITIES=examples.voxels,examples.series`.

It is light: no modality imports torch, numpy or a codec before it is used.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from zaohua.core.errors import ZaohuaError, shown, unknown
from zaohua.modalities.images import Images
from zaohua.modalities.labels import Labels
from zaohua.modalities.modality import Modality
from zaohua.modalities.music import Music
from zaohua.modalities.sounds import Sounds
from zaohua.modalities.tables import Tables
from zaohua.modalities.texts import Texts

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec

GROUP = "zaohua.modalities"
"""The group of entry points by which an installed package adds modalities."""
VARIABLE = "ZAOHUA_MODALITIES"
"""The environment variable that names modules to import, apart by commas; each registers its modalities."""
_KNOWN: dict[str, Modality] = {kind.name: kind for kind in (Images(), Tables(), Texts(), Music(), Sounds(), Labels())}


def register(kind: Modality) -> Modality:
    """Make a kind of data known, for this process; return it.

    Registering the same class again replaces the earlier object, as rerunning the cell of a notebook does.

    Args:
        kind: the modality.

    Raises:
        ZaohuaError: another modality has that name.
    """
    if not isinstance(kind, Modality):
        raise ZaohuaError(f"register takes an object of a Modality's subclass, not {shown(kind)}")
    before = _KNOWN.get(kind.name)
    if before is not None and type(before).__qualname__ != type(kind).__qualname__:
        raise ZaohuaError(
            f"there is a modality {kind.name!r} already ({type(before).__qualname__}): choose another name"
        )
    _KNOWN[kind.name] = kind
    return kind


def unregister(name: str) -> None:
    """Forget a kind of data, for this process; nothing happens if there is none of that name."""
    _KNOWN.pop(name, None)


def has_others() -> bool:
    """Return whether there may be modalities from outside the package; it imports none."""
    ours = all(type(kind).__module__.startswith("zaohua.") for kind in _KNOWN.values())
    return not ours or bool(os.environ.get(VARIABLE)) or bool(entry_points(group=GROUP))


@functools.cache
def _load_others() -> None:
    """Register the modalities of installed packages, and of the modules that `ZAOHUA_MODALITIES` names."""
    for point in entry_points(group=GROUP):
        try:
            kind = point.load()
            register(kind() if isinstance(kind, type) else kind)
        except Exception as error:
            raise ZaohuaError(f"the modality {point.name} of {point.value} can't be loaded: {error}") from error
    for name in filter(None, map(str.strip, os.environ.get(VARIABLE, "").split(","))):
        try:
            importlib.import_module(name)
        except Exception as error:
            raise ZaohuaError(
                f"{VARIABLE} names {name}, which can't be imported ({error}): is its folder in PYTHONPATH?"
            ) from error


def known() -> tuple[Modality, ...]:
    """Return all modalities, in the order in which they are asked whether they recognise data."""
    _load_others()
    return tuple(_KNOWN.values())


def modality(name: str) -> Modality:
    """Return the modality of a name.

    Raises:
        ZaohuaError: there is none; the message names the nearest.
    """
    for kind in known():
        if isinstance(name, str) and kind.name == name:
            return kind
    raise unknown("kind of data", name if isinstance(name, str) else shown(name), [kind.name for kind in known()])


def codec_classes() -> dict[str, type[Codec]]:
    """Return the codecs of the items of all modalities by the names under which `model.json` stores them."""
    return {codec.stored_name(): codec for kind in known() for codec in kind.codecs}


def modality_of(codec: type) -> Modality | None:
    """Return the modality that a codec class is of; None for a codec of the user's own that belongs to none."""
    for kind in known():
        if any(issubclass(codec, own) for own in (*kind.codecs, *kind.condition_codecs)):
            return kind
    return None


def taken_by(codec_types: Iterable[type]) -> list[tuple[Modality, type[Codec]]]:
    """Return the modalities, each with its codec, that a model takes: one for each representation.

    Args:
        codec_types: the codec classes, abstract ones too, that the model accepts.
    """
    accepted = tuple(codec_types)
    return [(kind, codec) for kind in known() for codec in kind.codecs if issubclass(codec, accepted)]


def kinds_of(codec_types: Iterable[type]) -> tuple[Modality, ...]:
    """Return the modalities that a model takes."""
    return tuple({kind.name: kind for kind, _ in taken_by(codec_types)}.values())


def only_kind(codec_types: Iterable[type]) -> Modality | None:
    """Return the modality that a model takes, if it takes no other; None if it takes several."""
    kinds = kinds_of(codec_types)
    return kinds[0] if len(kinds) == 1 else None
