"""Base class of all models: a scikit-learn estimator that is fitted, saved and loaded in the same way in all families.

A model defines *primitives* on tensors (`draw`, `log_prob`, `encode`, `decode`, `denoise` ...). The methods for users,
which take and return items, are defined once in terms of these, see `methods`.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, cast

import numpy as np
from sklearn.utils import Tags, TransformerTags
from torch import Tensor

from zaohua import modalities
from zaohua.core import params, registry, stored
from zaohua.core.arguments import path_of
from zaohua.core.errors import ZaohuaError
from zaohua.core.hardware import is_main_process
from zaohua.core.json import Json
from zaohua.core.notes import shown
from zaohua.core.params import Between, check_fields, fields_of
from zaohua.core.seeds import RandomState, seed_of
from zaohua.core.sklearn_bases import BaseEstimator, DensityMixin
from zaohua.estimator.arguments import CodecArguments
from zaohua.estimator.encoding import Base, CodecT, TrainingData
from zaohua.estimator.hub import HubMethods
from zaohua.estimator.listening import EncodedData, tell
from zaohua.estimator.memory import TrainingMemory
from zaohua.estimator.methods import ItemMethods
from zaohua.estimator.source import source_of
from zaohua.modalities.base import Codec
from zaohua.modalities.condition_base import ConditionCodec
from zaohua.modalities.files.items import groups_of
from zaohua.modalities.options import CodecOptions
from zaohua.modalities.reading import read_with_kind
from zaohua.modalities.reading_options import reading
from zaohua.modalities.records.codec import RecordCodec
from zaohua.privacy.guarantee import Guarantee
from zaohua.storage import runs
from zaohua.storage.layout import check_out
from zaohua.storage.provenance.origin import GENERATED, Origin


class GenerativeModel(
    CodecArguments, ItemMethods[CodecT], TrainingMemory, HubMethods, DensityMixin, BaseEstimator, ABC
):
    """Model of p(x), or of p(x | y) if it is fitted with conditions y."""

    codec_options: ClassVar[Json] = {}
    """Values that the model uses for options of its codec that are "auto"."""
    conditional: ClassVar[bool] = True
    """True if the model can learn p(x | y)."""
    tiny: ClassVar[Json] = {}
    """Settings with which the contract tests run the model within a second or two."""
    machine_fields: ClassVar[tuple[str, ...]] = ()
    """Fields that configure the computation on this machine, which aren't saved with the model."""

    random_state: Annotated[RandomState, Between(0)] = None
    """Seed of all random numbers; None chooses one at random."""
    y_codec: ConditionCodec | str | dict[str, ConditionCodec | str] | None = None
    """Codec of the conditions, or its name ("labels", "tags", "numbers", "texts" or a kind of data); of records, a
    dictionary by part. By default chosen from the data: names are labels, images and sounds are themselves."""

    n_items_ = stored.Stored[int | None](None, key="items")
    privacy_ = stored.Stored[Json | None](None, key="privacy")

    # ---- fitting

    def fit(
        self, X: object, y: object = None, *, out: str | Path | None = None, modality: str | None = None, **options: Any
    ) -> Self:
        """Learn the distribution of X, or of X given y.

        Args:
            X: a path, the name of a data set, an array, or a list of items.
            y: conditions, one for each item; True uses the labels of the path or data set.
            out: run folder to save to, which must be new, empty or hold a run; None saves nothing.
            modality: name of the modality of X, such as "images"; by default inferred from the data.
            options: options of the family, such as `callbacks` of models with networks.

        Returns:
            This model, fitted.

        Raises:
            ZaohuaError: a field, the data, a label or the folder is invalid; the message names it.
        """
        if out is not None:
            check_out(out)
        data = self._begin(X, y, modality=modality)
        self._fit(data, out=out, **options)
        if out is not None:
            self.save(out)
        return self

    def _begin(
        self, X: object, y: object, base: Base | None = None, modality: str | None = None, codec: Codec | None = None
    ) -> TrainingData:
        """Check the fields, fit the codecs or take those of another model, and encode the data.

        Args:
            X: items as for `fit`.
            y: conditions as for `fit`.
            base: model to fine-tune.
            modality: modality as for `fit`.
            codec: a codec of the modality to prefer if X is ambiguous; by default that of `base` or the field. A model
                that takes one modality only prefers that.
        """
        check_fields(self)
        stored.reset(self)
        self.base_ = None if base is None else base.about
        self.seen_ = [] if base is None else [{**memory, "base": True} for memory in base.seen]
        self._check()
        if y is not None and not self.conditional:
            raise ZaohuaError(f"{type(self).__name__} learns nothing of labels: leave y out")
        known = codec or (self.codec if base is None else base.codec)
        kind_of = modalities.modality_of(type(known)) if isinstance(known, Codec) else None
        takes = (kind_of,) if kind_of else modalities.kinds_of(self.codec_types)
        prefer = takes[0] if len(takes) == 1 else None
        options = {} if known is None else known.reading()
        with reading(**options, unlabelled=self.takes_unlabelled):
            items, labels, kind = read_with_kind(X, y, modality=modality, prefer=takes)
        self.source_ = source_of(X, y, modality) if isinstance(X, (str, Path)) else None
        if modality is None and prefer is not None and prefer.recognises(items):
            kind = prefer
        name = type(self).__name__
        chosen = modalities.codec_for(items, self.codec_types, self.codec, self.codec_options, name, kind)
        if base is None:
            self.codec_ = self._fit_codec(chosen, items, labels)  # of one of `codec_types`
        else:
            self.codec_, self.y_codec_ = cast(CodecT, base.codec), base.y_codec
            self.require_conditions(labels)
            self._refuse_new_labels(labels)
        x, labels, parts = self._encode_items_of(items, labels)
        if base is None:
            self.y_codec_ = None if labels is None else self._fit_condition_codec(labels)
        x, labels, parts = self._without_broken(x, labels, parts)
        self.spec_ = self.codec_.spec_
        self.y_spec_ = None if self.y_codec_ is None else self.y_codec_.spec_
        seed = seed_of(self.random_state)
        self.seed_ = secrets.randbits(62) if seed is None else seed
        self.n_items_ = len(x)
        y_codes = None if labels is None else self.encode_conditions(labels, len(x))
        tell(EncodedData(self.codec_, self.y_codec_, len(x)))
        return TrainingData(x, y_codes, groups_of(parts, labels))

    def _fit_codec(self, codec: Any, items: Any, labels: Any) -> CodecT:
        """Fit the codec to items; labels are those that were read with them, or None."""
        fitted: CodecT = codec.fit(items)
        return fitted

    def _refuse_new_labels(self, labels: Any) -> None:
        """Raise a `ZaohuaError` if labels of data to fine-tune on weren't in the training data."""
        if self.y_codec_ is None or labels is None or (known := self.y_codec_.knows(labels)).all():
            return
        new = dict.fromkeys(str(label) for label, ok in zip(labels, known, strict=True) if not ok)
        raise ZaohuaError(
            f"{int((~known).sum()):,} of {len(known):,} items have labels that the model to start from doesn't know "
            f"({shown(list(new))}), and fine-tuning can't add labels: train a new model on all items, or leave these "
            "out"
        )

    def _fit_condition_codec(self, y: object) -> ConditionCodec:
        """Fit a codec to conditions: a copy of `y_codec`, or one chosen from the data."""
        choice = RecordCodec(parts=self.y_codec) if isinstance(self.y_codec, dict) else self.y_codec
        if isinstance(choice, ConditionCodec):
            check_fields(choice)
        codec: ConditionCodec = modalities.condition_codec(y, choice, self.codec_).fit(y)
        return codec

    @property
    def guarantee(self) -> Guarantee | None:
        """What the fitted model promises of the privacy of its training data; None for nothing."""
        return None if self.privacy_ is None else Guarantee.from_json(self.privacy_)

    def supports(self, names: Iterable[str]) -> bool:
        """Return True if the model supports any of the given modalities, after `fit` that of its data."""
        if hasattr(self, "codec_"):
            return self.codec_.modality in names
        return any(kind.name in names for kind, _ in modalities.taken_by(self.codec_types))

    def _check(self) -> None:
        """Raise a `ZaohuaError` if the values of several fields are incompatible."""

    @abstractmethod
    def _fit(self, data: TrainingData, *, out: str | Path | None = None) -> None:
        """Learn from encoded data, in a family or a model."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags(preserves_dtype=[]) if hasattr(type(self), "encode") else None
        return tags

    # ---- saving

    def save(self, path: str | Path) -> Path:
        """Save the fitted model to a run folder atomically; `zaohua.load` loads it.

        Args:
            path: the folder.

        Returns:
            Its path.

        Raises:
            ZaohuaError: the folder holds other files, or can't be written; its content is unchanged then.
        """
        self._check_fitted()
        path = path_of("path", path)
        if is_main_process():  # all processes hold the same model
            runs.save_model(path, self.to_json(), self._tensors())
        return path

    def to_json(self) -> Json:
        """Return the fitted model, without its tensors, as JSON values."""
        excluded, kind = {"codec", "y_codec", *self.machine_fields}, self.codec_.modality
        own = {name: params.stored(getattr(self, name)) for name in fields_of(type(self)) if name not in excluded}
        if not isinstance(self.random_state, (int, type(None))):
            own["random_state"] = self.seed_  # JSON holds no generator, so the seed that `fit` drew from it
        codec = self.codec.of(type(self.codec_)) if isinstance(self.codec, CodecOptions) else self.codec
        return {
            "model": registry.stored_name(type(self)),
            "parameters": own,
            "codec_option": None if codec is None else codec.to_json(),
            "y_codec_option": _option(self.y_codec),
            "codec": self.codec_.to_json(),
            "y_codec": None if self.y_codec_ is None else self.y_codec_.to_json(),
            "seed": self.seed_,
            "source": self.source_,
            "base": self.base_,
            "state": stored.state_of(self),
            "summary": {
                "options": self.codec_.settings(),
                "unused": [name for name, field in fields_of(type(self)).items() if not field.concerns(kind)],
                "x": self.codec_.describe(self.n_items_),
                "y": None if self.y_codec_ is None else self.y_codec_.describe(),
            },
        }

    @classmethod
    def from_json(cls, data: Json, tensors: dict[str, Tensor] | None) -> Self:
        """Create a model from the results of `to_json` and `tensors`; without tensors it can't compute anything yet."""
        fields, given = fields_of(cls), data["parameters"]
        parameters: Json = {k: params.restored(fields[k], v) if k in fields else v for k, v in given.items()}
        model = cls(**parameters)
        check_fields(model)
        option, y_option = data["codec_option"], data.get("y_codec_option")
        model.codec = None if option is None else modalities.from_json(option)
        model.y_codec = modalities.from_json(y_option) if isinstance(y_option, dict) else y_option
        model.codec_ = cast(CodecT, modalities.from_json(data["codec"]))
        model.spec_ = model.codec_.spec_
        model.y_codec_ = None if data["y_codec"] is None else modalities.from_json(data["y_codec"])
        model.y_spec_ = None if model.y_codec_ is None else model.y_codec_.spec_
        model.seed_, model.source_, model.base_ = data["seed"], data["source"], data.get("base")
        stored.restore(model, data["state"])
        if tensors is not None:
            model._set_tensors(tensors)
        return model

    def file_origin(self, random_state: RandomState = None, source: str = GENERATED) -> Origin:
        """Return what files say of this model, as `zaohua.write(items, path, origin=model)` writes it into them.

        Args:
            random_state: what the items were sampled with, as it was given to `sample`.
            source: IPTC's digital source type of the items.
        """
        self._check_fitted()
        state = self.random_state if random_state is None else random_state
        seed = int(state) if isinstance(state, (int, np.integer)) else None
        return Origin(type(self).__name__, runs.weights_hash(self._tensors()), seed, source)

    def unfinished(self) -> str:
        """Return how far a training got that was stopped before its end, "step 70 of 150"; otherwise an empty text."""
        return ""

    @abstractmethod
    def _tensors(self) -> dict[str, Tensor]:
        """Return the fitted state as named tensors; other fitted attributes are declared, see `core.stored`."""

    @abstractmethod
    def _set_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Restore the result of `_tensors`, after the codecs, the specs and `Stored` attributes have been restored."""

    def tensors(self) -> dict[str, Tensor]:
        """Return the fitted state as named tensors: weights of networks, parameters of densities."""
        self._check_fitted()
        return self._tensors()


def _option(choice: ConditionCodec | str | dict[str, ConditionCodec | str] | None) -> Json | str | None:
    """Return what was asked for as the codec of conditions, as JSON values."""
    if isinstance(choice, dict):
        return RecordCodec(parts=choice).to_json()
    return choice.to_json() if isinstance(choice, ConditionCodec) else choice
