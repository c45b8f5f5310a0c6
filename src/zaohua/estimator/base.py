"""The one contract: every model, of whatever family, is this scikit-learn estimator.

A model defines *primitives* on tensors (`draw`, `log_prob`, `encode`, `decode`, `denoise` ...); what people call
(`sample`, `score_samples`, `transform` ...) is written here once, and exists on a model exactly when the primitive
that it needs does. Items go in (pictures, labels) and items come out; primitives see tensors only.
"""

from __future__ import annotations

import copy
import math
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, cast

import numpy as np
import torch
from sklearn.utils import TransformerTags
from torch import Tensor

from zaohua import modalities
from zaohua.core import registry, stored
from zaohua.core.available import available
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.hardware import is_main_process
from zaohua.core.noise import ItemNoise, seeds_for
from zaohua.core.params import Between, WithFields, check_field, check_fields, fields_of
from zaohua.core.sklearn_bases import BaseEstimator, DensityMixin
from zaohua.core.spec import DataSpec
from zaohua.estimator.encoding import Base, CodecT, TrainingData
from zaohua.estimator.tensor_layer import TensorLayer
from zaohua.estimator.tensors import Encoded, chunks, to_cpu
from zaohua.modalities.base import Codec
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.reading import read_with_kind
from zaohua.storage import runs
from zaohua.storage.layout import check_out

ScoreKind = Literal["exact", "lower_bound", "estimate"]


