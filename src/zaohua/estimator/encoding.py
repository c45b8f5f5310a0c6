"""Between items and tensors: what every model does at its border, with the codecs of x and of y.

Items and conditions come in and become codes, codes become tensors in batches, and what networks say becomes an array.
"""

from __future__ import annotations

import typing
import zlib
from types import UnionType
from typing import Any, ClassVar, Generic, NamedTuple, Union, cast, get_args, get_origin

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.exceptions import NotFittedError
from torch import Tensor
from typing_extensions import TypeVar

from zaohua.core.errors import ZaohuaError
from zaohua.estimator.tensors import Encoded
from zaohua.modalities import modality_of
from zaohua.modalities.base import Codec, Codes
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.images.codec import ImageCodec
from zaohua.modalities.reading import read

CodecT = TypeVar("CodecT", bound=Codec, default=Codec, covariant=True)
"""Type of a model's codec: `class TextModel(TokenModel[TextCodec])`; a bare `GenerativeModel` has any codec."""

TRACED = 8, 32
"""Items that a fingerprint of training data is of, and numbers of each."""
SUMS = 4
"""Weighted sums of those numbers that are kept: too few to tell any of them."""
NEAR = 0.01
"""How far a sum may be off, as a share of the length of what it sums up: decoders of other machines round otherwise."""


class TrainingData(NamedTuple):
    """Encoded training items, or rows that a family cut of them, and what they are conditioned on.

    Attributes:
        x: their codes.
        y: their conditions; None for an unconditional model.
        groups: the group of each item, int64 (items,), as windows are of one recording; None: each is its own.
        item_index: which item each row is of, int64 (n,); None where rows are the items.
    """

    x: Codes
    y: Tensor | None
    groups: np.ndarray | None = None
    item_index: np.ndarray | None = None

    @property
    def n_items(self) -> int:
        """How many items there are, however many rows."""
        return len(self.x) if self.item_index is None or self.groups is None else len(self.groups)

    def rows_in(self, items: np.ndarray) -> np.ndarray:
        """All rows of some items (k,), int64 and in order."""
        return items if self.item_index is None else np.flatnonzero(np.isin(self.item_index, items))

    def cut(self, x: Codes, item_index: np.ndarray) -> TrainingData:
        """Rows that were cut of these items: x (n, ...), of which item each is (n,)."""
        groups = np.arange(len(self.x)) if self.groups is None else self.groups
        return TrainingData(x, None if self.y is None else self.y[torch.from_numpy(item_index)], groups, item_index)

    def fingerprint(self) -> dict[str, Any]:
        """What tells these data from others, as JSON values: how many there are, labels, and sums of some numbers."""
        labels: int | list[float] | None = None if self.y is None else _trace(self.y)
        if isinstance(self.y, Tensor) and self.y.ndim == 1 and not self.y.is_floating_point():
            labels = zlib.crc32(self.y.cpu().long().numpy().tobytes())
        return {"items": len(self.x), "values": _trace(self.x), "labels": labels}

    def differs(self, fingerprint: dict[str, Any]) -> str | None:
        """In what these data aren't those of a fingerprint, in words; None where they are the same."""
        now = self.fingerprint()
        if now["items"] != fingerprint["items"]:
            return f"{now['items']:,} items to learn from instead of {fingerprint['items']:,}"
        if not _near(now["values"], fingerprint["values"]):
            return "its items are others"
        same = now["labels"] == fingerprint["labels"] or _near(now["labels"], fingerprint["labels"])
        return None if same else "its labels are others"


def _trace(codes: Codes) -> list[float]:
    """Sums of some numbers of some items, both evenly spread, with random weights, and the length of them all."""
    rows = np.linspace(0, len(codes) - 1, min(len(codes), TRACED[0])).astype(int)
    items = [codes[rows[i : i + 1]][0].double().flatten().cpu() for i in range(len(rows))]
    x = np.concatenate([item[torch.linspace(0, len(item) - 1, min(len(item), TRACED[1])).long()] for item in items])
    x = np.nan_to_num(x).clip(-1e30, 1e30)
    return [*(np.random.default_rng(0).normal(size=(SUMS, len(x))) @ x).tolist(), float(np.linalg.norm(x))]


def _near(now: object, then: object) -> bool:
    """Whether two traces of codes are of the same ones."""
    if not isinstance(now, list) or not isinstance(then, list):
        return False
    return bool(np.abs(np.subtract(now, then)).max() <= NEAR * max(now[-1], then[-1]))


class Base(NamedTuple):
    """What a model that is fine-tuned takes over from the one it begins from.

    Attributes:
        codec, y_codec: by which its data were encoded.
        about: which model it is, as JSON values: the run it was loaded from (or None), its steps and its seed.
    """

    codec: Codec
    y_codec: Codec | None
    about: dict[str, Any]


def _codec_parameter(cls: type) -> tuple[type[Codec], ...]:
    """Return the codecs that the bases of a class are given as their type parameter; none where they are given none."""
    for base in vars(cls).get("__orig_bases__", ()):
        origin = get_origin(base)
        if isinstance(origin, type) and issubclass(origin, ItemEncoder):
            (given,) = get_args(base)
            codecs = get_args(given) if get_origin(given) in (Union, UnionType) else (given,)
            if all(isinstance(codec, type) and issubclass(codec, Codec) for codec in codecs):
                return codecs
            if not isinstance(given, typing.TypeVar):
                raise ZaohuaError(f"{cls.__name__}: the codec in {origin.__name__}[...] must be a class, not {given!r}")
    return ()


