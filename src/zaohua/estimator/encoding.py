"""Encoding of items and conditions by the codecs of a model, and the encoded training data."""

from __future__ import annotations

import typing
import zlib
from collections.abc import Sequence
from types import UnionType
from typing import Any, ClassVar, Generic, NamedTuple, Union, get_args, get_origin

import numpy as np
import torch
from sklearn.exceptions import NotFittedError
from torch import Tensor
from typing_extensions import TypeVar

from zaohua.core.arguments import whole_number
from zaohua.core.errors import ZaohuaError, named, shown
from zaohua.core.json import Json
from zaohua.core.seeds import RandomState
from zaohua.core.spec import DataSpec
from zaohua.estimator.amounts import AT_ONCE, foreseen, items_at_once
from zaohua.estimator.fingerprint import near, trace
from zaohua.estimator.tensors import Encoded, unknown_labels
from zaohua.modalities import modality_of, pairs
from zaohua.modalities.base import Codec, Codes, counted
from zaohua.modalities.condition_base import ConditionCodec, ConditionCodes
from zaohua.modalities.files.items import FileItems, kept_rows
from zaohua.modalities.images.codec import ImageCodec
from zaohua.modalities.reading import read_with_kind
from zaohua.modalities.reading_options import reading
from zaohua.modalities.records.codes import picked

CodecT = TypeVar("CodecT", bound=Codec, default=Codec, covariant=True)
"""Type of a model's codec: `class TextModel(TokenModel[TextCodec])`; a bare `GenerativeModel` has any codec."""


class TrainingData(NamedTuple):
    """Encoded training items, or rows that a family cuts from them, with their conditions.

    Attributes:
        x: codes of the rows.
        y: codes of their conditions; None for an unconditional model.
        groups: group of each item, int64 (items,), such as the recording of each window; None if all differ.
        item_index: index of the item that each row is cut from, int64 (n,); None if the rows are the items.
    """

    x: Codes
    y: ConditionCodes | None
    groups: np.ndarray | None = None
    item_index: np.ndarray | None = None

    @property
    def n_items(self) -> int:
        """Number of items, which may differ from the number of rows."""
        return len(self.x) if self.item_index is None or self.groups is None else len(self.groups)

    def rows_in(self, items: np.ndarray) -> np.ndarray:
        """Return all rows of some items (k,), int64 and in increasing order."""
        return items if self.item_index is None else np.flatnonzero(np.isin(self.item_index, items))

    def cut(self, x: Codes, item_index: np.ndarray) -> TrainingData:
        """Return training data of rows x (n, ...) cut from these items, with the index of the item of each (n,)."""
        groups = np.arange(len(self.x)) if self.groups is None else self.groups
        return TrainingData(x, None if self.y is None else picked(self.y, item_index), groups, item_index)

    def fingerprint(self) -> Json:
        """Return JSON values that identify the data: their number, their labels, and weighted sums of some values."""
        labels: int | list[float] | None = None if self.y is None else trace(self.y)
        if isinstance(self.y, Tensor) and self.y.ndim == 1 and not self.y.is_floating_point():
            labels = zlib.crc32(self.y.cpu().long().numpy().tobytes())
        return {"items": len(self.x), "values": trace(self.x), "labels": labels}

    def differs(self, fingerprint: Json) -> str | None:
        """Describe the difference of these data from those of a fingerprint; None if there is none."""
        now = self.fingerprint()
        if now["items"] != fingerprint["items"]:
            return f"{now['items']:,} items to learn from instead of {fingerprint['items']:,}"
        if not near(now["values"], fingerprint["values"]):
            return "its items are others"
        same = now["labels"] == fingerprint["labels"] or near(now["labels"], fingerprint["labels"])
        return None if same else "its labels are others"


class Base(NamedTuple):
    """Model that is fine-tuned.

    Attributes:
        codec: its codec.
        y_codec: its codec of conditions.
        about: its identity as JSON values: the run it was loaded from (or None), its steps and its seed.
        seen: its memories of the items that it was trained on, see `seen`.
    """

    codec: Codec
    y_codec: ConditionCodec | None
    about: Json
    seen: Sequence[Json] = ()


