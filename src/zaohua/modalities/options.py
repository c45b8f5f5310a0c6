"""Options of codecs by name, as models take them: arguments of the constructor in Python, flags on the command line.

`zh.GPT(tokenizer="bpe")` is `zh.GPT(codec=zh.TextCodec(tokenizer="bpe"))`, and `zaohua train gpt --tokenizer bpe`. An
option whose name a field of the model has, or that several kinds of data mean something else by, begins with the kind
of data: `image_channels`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.params import fields_of
from zaohua.modalities.prefixes import PREFIXED, prefix
from zaohua.modalities.reading_options import READING

if TYPE_CHECKING:
    from zaohua.core.params import Field
    from zaohua.modalities.base import Codec


def prefixed(codec: type[Codec], codecs: Sequence[type[Codec]], taken: Collection[str]) -> set[str]:
    """Return the options of a codec whose names begin with the kind of data.

    Args:
        codec: the codec.
        codecs: all codecs that the model takes.
        taken: names that mean something else, such as the model's fields.
    """
    mine, others = fields_of(codec), [fields_of(other) for other in codecs if other is not codec]
    apart = {name for name in mine for other in others if name in other and not _alike(mine[name], other[name])}
    return set(mine) & {*PREFIXED, *taken, *apart}


def option_names(codec: type[Codec], codecs: Sequence[type[Codec]], taken: Collection[str]) -> dict[str, str]:
    """Return the options of a codec: the name that a model takes, and that of the codec's field."""
    long = prefixed(codec, codecs, taken)
    return {(prefix(codec) if name in long else "") + name: name for name in fields_of(codec)}


def _alike(one: Field, other: Field) -> bool:
    """Tell whether two fields of the same name can share an option."""
    return (one.type, one.default, one.bounds) == (other.type, other.default, other.bounds)


class CodecOptions:
    """Options that several codecs of a model have, until the data tell which codec is meant.

    Args:
        options: values by the names of the codecs' fields.
    """

    def __init__(self, **options: object) -> None:
        self.options = options

    def get_params(self, deep: bool = True) -> Json:
        """Return the options by name, as scikit-learn copies them."""
        return dict(self.options)

    def set_params(self, **options: object) -> CodecOptions:
        """Set options by name."""
        self.options = {**self.options, **options}
        return self

    def reading(self) -> Json:
        """Return the options that are of reading, see `Codec.reading`."""
        return {name: value for name, value in self.options.items() if name in READING}

    def of(self, codec: type[Codec]) -> Codec:
        """Make an unfitted codec with these options.

        Raises:
            ZaohuaError: it has no such option.
        """
        for name in self.options:
            if name not in fields_of(codec):
                raise ZaohuaError(f"{name} is no option of {codec.modality}, as which the data were read")
        return codec(**self.options)

    def __repr__(self) -> str:
        return f"CodecOptions({', '.join(f'{name}={value!r}' for name, value in self.options.items())})"


def codec_with(
    given: Mapping[str, object],
    codecs: Sequence[type[Codec]],
    taken: Collection[str],
    model: str,
    base: Codec | CodecOptions | None = None,
) -> Codec | CodecOptions:
    """Return the unfitted codec that options ask for.

    Args:
        given: values by the names that the model takes.
        codecs: the codecs that the model takes.
        taken: names of the model's fields.
        model: its name, for messages.
        base: a codec whose options hold where none is given.

    Raises:
        ZaohuaError: the options are of different kinds of data.
    """
    named = {codec: option_names(codec, codecs, taken) for codec in codecs}
    able = [codec for codec in codecs if given.keys() <= named[codec].keys()]
    if not able:
        owners = {name: [str(c.modality) for c in codecs if name in named[c]] for name in given}
        shown = ", ".join(f"{name} of {' or '.join(dict.fromkeys(kinds))}" for name, kinds in owners.items())
        raise ZaohuaError(f"{model}: options of different kinds of data can't be given together: {shown}")
    if type(base) in able:
        able = [codec for codec in able if codec is type(base)]
    usual = {codec.modality: codec for codec in reversed(able)}
    able = [codec for codec in able if codec is usual[codec.modality]]
    kept = base.get_params() if base is not None and type(base) in (able[0], CodecOptions) else {}
    options = kept | {named[able[0]][name]: value for name, value in given.items()}
    return able[0](**options) if len(able) == 1 else CodecOptions(**options)
