"""Options of a model's codecs as arguments of the model: `zh.GPT(tokenizer="bpe")`, as `--tokenizer bpe`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from zaohua import modalities
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.params import fields_of
from zaohua.core.sklearn_bases import BaseEstimator
from zaohua.core.with_fields import UnknownField, WithFields, section
from zaohua.modalities.base import Codec
from zaohua.modalities.options import CodecOptions, codec_with, option_names


class CodecArguments(WithFields, BaseEstimator):
    """Base of models, whose arguments are their fields and the options of their codecs.

    An option of a codec is kept in the field `codec`, so that `get_params` and scikit-learn's `clone` know fields only.
    A name that is both means the model's field; see `modalities.options`.
    """

    codec_types: ClassVar[tuple[type[Codec], ...]]

    codec: Codec | CodecOptions | None = None
    """Codec of the items; by default chosen from the data. Its options can also be given as arguments of the model."""

    @classmethod
    def accepted(cls, values: Mapping[str, object]) -> Mapping[str, object]:
        """Return the fields that arguments stand for: options of the codec are one codec.

        Raises:
            UnknownField: an argument is neither a field nor an option; the message suggests similar names.
            ZaohuaError: the options are of different kinds of data, or a codec is given, too.
        """
        fields = fields_of(cls)
        own = {name: value for name, value in values.items() if name in fields}
        others = {name: value for name, value in values.items() if name not in fields}
        if others and own.get("codec") is not None:
            raise ZaohuaError(f"{cls.__name__}: give {', '.join(others)} as options of the codec that you give")
        return {**own, "codec": cls._codec_with(others)} if others else own

    @classmethod
    def _codec_with(cls, options: Mapping[str, object], base: Codec | CodecOptions | None = None) -> object:
        """Return the codec that options ask for; `base` has the others."""
        fields, known = fields_of(cls), cls.codec_arguments()
        codecs = [codec for _, codec in modalities.taken_by(cls.codec_types)]
        for name in options:
            if name not in known:
                raise UnknownField(str(unknown(f"argument of {cls.__name__}:", name, [*fields, *known])))
        return codec_with(options, codecs, fields, cls.__name__, base)

    @classmethod
    def codec_arguments(cls) -> list[str]:
        """List the options of the model's codecs, by their names as arguments of the model."""
        codecs = [codec for _, codec in modalities.taken_by(cls.codec_types)]
        return [name for codec in codecs for name in option_names(codec, codecs, fields_of(cls))]

    @classmethod
    def fields_text(cls) -> str:
        """Describe the model's fields, and the options of its codecs, for the documentation of the class."""
        codecs, fields, parts = (
            [codec for _, codec in modalities.taken_by(cls.codec_types)],
            fields_of(cls),
            [super().fields_text()],
        )
        for codec in codecs:
            names = {field: name for name, field in option_names(codec, codecs, fields).items()}
            if names:
                parts.append(section(f"Options of {codec.modality} ({codec.__name__})", fields_of(codec), names))
        return "\n\n".join(parts)

    def set_params(self, **params: Any) -> Self:
        """Set fields and options of the codec by name, and return the model.

        Raises:
            ZaohuaError: there is no such field or option.
        """
        fields = fields_of(type(self))
        if params.get("codec", self.codec) is None:  # an option by the name that scikit-learn gives to it
            params = {name.removeprefix("codec__"): value for name, value in params.items()}
        others = {name: value for name, value in params.items() if "__" not in name and name not in fields}
        super().set_params(**{name: value for name, value in params.items() if name not in others})
        if others:
            super().set_params(codec=self._codec_with(others, self.codec))
        return self