def _codec_parameter(cls: type) -> tuple[type[Codec], ...]:
    """Return the codecs in the type parameter of the bases of a class, `TokenModel[TextCodec]`; () if there is none."""
    for base in vars(cls).get("__orig_bases__", ()):
        origin = get_origin(base)
        if isinstance(origin, type) and issubclass(origin, ItemEncoder):
            (argument,) = get_args(base)
            codecs = get_args(argument) if get_origin(argument) in (Union, UnionType) else (argument,)
            if all(isinstance(codec, type) and issubclass(codec, Codec) for codec in codecs):
                return codecs
            if not isinstance(argument, typing.TypeVar):
                where = f"{cls.__name__}: the codec in {origin.__name__}[...]"
                raise ZaohuaError(f"{where} must be a class, not {argument!r}")
    return ()


class ItemEncoder(Generic[CodecT]):
    """Codecs of a model, and the encoding of items and conditions.

    Attributes:
        codec_: fitted codec of the items.
        y_codec_: fitted codec of the conditions; None for an unconditional model.
        spec_: spec of the items' tensors.
        y_spec_: spec of the conditions' tensors; None for an unconditional model.
        seed_: seed of all random numbers of the model.
        run_: folder of the run that the model was loaded from.
    """

    takes_unlabelled: ClassVar[bool] = False
    """True if the model learns from items whose label is missing, and samples without one."""
    score_chunk: ClassVar[int] = 256
    """Number of items that are scored at once."""

    codec_types: ClassVar[tuple[type[Codec], ...]] = (ImageCodec,)
    """Codecs that the model supports; an abstract codec includes all derived ones.

    Set from the type parameter: `(TextCodec,)` for a `TokenModel[TextCodec]`, both codecs for `A | B`.
    """

    codec_: CodecT
    y_codec_: ConditionCodec | None
    spec_: DataSpec
    y_spec_: DataSpec | None
    seed_: int
    run_: str | None = None
    random_state: RandomState

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        codecs = _codec_parameter(cls)
        if codecs and "codec_types" not in vars(cls):
            cls.codec_types = codecs

    @property
    def device_(self) -> torch.device:
        """Device of the fitted tensors and of the computations."""
        return torch.device("cpu")

    def _check_fitted(self) -> None:
        if not hasattr(self, "codec_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit, or zaohua.load a run")

    def sample_conditions(self, n: int | None, y: object) -> tuple[int, ConditionCodes | None]:
        """Determine the number of items to generate, and encode their conditions.

        Args:
            n: number of items; by default one, or one for each y.
            y: one condition for all, or a list with one for each; None for no conditions.

        Returns:
            The number of items, and the codes of their conditions; None for no conditions.

        Raises:
            ZaohuaError: n is invalid, or the conditions don't fit to n or to the model.
        """
        if n is not None:
            n = self.foresee(whole_number("n_samples", n))
        if y is None:
            return (1 if n is None else n), None
        if self.y_codec_ is None:
            raise ZaohuaError(f"this {type(self).__name__} was fitted without labels, so it can't take y={shown(y)}")
        items = self.y_codec_.as_items(y, n)
        if not len(items):
            raise ZaohuaError("y is empty: give a condition for each item, or none at all (y=None)")
        codes = self._labelled_codes(self.y_codec_.encode(items))
        if n is not None and len(codes) != n:
            given = counted(len(codes), "condition")
            raise ZaohuaError(f"n_samples is {n}, but y is a list of {given}: give one for all, or one for each")
        return len(codes), codes

    def foresee(self, n: int) -> int:
        """Return n, or raise a `ZaohuaError` if n items take more memory than there is."""
        return foreseen(self.spec_, n)

    def at_once(self, wanted: int | None = None, most: int = AT_ONCE) -> int:
        """Return how many items to compute at once: the number wanted, else `most` or fewer, by their size."""
        return items_at_once(self.spec_, wanted, most)

    @property
    def latent_size(self) -> int | None:
        """Size of the latent representation of an item, in models that have one; else None."""
        return None

    def encode_items(self, X: object, y: object = None) -> Encoded:
        """Encode items and their conditions.

        Args:
            X: items as for `fit`: a path, the name of a data set, an array, or a list of items.
            y: their conditions, one for each; True uses the labels of the path or data set.

        Returns:
            Their codes, which `prepare_items` converts to tensors. A recording longer than a window has codes for each
            window.

        Raises:
            ZaohuaError: an item or a condition can't be encoded by the fitted codecs; the message names it.
        """
        self._check_fitted()
        own = modality_of(type(self.codec_))
        with reading(**self.codec_.reading()):
            items, labels, kind = read_with_kind(X, y, prefer=own)
        if own is not None and kind is not own:
            what = f"but these are {kind.name} ({named(X)})" if kind else f"not {named(X)}"
            raise ZaohuaError(f"this {type(self).__name__} was fitted on {own.name}: give {own.given}, {what}")
        return self._encode_new(items, labels)

    def _encode_new(self, items: object, labels: object) -> Encoded:
        """Encode items that the model wasn't fitted on, and their labels, as they were read."""
        codes, opened, _ = self._without_broken(*self._encode_items_of(items, labels))
        return self.attach_conditions(codes, opened)

    def attach_conditions(self, codes: Codes, y: object = None) -> Encoded:
        """Encode the conditions of encoded items, one for each; None for no conditions.

        Raises:
            ZaohuaError: the model is unconditional, the numbers differ, or a condition is unknown.
        """
        return Encoded(codes, None if y is None else self.encode_conditions(y, len(codes)))

    def encode_labelled(self, items: object, labels: object) -> tuple[Codes, Any, Any]:
        """Encode the items and labels that `zaohua.read` returns, and keep them aligned.

        A broken file is dropped with its label, and a label that is a broken file with its item. Each window gets the
        label of its recording.

        Returns:
            The codes, their labels, and the items or windows that they encode.
        """
        codes, y, parts = self._encode_items_of(items, labels)
        given = y.anew() if isinstance(y, FileItems) else y  # not those that are opened: these lose the broken ones
        codes, opened, parts = self._without_broken(codes, y, parts)
        return codes, pairs.take(given, kept_rows(opened)), parts

    def _encode_items_of(self, items: object, labels: Any) -> tuple[Codes, Any, Any]:
        """Encode items, and return the codes, the label of each and the items or windows that they encode."""
        parts = self.codec_.parts(items)
        codes = self.codec_.encode(parts)
        return codes, pairs.take(labels, kept_rows(parts)), parts

    def _without_broken(self, codes: Codes, y: Any, parts: Any) -> tuple[Codes, Any, Any]:
        """Return encoded items, their opened labels and their parts without those whose labels are broken files."""
        if y is None or self.y_codec_ is None:
            return codes, y, parts
        opened = self.y_codec_.opened(y)
        rows = pairs.without_broken(opened, len(codes), parts)
        if len(rows) == len(codes):
            return codes, opened, parts
        return pairs.take_codes(codes, rows), opened, pairs.take(parts, rows)

    def encode_conditions(self, items: object, n: int) -> ConditionCodes:
        """Encode the conditions of n items, one for each.

        Raises:
            ZaohuaError: the model is unconditional, there are more or fewer than n, or one is unknown.
        """
        if self.y_codec_ is None:
            raise ZaohuaError(f"this {type(self).__name__} was fitted without labels, so it can't take y")
        codes = self.y_codec_.encode(items)
        if len(codes) != n:
            raise ZaohuaError(f"{n} items but {len(codes)} labels: give one for each item")
        return self._labelled_codes(codes)

    def _labelled_codes(self, codes: ConditionCodes) -> ConditionCodes:
        """Return codes of conditions; raise a `ZaohuaError` if labels are missing that the model needs."""
        lacking = 0 if self.takes_unlabelled else int(unknown_labels(codes).sum())
        if lacking:
            raise ZaohuaError(
                f"{lacking:,} of {len(codes):,} items have no label, and {type(self).__name__} needs one for each: "
                "leave these items out, or take a model with guidance, such as flow, edm, pixelcnn, gpt or tabflow"
            )
        return codes

    def require_conditions(self, y: object) -> None:
        """Raise a `ZaohuaError` if the model was fitted with conditions and y is None."""
        if self.y_codec_ is not None and y is None:
            raise ZaohuaError(f"this {type(self).__name__} was fitted with labels: give y too")