class GenerativeModel(WithFields, TensorLayer[CodecT], DensityMixin, BaseEstimator, ABC):
    """p(x), or p(x | y) when `fit` was given y: the base of all models."""

    score_kind: ClassVar[ScoreKind] = "exact"
    """What `score_samples` returns: the exact log density, a lower bound of it, or an estimate."""
    codec_options: ClassVar[dict[str, Any]] = {}
    """What the model takes for options of its codec that are "auto"."""
    encodes_y: ClassVar[bool] = True
    """Whether latent representations depend on the condition, too."""
    conditional: ClassVar[bool] = True
    """Whether it can learn p(x | y)."""
    tiny: ClassVar[dict[str, Any]] = {}
    """Settings with which the contract tests run the model within a second or two."""
    machine_fields: ClassVar[tuple[str, ...]] = ()
    """Fields that say how this machine computes: no part of the model, so they aren't saved with it."""

    draw: ClassVar[Callable[..., Tensor]]
    log_prob: ClassVar[Callable[..., Tensor]]
    encode: ClassVar[Callable[..., Tensor]]
    decode: ClassVar[Callable[..., Tensor]]
    complete: ClassVar[Callable[..., Tensor]]
    """Primitives (see `core.primitives`): their types only, since a model has those that it defines."""

    random_state: Annotated[int | None, Between(0)] = None
    """Seed of everything random; None takes a fresh one."""
    codec: Codec | None = None
    """How items are encoded; chosen from the data when not given."""
    y_codec: Codec | None = None
    """How conditions are encoded; when not given, names are labels, and images or sounds are what they are."""

    n_items_ = stored.Stored[int | None](None, key="items")

    # ---- learning

    def fit(
        self, X: Any, y: Any = None, *, out: str | Path | None = None, modality: str | None = None, **options: Any
    ) -> Self:
        """Learn the distribution of X, or of X given y.

        Args:
            X: a path, the name of a data set, an array, or a list of items.
            y: what to condition on, one for each item; True takes the labels that a path or data set carries.
            out: run folder to save to, new, empty or a run's (see `storage.layout`); nothing is written when not given.
            modality: the kind of data to take X for, such as "images"; found out when not given.
            options: of the family, e.g. `callbacks` of the trained ones.

        Raises:
            ZaohuaError: a field, the data, a label or the folder is wrong; the message names it.
        """
        if out is not None:
            check_out(out)
        data = self._begin(X, y, modality=modality)
        self._fit(data, out=out, **options)
        if out is not None:
            self.save(out)
        return self

    def _begin(
        self, X: Any, y: Any, base: Base | None = None, modality: str | None = None, codec: Codec | None = None
    ) -> TrainingData:
        """Check the fields, fit the codecs or take those of a base, encode: all that precedes learning.

        Args:
            X: as for `fit`.
            y: as for `fit`.
            base: the model to begin from.
            modality: as for `fit`.
            codec: one of the kind that X is taken for if it may be of several; that of the base or the field otherwise.
        """
        check_fields(self)
        stored.reset(self)
        self.base_ = None if base is None else base.about
        self._check()
        if y is not None and not self.conditional:
            raise ZaohuaError(f"{type(self).__name__} learns nothing of labels: leave y out")
        known = codec or (self.codec if base is None else base.codec)
        prefer = None if known is None else modalities.modality_of(type(known))
        items, labels, kind = read_with_kind(X, y, modality=modality, prefer=prefer)
        named = y is True or isinstance(y, str)  # the labels that X carries, or the column of a table
        self.source_ = None
        if isinstance(X, (str, Path)):
            self.source_ = {"X": str(X), "y": y if named else None}
            if modality is not None:
                self.source_["modality"] = modality
        if modality is None and prefer is not None and prefer.recognises(items):
            kind = prefer
        name = type(self).__name__
        chosen = modalities.codec_for(items, self.codec_types, self.codec, self.codec_options, name, kind)
        if base is None:
            self.codec_ = cast(CodecT, chosen.fit(items))  # of one of `codec_types`
        else:
            self.codec_, self.y_codec_ = cast(CodecT, base.codec), base.y_codec
            self.require_conditions(labels)
        x, labels, parts = self.encode_labelled(items, labels)
        if base is None:
            self.y_codec_ = None if labels is None else self._fit_condition_codec(labels)
        self.spec_ = self.codec_.spec_
        self.y_spec_: DataSpec | None = None if self.y_codec_ is None else self.y_codec_.spec_
        self.seed_ = self.random_state if self.random_state is not None else secrets.randbits(62)
        self.n_items_ = len(x)
        y_codes = None if labels is None else self.encode_conditions(labels, len(x))
        return TrainingData(x, y_codes, parts.groups if isinstance(parts, FileItems) else None)

    def _fit_condition_codec(self, y: object) -> Codec:
        """Fit a codec to conditions: a copy of `y_codec`, or the one that their kind asks for."""
        if self.y_codec is None:
            codec = modalities.condition_codec(y).fit(y)
        else:
            check_fields(self.y_codec)
            codec = type(self.y_codec)(**self.y_codec.get_params()).fit(y)
        if codec.spec_.is_row:
            raise ZaohuaError(
                f"y can't be encoded by a {type(codec).__name__}: rows of a table aren't conditions; give one label "
                "for each item (y_codec=LabelCodec())"
            )
        return codec

    def supports(self, names: Iterable[str]) -> bool:
        """Return whether this model learns data of any of these kinds."""
        if hasattr(self, "codec_"):
            return self.codec_.modality in names
        return any(kind.name in names for kind, _ in modalities.taken_by(self.codec_types))

    def _check(self) -> None:
        """Raise a `ZaohuaError` if the fields, each fine by itself, don't go together."""

    @abstractmethod
    def _fit(self, data: TrainingData, *, out: str | Path | None = None) -> None:
        """Learn from encoded data: what a family or a model defines."""

    # ---- what people call

    @available("draw")
    def sample(
        self, n_samples: int | None = None, *, y: Any = None, random_state: int | None = None, **options: Any
    ) -> Any:
        """New items, of the kind and type that the model was fitted on.

        Args:
            n_samples: how many; by default one, or one for each y.
            y: a condition for all of them, or a list with one for each; None draws conditions as frequent
                as in training.
            random_state: seed; the first k items are the same whatever n is. None takes the model's own.
            options: any field marked for sampling (steps, guidance ...), for this call only.

        Returns:
            n_samples items (for images uint8 or float32, (n, H, W) or (n, H, W, C), as they went in).
        """
        model = self.with_options(**options)
        n, y_codes = model.sample_conditions(n_samples, y)
        base = random_state if random_state is not None else self.random_state
        seeds = seeds_for(base, n)
        parts = []
        for rows in chunks(n):
            noise = ItemNoise(seeds[rows], model.device_)
            with torch.no_grad():
                codes = None if y_codes is None else y_codes[rows]
                if y_codes is None and model.y_codec_ is not None:
                    codes = model.y_codec_.draw(noise)
                parts.append(to_cpu(model.draw(noise, model.prepare_conditions(codes, noise))))
        return model.decode_tensors(torch.cat(parts))

    @available("log_prob")
    def score_samples(self, X: Any, y: Any = None) -> np.ndarray:
        """Log probability of each item, in nats per item; what kind of number it is says `score_kind`.

        Args:
            X: items as `fit` takes them; a recording longer than a window is as many items as it has windows.
            y: their conditions. None sums over all labels of a conditional model, as frequent as in training.

        Returns:
            float64 (n,). Of discrete data (8-bit or binary pixels) a log probability, of continuous data a log
            density in the item's own units.
        """
        encoded = self.encode_items(X, y)
        if self.y_codec_ is None or encoded.y_codes is not None:
            return self.map_items(self.log_prob, encoded)
        log_prior = self.y_codec_.log_prior()
        if log_prior is None:
            raise ZaohuaError(f"{type(self).__name__} was fitted with conditions that can't be summed over: give y")
        parts = [
            self.map_items(self.log_prob, Encoded(encoded.codes, torch.full((len(encoded),), c))) + float(p)
            for c, p in enumerate(log_prior)
        ]
        total: np.ndarray = np.logaddexp.reduce(parts, axis=0)
        return total

    @available("log_prob")
    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`, in nats per item."""
        return float(np.mean(self.score_samples(X, y)))

    @available("log_prob")
    def bits_per_dim(self, X: Any, y: Any = None) -> float:
        """Mean negative `score_samples` in bits per number of an item (pixel and channel)."""
        if self.spec_.shape is None:
            raise ZaohuaError(f"items of a {type(self).__name__} differ in length: divide their scores by it")
        return -self.score(X, y) / (math.log(2) * self.spec_.size)

    @available("encode")
    def transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Latent representation of each item (of long recordings: each window), float32 (n, `latent_size`)."""
        encoded = self.encode_items(X, y)
        if self.encodes_y:
            self.require_conditions(encoded.y_codes)
        return self.map_items(self.encode, encoded).astype(np.float32)

    @available("encode")
    def fit_transform(self, X: Any, y: Any = None, **options: Any) -> np.ndarray:
        """`fit`, then `transform` of the same items."""
        return self.fit(X, y, **options).transform(X, y)

    @available("decode")
    def inverse_transform(self, Z: Any, y: Any = None) -> Any:
        """Items from latent representations (n, `latent_size`). Raises a `ZaohuaError` if they are of another size."""
        self._check_fitted()
        z = self._latents(Z)
        _, y_codes = (len(z), None) if y is None else self.sample_conditions(len(z), y)
        self.require_conditions(y_codes)
        with torch.no_grad():
            parts = [
                to_cpu(self.decode(z[rows], None if y_codes is None else y_codes[rows].to(z.device)))
                for rows in chunks(len(z))
            ]
        return self.decode_tensors(torch.cat(parts))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags(preserves_dtype=[]) if hasattr(type(self), "encode") else None
        return tags

    # ---- keeping

    def save(self, path: str | Path) -> Path:
        """Save the fitted model to a run folder, atomically; `zaohua.load` reads it back.

        Raises:
            ZaohuaError: the folder holds files and no run, or can't be written; what was there before is whole.
        """
        self._check_fitted()
        if is_main_process():  # of several, which all hold the same
            runs.save_model(Path(path), self.to_json(), self._tensors())
        return Path(path)

    def to_json(self) -> dict[str, Any]:
        """Describe the fitted model in JSON values: all that rebuilds it but its tensors."""
        apart = {"codec", "y_codec", *self.machine_fields}
        params = {name: getattr(self, name) for name in fields_of(type(self)) if name not in apart}
        return {
            "model": registry.stored_name(type(self)),
            "parameters": params,
            "codec_option": None if self.codec is None else self.codec.to_json(),
            "y_codec_option": None if self.y_codec is None else self.y_codec.to_json(),
            "codec": self.codec_.to_json(),
            "y_codec": None if self.y_codec_ is None else self.y_codec_.to_json(),
            "seed": self.seed_,
            "source": self.source_,
            "base": self.base_,
            "state": stored.state_of(self),
            "summary": {
                "x": self.codec_.describe(self.n_items_),
                "y": None if self.y_codec_ is None else self.y_codec_.describe(),
            },
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], tensors: dict[str, Tensor] | None) -> Self:
        """Rebuild a model from what `to_json` and `tensors` gave; without tensors it has no fitted state."""
        parameters: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data["parameters"].items()}
        model = cls(**parameters)
        check_fields(model)
        option, y_option = data["codec_option"], data.get("y_codec_option")
        model.codec = None if option is None else modalities.from_json(option)
        model.y_codec = None if y_option is None else modalities.from_json(y_option)
        model.codec_ = cast(CodecT, modalities.from_json(data["codec"]))
        model.spec_ = model.codec_.spec_
        model.y_codec_ = None if data["y_codec"] is None else modalities.from_json(data["y_codec"])
        model.y_spec_ = None if model.y_codec_ is None else model.y_codec_.spec_
        model.seed_, model.source_, model.base_ = data["seed"], data["source"], data.get("base")
        stored.restore(model, data["state"])
        if tensors is not None:
            model._set_tensors(tensors)
        return model

    @abstractmethod
    def _tensors(self) -> dict[str, Tensor]:
        """Fitted state as named tensors; other fitted state is declared, see `stored`."""

    @abstractmethod
    def _set_tensors(self, tensors: dict[str, Tensor]) -> None:
        """The inverse of `_tensors`; the specs, the codecs and what is `Stored` are there already."""

    # ---- shared by the above

    def tensors(self) -> dict[str, Tensor]:
        """The fitted state as named tensors: weights of networks, parameters of densities."""
        self._check_fitted()
        return self._tensors()

    def cannot(self, primitive: str) -> str | None:
        """Why this instance lacks a primitive that its class has (by settings or data), or None."""
        return None

    def with_options(self, **options: Any) -> Self:
        """Make a shallow copy with other settings of sampling; the model itself where there are none.

        Args:
            options: any field marked for sampling (steps, sampler, guidance ...).

        Raises:
            ZaohuaError: there is no such setting of sampling, or its value is out of range.
        """
        self._check_fitted()
        if not options:
            return self
        fields = {name: field for name, field in fields_of(type(self)).items() if field.sampling}
        model = copy.copy(self)
        for name, value in options.items():
            if name not in fields:
                raise unknown(f"sampling option of {type(self).__name__}:", name, fields)
            check_field(type(self).__name__, fields[name], value)
            setattr(model, name, value)
        return model