class ItemEncoder(Generic[CodecT]):
    """A part of every model.

    Attributes:
        codec_, y_codec_: of items and of their conditions (None for an unconditional model), once fitted.
        seed_: of everything random in the model.
        run_: folder of the run that it was loaded from.
    """

    score_chunk: ClassVar[int] = 256
    """Items that are scored at once."""

    codec_types: ClassVar[tuple[type[Codec], ...]] = (ImageCodec,)
    """Codecs whose tensors the model takes; an abstract codec stands for all that are derived from it.

    Set from the type parameter: `(TextCodec,)` of a `TokenModel[TextCodec]`, two codecs of an `A | B`.
    """

    codec_: CodecT
    y_codec_: Codec | None
    seed_: int
    run_: str | None = None
    random_state: int | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        codecs = _codec_parameter(cls)
        if codecs and "codec_types" not in vars(cls):
            cls.codec_types = codecs

    @property
    def device_(self) -> torch.device:
        """The device that the fitted tensors are on, and that networks compute on."""
        return torch.device("cpu")

    def _check_fitted(self) -> None:
        if not hasattr(self, "codec_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit, or zaohua.load a run")

    # ---- in

    def sample_conditions(self, n: int | None, y: object) -> tuple[int, Tensor | None]:
        """Find out how many items to make, and encode their conditions.

        Args:
            n: how many; by default one, or one for each y.
            y: one condition for all, or a list with one for each; None for none.
        """
        if n is not None and (isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1):
            raise ZaohuaError(f"n_samples must be a whole number of at least 1, not {n!r}")
        if y is None:
            return (1 if n is None else int(n)), None
        if self.y_codec_ is None:
            raise ZaohuaError(f"this {type(self).__name__} was fitted without labels, so it can't take y={y!r}")
        items = self.y_codec_.as_items(y, n)
        if n is not None and len(items) != n:
            raise ZaohuaError(f"n_samples is {n} but y has {len(items)} conditions: give one, or one for each")
        return len(items), self.encode_conditions(items, len(items))

    @property
    def latent_size(self) -> int | None:
        """Numbers in the latent representation of an item, of models that `decode` it."""
        return None

    def _latents(self, Z: ArrayLike) -> Tensor:
        """Latent representations as a tensor (n, latent_size), or an error that says what they are."""
        z = torch.as_tensor(np.asarray(Z, dtype=np.float32), device=self.device_)
        if z.ndim != 2 or z.shape[1] != self.latent_size:
            raise ZaohuaError(
                f"latent representations of this {type(self).__name__} are (n, {self.latent_size}), not "
                f"{tuple(z.shape)}"
            )
        return z

    def encode_items(self, X: object, y: object = None) -> Encoded:
        """Encode items, and their conditions, as `fit` takes them.

        Args:
            X: a path, the name of a data set, an array, or a list of items.
            y: their conditions, one for each; True takes the labels that a path or data set carries.

        Returns:
            Their codes: of a recording longer than a window, those of each window. `prepare_items` makes tensors of
            them.

        Raises:
            ZaohuaError: an item or a condition can't be encoded as those of training were; the message names it.
        """
        self._check_fitted()
        codes, labels, _ = self.encode_labelled(*read(X, y, prefer=modality_of(type(self.codec_))))
        return self.attach_conditions(codes, labels)

    def attach_conditions(self, codes: Codes, y: object = None) -> Encoded:
        """Encode the conditions of encoded items, one for each; None for none.

        Raises:
            ZaohuaError: the model has no conditions, they are more or fewer than the items, or one is unknown.
        """
        return Encoded(codes, None if y is None else self.encode_conditions(y, len(codes)))

    def encode_labelled(self, items: object, labels: object) -> tuple[Codes, Any, Any]:
        """Encode items that `zaohua.read` gave, and keep their labels in step with them.

        Labels of files are their own: what is broken leaves with its label, and each window has that of its sound.

        Returns:
            The codes, the label of each, and the items that there is a code of each for.
        """
        own = isinstance(items, FileItems) and labels is items.labels
        parts = self.codec_.parts(items)
        codes = self.codec_.encode(parts)
        return codes, parts.labels if own else labels, parts

    def encode_conditions(self, items: object, n: int) -> Tensor:
        """Encode the conditions of n items, one for each.

        Raises:
            ZaohuaError: the model has no conditions, they aren't n, or one is unknown to it.
        """
        if self.y_codec_ is None:
            raise ZaohuaError(f"this {type(self).__name__} was fitted without labels, so it can't take y")
        codes = cast(Tensor, self.y_codec_.encode(items))  # indexed as a tensor is, whatever the codec keeps them in
        if len(codes) != n:
            raise ZaohuaError(f"{n} items but {len(codes)} labels: give one for each item")
        return codes

    def require_conditions(self, y: object) -> None:
        """Raise a `ZaohuaError` if the model was fitted with conditions and y is None."""
        if self.y_codec_ is not None and y is None:
            raise ZaohuaError(f"this {type(self).__name__} was fitted with labels: give y too")
