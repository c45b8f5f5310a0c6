"""Offer the options of codecs as flags of training: those of every kind of data that a model takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from zaohua.cli.flags import DATA, Flag, from_fields, given
from zaohua.cli.options import Options
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec


class CodecFlags:
    """The flags of the codecs that a model may take.

    An option that several codecs have is one flag, and it is called the same for every model: see
    `modalities.options`. An option of a codec that isn't ours also begins with the kind of data where another flag has
    its name.

    Args:
        codecs: stored names of the codecs that the model takes.
        taken: names of other flags.
        stored: `codec_option` of the run to go on with, whose options are the defaults.

    Attributes:
        of: the flags of each codec, by its class.
        flags: all of them, each once.
    """

    def __init__(self, codecs: Sequence[str], taken: Collection[str], stored: Json | None):
        from zaohua.core.params import fields_of
        from zaohua.modalities.options import prefixed
        from zaohua.modalities.prefixes import prefix
        from zaohua.modalities.registry import codec_classes

        classes = [codec_classes()[name] for name in codecs]
        self.of: dict[type[Codec], list[Flag]] = {}
        for cls in classes:
            options = stored["options"] if stored and stored["codec"] == cls.stored_name() else None
            self.of[cls] = from_fields(
                fields_of(cls),
                options,
                taken=prefixed(cls, classes, taken),
                prefix=prefix(cls),
                group=lambda name: DATA,
            )
        self.flags = self._each_once((stored or {}).get("codec"))

    def _each_once(self, first: str | None) -> list[Flag]:
        """List all flags; one that codecs share has the default of the codec named `first`, and the help of all."""
        found: dict[str, list[tuple[type[Codec], Flag]]] = {}
        for cls in sorted(self.of, key=lambda cls: cls.stored_name() != first):
            for flag in self.of[cls]:
                found.setdefault(flag.name, []).append((cls, flag))
        return [dataclasses.replace(those[0][1], help=self._help(those)) for those in found.values()]

    def _help(self, those: list[tuple[type[Codec], Flag]]) -> str:
        """Write the help of a flag that some codecs share; it names the kinds of data if the model takes several."""
        if len(self.of) == 1:
            return those[0][1].help
        kinds: dict[str, list[str]] = {}
        for cls, flag in those:
            kinds.setdefault(flag.help, []).append(_data(cls))
        return " ".join(f"Of {' and '.join(dict.fromkeys(names))}: {text}" for text, names in kinds.items())

    def given(self, values: Options) -> list[str]:
        """List the flags that were given, as they are spelt on the command line."""
        return list(
            dict.fromkeys(
                flag.spellings[0] for flags in self.of.values() for flag in flags if values[flag.name] != flag.default
            )
        )

    def none_given(self, values: Options, base: str) -> None:
        """Raise a `ZaohuaError` if any flag was given, since a run that begins from another takes its encoding."""
        if given := self.given(values):
            raise ZaohuaError(f"a run keeps its encoding of the data: {', '.join(given)} can't differ from {base}'s")

    def codec(self, data: str, split: str, values: Options) -> Codec | None:
        """Make the unfitted codec that the flags ask for, given the data; None if they ask for nothing.

        Raises:
            ZaohuaError: an option isn't of the data's kind.
        """
        from zaohua import modalities as codecs

        if not self.given(values):
            return None
        cls = next(iter(self.of))
        if len(self.of) > 1:
            items, _, kind = codecs.read_with_kind(
                data,
                split=None if split == "train" else split,
                modality=values.optional("modality", str),
                prefer=codecs.kinds_of(self.of),
            )
            cls = type(codecs.codec_for(items, tuple(self.of), kind=kind))
        return cls(**self._options(cls, values))

    def stored(self, option: Json | None, values: Options) -> Codec | None:
        """Make the codec that a run was started with, and change the options that were given now.

        Raises:
            ZaohuaError: an option can't change, or isn't of the data's kind.
        """
        from zaohua import modalities as codecs

        if option is None:
            if given := self.given(values):
                raise ZaohuaError(f"a run keeps its encoding of the data: {', '.join(given)} can't change on resuming")
            return None
        codec: Codec = codecs.from_json(option)
        return codec.set_params(**self._options(type(codec), values))

    def _options(self, cls: type[Codec], values: Options) -> dict[str, object]:
        """Collect the options of a codec that were given."""
        mine = {flag.name for flag in self.of[cls]}
        for other, flags in self.of.items():
            for flag in flags:
                if flag.name not in mine and values[flag.name] != flag.default:
                    raise ZaohuaError(
                        f"{flag.spellings[0]} is an option of {_data(other)}, but the data are {_data(cls)}"
                    )
        return given(values, self.of[cls])


def _data(cls: type[Codec]) -> str:
    """Return the name of the kind of data that a codec takes."""
    return str(cls.modality)
